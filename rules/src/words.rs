//! Somebody's words: how to show them, and what they likely meant.

/// How alike two words must be for one to be meant by the other (0 to 1).
const ALIKE: f64 = 0.7;

/// The known word that is most like `word`; `None` where none is much like it.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    let alike = |known: &'k str| (strsim::jaro_winkler(&word, &known.to_lowercase()), known);
    known
        .into_iter()
        .map(alike)
        .filter(|(alike, _)| *alike > ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

/// Somebody's text in a message: in backticks, in one line, and not long.
pub fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    let mut line: String = text.chars().take(MOST).collect();
    if text.chars().nth(MOST).is_some() {
        line.push_str("...");
    }
    format!("`{}`", line.replace(char::is_control, " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_alike_is_meant_whatever_its_case() {
        let known = ["keepalive-age-too-long", "keepalive-age-too-short"];
        assert_eq!(nearest("keepalive-age-to-long", known), Some(known[0]));
        assert_eq!(nearest("Keepalive-Age-Too-Short", known), Some(known[1]));
        assert_eq!(nearest("something else", known), None);
    }

    #[test]
    fn what_somebody_wrote_stays_short_and_in_one_line() {
        assert_eq!(quoted("a\nb\u{1b}c"), "`a b c`");
        assert_eq!(quoted(&"ä".repeat(61)), format!("`{}...`", "ä".repeat(60)));
    }
}
