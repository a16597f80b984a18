//! Values that are not in the text yet, written in the manner of the text around them.

use serde_json::{Map, Value};

use super::scalar::{self, Context, Quotes};

/// How a document is laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// Blanks per level.
    pub(super) step: usize,
    /// Blanks of a dash in front of its list's key: none in an indentless list.
    pub(super) dash: usize,
    /// JSON: every string in double quotes.
    pub(super) json: bool,
}

/// What stands behind a `:` or a `-`: the rest of that line, and the lines below it.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) head: String,
    pub(super) lines: Vec<String>,
}

impl Manner {
    /// The value of a member whose key stands at `column`.
    pub(super) fn member(self, value: &Value, column: usize, quotes: Quotes) -> Written {
        match value {
            Value::Object(members) if !members.is_empty() => Written {
                head: String::new(),
                lines: self.members(members, column + self.step),
            },
            Value::Array(items) if !items.is_empty() => Written {
                head: String::new(),
                lines: self.items(items, column + self.dash),
            },
            other => self.scalar(other, column, quotes),
        }
    }

    /// The value of an item whose dash stands at `column`, its content at `inner`.
    pub(super) fn item(
        self,
        value: &Value,
        inner: usize,
        column: usize,
        quotes: Quotes,
    ) -> Written {
        let mut lines = match value {
            Value::Object(members) if !members.is_empty() => self.members(members, inner),
            Value::Array(items) if !items.is_empty() => self.items(items, inner),
            other => return self.scalar(other, column, quotes),
        };
        let first = lines.remove(0);
        Written {
            head: first[inner..].to_owned(),
            lines,
        }
    }

    /// The members of a mapping at `column`, one or more lines each.
    pub(super) fn members(self, members: &Map<String, Value>, column: usize) -> Vec<String> {
        in_order(members)
            .flat_map(|(key, value)| self.entry(key, value, column, Quotes::Plain))
            .collect()
    }

    /// One member of a mapping.
    pub(super) fn entry(
        self,
        key: &str,
        value: &Value,
        column: usize,
        quotes: Quotes,
    ) -> Vec<String> {
        let key = scalar::string(key, Quotes::Plain, Context::Block);
        let written = self.member(value, column, quotes);
        let blank = if written.head.is_empty() { "" } else { " " };
        let first = format!("{:column$}{key}:{blank}{}", "", written.head);
        std::iter::once(first).chain(written.lines).collect()
    }

    /// The items of a list whose dashes stand at `column`.
    pub(super) fn items(self, items: &[Value], column: usize) -> Vec<String> {
        items
            .iter()
            .flat_map(|item| self.dashed(item, column, column + 2, Quotes::Plain))
            .collect()
    }

    /// One item of a list, its content at `inner`.
    pub(super) fn dashed(
        self,
        item: &Value,
        column: usize,
        inner: usize,
        quotes: Quotes,
    ) -> Vec<String> {
        let written = self.item(item, inner, column, quotes);
        let gap = inner - column - 1;
        let first = format!("{:column$}-{:gap$}{}", "", "", written.head);
        std::iter::once(first).chain(written.lines).collect()
    }

    /// A scalar below something at `column`: several lines as a block, one line as it is.
    fn scalar(self, value: &Value, column: usize, quotes: Quotes) -> Written {
        if let Value::String(text) = value
            && quotes != Quotes::Double
            && text.contains('\n')
            && let Some(written) = self.literal(text, column)
        {
            return written;
        }
        Written {
            head: scalar::one_line(value, quotes, Context::Block),
            lines: Vec::new(),
        }
    }

    /// A text as a literal block below something at `column`.
    pub(super) fn literal(self, text: &str, column: usize) -> Option<Written> {
        // A digit counts from the parent's column, and there is only one digit.
        let step = self.step.clamp(1, 9);
        // Blank lines at its end would run into those of the text around it.
        let literal = scalar::literal(text).filter(|literal| literal.chomping != "+")?;
        let digit = literal.counted.then(|| step.to_string());
        let indent = " ".repeat(column + step);
        let lines = literal.lines.iter();
        Some(Written {
            head: format!("|{}{}", digit.unwrap_or_default(), literal.chomping),
            lines: lines.map(|line| scalar::indented(line, &indent)).collect(),
        })
    }

    /// A value on one line inside `{}` or `[]`.
    pub(super) fn compact(self, value: &Value, quotes: Quotes) -> String {
        match value {
            Value::Object(members) => {
                let members: Vec<String> = in_order(members)
                    .map(|(key, value)| {
                        format!("{}: {}", self.flow_key(key), self.compact(value, quotes))
                    })
                    .collect();
                format!("{{{}}}", members.join(", "))
            }
            Value::Array(items) => {
                let items: Vec<String> = items
                    .iter()
                    .map(|item| self.compact(item, quotes))
                    .collect();
                format!("[{}]", items.join(", "))
            }
            other => self.flow_scalar(other, quotes),
        }
    }

    /// A value inside `{}` or `[]` that is laid out over lines; `prefix` is what its line begins
    /// with, `unit` one level of indentation.
    pub(super) fn pretty(self, value: &Value, prefix: &str, unit: &str, quotes: Quotes) -> String {
        let inner = format!("{prefix}{unit}");
        let (open, close, entries): (_, _, Vec<String>) = match value {
            Value::Object(members) if !members.is_empty() => {
                let entry = |(key, value): (&String, &Value)| {
                    let value = self.pretty(value, &inner, unit, quotes);
                    format!("{inner}{}: {value}", self.flow_key(key))
                };
                ('{', '}', in_order(members).map(entry).collect())
            }
            Value::Array(items) if !items.is_empty() => {
                let entry = |item| format!("{inner}{}", self.pretty(item, &inner, unit, quotes));
                ('[', ']', items.iter().map(entry).collect())
            }
            other => return self.flow_scalar(other, quotes),
        };
        format!("{open}\n{}\n{prefix}{close}", entries.join(",\n"))
    }

    pub(super) fn flow_key(self, key: &str) -> String {
        let quotes = if self.json {
            Quotes::Double
        } else {
            Quotes::Plain
        };
        scalar::string(key, quotes, Context::Flow)
    }

    fn flow_scalar(self, value: &Value, quotes: Quotes) -> String {
        let quotes = if self.json { Quotes::Double } else { quotes };
        scalar::one_line(value, quotes, Context::Flow)
    }
}

/// Members in the order in which people write them: what a thing is, then its parts.
fn in_order(members: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    const FIRST: [&str; 4] = ["apiVersion", "kind", "metadata", "name"];
    let rank = |key: &str| FIRST.iter().position(|first| *first == key);
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by_key(|(key, _)| rank(key).unwrap_or(FIRST.len()));
    members.into_iter()
}

/// Whether the last text of a value, as it is written, ends with a line break of its own.
pub(super) fn ends_with_line_break(value: &Value) -> bool {
    match value {
        Value::String(text) => text.ends_with('\n'),
        Value::Array(items) => items.last().is_some_and(ends_with_line_break),
        Value::Object(members) => in_order(members)
            .last()
            .is_some_and(|(_, value)| ends_with_line_break(value)),
        _ => false,
    }
}
