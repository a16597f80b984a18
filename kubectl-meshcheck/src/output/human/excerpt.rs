//! The one line of a text that is shown, with the mark under it.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Snippet, Title};
use meshcheck_rules::yaml::{Position, Span};

use crate::output::line_at;

/// Characters of a line that are shown. A longer one is cut around its mark.
const WIDTH: usize = 120;

/// Characters that are shown before the mark of a line that is cut.
const BEFORE: usize = 30;

const CUT: &str = "...";

/// One line, cut to what can be read, and the marked bytes in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt<'t> {
    line: Cow<'t, str>,
    at: Position,
    mark: Range<usize>,
    cut: bool,
}

impl<'t> Excerpt<'t> {
    /// The first line of a stretch of `text`.
    pub(super) fn of(text: &'t str, span: &Span) -> Self {
        let line = line_at(text, span.bytes.start);
        let start = span.bytes.start.clamp(line.start, line.end) - line.start;
        let end = span.bytes.end.clamp(line.start, line.end) - line.start;
        Self::cut(&text[line], span.start, start..end.max(start))
    }

    /// The same, where only that line of the text is at hand.
    pub(super) fn of_line(line: &'t str, span: &Span) -> Self {
        let start = byte_of(line, span.start.column);
        let end = if span.end.line == span.start.line {
            byte_of(line, span.end.column)
        } else {
            line.len()
        };
        Self::cut(line, span.start, start..end.max(start))
    }

    /// One character of a line.
    pub(super) fn at(line: &'t str, at: Position) -> Self {
        let start = byte_of(line, at.column);
        let width = line[start..].chars().next().map_or(0, char::len_utf8);
        Self::cut(line, at, start..start + width)
    }

    fn cut(line: &'t str, at: Position, mark: Range<usize>) -> Self {
        if line.len() <= WIDTH {
            return Self {
                line: Cow::Borrowed(line),
                at,
                mark,
                cut: false,
            };
        }
        let from = back(line, mark.start, BEFORE);
        let to = forth(line, from, WIDTH);
        let (head, tail) = (from > 0, to < line.len());
        let head = if head { CUT } else { "" };
        let tail = if tail { CUT } else { "" };
        let shift = |byte: usize| byte.clamp(from, to) - from + head.len();
        Self {
            mark: shift(mark.start)..shift(mark.end),
            line: Cow::Owned(format!("{head}{}{tail}", &line[from..to])),
            at,
            cut: true,
        }
    }

    /// The line below its title and place.
    pub(super) fn below<'g>(
        self,
        title: Title<'g>,
        level: Level<'g>,
        file: String,
    ) -> Vec<Group<'g>>
    where
        't: 'g,
    {
        let snippet = Snippet::source(self.line)
            .line_start(self.at.line)
            .annotation(AnnotationKind::Primary.span(self.mark));
        if !self.cut {
            return vec![title.element(snippet.path(file))];
        }
        // The columns of a cut line are not those of the file.
        let origin = Origin::path(file)
            .line(self.at.line)
            .char_column(self.at.column);
        vec![
            title.element(origin),
            Group::with_level(level).element(snippet),
        ]
    }
}

/// The byte at which a column, from 1 and in characters, starts.
fn byte_of(line: &str, column: usize) -> usize {
    forth(line, 0, column.saturating_sub(1))
}

/// The byte `count` characters behind `byte`, at most the end.
fn forth(line: &str, byte: usize, count: usize) -> usize {
    let mut rest = line[byte..].char_indices();
    rest.nth(count).map_or(line.len(), |(at, _)| byte + at)
}

/// The byte `count` characters before `byte`, at least the start.
fn back(line: &str, byte: usize, count: usize) -> usize {
    let mut before = line[..byte].char_indices().rev();
    match count.checked_sub(1) {
        Some(last) => before.nth(last).map_or(0, |(at, _)| at),
        None => byte,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Position = Position { line: 3, column: 8 };

    #[test]
    fn a_short_line_stays_whole() {
        let excerpt = Excerpt::cut("  age: 30m", AT, 7..10);
        assert_eq!((&*excerpt.line, excerpt.mark), ("  age: 30m", 7..10));
    }

    #[test]
    fn a_long_line_is_cut_around_its_mark() {
        let line = format!("{}HERE{}", "ä".repeat(50_000), "b".repeat(50_000));
        let excerpt = Excerpt::cut(&line, AT, 100_000..100_004);
        assert!(excerpt.line.chars().count() <= WIDTH + 2 * CUT.len());
        assert_eq!(&excerpt.line[excerpt.mark], "HERE");
    }

    #[test]
    fn a_mark_that_is_too_long_ends_with_the_line() {
        let line = "x".repeat(100_000);
        let excerpt = Excerpt::cut(&line, AT, 0..100_000);
        assert_eq!(excerpt.line, format!("{}...", "x".repeat(WIDTH)));
        assert_eq!(excerpt.mark, 0..WIDTH);
    }

    #[test]
    fn of_many_lines_the_first_is_shown() {
        let text = "a: |\n  one\n  two\n";
        let span = Span {
            start: Position { line: 1, column: 1 },
            end: Position { line: 4, column: 1 },
            bytes: 0..text.len(),
        };
        let excerpt = Excerpt::of(text, &span);
        assert_eq!((&*excerpt.line, excerpt.mark), ("a: |", 0..4));
    }

    #[test]
    fn a_position_behind_the_line_marks_its_end() {
        let excerpt = Excerpt::at("a: 1", Position { line: 9, column: 7 });
        assert_eq!((&*excerpt.line, excerpt.mark), ("a: 1", 4..4));
    }
}
