//! What is known about a mesh, for people, and what else would help.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use meshcheck_rules::istio::hold::Hold;
use meshcheck_rules::mesh::{
    ControlPlane, DEFAULT_REVISION, Fact, Facts, Injector, NamespaceLabels, NativeMode,
};

use crate::output::counted;
use crate::source::for_people;

/// Namespaces that are named; more are counted.
const NAMED: usize = 20;

/// The summary, a heading and a line a fact.
pub(super) fn of(facts: &Facts<'_>) -> String {
    let mut text = String::new();
    if facts.is_empty() {
        text.push_str("no input holds a fact about a mesh\n");
    }
    section(&mut text, "control planes", control_planes(facts));
    section(&mut text, "revision tags", tags(facts));
    section(&mut text, "mesh defaults", mesh_defaults(facts));
    section(&mut text, "injectors", injectors(facts));
    section(&mut text, "nodes", nodes(facts));
    section(&mut text, "namespaces in the mesh", namespaces(facts));
    section(&mut text, "disputed, and so not known", disputes(facts));
    section(&mut text, "not known", missing(facts));
    text
}

fn section(text: &mut String, heading: &str, lines: Vec<String>) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "{heading}");
    for line in lines {
        let _ = writeln!(text, "  {}", for_people(&line));
    }
}

fn control_planes(facts: &Facts<'_>) -> Vec<String> {
    let lines = facts.control_planes.iter().map(|known| {
        let plane = &known.value;
        let version = plane.version.map_or_else(
            || "version not stated".to_owned(),
            |version| version.to_string(),
        );
        let natives = natives(plane);
        format!(
            "{}: {version}, {natives} ({})",
            plane.revision, known.source
        )
    });
    lines.collect()
}

fn natives(plane: &ControlPlane) -> String {
    let Some(version) = plane.version else {
        return "native sidecars not known".to_owned();
    };
    match NativeMode::of(version, &plane.native_sidecars) {
        NativeMode::Missing => "no native sidecars in this version".to_owned(),
        NativeMode::OffByDefault => "native sidecars off by default".to_owned(),
        NativeMode::Off(text) => {
            format!("native sidecars off (ENABLE_NATIVE_SIDECARS is {text:?})")
        }
        NativeMode::On => "native sidecars on".to_owned(),
        NativeMode::ByNodes => {
            "native sidecars where all nodes run Kubernetes 1.33 or newer".to_owned()
        }
        NativeMode::Unknown => "ENABLE_NATIVE_SIDECARS is set elsewhere".to_owned(),
    }
}

fn tags(facts: &Facts<'_>) -> Vec<String> {
    let lines = facts.tags.iter().map(|known| {
        format!(
            "{} -> {} ({})",
            known.value.tag, known.value.revision, known.source
        )
    });
    lines.collect()
}

fn mesh_defaults(facts: &Facts<'_>) -> Vec<String> {
    let lines = facts.mesh_configs.iter().map(|known| {
        let hold = match &known.value.hold {
            Hold::Set(true) => "applications wait for their proxy (hold)",
            Hold::WrongType(_) => {
                "no hold: its value has a wrong type, which throws away the whole mesh config"
            }
            _ => "no hold",
        };
        format!("{}: {hold} ({})", known.value.revision, known.source)
    });
    lines.collect()
}

fn injectors(facts: &Facts<'_>) -> Vec<String> {
    let lines = facts.injectors.iter().map(|known| {
        let told = told(&known.value).join(", ");
        format!("{}: {told} ({})", known.value.revision, known.source)
    });
    lines.collect()
}

/// What is out of the ordinary.
fn told(injector: &Injector) -> Vec<&'static str> {
    let policy = &injector.policy;
    let parts = [
        (injector.hold == Some(true), "hold for all"),
        (
            injector.has_lifecycle,
            "a lifecycle of its own, which takes the place of hold",
        ),
        (!injector.startup_probe, "no startup probes"),
        (injector.no_status_port, "status port 0"),
        (!injector.rewrites_probes, "probes are not rewritten"),
        (injector.all_namespaces, "takes namespaces without labels"),
        (!policy.takes_all, "takes only pods that ask"),
        (!policy.never.is_empty(), "never takes some pods"),
        (!policy.always.is_empty(), "always takes some pods"),
    ];
    let parts = parts.into_iter().filter(|(is, _)| *is);
    let told: Vec<_> = parts.map(|(_, what)| what).collect();
    if told.is_empty() {
        return vec!["as Istio has it"];
    }
    told
}

fn nodes(facts: &Facts<'_>) -> Vec<String> {
    let oldest = facts.nodes.iter().min_by_key(|known| known.value.kubelet);
    let line = oldest.map(|known| {
        format!(
            "{}, the oldest kubelet is {} ({})",
            counted(facts.nodes.len(), "node"),
            known.value.kubelet,
            known.source
        )
    });
    line.into_iter().collect()
}

fn namespaces(facts: &Facts<'_>) -> Vec<String> {
    let all = facts.namespaces.len();
    let mut lines: Vec<String> = facts
        .namespaces
        .iter()
        .filter_map(|known| {
            let labels = &known.value;
            let label = asks(labels)?;
            Some(format!("{}: {label} ({})", labels.name, known.source))
        })
        .collect();
    let meshed = lines.len();
    if meshed > NAMED {
        lines.truncate(NAMED);
        lines.push(format!("and {} more", meshed - NAMED));
    }
    if all > 0 {
        lines.push(format!("{meshed} of {}", counted(all, "namespace")));
    }
    lines
}

/// The label by which a namespace is in the mesh.
fn asks(labels: &NamespaceLabels) -> Option<String> {
    match (labels.get("istio-injection"), labels.get("istio.io/rev")) {
        (Some("enabled"), _) => Some("istio-injection: enabled".to_owned()),
        (None, Some(revision)) if !revision.is_empty() => Some(format!("istio.io/rev: {revision}")),
        _ => {
            let mode = labels.get("istio.io/dataplane-mode")?;
            (mode == "ambient").then(|| "ambient".to_owned())
        }
    }
}

/// What two documents say differently.
fn disputes(facts: &Facts<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    dispute(
        "control plane",
        &facts.control_planes,
        |f| &f.revision,
        &mut lines,
    );
    dispute("tag", &facts.tags, |f| &f.tag, &mut lines);
    dispute("webhooks of", &facts.webhooks, |f| &f.name, &mut lines);
    dispute(
        "mesh config",
        &facts.mesh_configs,
        |f| &f.revision,
        &mut lines,
    );
    dispute("injector", &facts.injectors, |f| &f.revision, &mut lines);
    dispute("namespace", &facts.namespaces, |f| &f.name, &mut lines);
    lines
}

fn dispute<T>(what: &str, facts: &[&Fact<T>], name: fn(&T) -> &str, lines: &mut Vec<String>) {
    let mut by_name: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for known in facts {
        let sources = by_name.entry(name(&known.value)).or_default();
        sources.push(known.source.to_string());
    }
    let disputed = by_name.into_iter().filter(|(_, sources)| sources.len() > 1);
    lines.extend(disputed.map(|(name, sources)| format!("{what} {name}: {}", sources.join(", "))));
}

/// What would help, and how to get it.
fn missing(facts: &Facts<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if facts.control_planes.is_empty() && facts.istio.is_none() {
        lines.push(
            "istiod and its version: kubectl -n istio-system get deployments -o yaml, or \
             --istio-version"
                .to_owned(),
        );
    }
    let revisions: Vec<&str> = wanted_revisions(facts);
    for revision in &revisions {
        let is_known = facts
            .control_planes
            .iter()
            .any(|f| f.value.revision == *revision);
        if !is_known && !facts.control_planes.is_empty() {
            lines.push(format!(
                "the istiod of revision {revision}, which namespaces ask for"
            ));
        }
    }
    if facts.mesh_configs.is_empty() || facts.injectors.is_empty() {
        lines
            .push("the mesh's defaults: kubectl -n istio-system get configmaps -o yaml".to_owned());
    }
    if facts.nodes.is_empty() && facts.kubernetes.is_none() {
        lines.push("the nodes: kubectl get nodes -o yaml, or --kubernetes-version".to_owned());
    }
    if facts.kubernetes.is_none() {
        lines.push("the version of the API server: --kubernetes-version".to_owned());
    }
    if facts.namespaces.is_empty() {
        lines.push("the namespaces' labels: kubectl get namespaces -o yaml".to_owned());
    }
    if facts.webhooks.is_empty() {
        lines.push(
            "the injector's webhooks and tags: kubectl get mutatingwebhookconfigurations -o yaml"
                .to_owned(),
        );
    }
    lines
}

/// The revisions that namespaces ask for, tags resolved, each once.
fn wanted_revisions<'f>(facts: &'f Facts<'_>) -> Vec<&'f str> {
    let asked = facts.namespaces.iter().filter_map(|known| {
        let labels = &known.value;
        match labels.get("istio-injection") {
            Some("enabled") => Some(DEFAULT_REVISION),
            Some(_) => None,
            None => labels.get("istio.io/rev").filter(|name| !name.is_empty()),
        }
    });
    let mut revisions: Vec<&str> = asked
        .map(|name| {
            let tag = facts.tags.iter().find(|known| known.value.tag == name);
            tag.map_or(name, |known| known.value.revision.as_str())
        })
        .collect();
    revisions.sort_unstable();
    revisions.dedup();
    revisions
}
