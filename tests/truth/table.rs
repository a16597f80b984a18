//! The hand-checked table of what stands in 55 documents.

use std::fmt::Write as _;
use std::fs;

use meshcheck_rules::istio::Subject;
use meshcheck_rules::istio::build::Stated;
use meshcheck_rules::istio::duration::GoDuration;
use meshcheck_rules::istio::keepalive::{Age, Unlimited};
use meshcheck_rules::istio::proxy::Role;
use meshcheck_rules::yaml::{Options, ProblemKind, Stream};
use meshcheck_rules::{Object, Strings};

use crate::{fixtures, rows};

/// What the program sees in a document, in the words of the table.
struct Seen {
    versions: Vec<String>,
    age: &'static str,
    age_text: Option<GoDuration>,
    istiod_readiness: &'static str,
    proxy: &'static str,
    readiness: &'static str,
    startup: &'static str,
    hold: &'static str,
}

impl Seen {
    fn in_object(object: &Object<'_>) -> Self {
        let strings = Strings::default();
        let subject = Subject::of(object, &strings);
        let proxy = subject.proxy.as_ref();
        let yes_no = |has: bool| if has { "yes" } else { "no" };
        let probe =
            |name: &str| proxy.map_or("", |proxy| yes_no(proxy.container.get_set(name).is_some()));
        let role = proxy.map_or("", |proxy| match proxy.role {
            _ if proxy.is_blocking_init() => "init",
            Role::Sidecar if proxy.is_native() => "native",
            Role::Sidecar => "regular",
            Role::Gateway => "gateway",
            Role::Waypoint => "waypoint",
            Role::MixerEra => "mixer",
            Role::Stub => "stub",
            Role::Ztunnel | Role::Foreign => "other",
        });
        let setting = subject.ages().first();
        let is_default = setting.is_some_and(|setting| setting.is_default);
        let (age, age_text) = match setting.map(|setting| setting.age.clone()) {
            None => ("none", None),
            Some(Age::Finite(_)) if is_default => ("default", None),
            Some(Age::Finite(age)) => ("", Some(age)),
            Some(Age::Unlimited(Unlimited::Missing)) => ("absent", None),
            Some(_) => ("other", None),
        };
        let is_sidecar = matches!(role, "regular" | "native");
        let holds = proxy.is_some_and(|proxy| {
            !proxy.is_native() && proxy.index == 0 && proxy.wait_hook().is_some()
        });
        Self {
            versions: versions(&subject),
            age,
            age_text,
            istiod_readiness: subject.istiod.as_ref().map_or("", |istiod| {
                yes_no(istiod.container.get_set("readinessProbe").is_some())
            }),
            proxy: role,
            readiness: probe("readinessProbe"),
            startup: probe("startupProbe"),
            hold: if is_sidecar { yes_no(holds) } else { "" },
        }
    }
}

fn versions(subject: &Subject<'_>) -> Vec<String> {
    let builds = subject
        .builds
        .iter()
        .map(|build| (&build.stated, build.image.tag));
    let installs = subject.install.iter().flat_map(|install| &install.versions);
    let installs = installs.map(|version| (&version.stated, version.node.str()));
    builds
        .chain(installs)
        .map(|(stated, tag)| match stated {
            Stated::Version(..) => tag.unwrap_or_default().to_owned(),
            Stated::Unknown { .. } => "undetermined".to_owned(),
        })
        .collect()
}

#[test]
fn every_row_of_the_truth_table_holds() {
    let corpus = fixtures().join("corpus");
    let rows = rows(&corpus.join("truth.csv"));
    assert_eq!(rows.len(), 55);
    let mut wrong = String::new();
    for row in &rows {
        let [
            number,
            file,
            document,
            title,
            version,
            age,
            istiod,
            proxy,
            readiness,
            startup,
            hold,
        ] = row.as_slice()
        else {
            panic!("not eleven fields: {row:?}")
        };
        let stream = Stream::read(
            &fs::read(corpus.join(file)).expect("a file"),
            &Options::default(),
        );
        let Ok(index) = document.parse::<usize>() else {
            let templates = stream
                .problems
                .iter()
                .all(|p| p.kind == ProblemKind::Template);
            assert!(
                templates && !stream.problems.is_empty(),
                "{file}: {:?}",
                stream.problems
            );
            continue;
        };
        let document = stream
            .documents
            .iter()
            .find(|document| document.index == index);
        let value = &document.expect("the document").value;
        let objects = Object::all(value);
        for object in &objects {
            let seen = Seen::in_object(object);
            if title.starts_with("List/") && seen.versions.is_empty() {
                continue;
            }
            let expected_version: Vec<&str> = if version == "none" {
                Vec::new()
            } else {
                vec![version.as_str()]
            };
            let age_agrees = match seen.age_text {
                Some(duration) => GoDuration::parse(age) == Ok(duration),
                None => seen.age == age,
            };
            let mut versions: Vec<&str> = seen.versions.iter().map(String::as_str).collect();
            versions.dedup();
            let agrees = versions == expected_version
                && age_agrees
                && seen.istiod_readiness == istiod
                && seen.proxy == proxy
                && (seen.readiness == readiness || proxy.is_empty())
                && (seen.startup == startup || proxy.is_empty())
                && seen.hold == hold
                && (title.starts_with("List/")
                    || title.is_empty()
                    || title.ends_with("(no name)")
                    || object.title() == *title);
            if !agrees {
                writeln!(
                    wrong,
                    "row {number} {file}#{index} {}: {versions:?} {} {:?} istiod {:?} proxy {:?} r {:?} s \
                     {:?} hold {:?}; the table: {row:?}",
                    object.title(),
                    seen.age,
                    seen.age_text,
                    seen.istiod_readiness,
                    seen.proxy,
                    seen.readiness,
                    seen.startup,
                    seen.hold
                )
                .expect("a string");
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
