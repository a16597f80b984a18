//! Lines, columns and comments of a text.

use std::ops::Range;

/// Start of the line that holds `at`.
pub(super) fn start(text: &str, at: usize) -> usize {
    text[..at]
        .rfind('\n')
        .map_or(0, |line_break| line_break + 1)
}

/// Behind the line break of the line that holds `at`, or the end of the text.
pub(super) fn end(text: &str, at: usize) -> usize {
    text[at..]
        .find('\n')
        .map_or(text.len(), |line_break| at + line_break + 1)
}

/// In front of the line break of the line that holds `at`.
pub(super) fn content_end(text: &str, at: usize) -> usize {
    let line = &text[at..end(text, at)];
    at + line.trim_end_matches(['\r', '\n']).len()
}

/// Characters between the start of the line and `at`.
pub(super) fn column(text: &str, at: usize) -> usize {
    text[start(text, at)..at].chars().count()
}

/// The blanks that the line holding `at` begins with.
pub(super) fn indentation(text: &str, at: usize) -> &str {
    let line = &text[start(text, at)..content_end(text, at)];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Whether only blanks stand between the start of the line and `at`.
pub(super) fn is_first(text: &str, at: usize) -> bool {
    text[start(text, at)..at].bytes().all(|byte| byte == b' ')
}

/// The column of the comment, where the line at `at` holds nothing else.
pub(super) fn comment_line(text: &str, at: usize) -> Option<usize> {
    let line = &text[at..content_end(text, at)];
    let comment = line.trim_start_matches([' ', '\t']);
    comment.starts_with('#').then(|| line.len() - comment.len())
}

/// The comment that ends the line at `at` together with the blanks in front of it, where nothing
/// else does.
pub(super) fn comment_behind(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = &text[at..content_end(text, at)];
    let comment = rest.trim_start_matches([' ', '\t']);
    let apart = comment.len() < rest.len() || at == 0;
    (apart && comment.starts_with('#')).then(|| at..at + rest.len())
}

/// Where the whole lines of comments directly above the line at `at` begin, as far as they are
/// indented like it and do not reach above `floor`.
pub(super) fn comments_above(text: &str, at: usize, column: usize, floor: usize) -> usize {
    let mut top = start(text, at);
    while top > floor {
        let above = start(text, top - 1);
        if above < floor || comment_line(text, above) != Some(column) {
            break;
        }
        top = above;
    }
    top
}

/// Whether a stretch between nodes holds a comment.
pub(super) fn has_comment(gap: &str) -> bool {
    gap.contains('#')
}

/// The line break in use: that of the first line.
pub(super) fn line_break(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// Number of the line that holds `at`, from 1.
pub(super) fn number(text: &str, at: usize) -> usize {
    1 + text[..at].matches('\n').count()
}
