//! Where the nodes of a document stand, with what stands around them.

use std::ops::Range;

use crate::finding::{Location, Part, Pointer};
use crate::yaml::{Document, Located, Options, Spans};
use serde_json::Value;

use super::RefusalReason;
use super::lines;
use super::render::Manner;

/// A document's text with the places of its nodes.
pub(super) struct Layout<'t> {
    pub(super) text: &'t str,
    pub(super) source: &'t Value,
    /// The document in the text.
    pub(super) body: Range<usize>,
    spans: Spans<'t>,
}

/// A member of a mapping, an item of a list, or the root.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The node; `None` for a merge (`<<`), which is no node of the value.
    pub(super) origin: Option<Pointer>,
    /// The key, the dash; in a flow list the item.
    pub(super) start: usize,
    /// Behind the `:` or the dash; in a flow list the item.
    pub(super) mark: usize,
    /// The value without its anchor and tag; empty where nothing is written.
    pub(super) value: Range<usize>,
}

impl<'t> Layout<'t> {
    pub(super) fn new(text: &'t str, document: &'t Document, options: &Options) -> Self {
        Self {
            text,
            source: &document.value,
            body: document.bytes.clone(),
            spans: document.spans(text, options),
        }
    }

    pub(super) fn locate(&self, pointer: &Pointer, part: Part) -> Located {
        self.spans.locate(&Location {
            pointer: pointer.clone(),
            part,
            inner: None,
        })
    }

    /// Whether a value starts with this character.
    pub(super) fn starts_with(&self, value: &Range<usize>, c: char) -> bool {
        self.text[value.clone()].starts_with(c)
    }

    /// Whether a value is written in brackets.
    pub(super) fn is_flow(&self, value: &Range<usize>) -> bool {
        self.starts_with(value, '{') || self.starts_with(value, '[')
    }

    pub(super) fn root(&self) -> Entry {
        let value = self.locate(&Pointer::root(), Part::Value).span.bytes;
        Entry {
            origin: Some(Pointer::root()),
            start: value.start,
            mark: value.start,
            value,
        }
    }

    /// The entries of the list or mapping at `pointer`, as they stand.
    pub(super) fn entries(
        &self,
        pointer: &Pointer,
        list: bool,
    ) -> Result<Vec<Entry>, RefusalReason> {
        if list {
            self.items(pointer)
        } else {
            self.members(pointer)
        }
    }

    /// The members written in the mapping at `pointer`; its merge counts as one.
    fn members(&self, pointer: &Pointer) -> Result<Vec<Entry>, RefusalReason> {
        let Some(Value::Object(members)) = self.source.pointer(pointer.as_str()) else {
            return Err(self.unknown(self.body.start));
        };
        let entries = members.keys().map(|key| self.member(pointer.join(key)));
        let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(|entry| entry.start);
        entries.dedup_by_key(|entry| entry.start);
        Ok(entries)
    }

    fn member(&self, pointer: Pointer) -> Result<Entry, RefusalReason> {
        let key = self.locate(&pointer, Part::Key);
        if key.defined_at.is_some() {
            let merge = self.locate(&pointer, Part::Whole).span.bytes;
            return Ok(Entry {
                origin: None,
                start: merge.start,
                mark: merge.end,
                value: merge.end..merge.end,
            });
        }
        let key = key.span.bytes;
        let value = self.locate(&pointer, Part::Value).span.bytes;
        let mark = self.behind(key.end, ':')?;
        let front = self.text[..key.start].trim_end_matches(' ');
        let explicit = front.ends_with('?');
        Ok(Entry {
            origin: Some(pointer),
            start: if explicit { front.len() - 1 } else { key.start },
            mark,
            value: value.start.max(mark)..value.end.max(mark),
        })
    }

    /// The items written in the list at `pointer`.
    fn items(&self, pointer: &Pointer) -> Result<Vec<Entry>, RefusalReason> {
        let list = self.locate(pointer, Part::Value).span.bytes;
        let Some(Value::Array(items)) = self.source.pointer(pointer.as_str()) else {
            return Err(self.unknown(list.start));
        };
        let flow = self.is_flow(&list);
        let mut behind = list.start;
        let mut entries = Vec::with_capacity(items.len());
        for index in 0..items.len() {
            let origin = pointer.join(&index.to_string());
            let value = self.locate(&origin, Part::Value).span.bytes;
            let mark = if flow {
                value.start
            } else {
                self.behind(behind, '-')?
            };
            let value = value.start.max(mark)..value.end.max(mark);
            behind = value.end;
            entries.push(Entry {
                origin: Some(origin),
                start: if flow { mark } else { mark - 1 },
                mark,
                value,
            });
        }
        Ok(entries)
    }

    /// Behind the indicator that comes next, over blanks and comments.
    fn behind(&self, from: usize, indicator: char) -> Result<usize, RefusalReason> {
        let mut at = from;
        loop {
            let rest = &self.text[at..];
            let token = rest.trim_start();
            at += rest.len() - token.len();
            if token.starts_with(indicator) {
                return Ok(at + 1);
            }
            if !token.starts_with('#') {
                return Err(self.unknown(from));
            }
            at = lines::end(self.text, at);
        }
    }

    /// The refusal for a text that is not laid out as expected.
    pub(super) fn unknown(&self, at: usize) -> RefusalReason {
        RefusalReason::Layout {
            line: lines::number(self.text, at),
        }
    }

    /// Refuses a node that is written somewhere else, behind an anchor.
    pub(super) fn own(&self, pointer: &Pointer) -> Result<(), RefusalReason> {
        self.written_here(pointer, Part::Value)
    }

    /// Refuses a member that a merge brings in.
    pub(super) fn own_key(&self, pointer: &Pointer) -> Result<(), RefusalReason> {
        self.written_here(pointer, Part::Key)
    }

    fn written_here(&self, pointer: &Pointer, part: Part) -> Result<(), RefusalReason> {
        let located = self.locate(pointer, part);
        match located.defined_at {
            None => Ok(()),
            Some(defined) => {
                let whole = self.locate(pointer, Part::Whole).span.bytes;
                Err(self.through_alias(&whole, defined.bytes.start))
            }
        }
    }

    fn through_alias(&self, used: &Range<usize>, defined: usize) -> RefusalReason {
        let name = self.text[used.clone()]
            .split_once('*')
            .map(|(_, name)| name.split(ends_name).next().unwrap_or_default());
        let Some(name) = name else {
            return self.unknown(used.start);
        };
        let anchor = self.names('&', name).rfind(|at| *at <= defined);
        self.shared(name, anchor.unwrap_or(defined))
    }

    /// The reason why a node cannot change: it or something above it has an anchor that is used
    /// elsewhere, or it takes part of its members from one.
    pub(super) fn anchored(&self, pointer: &Pointer) -> Option<RefusalReason> {
        let members = self.source.pointer(pointer.as_str())?.as_object();
        let mut members = members.into_iter().flat_map(|members| members.keys());
        let merged = members.find_map(|key| self.own_key(&pointer.join(key)).err());
        let mut above = Some(pointer.clone());
        let mut anchored = None;
        while let (None, Some(here)) = (&anchored, above) {
            let key = self.locate(&here, Part::Key).span.bytes;
            let value = self.locate(&here, Part::Value).span.bytes;
            let line = lines::start(self.text, key.start.min(value.start));
            anchored = self.anchor_in(line..value.start);
            above = here.split_last().map(|(parent, _)| parent);
        }
        anchored.or(merged)
    }

    /// The last anchor in a stretch of the text, if it is used.
    pub(super) fn anchor_in(&self, range: Range<usize>) -> Option<RefusalReason> {
        let (front, name) = self.text[range.clone()].rsplit_once('&')?;
        let name = name.split(ends_name).next().unwrap_or_default();
        self.names('*', name).next()?;
        Some(self.shared(name, range.start + front.len()))
    }

    fn shared(&self, name: &str, at: usize) -> RefusalReason {
        RefusalReason::Shared {
            name: name.to_owned(),
            line: lines::number(self.text, at),
            uses: self.names('*', name).count(),
        }
    }

    /// Where `&name` or `*name` is written in this document.
    fn names(&self, sigil: char, name: &str) -> impl DoubleEndedIterator<Item = usize> {
        let body = &self.text[self.body.clone()];
        body.match_indices(sigil)
            .filter(move |(at, _)| {
                let before = body[..*at].chars().next_back();
                let rest = body[at + 1..].strip_prefix(name);
                before.is_none_or(|c| c.is_whitespace() || "[{,:".contains(c))
                    && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(ends_name))
            })
            .map(|(at, _)| self.body.start + at)
    }

    /// How this document is laid out, judged by the first nested mapping and the first list in it.
    pub(super) fn manner(&self) -> Manner {
        let root = self.root();
        let mut found = Found::default();
        if self.is_flow(&root.value) {
            found.json = self.text[root.value.clone()]
                .trim_start_matches(['{', '[', ' ', '\t', '\r', '\n'])
                .starts_with('"');
        } else {
            self.survey(self.source, &Pointer::root(), &mut found);
        }
        let step = found.step.unwrap_or(2);
        Manner {
            step,
            dash: found.dash.unwrap_or(step),
            json: found.json,
        }
    }

    fn survey(&self, node: &Value, pointer: &Pointer, found: &mut Found) {
        let children: Vec<(String, &Value)> = match node {
            Value::Object(members) => members.iter().map(|(k, v)| (k.clone(), v)).collect(),
            Value::Array(items) => (0..).map(|i: usize| i.to_string()).zip(items).collect(),
            _ => return,
        };
        for (token, child) in children {
            if found.step.is_some() && found.dash.is_some() {
                return;
            }
            let pointer = pointer.join(&token);
            if node.is_object() {
                self.measure(child, &pointer, found);
            }
            self.survey(child, &pointer, found);
        }
    }

    fn measure(&self, child: &Value, pointer: &Pointer, found: &mut Found) {
        let measured = match child {
            Value::Object(members) if !members.is_empty() => &mut found.step,
            Value::Array(items) if !items.is_empty() => &mut found.dash,
            _ => return,
        };
        let value = self.locate(pointer, Part::Value);
        if measured.is_some() || value.defined_at.is_some() || self.is_flow(&value.span.bytes) {
            return;
        }
        let column = |at| lines::column(self.text, at);
        let key = column(self.locate(pointer, Part::Key).span.bytes.start);
        let value = value.span.bytes.start;
        if lines::is_first(self.text, value) {
            *measured = column(value).checked_sub(key);
        }
    }
}

/// What was seen of a document's manner.
#[derive(Default)]
struct Found {
    step: Option<usize>,
    dash: Option<usize>,
    json: bool,
}

fn ends_name(c: char) -> bool {
    c.is_whitespace() || "[]{},".contains(c)
}
