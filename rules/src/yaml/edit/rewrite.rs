//! From a plan to changes of the text.

use std::cell::OnceCell;
use std::ops::Range;

use serde_json::Value;

use super::RefusalReason;
use super::layout::{Entry, Layout};
use super::lines;
use super::literal;
use super::plan::{Plan, Slot, State};
use super::render::{self, Manner, Written};
use super::scalar::Quotes;

/// A stretch of the text and what stands there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Splice {
    pub(super) range: Range<usize>,
    pub(super) text: String,
}

/// What a value stands in.
#[derive(Clone, Debug)]
pub(super) enum Site {
    /// Behind a key at this column.
    Member(usize),
    /// Behind a dash at this column, with the content of the item at `inner`.
    Item { column: usize, inner: usize },
    /// Inside brackets.
    Flow(Brackets),
    /// In nothing: the whole document.
    Root,
}

/// How the entries of the brackets around a value are laid out.
#[derive(Clone, Debug)]
pub(super) struct Brackets {
    /// Where each entry has its own line: what that line begins with, and one level of indentation.
    pub(super) own_lines: Option<(String, String)>,
    /// The quotes of the strings in them.
    pub(super) quotes: Quotes,
}

/// Collects the changes of one document.
pub(super) struct Rewriter<'t> {
    pub(super) layout: &'t Layout<'t>,
    pub(super) line_break: &'static str,
    pub(super) splices: Vec<Splice>,
    manner: &'t OnceCell<Manner>,
}

/// The changes that carry out a plan.
pub(super) fn rewrite(layout: &Layout<'_>, plan: &Plan<'_>) -> Result<Vec<Splice>, RefusalReason> {
    let manner = OnceCell::new();
    let mut rewriter = Rewriter {
        layout,
        line_break: lines::line_break(layout.text),
        splices: Vec::new(),
        manner: &manner,
    };
    rewriter.walk(&plan.root, &layout.root(), &Site::Root)?;
    Ok(rewriter.splices)
}

impl<'t> Rewriter<'t> {
    pub(super) fn text(&self) -> &'t str {
        self.layout.text
    }

    /// Worked out once, and only where something new is written.
    pub(super) fn manner(&self) -> Manner {
        *self.manner.get_or_init(|| self.layout.manner())
    }

    /// Carries out what became of the slot that stands at `entry`.
    pub(super) fn walk(
        &mut self,
        slot: &Slot,
        entry: &Entry,
        site: &Site,
    ) -> Result<(), RefusalReason> {
        let (State::Set(_) | State::Members(_) | State::Items { .. }, Some(origin)) =
            (&slot.state, &slot.origin)
        else {
            return Ok(());
        };
        self.layout.own(origin)?;
        let written = match self.layout.source.pointer(origin.as_str()) {
            Some(Value::Object(members)) => !members.is_empty(),
            Some(Value::Array(items)) => !items.is_empty(),
            _ => false,
        };
        match &slot.state {
            State::Set(value) => self.set(entry, value, site),
            _ if !written => self.set(entry, &slot.value(self.layout.source), site),
            _ if self.layout.is_flow(&entry.value) => self.flow(slot, entry),
            _ => self.block(slot, entry, site),
        }
    }

    /// The text of a stretch that holds `entry`, with the changes of its slot.
    pub(super) fn changed(
        &self,
        range: Range<usize>,
        slot: &Slot,
        entry: &Entry,
        site: &Site,
    ) -> Result<String, RefusalReason> {
        let mut inner = Self {
            layout: self.layout,
            line_break: self.line_break,
            splices: Vec::new(),
            manner: self.manner,
        };
        inner.walk(slot, entry, site)?;
        let start = range.start;
        spliced(self.text(), range, inner.splices).ok_or_else(|| self.layout.unknown(start))
    }

    pub(super) fn splice(&mut self, range: Range<usize>, text: String) {
        self.splices.push(Splice { range, text });
    }

    /// Writes another value in the place of `entry`'s.
    fn set(&mut self, entry: &Entry, value: &Value, site: &Site) -> Result<(), RefusalReason> {
        let quotes = self.quotes(&entry.value);
        let written = match site {
            Site::Flow(brackets) => {
                let text = self.bracketed(value, brackets, quotes);
                let blank = if entry.value.is_empty() { " " } else { "" };
                self.splice(entry.value.clone(), format!("{blank}{text}"));
                return Ok(());
            }
            Site::Root => return self.set_root(entry, value),
            Site::Member(column) => {
                if self.set_literal(entry, value, *column) {
                    return Ok(());
                }
                self.manner().member(value, *column, quotes)
            }
            Site::Item { column, inner } => {
                if self.set_literal(entry, value, *column) {
                    return Ok(());
                }
                self.manner().item(value, *inner, *column, quotes)
            }
        };
        if self.fits_in_place(entry, &written) {
            self.replace_in_place(&entry.value, written.head);
        } else {
            let open = render::ends_with_line_break(value);
            self.replace_behind_mark(entry, &written, open);
        }
        Ok(())
    }

    fn set_root(&mut self, entry: &Entry, value: &Value) -> Result<(), RefusalReason> {
        let text = match value {
            Value::Object(_) | Value::Array(_) if self.layout.is_flow(&entry.value) => {
                self.manner().compact(value, Quotes::Plain)
            }
            Value::Object(members) if !members.is_empty() => {
                self.manner().members(members, 0).join(self.line_break)
            }
            Value::Array(items) if !items.is_empty() => {
                self.manner().items(items, 0).join(self.line_break)
            }
            Value::String(_) => return Err(self.layout.unknown(entry.start)),
            other => other.to_string(),
        };
        self.splice(entry.value.clone(), text);
        Ok(())
    }

    /// A value for inside of brackets.
    pub(super) fn bracketed(&self, value: &Value, brackets: &Brackets, quotes: Quotes) -> String {
        let manner = self.manner();
        match &brackets.own_lines {
            Some((prefix, unit)) if manner.json => {
                let text = manner.pretty(value, prefix, unit, quotes);
                text.replace('\n', self.line_break)
            }
            _ => manner.compact(value, quotes),
        }
    }

    /// The quotes around a value.
    pub(super) fn quotes(&self, value: &Range<usize>) -> Quotes {
        match self.text()[value.clone()].chars().next() {
            Some('"') => Quotes::Double,
            Some('\'') => Quotes::Single,
            _ => Quotes::Plain,
        }
    }

    /// The quotes that all these values have in common.
    pub(super) fn common_quotes(&self, entries: &[Entry]) -> Quotes {
        let mut quotes = entries.iter().map(|entry| self.quotes(&entry.value));
        let first = quotes.next().unwrap_or(Quotes::Plain);
        let common = quotes.all(|quotes| quotes == first);
        if common { first } else { Quotes::Plain }
    }

    /// Keeps a block scalar a block scalar.
    fn set_literal(&mut self, entry: &Entry, value: &Value, column: usize) -> bool {
        let at = entry.value.start;
        let (true, Value::String(new), Some(Value::String(old))) =
            (self.is_block_scalar(entry), value, self.before(entry))
        else {
            return false;
        };
        if let Some(splices) = literal::edit(self.text(), at, old, new) {
            self.splices.extend(splices);
            return true;
        }
        // Folded blocks become literal ones: there a line is a line.
        let content = lines::end(self.text(), at);
        let indent = lines::indentation(self.text(), content.min(entry.value.end)).len();
        let manner = Manner {
            step: indent.saturating_sub(column).clamp(1, 9),
            ..self.manner()
        };
        let Some(written) = manner.literal(new, column) else {
            return false;
        };
        self.replace_behind_mark(entry, &written, new.ends_with('\n'));
        true
    }

    fn is_block_scalar(&self, entry: &Entry) -> bool {
        self.layout.starts_with(&entry.value, '|') || self.layout.starts_with(&entry.value, '>')
    }

    /// Behind the header of a block scalar that ends with the file, without a line break, and does
    /// not say what that means.
    pub(super) fn cut_off(&self, entry: &Entry) -> Option<usize> {
        let text = self.text();
        let last = entry.value.end == text.len() && !text.ends_with('\n');
        let header = text[entry.value.clone()].split_whitespace().next()?;
        let plain = last && self.is_block_scalar(entry) && !header.contains(['-', '+']);
        plain.then_some(entry.value.start + header.len())
    }

    fn before(&self, entry: &Entry) -> Option<&'t Value> {
        let origin = entry.origin.as_ref()?;
        self.layout.source.pointer(origin.as_str())
    }

    /// Whether a one-line text can simply take the place of the old one.
    fn fits_in_place(&self, entry: &Entry, written: &Written) -> bool {
        let nested = match self.before(entry) {
            Some(Value::Object(_) | Value::Array(_)) => !self.layout.is_flow(&entry.value),
            _ => false,
        };
        let tagged = self.text()[entry.mark..entry.value.start].contains('!');
        !entry.value.is_empty()
            && written.lines.is_empty()
            && !nested
            && !tagged
            && !self.is_block_scalar(entry)
    }

    /// Replaces a scalar; a comment behind it stays in its column if it seems to have one.
    fn replace_in_place(&mut self, value: &Range<usize>, new: String) {
        let text = self.text();
        let Some(comment) = lines::comment_behind(text, value.end) else {
            return self.splice(value.clone(), new);
        };
        let pad = text[comment]
            .bytes()
            .take_while(|byte| *byte == b' ')
            .count();
        let column = lines::column(text, value.end) + pad;
        if pad == 0 || !(pad > 1 || self.has_neighbour(value.end, column)) {
            return self.splice(value.clone(), new);
        }
        let start = lines::column(text, value.start);
        let blanks = column.saturating_sub(start + new.chars().count()).max(1);
        self.splice(value.start..value.end + pad, format!("{new}{:blanks$}", ""));
    }

    /// Whether the line above or below has a comment in this column, too.
    fn has_neighbour(&self, at: usize, column: usize) -> bool {
        let text = self.text();
        let this = lines::start(text, at);
        let above = this.checked_sub(1).map(|above| lines::start(text, above));
        let below = Some(lines::end(text, at)).filter(|below| *below < text.len());
        [above, below].into_iter().flatten().any(|line| {
            let mut chars = text[line..lines::content_end(text, line)].chars();
            chars.by_ref().take(column).last() == Some(' ') && chars.next() == Some('#')
        })
    }

    /// Replaces all that stands behind a `:` or a dash but its anchor and its comment. `open` tells
    /// that the last line needs a line break to mean what it shall.
    fn replace_behind_mark(&mut self, entry: &Entry, written: &Written, open: bool) {
        let text = self.text();
        let end = lines::content_end(text, entry.value.end.max(entry.mark));
        let mut new = String::new();
        for anchor in self.properties(entry).split_whitespace() {
            if anchor.starts_with('&') {
                new.push(' ');
                new.push_str(anchor);
            }
        }
        if !written.head.is_empty() {
            new.push_str(if new.is_empty() { self.gap(entry) } else { " " });
            new.push_str(&written.head);
        }
        if let Some(comment) = self.line_comment(entry) {
            new.push_str(&text[comment]);
        }
        for line in &written.lines {
            new.push_str(self.line_break);
            new.push_str(line);
        }
        if open && end == text.len() && !written.lines.is_empty() {
            new.push_str(self.line_break);
        }
        self.splice(entry.mark..end, new);
    }

    /// The anchor and the tag of a value, as far as they stand on the line of its key or dash.
    pub(super) fn properties(&self, entry: &Entry) -> &'t str {
        let stop = lines::content_end(self.text(), entry.mark).min(entry.value.start);
        let between = &self.text()[entry.mark..stop.max(entry.mark)];
        match between.find(" #") {
            Some(comment) => &between[..comment],
            None => between,
        }
    }

    /// The blanks between a key or dash and its value.
    fn gap(&self, entry: &Entry) -> &'t str {
        let between = &self.text()[entry.mark..entry.value.start];
        let blank = between.bytes().all(|byte| byte == b' ');
        if blank && !between.is_empty() {
            between
        } else {
            " "
        }
    }

    /// The comment on the line of a key or dash that is not part of the value.
    fn line_comment(&self, entry: &Entry) -> Option<Range<usize>> {
        let text = self.text();
        let stop = lines::content_end(text, entry.mark);
        if entry.value.start >= stop {
            let behind = entry.mark + self.properties(entry).trim_end().len();
            return lines::comment_behind(text, behind);
        }
        if self.is_block_scalar(entry) {
            let header = &text[entry.value.start..stop];
            let token = header.find([' ', '\t']).unwrap_or(header.len());
            return lines::comment_behind(text, entry.value.start + token);
        }
        let nested = matches!(self.before(entry), Some(Value::Object(_) | Value::Array(_)));
        if nested && !self.layout.is_flow(&entry.value) {
            return None;
        }
        lines::comment_behind(text, entry.value.end)
    }
}

/// A stretch of the text after its changes; `None` where two of them overlap.
pub(super) fn spliced(text: &str, range: Range<usize>, mut splices: Vec<Splice>) -> Option<String> {
    splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
    let mut out = String::with_capacity(range.len());
    let mut at = range.start;
    for splice in splices {
        if splice.range.start < at || splice.range.end > range.end {
            return None;
        }
        out.push_str(&text[at..splice.range.start]);
        out.push_str(&splice.text);
        at = splice.range.end;
    }
    out.push_str(&text[at..range.end]);
    Some(out)
}
