//! Mappings and lists whose entries stand on lines of their own.

use std::ops::Range;

use serde_json::Value;

use super::RefusalReason;
use super::entries::Entries;
use super::layout::Entry;
use super::lines;
use super::plan::{Slot, State};
use super::rewrite::{Rewriter, Site};

use self::assemble::{Assembled, Assembly};

mod assemble;

/// A collection in block style.
struct Block {
    entries: Entries,
    regions: Vec<Region>,
    /// Comments behind the last entry in its own column: most likely commented-out entries.
    trailing: Range<usize>,
    /// Where its keys or dashes stand.
    column: usize,
    /// Where the content of its items stands.
    inner: usize,
    /// Whether the first entry shares its line with the dash of an item around it.
    inline: bool,
}

/// The lines of an entry: first comments and blank lines that belong to nobody (the gap between the
/// region before and `lead`), then the comments right above it, then itself.
struct Region {
    gap: usize,
    lead: usize,
    body: Range<usize>,
}

impl Rewriter<'_> {
    /// Carries out the changes of a collection in block style.
    pub(super) fn block(
        &mut self,
        slot: &Slot,
        entry: &Entry,
        site: &Site,
    ) -> Result<(), RefusalReason> {
        let block = self.read_block(slot, entry, site)?;
        let now = block.entries.in_order(slot);
        if !block.entries.is_restructured(&now) {
            for (_, slot) in now {
                if let Some(at) = block.entries.position(slot) {
                    self.walk(slot, &block.entries[at], &block.site())?;
                }
            }
            return self.refuse_merged(&block, slot);
        }
        self.refuse_merged(&block, slot)?;
        let assembled = Assembly::new(self, &block, &now).run(&now)?;
        self.write_block(entry, &block, now.is_empty(), assembled);
        Ok(())
    }

    fn read_block(&self, slot: &Slot, entry: &Entry, site: &Site) -> Result<Block, RefusalReason> {
        let text = self.text();
        let Some(origin) = &slot.origin else {
            return Err(self.layout.unknown(entry.start));
        };
        let list = matches!(slot.state, State::Items { .. });
        let entries = Entries::new(self.layout.entries(origin, list)?, list);
        let Some(first) = entries.get(0) else {
            return Err(self.layout.unknown(entry.start));
        };
        let column = lines::column(text, first.start);
        let beside = lines::start(text, first.value.start) == lines::start(text, first.start);
        let inner = if beside {
            lines::column(text, first.value.start)
        } else {
            column + 2
        };
        let inline = !lines::is_first(text, first.start);
        let mut block = Block {
            regions: Vec::with_capacity(entries.len()),
            trailing: 0..0,
            entries,
            column,
            inner: inner.max(column + 2),
            inline,
        };
        let floor = match site {
            Site::Root => self.layout.body.start,
            _ => lines::end(text, entry.mark),
        };
        for index in 0..block.entries.len() {
            let region = self.region(&block, index, floor);
            // Nodes whose anchors or tags stand in odd places.
            if !(region.gap <= region.lead && region.lead <= region.body.start) {
                return Err(self.layout.unknown(block.entries[index].start));
            }
            block.regions.push(region);
        }
        block.trailing = self.trailing(&block, site);
        Ok(block)
    }

    fn region(&self, block: &Block, index: usize, floor: usize) -> Region {
        let text = self.text();
        let entry = &block.entries[index];
        let column = block.column;
        let (gap, lead, start) = if index == 0 && block.inline {
            (entry.start, entry.start, entry.start)
        } else {
            let start = lines::start(text, entry.start);
            let above = index.checked_sub(1).map(|above| &block.regions[above]);
            let floor = above.map_or(floor, |above| above.body.end);
            let lead = lines::comments_above(text, start, column, floor);
            (above.map_or(lead, |above| above.body.end), lead, start)
        };
        let next = block.entries.get(index + 1);
        let stop = next.map_or(self.layout.body.end, |next| lines::start(text, next.start));
        let mut end = lines::end(text, entry.value.end.max(entry.mark));
        while end < stop && lines::comment_line(text, end).is_some_and(|at| at > column) {
            end = lines::end(text, end);
        }
        Region {
            gap,
            lead,
            body: start..end,
        }
    }

    fn trailing(&self, block: &Block, site: &Site) -> Range<usize> {
        let start = block.regions.last().map_or(0, |last| last.body.end);
        let mut end = start;
        // In these places something outside could own such comments just as well.
        let shared = match site {
            Site::Member(key) => block.entries.list && block.column <= *key,
            Site::Item { .. } => false,
            Site::Root | Site::Flow(_) => true,
        };
        while !shared
            && end < self.layout.body.end
            && lines::comment_line(self.text(), end) == Some(block.column)
        {
            end = lines::end(self.text(), end);
        }
        start..end
    }

    /// What a merge brings in cannot be changed or taken out here.
    fn refuse_merged(&self, block: &Block, slot: &Slot) -> Result<(), RefusalReason> {
        let (Some(origin), State::Members(members)) = (&slot.origin, &slot.state) else {
            return Ok(());
        };
        let source = self.layout.source.pointer(origin.as_str());
        let Some(Value::Object(source)) = source else {
            return Ok(());
        };
        let kept = |key: &String| {
            members
                .iter()
                .any(|(have, slot)| have == key && slot.is_kept())
        };
        for key in source.keys() {
            let at = origin.join(key);
            if !block.entries.has(&at) && !kept(key) {
                self.layout.own_key(&at)?;
            }
        }
        Ok(())
    }

    fn write_block(&mut self, entry: &Entry, block: &Block, empty: bool, assembled: Assembled) {
        let text = self.text();
        let Some(first) = block.regions.first() else {
            return;
        };
        let mut range = first.lead..block.trailing.end;
        let unfinished = !text[range.clone()].ends_with('\n');
        let mut new = assembled.text;
        // A merge is no slot, but it is something.
        if empty
            && block
                .entries
                .all()
                .iter()
                .all(|entry| entry.origin.is_some())
        {
            let nothing = if block.entries.list { "[]" } else { "{}" };
            if block.inline || entry.mark == entry.start {
                new = format!("{nothing}{}{new}", self.line_break);
            } else {
                let at = entry.mark + self.properties(entry).trim_end().len();
                self.splice(at..at, format!(" {nothing}"));
                if unfinished && new.is_empty() {
                    range.start = lines::content_end(text, lines::start(text, range.start - 1));
                }
            }
        }
        if unfinished && !assembled.open {
            new.truncate(new.trim_end_matches(['\r', '\n']).len());
        }
        if block.inline {
            new.drain(..new.len() - new.trim_start().len());
        }
        self.splice(range, new);
    }
}

impl Block {
    /// What the values of the entries stand in.
    fn site(&self) -> Site {
        let Self { column, inner, .. } = *self;
        if self.entries.list {
            Site::Item { column, inner }
        } else {
            Site::Member(column)
        }
    }
}
