//! A rule's Markdown page as a terminal shows it.

use std::fmt::Write as _;

const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

/// The page without what the header said, code indented and named by what it shows.
pub(super) fn shown(page: &str, summary: &str, colored: bool) -> String {
    let mut out = String::new();
    let mut in_code = false;
    let mut is_fixed = false;
    let said = |line: &&str| line.is_empty() || line.starts_with("# ") || *line == summary;
    for line in page.trim().lines().skip_while(said) {
        if let Some(info) = line.strip_prefix("```") {
            in_code = !in_code;
            is_fixed = info.split(' ').any(|word| word == "fixed");
            if in_code && let Some(caption) = caption(info) {
                let _ = writeln!(out, "  {caption}:\n");
            }
        } else if in_code && !line.is_empty() {
            // The mark is the page's, and nothing is wrong there any more.
            let line = line
                .strip_suffix(" # error")
                .filter(|_| is_fixed)
                .unwrap_or(line);
            let _ = writeln!(out, "    {line}");
        } else if let Some(heading) = line.strip_prefix("## ").filter(|_| !in_code) {
            let (bold, plain) = if colored { (BOLD, PLAIN) } else { ("", "") };
            let _ = writeln!(out, "{bold}{heading}{plain}");
        } else {
            let _ = writeln!(out, "{line}");
        }
    }
    format!("{}\n", out.trim())
}

/// What a block of a page is, by the word behind its language.
fn caption(info: &str) -> Option<&'static str> {
    let mut words = info.split_whitespace();
    let language = words.next()?;
    match words.next()? {
        "error" if language == "sh" => Some("Reported"),
        "error" => Some("Reported, at each `# error`"),
        "fixed" => Some("After the fix"),
        "ok" => Some("Not reported"),
        "config" => Some("With these settings"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# some-rule\n\nwhat it is\n\n## What it flags\n\nText.\n\n```yaml error\na: 1 # error\n\n# no heading\n```\n\n```sh\nls\n```\n\n```sh error\nls -l\n```\n\n```yaml fixed unsafe\na: 2 # error\n```\n";

    #[test]
    fn code_is_indented_and_named() {
        let expected = "What it flags\n\nText.\n\n  Reported, at each `# error`:\n\n    a: 1 # error\n\n    # no heading\n\n    ls\n\n  Reported:\n\n    ls -l\n\n  After the fix:\n\n    a: 2\n";
        assert_eq!(shown(PAGE, "what it is", false), expected);
    }

    #[test]
    fn headings_are_bold_where_colour_is_wanted() {
        assert!(shown(PAGE, "what it is", true).starts_with("\x1b[1mWhat it flags\x1b[0m\n"));
    }

    #[test]
    fn a_page_with_a_heading_only_is_empty() {
        assert_eq!(shown("# some-rule\n", "", false), "\n");
    }
}
