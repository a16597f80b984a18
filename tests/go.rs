//! Go's own reading of durations and booleans, and of istiod's arguments, as `tests/go/main.go` recorded
//! it: `go run . durations > durations.jsonl` and so on, with Go 1.26.8, cobra 1.10.2 and pflag 1.0.10,
//! which are Istio 1.31's.

#![expect(
    clippy::disallowed_methods,
    reason = "a failure can be run again by its seed"
)]

use fastrand::Rng;
use meshcheck_rules::Object;
use meshcheck_rules::istio::args::{Arguments, INTERVAL, TIMEOUT, Text};
use meshcheck_rules::istio::duration::GoDuration;
use meshcheck_rules::istio::image::{Image, Tag};
use meshcheck_rules::istio::keepalive::{Age, Unlimited};
use meshcheck_rules::istio::version::{KubernetesVersion, Version};
use meshcheck_rules::istio::{Subject, go_bool};
use meshcheck_rules::object::Strings;
use serde_json::{Value, json};

const DURATIONS: &str = include_str!("go/durations.jsonl");
const BOOLEANS: &str = include_str!("go/booleans.jsonl");
const ARGUMENTS: &str = include_str!("go/arguments.jsonl");

/// The rows of a recording, each a list.
fn rows(text: &str) -> impl Iterator<Item = Vec<Value>> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a row"))
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[test]
fn durations_are_read_as_go_reads_them() {
    let mut wrong = Vec::new();
    let (mut accepted, mut refused) = (0, 0);
    for row in rows(DURATIONS) {
        let read = GoDuration::parse(text(&row[0]));
        let agrees = match (&row[1], &read) {
            (Value::Number(nanoseconds), Ok(duration)) => {
                accepted += 1;
                Some(duration.nanoseconds()) == nanoseconds.as_i64()
            }
            (Value::String(error), Err(ours)) => {
                refused += 1;
                ours.to_string() == *error
            }
            _ => false,
        };
        if !agrees {
            wrong.push(format!("{row:?}: {read:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(accepted > 700 && refused > 200, "{accepted} {refused}");
}

/// What Go prints, shorter: `1h0m0s` is `1h`, and a microsecond has a letter of ASCII.
#[test]
fn durations_are_printed_as_go_prints_them_but_shorter() {
    for row in rows(DURATIONS) {
        let [_, Value::Number(nanoseconds), Value::String(gos)] = row.as_slice() else {
            continue;
        };
        let duration = GoDuration::parse(gos).expect("what Go prints");
        assert_eq!(Some(duration.nanoseconds()), nanoseconds.as_i64(), "{gos}");
        let mut shorter = gos.replace('µ', "u").replace("h0m", "h");
        if let Some(whole) = shorter
            .strip_suffix("0s")
            .filter(|rest| rest.ends_with(['h', 'm']))
        {
            shorter = whole.to_owned();
        }
        assert_eq!(duration.to_string(), shorter, "{gos}");
        assert_eq!(GoDuration::parse(&shorter), Ok(duration), "{gos}");
    }
}

#[test]
fn booleans_are_read_as_go_reads_them() {
    for row in rows(BOOLEANS) {
        assert_eq!(go_bool(text(&row[0])), row[1].as_bool(), "{row:?}");
    }
}

/// The age and the pings that follow from arguments, or that istiod does not start with them.
#[test]
fn arguments_are_read_as_pflag_reads_them() {
    let mut wrong = Vec::new();
    let (mut starts, mut exits) = (0, 0);
    for row in rows(ARGUMENTS) {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "istiod"},
            "spec": {"containers": [
                {"name": "discovery", "image": "docker.io/istio/pilot:1.31.1", "args": row[0]},
            ]},
        });
        let objects = Object::all(&pod);
        let strings = Strings::default();
        let subject = Subject::of(&objects[0], &strings);
        let Some(istiod) = &subject.istiod else {
            wrong.push(format!("{row:?}: no istiod"));
            continue;
        };
        let age = &subject.ages()[0].age;
        let agrees = match row.as_slice() {
            [_, error] => {
                exits += 1;
                let is_of_others = is_of_others(text(error));
                matches!(age, Age::Crashes(_)) || is_of_others
            }
            [_, gos, interval, timeout] => {
                starts += 1;
                is_age(age, text(gos))
                    && is_ping(&istiod.arguments, INTERVAL, "30s", text(interval))
                    && is_ping(&istiod.arguments, TIMEOUT, "10s", text(timeout))
            }
            _ => false,
        };
        if !agrees {
            wrong.push(format!("{row:?}: {age:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(starts > 200 && exits > 400, "{starts} {exits}");
}

/// Errors that have nothing to do with the connection age: other rules' or nobody's.
fn is_of_others(error: &str) -> bool {
    [
        "keepaliveInterval",
        "keepaliveTimeout",
        "does not run",
        "unknown command",
    ]
    .iter()
    .any(|words| error.contains(words))
}

fn is_age(age: &Age<'_>, gos: &str) -> bool {
    let read = GoDuration::parse(gos);
    match age {
        Age::Finite(duration) | Age::Unlimited(Unlimited::Huge(duration)) => read == Ok(*duration),
        Age::Unlimited(Unlimited::Zero) => read == Ok(GoDuration::ZERO),
        Age::Unlimited(Unlimited::Missing | Unlimited::Misspelt(_)) => gos == "unlimited",
        Age::Crashes(_) | Age::Unknown => false,
    }
}

fn is_ping(arguments: &Arguments<'_>, flag: &str, default: &str, gos: &str) -> bool {
    let last = arguments.all(flag).last();
    let text = last.map_or(Some(default), |flag| flag.text().and_then(Text::known));
    text.and_then(|text| GoDuration::parse(text).ok()) == GoDuration::parse(gos).ok()
}

/// `MESHCHECK_SEED` repeats a run, or tries another.
fn seed() -> u64 {
    let told = std::env::var("MESHCHECK_SEED").ok();
    told.map_or(20_261_122, |text| {
        text.parse().expect("MESHCHECK_SEED is a number")
    })
}

/// A text of what versions, tags and durations are made of, and of what they are not.
fn any_text(rng: &mut Rng) -> String {
    const PIECES: &[&str] = &[
        "1",
        "31",
        "0",
        "00",
        "9",
        "99999999999999999999",
        ".",
        "-",
        "+",
        "v",
        "V",
        "x",
        "*",
        "~",
        ">=",
        " ",
        "/",
        ":",
        "@",
        "sha256:",
        "latest",
        "rc",
        "alpha",
        "release-",
        "g19df463bb",
        "asm",
        "h",
        "m",
        "s",
        "ms",
        "µs",
        "ns",
        "d",
        "{{",
        "}}",
        "${",
        "$",
        "#@",
        "\u{0}",
        "ä",
        "\u{1d7ce}",
        "\u{feff}",
        "istio",
        "pilot",
        "proxyv2",
        "\n",
        "\"",
        "\\",
        "[::1]",
        "5000",
    ];
    let count = rng.usize(..9);
    (0..count)
        .map(|_| PIECES[rng.usize(..PIECES.len())])
        .collect()
}

#[test]
fn no_text_breaks_a_parser() {
    let seed = seed();
    let mut rng = Rng::with_seed(seed);
    for _ in 0..50_000 {
        let text = any_text(&mut rng);
        let image = Image::parse(&text);
        // Taken apart, nothing is lost.
        let mut whole = String::new();
        if text.contains('/') && image.hub.len() < text.len() {
            let has_slash = text[image.hub.len()..].starts_with('/');
            whole = format!("{}{}", image.hub, if has_slash { "/" } else { "" });
        }
        whole += image.name;
        whole += &image.tag.map_or_else(String::new, |tag| format!(":{tag}"));
        whole += &image
            .digest
            .map_or_else(String::new, |digest| format!("@{digest}"));
        assert_eq!(whole, text, "seed {seed}");
        let _ = (
            image.component(),
            image.vendor(),
            image.is_of_istio(),
            image.is_auto(),
        );
        let _ = (
            Image::is_template(&text),
            KubernetesVersion::parse(&text),
            go_bool(&text),
        );
        // A version is printed as it is read.
        if let Some(version) = Version::parse(&text) {
            assert_eq!(
                Version::parse(&version.to_string()),
                Some(version),
                "{text:?}, seed {seed}"
            );
            assert_eq!(
                Tag::read(&text),
                Tag::Release(version),
                "{text:?}, seed {seed}"
            );
        }
        if let Ok(duration) = GoDuration::parse(&text) {
            let printed = duration.to_string();
            assert_eq!(
                GoDuration::parse(&printed),
                Ok(duration),
                "{text:?}, seed {seed}"
            );
        }
    }
}

#[test]
fn every_duration_is_read_as_it_is_printed() {
    let seed = seed();
    let mut rng = Rng::with_seed(seed);
    let ends = [
        i64::MIN,
        i64::MAX,
        0,
        1,
        -1,
        999,
        1_000,
        59_999_999_999,
        60_000_000_000,
    ];
    let random = std::iter::repeat_with(|| rng.i64(..) >> rng.u32(..63)).take(20_000);
    for nanoseconds in ends.into_iter().chain(random) {
        let duration = GoDuration::parse(&format!("{nanoseconds}ns")).expect("a duration");
        assert_eq!(duration.nanoseconds(), nanoseconds);
        let printed = duration.to_string();
        assert_eq!(
            GoDuration::parse(&printed),
            Ok(duration),
            "{printed}, seed {seed}"
        );
    }
}
