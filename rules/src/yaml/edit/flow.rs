//! Mappings and lists in brackets: flow style, and all of JSON.

use super::RefusalReason;
use super::entries::{Entries, Named};
use super::layout::Entry;
use super::lines;
use super::plan::{Slot, State};
use super::rewrite::{Brackets, Rewriter, Site};
use super::scalar::Quotes;

/// A collection in brackets.
struct Flow<'t> {
    entries: Entries,
    /// What stands in front of each entry: the comma, blanks, line breaks, comments.
    gaps: Vec<&'t str>,
    /// What stands between the last entry and the closing bracket.
    behind: &'t str,
    brackets: Brackets,
    colon: &'static str,
}

/// The text between the brackets as it is put together.
struct Inside<'a, 't> {
    flow: &'a Flow<'t>,
    line_break: &'static str,
    text: String,
    /// What stands between the last entry and the closing bracket, as far as it is to be written.
    behind: &'t str,
    /// Comments of entries that went.
    dropped: String,
    /// Entries of the source up to here were dealt with.
    cursor: usize,
}

impl<'t> Rewriter<'t> {
    /// Carries out the changes of a collection in brackets.
    pub(super) fn flow(&mut self, slot: &Slot, entry: &Entry) -> Result<(), RefusalReason> {
        let flow = self.read_flow(slot, entry)?;
        let now = flow.entries.in_order(slot);
        let site = Site::Flow(flow.brackets.clone());
        if !flow.entries.is_restructured(&now) {
            for (_, slot) in now {
                if let Some(at) = flow.entries.position(slot) {
                    self.walk(slot, &flow.entries[at], &site)?;
                }
            }
            return Ok(());
        }
        let mut inside = Inside::new(&flow, self.line_break);
        for named in &now {
            let Some(at) = flow.entries.position(named.1) else {
                inside.add(&self.in_brackets(&flow, named));
                continue;
            };
            let own = &flow.entries[at];
            let text = self.changed(own.start..own.value.end, named.1, own, &site)?;
            inside.keep(at, &text, named.1.carried);
        }
        let text = inside.closed();
        self.splice(entry.value.start + 1..entry.value.end - 1, text);
        Ok(())
    }

    fn read_flow(&self, slot: &Slot, entry: &Entry) -> Result<Flow<'t>, RefusalReason> {
        let text = self.text();
        let Some(origin) = &slot.origin else {
            return Err(self.layout.unknown(entry.start));
        };
        let list = matches!(slot.state, State::Items { .. });
        let entries = Entries::new(self.layout.entries(origin, list)?, list);
        let close = entry.value.end.saturating_sub(1);
        let mut at = entry.value.start + 1;
        let mut gaps = Vec::with_capacity(entries.len());
        for own in entries.all() {
            // A merge in brackets, or something else that hides its entries.
            if own.origin.is_none() || own.start < at || own.value.end > close {
                return Err(self.layout.unknown(own.start));
            }
            gaps.push(&text[at..own.start]);
            at = own.value.end;
        }
        let mut first = entries.all().iter().take(1);
        let tight = first.any(|own| own.mark == own.value.start && !own.value.is_empty());
        let quotes = if list {
            self.common_quotes(entries.all())
        } else {
            Quotes::Plain
        };
        let own_lines = gaps.first().and_then(|gap| {
            let prefix = &gap[gap.rfind('\n')? + 1..];
            let unit = prefix.strip_prefix(lines::indentation(text, entry.value.start));
            Some((prefix.to_owned(), unit.unwrap_or("  ").to_owned()))
        });
        Ok(Flow {
            behind: &text[at..close],
            gaps,
            entries,
            brackets: Brackets { own_lines, quotes },
            colon: if tight { ":" } else { ": " },
        })
    }

    fn in_brackets(&self, flow: &Flow<'_>, (key, slot): &Named<'_>) -> String {
        let value = slot.value(self.layout.source);
        let value = self.bracketed(&value, &flow.brackets, flow.brackets.quotes);
        match key {
            Some(key) => format!("{}{}{value}", self.manner().flow_key(key), flow.colon),
            None => value,
        }
    }
}

impl<'a, 't> Inside<'a, 't> {
    fn new(flow: &'a Flow<'t>, line_break: &'static str) -> Self {
        Self {
            flow,
            line_break,
            text: String::new(),
            behind: flow.behind,
            dropped: String::new(),
            cursor: 0,
        }
    }

    /// An entry of the source, in its place or in another one.
    fn keep(&mut self, at: usize, text: &str, carried: bool) {
        if !carried {
            self.pass_until(at);
            self.cursor = at + 1;
        }
        self.push(&without_comma(self.flow.gaps[at]), text);
    }

    /// An entry that is not in the source.
    fn add(&mut self, text: &str) {
        let sample = self.flow.gaps.last().copied().unwrap_or_default();
        let gap = match sample.rfind('\n') {
            Some(at) => {
                let comment = self.take_comment_behind();
                format!("{comment}{}{}", self.line_break, &sample[at + 1..])
            }
            None if self.flow.gaps.len() > 1 => without_comma(sample),
            None => " ".to_owned(),
        };
        self.push(&gap, text);
    }

    /// The comment on the line of the last entry, for what is written behind that.
    fn take_comment_behind(&mut self) -> &'t str {
        let line = self.behind.lines().next().unwrap_or_default();
        if self.cursor < self.flow.gaps.len() || !line.trim_start().starts_with('#') {
            return "";
        }
        self.behind = &self.behind[line.len()..];
        line
    }

    /// Keeps the comments in front of entries that went.
    fn pass_until(&mut self, at: usize) {
        while self.cursor < at {
            let gap = self.flow.gaps[self.cursor];
            if lines::has_comment(gap) {
                self.dropped.push_str(&without_comma(gap));
            }
            self.cursor += 1;
        }
    }

    fn push(&mut self, gap: &str, text: &str) {
        let first = self.text.is_empty();
        if !first {
            self.text.push(',');
        }
        let commented = lines::has_comment(gap);
        let opening = self.flow.gaps.first().copied().unwrap_or_default();
        let gap = if first && !commented { opening } else { gap };
        // The gap brings its own line break, unless a comment stands in front of that.
        if gap.contains('\n') && !commented {
            self.text.push_str(self.dropped.trim_end());
        } else {
            self.text.push_str(&self.dropped);
        }
        self.dropped.clear();
        self.text.push_str(gap);
        self.text.push_str(text);
    }

    fn closed(mut self) -> String {
        self.pass_until(self.flow.gaps.len());
        let commented = !self.dropped.is_empty();
        if self.text.is_empty() && !commented && !lines::has_comment(self.behind) {
            return String::new();
        }
        let behind = if self.text.is_empty() {
            without_comma(self.behind)
        } else {
            self.behind.to_owned()
        };
        self.text.push_str(self.dropped.trim_end());
        if commented && !behind.starts_with(['\r', '\n']) {
            self.text.push_str(self.line_break);
        }
        self.text + &behind
    }
}

/// The stretch between two entries without its comma, which may stand behind a comment.
fn without_comma(gap: &str) -> String {
    let mut comment = false;
    let mut found = false;
    gap.chars()
        .filter(|c| {
            comment = *c == '#' || (comment && *c != '\n');
            let comma = *c == ',' && !comment && !found;
            found |= comma;
            !comma
        })
        .collect()
}
