//! Scalars as text: what may stand without quotes, what may stand as a block, and how.

use std::fmt::Write as _;

use serde_json::Value;

/// How a string is marked as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    /// None where none are needed.
    Plain,
    Single,
    Double,
}

/// What the text around a scalar forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    Block,
    /// Inside `{}` or `[]`.
    Flow,
}

/// A scalar on one line, strings in the quotes wished for if these can hold them.
pub(super) fn one_line(value: &Value, wish: Quotes, context: Context) -> String {
    match value {
        Value::String(text) => string(text, wish, context),
        // Empty collections are scalars in all but name: they have no layout.
        other => other.to_string(),
    }
}

/// A string on one line.
pub(super) fn string(text: &str, wish: Quotes, context: Context) -> String {
    let single = text.chars().all(|c| printable(c) && c != '\n');
    match wish {
        Quotes::Plain if may_be_plain(text, context) => text.to_owned(),
        Quotes::Single if single => single_quoted(text),
        Quotes::Plain if single && text.contains(['"', '\\']) && !text.contains('\'') => {
            single_quoted(text)
        }
        _ => double_quoted(text),
    }
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// In quotes that JSON and YAML read alike.
pub(super) fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if printable(c) => out.push(c),
            c => write_escape(&mut out, c),
        }
    }
    out.push('"');
    out
}

fn write_escape(out: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        write!(out, "\\u{unit:04x}").expect("a String takes all text");
    }
}

/// What YAML lets stand unescaped, line breaks aside.
fn printable(c: char) -> bool {
    match c {
        '\n' => true,
        // Line breaks to YAML 1.1, marks that editors do not show, and what is no character.
        '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
        c => !c.is_control(),
    }
}

/// Whether every reader of YAML, 1.1 and 1.2, takes this text without quotes for this string.
pub(super) fn may_be_plain(text: &str, context: Context) -> bool {
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return false;
    };
    let second = chars.next();
    let starts = match first {
        '-' | '?' | ':' => second.is_some_and(|c| c != ' ' && !in_flow_only(c)),
        ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
        | '@' | '`' => false,
        _ => true,
    };
    starts
        && text.trim() == text
        && text.chars().all(|c| printable(c) && c != '\n')
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(':')
        && !text.starts_with("---")
        && !text.starts_with("...")
        && !(context == Context::Flow && text.contains(in_flow_only))
        && !means_something_else(text)
}

fn in_flow_only(c: char) -> bool {
    matches!(c, ',' | '[' | ']' | '{' | '}')
}

/// Whether some reader takes the bare text for a boolean, a null, a number, a date or a merge key.
fn means_something_else(text: &str) -> bool {
    const WORDS: [&str; 16] = [
        "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<", ".inf",
        "+.inf", "-.inf", ".nan",
    ];
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(text)) || looks_numeric(text)
}

/// Numbers in every base, with underscores, in sexagesimal (`1:30`), and dates.
fn looks_numeric(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = digits.strip_prefix('.').unwrap_or(digits);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    if digits.starts_with("0x") || digits.starts_with("0X") {
        return digits[2..]
            .bytes()
            .all(|b| b.is_ascii_hexdigit() || b == b'_');
    }
    // An address or a version (`10.0.0.1`) is no number to anybody.
    let dotted = digits.matches('.').count() > 1 && !digits.contains(':');
    let numeric = |b: u8| b.is_ascii_digit() || b"_.:,eEoObB+-".contains(&b);
    let dated = digits.len() > 5 && digits.is_char_boundary(5) && {
        let (year, _) = digits.split_at(5);
        year.ends_with('-') && year[..4].bytes().all(|b| b.is_ascii_digit())
    };
    dated || (!dotted && digits.bytes().all(numeric))
}

/// A string as a literal block: what stands behind the `|`, and its lines without indentation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Literal<'t> {
    /// `-` where the text does not end with a line break, `+` where it ends with several.
    pub(super) chomping: &'static str,
    /// Whether the indentation must be written as a digit since the text begins with blanks.
    pub(super) counted: bool,
    pub(super) lines: Vec<&'t str>,
}

/// A line of a block; an empty one stays empty.
pub(super) fn indented(line: &str, indent: &str) -> String {
    if line.is_empty() {
        String::new()
    } else {
        format!("{indent}{line}")
    }
}

/// `None` where no literal block can hold the text.
pub(super) fn literal(text: &str) -> Option<Literal<'_>> {
    let body = text.trim_end_matches('\n');
    if body.is_empty() || !text.chars().all(|c| printable(c) || c == '\t') {
        return None;
    }
    let chomping = match text.len() - body.len() {
        0 => "-",
        1 => "",
        _ => "+",
    };
    let mut lines: Vec<&str> = text.split('\n').collect();
    if !chomping.starts_with('-') {
        lines.pop();
    }
    Some(Literal {
        chomping,
        counted: body.starts_with([' ', '\n', '\t']),
        lines,
    })
}
