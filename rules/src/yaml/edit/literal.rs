//! A literal block (`|`) whose text changes: only the lines that differ are touched.

use std::ops::Range;

use super::lines;
use super::rewrite::Splice;
use super::scalar;

/// The changes that turn the literal block at `at`, which holds `old`, into one that holds `new`;
/// `None` where the block has to be written anew.
pub(super) fn edit(text: &str, at: usize, old: &str, new: &str) -> Option<Vec<Splice>> {
    let header = text[at..lines::content_end(text, at)]
        .split([' ', '\t', '#'])
        .next()?;
    let flags = header.strip_prefix('|')?;
    let wanted = scalar::literal(new)?;
    let had = scalar::literal(old)?;
    if wanted.counted && !flags.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let places = places(text, at, had.lines.len())?;
    let indent = indent(text, &places, &had.lines)?;
    let mut splices: Vec<Splice> = changed_lines(text, &places, indent, &had.lines, &wanted.lines)
        .into_iter()
        .collect();
    // At the end of a file that does not end its last line there is nothing to chomp.
    let unfinished = had.chomping == "-" && !flags.contains('-');
    if unfinished && wanted.chomping.is_empty() {
        splices.push(Splice {
            range: text.len()..text.len(),
            text: lines::line_break(text).to_owned(),
        });
    } else if !unfinished && wanted.chomping != had.chomping {
        if flags.contains('+') || wanted.chomping == "+" {
            return None;
        }
        let digit = flags.trim_matches('-');
        splices.push(Splice {
            range: at + 1..at + header.len(),
            text: format!("{digit}{}", wanted.chomping),
        });
    }
    Some(splices)
}

/// Where the lines of the block stand, without their line breaks.
fn places(text: &str, header: usize, count: usize) -> Option<Vec<Range<usize>>> {
    let mut at = lines::end(text, header);
    let mut places = Vec::with_capacity(count);
    for _ in 0..count {
        if at > header && at >= text.len() {
            return None;
        }
        places.push(at..lines::content_end(text, at));
        at = lines::end(text, at);
    }
    Some(places)
}

/// The blanks in front of each line, if these lines are what the block holds.
fn indent<'t>(text: &'t str, places: &[Range<usize>], held: &[&str]) -> Option<&'t str> {
    let first = held.iter().position(|line| !line.is_empty())?;
    let indent = text[places[first].clone()].strip_suffix(held[first])?;
    let same = places.iter().zip(held).all(|(place, line)| {
        let written = &text[place.clone()];
        if line.is_empty() {
            written.trim_start_matches(' ').is_empty()
        } else {
            written.strip_prefix(indent) == Some(line)
        }
    });
    (same && indent.bytes().all(|byte| byte == b' ')).then_some(indent)
}

fn changed_lines(
    text: &str,
    places: &[Range<usize>],
    indent: &str,
    old: &[&str],
    new: &[&str],
) -> Option<Splice> {
    let head = old
        .iter()
        .zip(new)
        .take_while(|(old, new)| old == new)
        .count();
    let rest = old[head..].iter().rev().zip(new[head..].iter().rev());
    let tail = rest.take_while(|(old, new)| old == new).count();
    let (gone, come) = (
        &places[head..old.len() - tail],
        &new[head..new.len() - tail],
    );
    if gone.is_empty() && come.is_empty() {
        return None;
    }
    let line_break = lines::line_break(text);
    let written = come.iter().map(|line| scalar::indented(line, indent));
    // Changes hang on the end of the line above, so that the last line may lack its line break.
    if let Some(above) = head.checked_sub(1).map(|above| &places[above]) {
        let end = gone.last().unwrap_or(above).end;
        return Some(Splice {
            range: above.end..end,
            text: written.fold(String::new(), |text, line| text + line_break + &line),
        });
    }
    let (range, text) = match (gone.last(), places.get(gone.len())) {
        (Some(_), Some(below)) if come.is_empty() => (places[0].start..below.start, String::new()),
        (Some(last), _) => (
            places[0].start..last.end,
            written.collect::<Vec<_>>().join(line_break),
        ),
        (None, _) => (
            places[0].start..places[0].start,
            written.fold(String::new(), |text, line| text + &line + line_break),
        ),
    };
    Some(Splice { range, text })
}
