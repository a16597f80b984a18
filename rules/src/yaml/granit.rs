//! The full YAML parser as a source of events: granit-parser, wrapped here and nowhere else.
//!
//! Its spans leave out indicators (a block scalar's `|`, an unindented sequence's first dash, the
//! place of an absent value) and run on to the next token where a block ends. A [`Cursor`] that
//! walks along puts them right.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, StrInput};
use granit_parser::{StructureStyle, Tag as GranitTag};

use super::Limits;
use super::cursor::Cursor;
use super::event::{Fault, Kind, Scalar, Sink, Style};
use super::tags::Tag;

/// Parses the document in `chunk` of the text into the sink.
pub(super) fn read<'t>(
    text: &'t str,
    chunk: Range<usize>,
    limits: &Limits,
    sink: &mut impl Sink<'t>,
) -> Result<(), Fault> {
    let mut events = Events::new(text, chunk, limits);
    let mut source = Source {
        cursor: Cursor::new(text, events.base),
        stack: Vec::new(),
        sink,
    };
    while let Some((event, at)) = events.next()? {
        source.event(event, at)?;
    }
    Ok(())
}

/// The parser's events, with their places in the whole text.
struct Events<'t, 'l> {
    parser: Parser<'t, StrInput<'t>>,
    text: &'t str,
    base: usize,
    limits: &'l Limits,
}

type Placed<'t> = (Event<'t>, Range<usize>);

impl<'t, 'l> Events<'t, 'l> {
    fn new(text: &'t str, chunk: Range<usize>, limits: &'l Limits) -> Self {
        let options = granit_parser::options! {
            emit_comments: false,
            flow_nesting_limit: limits.depth,
            block_nesting_limit: limits.depth,
        };
        Self {
            base: chunk.start,
            parser: Parser::new_from_str_with_options(&text[chunk], options),
            text,
            limits,
        }
    }

    /// The next event as kubectl's parser gives it: there a `:` in front of `,`, `]` or `}` belongs
    /// to the text (`[001:db8::]` is an address), for granit it makes a key without a value.
    fn next(&mut self) -> Result<Option<Placed<'t>>, Fault> {
        let event = self.raw()?;
        match &event {
            Some((Event::MappingStart(StructureStyle::Flow, ..), at))
                if at.is_empty() && self.key_takes_colon() =>
            {
                let key = self.raw()?;
                let (_absent, _end) = (self.raw()?, self.raw()?);
                Ok(key.map(with_colon))
            }
            Some(placed) if self.takes_colon(placed) => Ok(event.map(with_colon)),
            _ => Ok(event),
        }
    }

    fn raw(&mut self) -> Result<Option<Placed<'t>>, Fault> {
        match self.parser.next().transpose() {
            Ok(next) => Ok(next.map(|(event, span)| (event, self.place(span)))),
            Err(error) => Err(fault(&error, self.base, self.limits)),
        }
    }

    fn place(&self, span: granit_parser::Span) -> Range<usize> {
        offset(span.start) + self.base..offset(span.end) + self.base
    }

    fn key_takes_colon(&mut self) -> bool {
        let next = self.parser.peek().and_then(Result::ok).cloned();
        next.is_some_and(|(event, span)| self.takes_colon(&(event, self.place(span))))
    }

    fn takes_colon(&self, (event, at): &Placed<'t>) -> bool {
        let plain = matches!(event, Event::Scalar(_, ScalarStyle::Plain, ..));
        plain
            && !at.is_empty()
            && matches!(
                self.text.as_bytes()[at.end..],
                [b':', b',' | b']' | b'}', ..]
            )
    }
}

fn with_colon((event, at): Placed<'_>) -> Placed<'_> {
    match event {
        Event::Scalar(text, style, anchor, tag) => {
            let text = (text.into_owned() + ":").into();
            (
                Event::Scalar(text, style, anchor, tag),
                at.start..at.end + 1,
            )
        }
        event => (event, at),
    }
}

/// granit gives byte offsets for every text that is held as one `str`.
fn offset(marker: Marker) -> usize {
    marker.byte_offset().unwrap_or_else(|| marker.index())
}

fn fault(error: &ScanError, base: usize, limits: &Limits) -> Fault {
    let at = base + offset(*error.marker());
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => too_deep(at, limits),
        ErrorKind::ExpectedDocumentStart => Fault::syntax(
            at,
            "the document ended in front of this: it is indented less than the first line, or \
             stands behind a complete value",
        ),
        kind => Fault::syntax(at, kind.to_string()),
    }
}

/// The fault of a document that nests too deep.
pub(super) fn too_deep(at: usize, limits: &Limits) -> Fault {
    Fault::limit(at, format!("nested deeper than {} levels", limits.depth))
}

struct Source<'s, 't, S> {
    cursor: Cursor<'t>,
    stack: Vec<Open>,
    sink: &'s mut S,
}

struct Open {
    kind: Kind,
    style: StructureStyle,
    at_value: bool,
}

impl<'t, S: Sink<'t>> Source<'_, 't, S> {
    fn event(&mut self, event: Event<'t>, at: Range<usize>) -> Result<(), Fault> {
        match event {
            Event::DocumentStart(explicit, _) => {
                // An implicit one has the place of its first node; there may be a `|` in front.
                if explicit {
                    self.cursor.at = at.end;
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let own_at = self.scalar_place(style, &at);
                let text = absent_is_empty(self.without_end(text, style, at.end), &at);
                self.step();
                self.sink.scalar(Scalar {
                    text,
                    style: convert(style),
                    tag: tag.map(|tag| parse_tag(&tag)),
                    anchor,
                    at: own_at,
                })
            }
            Event::SequenceStart(style, anchor, _) => self.open(Kind::Sequence, style, anchor, &at),
            Event::MappingStart(style, anchor, _) => self.open(Kind::Mapping, style, anchor, &at),
            Event::SequenceEnd | Event::MappingEnd => self.close(&at),
            Event::Alias(anchor) => {
                self.enter_node();
                self.cursor.at = at.end;
                self.step();
                self.sink.alias(anchor, at)
            }
            _ => Ok(()),
        }
    }

    /// go-yaml gives a block scalar at the end of a file no line break that is not there.
    fn without_end(&self, text: Cow<'t, str>, style: ScalarStyle, end: usize) -> Cow<'t, str> {
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let Some(inner) = text.strip_suffix('\n').filter(|_| block) else {
            return text;
        };
        // The last line may be blank: then it is content if it is indented deeper than the block.
        let at_end = self.cursor.at_end() || (inner.ends_with(' ') && self.cursor.ends_open(end));
        match text {
            _ if !at_end => text,
            Cow::Borrowed(text) => text.strip_suffix('\n').unwrap_or(text).into(),
            Cow::Owned(mut text) => {
                text.pop();
                text.into()
            }
        }
    }

    /// Moves the cursor over the indicators in front of a node.
    fn enter_node(&mut self) {
        if let Some(open) = self.stack.last() {
            match (open.kind, open.style, open.at_value) {
                (Kind::Sequence, StructureStyle::Block, _) => self.cursor.take(b'-'),
                (Kind::Mapping, _, true) => self.cursor.take(b':'),
                (Kind::Mapping, StructureStyle::Block, false) => self.cursor.take(b'?'),
                (_, StructureStyle::Flow, _) => {
                    self.cursor.take(b',');
                    self.cursor.take(b'?')
                }
            };
        }
        self.cursor.take_properties();
    }

    fn step(&mut self) {
        if let Some(open) = self.stack.last_mut() {
            open.at_value = open.kind == Kind::Mapping && !open.at_value;
        }
    }

    fn scalar_place(&mut self, style: ScalarStyle, at: &Range<usize>) -> Range<usize> {
        self.enter_node();
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        if block && let Some(place) = self.cursor.take_block_scalar(at.end) {
            return place;
        }
        if at.is_empty() {
            return self.cursor.at..self.cursor.at;
        }
        self.cursor.at = at.end;
        at.clone()
    }

    fn open(
        &mut self,
        kind: Kind,
        style: StructureStyle,
        anchor: usize,
        at: &Range<usize>,
    ) -> Result<(), Fault> {
        self.enter_node();
        self.step();
        self.cursor.skip_blank();
        let start = match style {
            // A pair in a flow sequence is a mapping without braces.
            StructureStyle::Flow if at.is_empty() => at.start,
            StructureStyle::Flow => at.end - 1,
            StructureStyle::Block => self.cursor.at,
        };
        self.cursor.at = if style == StructureStyle::Flow {
            at.end
        } else {
            start
        };
        self.stack.push(Open {
            kind,
            style,
            at_value: false,
        });
        self.sink.open(kind, anchor, start)
    }

    fn close(&mut self, at: &Range<usize>) -> Result<(), Fault> {
        let open = self.stack.pop();
        if open.is_some_and(|open| open.style == StructureStyle::Flow) && !at.is_empty() {
            self.cursor.at = at.end;
        }
        self.sink.close(self.cursor.at)
    }
}

/// granit writes an absent value as `~`.
fn absent_is_empty<'t>(text: Cow<'t, str>, at: &Range<usize>) -> Cow<'t, str> {
    if at.is_empty() && text == "~" {
        "".into()
    } else {
        text
    }
}

fn convert(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    }
}

fn parse_tag(tag: &GranitTag) -> Tag {
    let (handle, suffix) = tag.parts();
    Tag::parse(handle, suffix)
}
