//! Nothing that a file holds makes the reader slow, large or dead.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use meshcheck_rules::yaml::{Limits, Options, ProblemKind, Stream};

use super::{place, problem, read};

fn quickly<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    // Milliseconds in an optimised build; the rest is for debug builds on busy machines.
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    done
}

/// Lines, each deeper than the one before.
fn stairs(line: &str) -> String {
    let lines: Vec<_> = (0..2_000).map(|depth| " ".repeat(depth) + line).collect();
    lines.join("\n")
}

#[test]
fn endless_nesting_is_a_limit() {
    let openings = [
        "[".repeat(100_000),
        "{".repeat(100_000),
        "{\"a\":".repeat(100_000),
        "[{\"a\":".repeat(100_000),
        "- ".repeat(100_000),
        stairs("a:"),
        stairs("-"),
        format!("{}1{}", "[".repeat(129), "]".repeat(129)),
        format!("{}1", "- ".repeat(129)),
    ];
    for text in openings {
        let found = quickly(|| problem(&text));
        assert_eq!(found.kind, ProblemKind::Limit, "{text:.40}: {found:?}");
    }
}

#[test]
fn the_depth_that_is_allowed_is_read() {
    let flow = format!("{}1{}", "[".repeat(128), "]".repeat(128));
    assert_eq!(read(&flow).documents.len(), 1);
    assert_eq!(read(&format!("{}1", "- ".repeat(128))).documents.len(), 1);
}

#[test]
fn a_billion_laughs_are_a_limit() {
    let mut text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..12 {
        let uses = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(text, "a{level}: &a{level} [{uses}]").expect("a string");
    }
    let found = quickly(|| problem(&text));
    assert_eq!(
        (found.kind, place(&found).1 > 2),
        (ProblemKind::Limit, true),
        "{found:?}"
    );
}

#[test]
fn aliases_cannot_nest_without_end() {
    let mut text = "a0: &a0 x\n".to_owned();
    for level in 1..200 {
        writeln!(text, "a{level}: &a{level} [*a{}]", level - 1).expect("a string");
    }
    assert_eq!(quickly(|| problem(&text)).kind, ProblemKind::Limit);
}

#[test]
fn large_scalars_cannot_be_repeated_without_end() {
    let uses = "*a, ".repeat(5_000);
    let text = format!("a: &a {}\nb: [{uses}]\n", "x".repeat(100_000));
    assert_eq!(quickly(|| problem(&text)).kind, ProblemKind::Limit);
}

#[test]
fn bytes_and_nodes_have_a_bound() {
    let limits = Limits {
        bytes: 100,
        depth: 128,
        nodes: 10,
    };
    let options = Options {
        limits,
        plain: false,
    };
    let found = Stream::read("a".repeat(101).as_bytes(), &options);
    assert_eq!(found.problems[0].kind, ProblemKind::Limit);
    let found = Stream::read(b"[1,2,3,4,5,6,7,8,9,10,11]", &options);
    assert_eq!(found.problems[0].kind, ProblemKind::Limit);
}

/// Ten times the documents are ten times the work, in one file as in ten.
#[test]
fn many_documents_cost_what_they_hold() {
    let one = "a: é\nb: [1, 2]\nc: |\n  x\n---\n";
    let broken = "a: [\n---\n";
    let count = 20_000;
    let json = quickly(|| read(&"{\"a\": [\"é\"]}\n".repeat(count)));
    assert_eq!(json.documents.len(), count);
    for document in [one, broken] {
        let stream = quickly(|| read(&document.repeat(count)));
        assert_eq!(stream.documents.len() + stream.problems.len(), count + 1);
        if let Some(last) = stream.problems.last() {
            assert_eq!(last.at.expect("a place").line, count * 2 - 1);
        }
    }
}

/// Telling templates from text looks at each character once.
#[test]
fn a_line_full_of_directives_costs_what_it_holds() {
    for piece in ["\"{{ a }}\", ", "{{ ", "# {{ "] {
        for text in ["a: [\nb: c: d ", "a: |\n  x\nb: c: d \n", "a: '"] {
            let text = format!("{text}{}", piece.repeat(200_000));
            quickly(|| problem(&text));
        }
    }
}
