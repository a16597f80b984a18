//! Plain text for people: tables and paragraphs that fit a terminal.

/// Characters in a line.
const WIDTH: usize = 98;

/// Rows as columns, each as wide as its widest cell; nothing behind the last one.
pub fn table(indent: &str, rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        format!("{indent}{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// A paragraph: its first line begins with `first`, the others with as many blanks.
pub fn paragraph(first: &str, text: &str) -> String {
    let rest = " ".repeat(first.chars().count());
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut is_empty = true;
    for word in text.split(' ') {
        let long = line.chars().count() + 1 + word.chars().count() > WIDTH;
        if long && !is_empty {
            lines.push(std::mem::replace(&mut line, rest.clone()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["a", "bc", ""]), row(["abc", "d", "e"])];
        assert_eq!(table("  ", &rows), "  a    bc\n  abc  d   e\n");
    }

    #[test]
    fn paragraphs_break_between_words_and_hang() {
        let text = "word ".repeat(30);
        let text = paragraph("  - ", text.trim_end());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("  - word") && lines[1].starts_with("    word"));
        assert!(lines.iter().all(|line| line.len() <= WIDTH));
        // A word that is too long stands alone, and no line is empty.
        let long = "x".repeat(200);
        assert_eq!(paragraph("- ", &long), format!("- {long}\n"));
    }
}
