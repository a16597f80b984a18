use serde_json::Value;

use crate::engine::Context;
use crate::finding::{Applicability, Fix, Severity, op};
use crate::istio::args::{INTERVAL, TIMEOUT, Text, Variable, variable, variable_node};
use crate::istio::duration::{DurationError, GoDuration};
use crate::istio::install::Plane;
use crate::istio::istiod::Istiod;
use crate::istio::keepalive::READS_ENVIRONMENT;
use crate::istio::version::Version;
use crate::object::Node;
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{Grade, ISTIODS};

declare_rule! {
    id: "keepalive-ping-policy",
    summary: "istiod's keepalive pings do not fit what proxies send",
    severity: Warning,
    since: "0.1.0",
    kinds: ISTIODS,
    fix: Some(Applicability::Safe),
    check: check,
}

/// Proxies ping every 30s; istiod refuses pings that come faster than half its own interval.
const MOST_INTERVAL: GoDuration = GoDuration::from_seconds(60);
/// A dead peer should be noticed within this.
const MOST_SILENCE: GoDuration = GoDuration::from_minutes(5);
/// One of the two settings.
struct Ping<'a> {
    name: String,
    value: Result<GoDuration, DurationError>,
    /// Node with the whole value, or `--flag=value`.
    node: Option<(Node<'a>, bool)>,
    default: GoDuration,
    flag: &'static str,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    let subject = cx.subject();
    if let Some(istiod) = subject.istiod.as_ref().filter(|istiod| !istiod.is_wrapped) {
        check_istiod(istiod, subject.istiod_version(), Some, out);
    }
    let refuses = |plane: &Plane<'_>| {
        let install = subject.install.as_ref();
        install.is_some_and(|install| install.refuses_arguments(plane))
    };
    for plane in subject.planes().iter().filter(|plane| !refuses(plane)) {
        if let Some(container) = plane.deployment.container() {
            let istiod = Istiod::in_container(container);
            let version = Some(plane.version());
            let source = |node: Node<'_>| plane.deployment.source(&node.pointer()).cloned();
            check_istiod(&istiod, version, source, out);
        }
    }
}

/// `source` gives the field that says what stands in a node.
fn check_istiod<'a>(
    istiod: &Istiod<'a>,
    version: Option<Version>,
    source: impl Fn(Node<'a>) -> Option<Node<'a>>,
    out: &mut Findings,
) {
    let said = |ping: Ping<'a>| Ping {
        node: ping
            .node
            .and_then(|(node, joined)| Some((source(node)?, joined))),
        ..ping
    };
    let interval = setting(istiod, version, INTERVAL, "GRPC_KEEPALIVE_INTERVAL", 30).map(&said);
    let timeout = setting(istiod, version, TIMEOUT, "GRPC_KEEPALIVE_TIMEOUT", 10).map(said);
    let (Some(interval), Some(timeout)) = (interval, timeout) else {
        return;
    };
    let mut sound = true;
    for ping in [&interval, &timeout] {
        sound &= !report_unusable(ping, out);
    }
    let (Ok(every), Ok(wait)) = (&interval.value, &timeout.value) else {
        return;
    };
    if !sound {
        return;
    }
    if *every > MOST_INTERVAL {
        let message = format!(
            "{} is {every}: proxies ping every 30s, and istiod answers pings that come faster than \
             half its own interval with GOAWAY, so their streams end again and again",
            interval.name
        );
        report(&interval, message, out);
    } else if every.plus(*wait) > MOST_SILENCE {
        let message = format!(
            "{} is {wait}: with pings every {every} a dead proxy or a dead connection stays \
             unnoticed for {}",
            timeout.name,
            every.plus(*wait)
        );
        report(&timeout, message, out);
    }
}

/// Zero and negative values are accepted and mean nothing good; an unreadable flag ends istiod.
fn report_unusable(ping: &Ping<'_>, out: &mut Findings) -> bool {
    match &ping.value {
        Ok(value) if *value > GoDuration::ZERO => false,
        Ok(value) => {
            let message = format!(
                "{} is {value}: istiod accepts it, and a dead connection is noticed late or never",
                ping.name
            );
            report(ping, message, out);
            true
        }
        Err(error) => {
            let message = format!(
                "istiod does not start: {} cannot be read ({error})",
                ping.name
            );
            let (Some(at), fix) = (ping.node.as_ref(), fix(ping, Fix::needs_review)) else {
                return true;
            };
            out.report(at.0.as_value(), message)
                .severity(Severity::Error)
                .fix(fix);
            true
        }
    }
}

fn report(ping: &Ping<'_>, message: String, out: &mut Findings) {
    if let Some((node, _)) = &ping.node {
        out.report(node.as_value(), message)
            .fix(fix(ping, Fix::safe));
    }
}

fn fix(ping: &Ping<'_>, grade: Grade) -> Option<Fix> {
    let text = match &ping.node {
        Some((_, true)) => format!("--{}={}", ping.flag, ping.default),
        _ => ping.default.to_string(),
    };
    let ops = ping
        .node
        .as_ref()
        .map(|(node, _)| op::replace(node, Value::String(text)));
    let title = format!("set {} to {}, Istio's own default", ping.name, ping.default);
    grade(title, ops.into_iter().collect())
}

/// The flag, else the variable if it is a duration, else the default. `None` where it is unknown.
fn setting<'a>(
    istiod: &Istiod<'a>,
    version: Option<Version>,
    flag: &'static str,
    name: &str,
    default: i64,
) -> Option<Ping<'a>> {
    let default = GoDuration::from_seconds(default);
    let ping = |name: String, value, node| Ping {
        name,
        value,
        node,
        default,
        flag,
    };
    let bad = |flag: &&_| is_bad(flag);
    let decisive = istiod
        .arguments
        .all(flag)
        .find(bad)
        .or_else(|| istiod.arguments.all(flag).last());
    if let Some(occurrence) = decisive {
        let text = match occurrence.text() {
            Some(Text::Known(text)) => text.as_str(),
            Some(Text::Unknown) => return None,
            None => "",
        };
        let node = occurrence.value_node().clone();
        let joined = std::ptr::eq(node.value(), occurrence.at.value());
        let name = format!("`--{flag}`");
        return Some(ping(name, GoDuration::parse(text), Some((node, joined))));
    }
    let reads = version.is_none_or(|version| version >= READS_ENVIRONMENT);
    let text = match variable(&istiod.container, name) {
        Variable::Literal(text) if reads => text,
        Variable::Elsewhere if reads => return None,
        _ => return Some(ping(format!("`--{flag}`"), Ok(default), None)),
    };
    // A variable that is no duration is ignored.
    let value = GoDuration::parse(text).unwrap_or(default);
    let node = variable_node(&istiod.container, name).and_then(|entry| entry.get("value"));
    Some(ping(
        format!("`{name}`"),
        Ok(value),
        node.map(|node| (node, false)),
    ))
}

fn is_bad(flag: &crate::istio::args::Flag<'_>) -> bool {
    match flag.text() {
        Some(Text::Known(text)) => GoDuration::parse(text).is_err(),
        Some(Text::Unknown) => false,
        None => true,
    }
}
