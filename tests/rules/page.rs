//! A rule's page, taken apart into its headings and its blocks.

use meshcheck_rules::Severity;

/// A page of a rule: `<id>.md`, or its further cases, `<id>.cases.md`.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) file: String,
    /// The heading with one `#`.
    pub(crate) title: String,
    /// The first line below it.
    pub(crate) summary: String,
    /// The headings with two.
    pub(crate) sections: Vec<String>,
    pub(crate) blocks: Vec<Block>,
}

/// A fenced block.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) kind: Kind,
    /// Line of the page on which its text begins, from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// What a block is, from the words behind its fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `yaml error`: what the rule finds, marked line by line; with `info`, `warning` or `error`
    /// behind it where the findings have another severity than the rule.
    Error(Option<Severity>),
    /// `yaml fixed`: what becomes of the last error block; `yaml fixed unsafe` where only a fix that
    /// needs a look does it.
    Fixed { needs_review: bool },
    /// `yaml ok`: the rule finds nothing.
    Ok,
    /// `sh error`: a command whose run gets the finding of a rule that looks at the whole run.
    RunError,
    /// `sh ok`: a command whose run does not.
    RunOk,
    /// `yaml old`: what was there before the next block, which is an update of it.
    Old,
    /// `yaml config`: settings for the blocks behind it.
    Config,
    /// `sh` and `text`: for people.
    Shown,
}

impl Kind {
    fn read(words: &str) -> Option<Self> {
        let kind = match words {
            "yaml error" => Self::Error(None),
            "yaml error info" => Self::Error(Some(Severity::Info)),
            "yaml error warning" => Self::Error(Some(Severity::Warning)),
            "yaml error error" => Self::Error(Some(Severity::Error)),
            "yaml fixed" => Self::Fixed {
                needs_review: false,
            },
            "yaml fixed unsafe" => Self::Fixed { needs_review: true },
            "yaml ok" => Self::Ok,
            "yaml old" => Self::Old,
            "yaml config" => Self::Config,
            "sh error" => Self::RunError,
            "sh ok" => Self::RunOk,
            "sh" | "text" => Self::Shown,
            _ => return None,
        };
        Some(kind)
    }
}

impl Page {
    /// Takes a page apart; what it cannot read it says with the line.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, String> {
        let mut page = Self {
            file: file.to_owned(),
            title: String::new(),
            summary: String::new(),
            sections: Vec::new(),
            blocks: Vec::new(),
        };
        let mut lines = text.lines().enumerate();
        while let Some((index, line)) = lines.next() {
            if let Some(words) = line.strip_prefix("```") {
                let at = index + 1;
                let kind = Kind::read(words)
                    .ok_or_else(|| format!("{file}:{at}: `{words}` is no kind of block"))?;
                let text = fenced(lines.by_ref().map(|(_, line)| line))
                    .ok_or_else(|| format!("{file}:{at}: the block does not end"))?;
                page.blocks.push(Block {
                    kind,
                    line: at + 1,
                    text,
                });
            } else if let Some(section) = line.strip_prefix("## ") {
                page.sections.push(section.to_owned());
            } else if let Some(title) = line.strip_prefix("# ") {
                title.clone_into(&mut page.title);
            } else if page.summary.is_empty() && !page.title.is_empty() {
                line.clone_into(&mut page.summary);
            }
        }
        Ok(page)
    }

    /// The blocks of one kind.
    pub(crate) fn count(&self, is_kind: impl Fn(Kind) -> bool) -> usize {
        self.blocks
            .iter()
            .filter(|block| is_kind(block.kind))
            .count()
    }
}

/// The lines up to the closing fence; `None` where there is none.
fn fenced<'t>(lines: impl Iterator<Item = &'t str>) -> Option<String> {
    let mut text = String::new();
    for line in lines {
        if line == "```" {
            return Some(text);
        }
        text.push_str(line);
        text.push('\n');
    }
    None
}
