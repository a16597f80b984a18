//! Literal and folded blocks.

use super::super::event::{Sink, Style};
use super::scalar::scalar;
use super::{Line, Scanner};

/// What happens to the line breaks at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomp {
    Clip,
    Strip,
    Keep,
}

impl<'t, S: Sink<'t>> Scanner<'_, 't, S> {
    /// A block scalar whose header is at `at`, on the line that ends at `end`.
    pub(super) fn block(&mut self, at: usize, end: usize) -> Option<()> {
        let (chomp, header) = match self.bytes[..end].get(at + 1) {
            Some(b'-') => (Chomp::Strip, at + 2),
            Some(b'+') => (Chomp::Keep, at + 2),
            _ => (Chomp::Clip, at + 1),
        };
        self.nothing_follows(header, end)?;
        let lines = self.block_lines()?;
        let mut text = String::new();
        let style = if self.bytes[at] == b'|' {
            literal(self.text, &lines.content, &mut text);
            Style::Literal
        } else {
            folded(self.text, &lines.content, &mut text)?;
            Style::Folded
        };
        match chomp {
            Chomp::Strip => {}
            Chomp::Clip => text.push('\n'),
            Chomp::Keep => text.extend(std::iter::repeat_n('\n', 1 + lines.blank_after)),
        }
        let last = lines.content.last()?.end;
        self.scalar(scalar(text.into(), style, at..last))
    }

    /// Takes the lines of a block scalar: those that are blank or indented as deep as the first.
    fn block_lines(&mut self) -> Option<Lines> {
        let parent = self.levels.last()?.indent;
        let mut content: Vec<Line> = Vec::new();
        let mut indent = None;
        let mut kept = 0;
        while !self.rest.is_empty() {
            let before = self.rest.start;
            let mut line = self.take_line();
            let blank = line.at == line.end;
            if !blank && indent.map_or(line.indent() <= parent, |indent| line.indent() < indent) {
                self.rest.start = before;
                break;
            }
            let indent = match indent {
                // A blank line in front may not be indented deeper than the content; here it may
                // not be indented at all.
                None if blank && line.at > line.start => return None,
                None if blank => 0,
                None => *indent.insert(line.indent()),
                Some(indent) => indent,
            };
            if blank && line.indent() > indent {
                return None;
            }
            line.start = (line.start + indent).min(line.end);
            content.push(line);
            kept = if blank { kept } else { content.len() };
        }
        let open_end = self.rest.is_empty() && self.bytes[..self.rest.end].last() != Some(&b'\n');
        if kept == 0 || open_end {
            return None;
        }
        let blank_after = content.len() - kept;
        content.truncate(kept);
        Some(Lines {
            content,
            blank_after,
        })
    }
}

/// The lines of a block scalar, each from where its content begins.
struct Lines {
    /// Up to the last one that is not blank.
    content: Vec<Line>,
    blank_after: usize,
}

fn literal(source: &str, lines: &[Line], text: &mut String) {
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        text.push_str(&source[line.start..line.end]);
    }
}

/// Joins lines with a blank, where that is all there is to folding.
fn folded(source: &str, lines: &[Line], text: &mut String) -> Option<()> {
    let mut blank = 0;
    for line in lines {
        let content = &source[line.start..line.end];
        if content.is_empty() {
            blank += 1;
            continue;
        }
        // Deeper lines are not folded, and blanks at an end are easy to get wrong.
        if content.starts_with(' ') || content.ends_with(' ') {
            return None;
        }
        match (text.is_empty(), blank) {
            (true, 0) => {}
            (true, _) => return None,
            (false, 0) => text.push(' '),
            (false, _) => text.extend(std::iter::repeat_n('\n', blank)),
        }
        text.push_str(content);
        blank = 0;
    }
    Some(())
}
