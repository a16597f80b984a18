//! Puts the lines of a block collection together again after entries came, went or moved.

use serde_json::Value;

use super::Block;
use crate::yaml::edit::RefusalReason;
use crate::yaml::edit::entries::Named;
use crate::yaml::edit::lines;
use crate::yaml::edit::render;
use crate::yaml::edit::rewrite::Rewriter;
use crate::yaml::edit::scalar::Quotes;

/// What becomes of an entry of the source.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stays,
    Carried,
    Goes,
}

/// A collection on its way from the source to what it shall be.
pub(super) struct Assembly<'a> {
    rewriter: &'a Rewriter<'a>,
    block: &'a Block,
    fates: Vec<Fate>,
    /// Entries of the source up to here were dealt with; one more once the comments behind the last
    /// one were.
    cursor: usize,
    text: String,
    open: bool,
    /// Behind the `|` of a block that the end of the file cuts off in front of its line break: with
    /// more text below, it needs a `-` to mean the same.
    cut_off: Option<usize>,
}

/// The new text of a collection.
pub(super) struct Assembled {
    pub(super) text: String,
    /// Whether the last line needs its line break even at the end of the file.
    pub(super) open: bool,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(rewriter: &'a Rewriter<'a>, block: &'a Block, now: &[Named<'_>]) -> Self {
        // A merge is no slot that anybody could miss.
        let unclaimed = |at: usize| match block.entries[at].origin {
            Some(_) => Fate::Goes,
            None => Fate::Stays,
        };
        let mut fates: Vec<Fate> = (0..block.entries.len()).map(unclaimed).collect();
        for (_, slot) in now {
            if let Some(at) = block.entries.position(slot) {
                let stays = !slot.carried;
                fates[at] = if stays { Fate::Stays } else { Fate::Carried };
            }
        }
        Self {
            rewriter,
            block,
            fates,
            cursor: 0,
            text: String::new(),
            open: false,
            cut_off: None,
        }
    }

    /// All the slots, one after the other.
    pub(super) fn run(mut self, now: &[Named<'_>]) -> Result<Assembled, RefusalReason> {
        for named in now {
            match self.block.entries.position(named.1) {
                Some(at) => self.keep(at, named)?,
                None => self.add(named),
            }
        }
        self.pass_until(self.block.entries.len());
        self.finish();
        Ok(Assembled {
            text: self.text,
            open: self.open,
        })
    }

    /// An entry of the source, in its place or in another one.
    fn keep(&mut self, at: usize, (_, slot): &Named<'_>) -> Result<(), RefusalReason> {
        let text = self.rewriter.text();
        let region = &self.block.regions[at];
        if !slot.carried {
            self.pass_until(at);
            self.cursor = at + 1;
            let gap = &text[region.gap..region.lead];
            // Blank lines separate; in front of everything there is nothing to separate from.
            if !self.text.is_empty() || lines::has_comment(gap) {
                self.push(gap);
            }
        }
        let entry = &self.block.entries[at];
        let site = self.block.site();
        let old = &text[region.body.clone()];
        let body = self
            .rewriter
            .changed(region.body.clone(), slot, entry, &site)?;
        self.push(&text[region.lead..region.body.start]);
        // The first entry behind a dash has no blanks of its own in front of it.
        if at == 0 && self.block.inline {
            self.push_blanks(self.block.column);
        }
        let cut_off = self.rewriter.cut_off(entry).filter(|_| slot.is_kept());
        let cut_off = cut_off.map(|header| self.text.len() + header - region.body.start);
        self.push(&body);
        self.cut_off = cut_off;
        self.open = body.ends_with('\n') && !old.ends_with('\n');
        Ok(())
    }

    /// An entry that is not in the source.
    fn add(&mut self, (key, slot): &Named<'_>) {
        if !self.block.entries.list {
            self.pass_until(self.block.entries.len());
        }
        // What takes the place of something keeps the comments above it.
        while self.fates.get(self.cursor) == Some(&Fate::Goes) {
            self.pass();
        }
        self.finish();
        let value = slot.value(self.rewriter.layout.source);
        let lines = self.written(*key, &value);
        self.push(&lines.join(self.rewriter.line_break));
        self.open = render::ends_with_line_break(&value);
    }

    fn written(&self, key: Option<&str>, value: &Value) -> Vec<String> {
        let manner = self.rewriter.manner();
        let Block { column, inner, .. } = *self.block;
        let Some(key) = key else {
            let quotes = self.rewriter.common_quotes(self.block.entries.all());
            return manner.dashed(value, column, inner, quotes);
        };
        manner.entry(key, value, column, Quotes::Plain)
    }

    fn pass_until(&mut self, at: usize) {
        while self.cursor < at.min(self.fates.len()) {
            self.pass();
        }
    }

    /// Deals with an entry of the source that does not come next: a merge stays, of anything else
    /// only the comments do, and those right above an entry that was carried went with it.
    fn pass(&mut self) {
        let text = self.rewriter.text();
        let region = &self.block.regions[self.cursor];
        let fate = self.fates[self.cursor];
        self.cursor += 1;
        let stop = match fate {
            Fate::Carried => region.lead,
            Fate::Goes | Fate::Stays => region.body.start,
        };
        let above = &text[region.gap..stop];
        if fate == Fate::Stays || lines::has_comment(above) {
            self.push(above);
        }
        if fate == Fate::Stays {
            self.push(&text[region.body.clone()]);
        }
    }

    /// Comments behind the last entry stand in front of what is appended.
    fn finish(&mut self) {
        if self.cursor == self.fates.len() {
            self.cursor += 1;
            self.push(&self.rewriter.text()[self.block.trailing.clone()]);
        }
    }

    fn push(&mut self, lines: &str) {
        if let Some(header) = self.cut_off.take_if(|_| !lines.is_empty()) {
            self.text.insert(header, '-');
        }
        self.text.push_str(lines);
        self.open = false;
        if !lines.is_empty() && !lines.ends_with('\n') {
            self.text.push_str(self.rewriter.line_break);
        }
    }

    fn push_blanks(&mut self, count: usize) {
        self.text.extend(std::iter::repeat_n(' ', count));
    }
}
