//! Mappings and lists whose entries stand on lines of their own.

use std::collections::HashMap;
use std::ops::Range;

use meshcheck_rules::finding::Pointer;
use serde_json::Value;

use super::RefusalReason;
use super::layout::Entry;
use super::lines;
use super::plan::{Slot, State};
use super::render;
use super::rewrite::{Rewriter, Site};
use super::scalar::Quotes;

/// A collection in block style.
struct Block {
    entries: Vec<Entry>,
    /// Indices of the entries.
    places: HashMap<Pointer, usize>,
    regions: Vec<Region>,
    /// Comments behind the last entry in its own column: most likely commented-out entries.
    trailing: Range<usize>,
    /// Where its keys or dashes stand.
    column: usize,
    /// Where the content of its items stands.
    inner: usize,
    list: bool,
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

/// A slot with the name it has in its mapping.
type Named<'s> = (Option<&'s str>, &'s Slot);

/// What becomes of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stays,
    Carried,
    Goes,
}

/// The text of a collection as it is put together.
#[derive(Default)]
struct Pieces {
    text: String,
    /// Entries of the source up to here were dealt with.
    cursor: usize,
    /// Whether the last piece needs its line break even at the end of the file.
    open: bool,
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
        let now = block.in_order(slot.children());
        if !block.is_restructured(&now) {
            for (_, slot) in now {
                if let (Some(at), false) = (block.position(slot), slot.is_kept()) {
                    self.walk(slot, &block.entries[at], &block.site())?;
                }
            }
            return self.refuse_merged(&block, slot);
        }
        self.refuse_merged(&block, slot)?;
        let pieces = self.assemble(&block, &now)?;
        self.write_block(entry, &block, now.is_empty(), pieces);
        Ok(())
    }

    fn read_block(&self, slot: &Slot, entry: &Entry, site: &Site) -> Result<Block, RefusalReason> {
        let text = self.text();
        let Some(origin) = &slot.origin else {
            return Err(self.layout.unknown(entry.start));
        };
        let list = matches!(slot.state, State::Items { .. });
        let entries = match list {
            true => self.layout.items(origin)?,
            false => self.layout.members(origin)?,
        };
        let Some(first) = entries.first() else {
            return Err(self.layout.unknown(entry.start));
        };
        let column = lines::column(text, first.start);
        let inner = match lines::start(text, first.value.start) == lines::start(text, first.start) {
            true => lines::column(text, first.value.start),
            false => column + 2,
        };
        let inline = !lines::is_first(text, first.start);
        let places = entries
            .iter()
            .enumerate()
            .filter_map(|(at, entry)| Some((entry.origin.clone()?, at)))
            .collect();
        let mut block = Block {
            places,
            regions: Vec::with_capacity(entries.len()),
            trailing: 0..0,
            entries,
            column,
            inner: inner.max(column + 2),
            list,
            inline,
        };
        let floor = match site {
            Site::Root => self.layout.body.start,
            _ => lines::end(text, entry.mark),
        };
        for index in 0..block.entries.len() {
            let region = self.region(&block, index, floor);
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
            Site::Member(key) => block.list && block.column <= *key,
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
            if !block.places.contains_key(&at) && !kept(key) {
                self.layout.own_key(&at)?;
            }
        }
        Ok(())
    }

    fn assemble(&self, block: &Block, now: &[Named<'_>]) -> Result<Pieces, RefusalReason> {
        let text = self.text();
        let mut fates: Vec<Fate> = block.entries.iter().map(Fate::of).collect();
        for (_, slot) in now {
            if let Some(at) = block.position(slot) {
                fates[at] = if slot.carried {
                    Fate::Carried
                } else {
                    Fate::Stays
                };
            }
        }
        let mut pieces = Pieces::default();
        for (key, slot) in now {
            let Some(at) = block.position(slot) else {
                // What takes the place of something keeps the comments above it.
                while !block.list && pieces.cursor < fates.len()
                    || fates.get(pieces.cursor) == Some(&Fate::Goes)
                {
                    self.pass(block, &fates, &mut pieces);
                }
                self.finish(block, &mut pieces);
                let value = slot.value(self.layout.source);
                pieces.push(&self.new_entry(block, *key, &value), self.line_break);
                pieces.open = render::ends_with_line_break(&value);
                continue;
            };
            let region = &block.regions[at];
            if !slot.carried {
                while pieces.cursor < at {
                    self.pass(block, &fates, &mut pieces);
                }
                pieces.cursor = at + 1;
                pieces.push_gap(&text[region.gap..region.lead], self.line_break);
            }
            let own = &block.entries[at];
            let body = self.changed(region.body.clone(), slot, own, &block.site())?;
            let lead = &text[region.lead..region.body.start];
            pieces.push(&block.indented(at, lead, &body), self.line_break);
            pieces.open = body.ends_with('\n') && !text[region.body.clone()].ends_with('\n');
        }
        while pieces.cursor < block.entries.len() {
            self.pass(block, &fates, &mut pieces);
        }
        self.finish(block, &mut pieces);
        Ok(pieces)
    }

    /// Comments behind the last entry stand in front of what is appended.
    fn finish(&self, block: &Block, pieces: &mut Pieces) {
        if pieces.cursor == block.entries.len() {
            pieces.cursor += 1;
            pieces.push(&self.text()[block.trailing.clone()], self.line_break);
        }
    }

    /// Deals with an entry of the source that does not come next: a merge stays, of anything else
    /// only the comments do, and those right above an entry that was carried went with it.
    fn pass(&self, block: &Block, fates: &[Fate], pieces: &mut Pieces) {
        let at = pieces.cursor;
        let region = &block.regions[at];
        pieces.cursor += 1;
        let stop = match fates[at] {
            Fate::Carried => region.lead,
            Fate::Goes | Fate::Stays => region.body.start,
        };
        let above = &self.text()[region.gap..stop];
        if fates[at] == Fate::Stays {
            pieces.push(above, self.line_break);
            pieces.push(&self.text()[region.body.clone()], self.line_break);
        } else if lines::has_comment(above) {
            pieces.push(above, self.line_break);
        }
    }

    fn new_entry(&self, block: &Block, key: Option<&str>, value: &Value) -> String {
        let manner = self.manner();
        let lines = match key {
            Some(key) => manner.entry(key, value, block.column, Quotes::Plain),
            None => {
                let quotes = self.common_quotes(&block.entries);
                manner.dashed(value, block.column, block.inner, quotes)
            }
        };
        lines.join(self.line_break)
    }

    /// The quotes that all these values have in common.
    pub(super) fn common_quotes(&self, entries: &[Entry]) -> Quotes {
        let mut quotes = entries.iter().map(|entry| self.quotes(&entry.value));
        let first = quotes.next().unwrap_or(Quotes::Plain);
        match quotes.all(|quotes| quotes == first) {
            true => first,
            false => Quotes::Plain,
        }
    }

    fn write_block(&mut self, entry: &Entry, block: &Block, empty: bool, pieces: Pieces) {
        let text = self.text();
        let Some(first) = block.regions.first() else {
            return;
        };
        let mut range = first.lead..block.trailing.end;
        let unfinished = !text[range.clone()].ends_with('\n');
        let mut new = pieces.text;
        // A merge is no slot, but it is something.
        if empty && block.entries.iter().all(|entry| entry.origin.is_some()) {
            let nothing = if block.list { "[]" } else { "{}" };
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
        if unfinished && !pieces.open {
            new.truncate(new.trim_end_matches(['\r', '\n']).len());
        }
        let new = match block.inline {
            true => new.trim_start().to_owned(),
            false => new,
        };
        self.splice(range, new);
    }
}

impl Block {
    /// What the values of the entries stand in.
    fn site(&self) -> Site {
        match self.list {
            true => Site::Item {
                column: self.column,
                inner: self.inner,
            },
            false => Site::Member(self.column),
        }
    }

    fn position(&self, slot: &Slot) -> Option<usize> {
        self.places.get(slot.origin.as_ref()?).copied()
    }

    /// Members as they stand, new ones last; items as they shall be.
    fn in_order<'s>(&self, mut now: Vec<Named<'s>>) -> Vec<Named<'s>> {
        if !self.list {
            // What a merge brings in has no place of its own.
            now.retain(|(_, slot)| slot.origin.is_none() || self.position(slot).is_some());
            now.sort_by_key(|(_, slot)| self.position(slot).unwrap_or(usize::MAX));
        }
        now
    }

    /// Whether entries came, went or moved.
    fn is_restructured(&self, now: &[Named<'_>]) -> bool {
        let strange = |(_, slot): &Named<'_>| slot.carried || slot.origin.is_none();
        now.iter().any(strange) || now.len() != self.places.len()
    }

    /// An entry with the comments above it; the first one of an inline collection has no blanks of
    /// its own in front of it.
    fn indented(&self, at: usize, lead: &str, body: &str) -> String {
        let blanks = if at == 0 && self.inline {
            self.column
        } else {
            0
        };
        format!("{lead}{:blanks$}{body}", "")
    }
}

impl Pieces {
    fn push(&mut self, piece: &str, line_break: &str) {
        self.text.push_str(piece);
        self.open = false;
        if !piece.is_empty() && !piece.ends_with('\n') {
            self.text.push_str(line_break);
        }
    }

    /// Blank lines separate; in front of everything there is nothing to separate from.
    fn push_gap(&mut self, gap: &str, line_break: &str) {
        if !self.text.is_empty() || lines::has_comment(gap) {
            self.push(gap, line_break);
        }
    }
}

impl Fate {
    /// Until somebody is found who wants it.
    fn of(entry: &Entry) -> Self {
        match entry.origin {
            Some(_) => Self::Goes,
            None => Self::Stays,
        }
    }
}
