//! Texts that leave the server: to a terminal, a log line, an HTTP header.

/// The text in one line and without control characters: what a manifest holds must not steer the
/// terminal or the log that it is shown in, and the API server drops a warning that has any.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if hidden(c) { ' ' } else { c })
        .collect()
}

fn hidden(c: char) -> bool {
    // Line and paragraph separators, and the marks that turn the direction of text around.
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// At most `most` characters; what is longer ends with `…`.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text
            .chars()
            .take(most.saturating_sub(1))
            .chain(['…'])
            .collect(),
    }
}

/// What a request says of itself, which is text from outside: at most as long as a name.
pub fn plain(text: &str) -> String {
    clean(&cut(text, 253))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_characters() {
        for (text, most, short) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("äöüß", 3, "äö…"),
            ("", 3, ""),
            ("ab", 0, "…"),
        ] {
            assert_eq!(cut(text, most), short);
        }
    }

    #[test]
    fn hides_what_steers_a_terminal() {
        assert_eq!(clean("a\u{1b}[2J\r\nb\u{202e}c\u{7f}"), "a [2J  b c ");
        assert_eq!(clean("größer als 10m …"), "größer als 10m …");
    }
}
