//! Differences of texts, as patch tools read them.

use std::fmt::Write as _;

use similar::TextDiff;

/// The difference between two texts as `git apply` and `patch` read it; empty where there is none.
pub fn unified_diff(path: &str, before: &str, after: &str) -> String {
    let old = lines(before);
    let new = lines(after);
    TextDiff::configure()
        .newline_terminated(true)
        .diff_slices(&old, &new)
        .unified_diff()
        .header(&header('a', path), &header('b', path))
        .to_string()
}

/// Only `\n` ends a line for git: a lone carriage return is part of one.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// A file name as git writes it: quoted where it holds control characters, closed by a tab where it
/// holds blanks.
fn header(side: char, path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let name = format!("{side}/{}", path.trim_start_matches('/'));
    if name.contains(|c: char| c.is_control() || matches!(c, '"' | '\\')) {
        quoted(&name)
    } else if name.contains(' ') {
        name + "\t"
    } else {
        name
    }
}

fn quoted(name: &str) -> String {
    let mut out = String::from("\"");
    for c in name.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                for byte in c.to_string().bytes() {
                    write!(out, "\\{byte:03o}").expect("a String takes all text");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
