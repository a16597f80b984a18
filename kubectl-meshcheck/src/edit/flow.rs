//! Mappings and lists in brackets: flow style, and all of JSON.

use std::borrow::Cow;

use super::RefusalReason;
use super::layout::Entry;
use super::lines;
use super::plan::{Slot, State};
use super::rewrite::{Brackets, Rewriter, Site};
use super::scalar::Quotes;

/// A collection in brackets.
struct Flow<'t> {
    entries: Vec<Entry>,
    /// What stands in front of each entry: the comma, blanks, line breaks, comments.
    gaps: Vec<&'t str>,
    /// What stands between the last entry and the closing bracket.
    behind: &'t str,
    site: Site,
    colon: &'static str,
}

/// The text between the brackets as it is put together.
#[derive(Default)]
struct Inside {
    text: String,
    empty: bool,
    /// Gaps of entries that went, as far as they hold comments.
    dropped: String,
    /// Entries of the source up to here were dealt with.
    cursor: usize,
}

impl<'t> Rewriter<'t> {
    /// Carries out the changes of a collection in brackets.
    pub(super) fn flow(&mut self, slot: &Slot, entry: &Entry) -> Result<(), RefusalReason> {
        let flow = self.read_flow(slot, entry)?;
        let now = slot.children();
        let mut inside = Inside {
            empty: true,
            ..Inside::default()
        };
        for (key, slot) in flow.in_order(&now) {
            match flow.position(slot) {
                Some(at) => {
                    let own = &flow.entries[at];
                    let whole = own.start..own.value.end;
                    let text = self.changed(whole, slot, own, &flow.site)?;
                    if !slot.carried {
                        inside.drop_until(&flow, at);
                    }
                    inside.push(&flow, flow.gaps[at], &text);
                }
                None => {
                    let text = self.in_brackets(&flow, key, slot);
                    let gap = flow.standard_gap(self.line_break, inside.cursor);
                    inside.push(&flow, &gap, &text);
                }
            }
        }
        inside.drop_until(&flow, flow.entries.len());
        let text = inside.closed(&flow);
        self.splice(entry.value.start + 1..entry.value.end - 1, text);
        Ok(())
    }

    fn read_flow(&self, slot: &Slot, entry: &Entry) -> Result<Flow<'t>, RefusalReason> {
        let text = self.text();
        let Some(origin) = &slot.origin else {
            return Err(self.layout.unknown(entry.start));
        };
        let list = matches!(slot.state, State::Items { .. });
        let entries = match list {
            true => self.layout.items(origin)?,
            false => self.layout.members(origin)?,
        };
        let close = entry.value.end.saturating_sub(1);
        let mut at = entry.value.start + 1;
        let mut gaps = Vec::with_capacity(entries.len());
        for own in &entries {
            // A merge in brackets, or something else that hides its entries.
            if own.origin.is_none() || own.start < at || own.value.end > close {
                return Err(self.layout.unknown(own.start));
            }
            gaps.push(&text[at..own.start]);
            at = own.value.end;
        }
        let tight = entries
            .first()
            .is_some_and(|own| own.mark == own.value.start && !own.value.is_empty());
        let quotes = match list {
            true => self.common_quotes(&entries),
            false => Quotes::Plain,
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
            site: Site::Flow(Brackets { own_lines, quotes }),
            colon: if tight { ":" } else { ": " },
        })
    }

    fn in_brackets(&self, flow: &Flow<'_>, key: Option<&str>, slot: &Slot) -> String {
        let Site::Flow(brackets) = &flow.site else {
            return String::new();
        };
        let value = slot.value(self.layout.source);
        let value = self.bracketed(&value, brackets, brackets.quotes);
        match key {
            Some(key) => format!("{}{}{value}", self.manner().flow_key(key), flow.colon),
            None => value,
        }
    }
}

impl<'t> Flow<'t> {
    /// Members as they stand, new ones last; items as they shall be.
    fn in_order<'s>(
        &self,
        now: &[(Option<&'s str>, &'s Slot)],
    ) -> Vec<(Option<&'s str>, &'s Slot)> {
        let mut now = now.to_vec();
        if now.iter().any(|(key, _)| key.is_some()) {
            now.sort_by_key(|(_, slot)| self.position(slot).unwrap_or(usize::MAX));
        }
        now
    }

    fn position(&self, slot: &Slot) -> Option<usize> {
        let origin = slot.origin.as_ref()?;
        let mut entries = self.entries.iter();
        entries.position(|entry| entry.origin.as_ref() == Some(origin))
    }

    /// What stands in front of a new entry; a comment behind the last one stays there.
    fn standard_gap(&self, line_break: &str, cursor: usize) -> Cow<'t, str> {
        let sample = self.gaps.last().copied().unwrap_or_default();
        let Some(at) = sample.rfind('\n') else {
            return if self.gaps.len() > 1 { sample } else { ", " }.into();
        };
        let prefix = &sample[at + 1..];
        let comment = match self.comment_behind() {
            Some(comment) if cursor == self.entries.len() => comment,
            _ => "",
        };
        format!(",{comment}{line_break}{prefix}").into()
    }

    /// The comment on the line of the last entry.
    fn comment_behind(&self) -> Option<&'t str> {
        let line = self.behind.lines().next()?;
        line.trim_start().starts_with('#').then_some(line)
    }
}

impl Inside {
    /// Keeps the comments of entries that went.
    fn drop_until(&mut self, flow: &Flow<'_>, at: usize) {
        while self.cursor < at {
            let gap = flow.gaps[self.cursor];
            if lines::has_comment(gap) {
                self.dropped.push_str(&without_comma(gap));
            }
            self.cursor += 1;
        }
        self.cursor = self.cursor.max(at + 1).min(flow.entries.len());
    }

    fn push(&mut self, flow: &Flow<'_>, gap: &str, text: &str) {
        let bare = without_comma(gap);
        let bare = match lines::has_comment(&bare) {
            false if self.empty => flow.gaps.first().copied().unwrap_or_default(),
            _ => &bare,
        };
        if !self.empty {
            self.text.push(',');
        }
        // A comment ends with its line.
        let dropped = match bare.contains('\n') && !lines::has_comment(bare) {
            true => self.dropped.trim_end(),
            false => &self.dropped,
        };
        self.text.push_str(dropped);
        self.dropped.clear();
        self.text.push_str(bare);
        self.text.push_str(text);
        self.empty = false;
    }

    fn closed(self, flow: &Flow<'_>) -> String {
        let moved = flow.comment_behind().filter(|comment| {
            let written = format!(",{comment}");
            self.text.contains(&written)
        });
        let behind = match moved {
            Some(comment) => &flow.behind[comment.len()..],
            None => flow.behind,
        };
        if !self.empty {
            return format!("{}{}{behind}", self.text, self.dropped.trim_end());
        }
        let behind = without_comma(behind);
        if lines::has_comment(&behind) || !self.dropped.is_empty() {
            format!("{}{behind}", self.dropped)
        } else {
            String::new()
        }
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
