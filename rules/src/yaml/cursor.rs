//! Finds the exact places of indicators, which the parser's spans leave out.

/// A place in a text that moves over blanks, comments and indicators.
#[derive(Debug)]
pub(super) struct Cursor<'t> {
    bytes: &'t [u8],
    pub(super) at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str, at: usize) -> Self {
        Self {
            bytes: text.as_bytes(),
            at,
        }
    }

    pub(super) fn at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// Whether the text ends at `end` without a line break.
    pub(super) fn ends_open(&self, end: usize) -> bool {
        end >= self.bytes.len() && !matches!(self.bytes.last(), Some(b'\n' | b'\r'))
    }

    fn here(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Skips white space, line breaks and comments.
    pub(super) fn skip_blank(&mut self) {
        while let Some(byte) = self.here() {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                b'#' => self.skip_line(),
                _ => break,
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
    }

    /// Moves behind the indicator, if it is what comes next.
    pub(super) fn take(&mut self, indicator: u8) -> bool {
        let before = self.at;
        self.skip_blank();
        if self.here() == Some(indicator) {
            self.at += 1;
            return true;
        }
        self.at = before;
        false
    }

    /// Moves behind an anchor and a tag, where there are any.
    pub(super) fn take_properties(&mut self) {
        loop {
            let before = self.at;
            self.skip_blank();
            if !matches!(self.here(), Some(b'&' | b'!')) {
                self.at = before;
                return;
            }
            self.take_property();
        }
    }

    fn take_property(&mut self) {
        let verbatim = self.bytes[self.at..].starts_with(b"!<");
        let ends = |byte| {
            if verbatim {
                byte == b'>'
            } else {
                is_separator(byte)
            }
        };
        while self.here().is_some_and(|byte| !ends(byte)) {
            self.at += 1;
        }
        self.at += usize::from(verbatim && !self.at_end());
    }

    /// The range of a block scalar: from its `|` or `>` to the end of its last line that is not
    /// blank, looked for up to `limit`.
    pub(super) fn take_block_scalar(&mut self, limit: usize) -> Option<std::ops::Range<usize>> {
        self.skip_blank();
        let start = self.at;
        matches!(self.here(), Some(b'|' | b'>')).then_some(())?;
        self.at += 1;
        while matches!(self.here(), Some(b'+' | b'-' | b'0'..=b'9')) {
            self.at += 1;
        }
        let header = self.at;
        self.skip_line();
        let content = self
            .bytes
            .get(self.at..limit.max(self.at))
            .unwrap_or_default();
        let last = content.iter().rposition(|byte| !is_blank(*byte));
        if let Some(last) = last {
            let rest = &content[last..];
            let line_end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            self.at += last + line_end;
        } else {
            self.at = header;
        }
        Some(start..self.at)
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn is_separator(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b',' | b'[' | b']' | b'{' | b'}')
}
