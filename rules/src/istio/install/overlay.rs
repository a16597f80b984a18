//! What an `IstioOperator` does to the chart's objects: settings of `components.pilot.k8s`, and overlays.
//!
//! As `istioctl` 1.31.1 does it (`operator/pkg/render/postprocess.go`, `operator/pkg/tpath/tree.go`): settings
//! are merged; of an overlay, a list's item is selected by index, by `key:value` or by regular expression,
//! the first that fits; `-1` and an index behind the end append; a patch without a value removes; one that
//! finds nothing is dropped without a word (an error up to 1.23).

use regex_lite::Regex;

use super::plane::Objects;
use super::traced::Traced;
use crate::object::Node;

/// A patch that does nothing.
#[derive(Clone, Debug)]
pub struct Dropped<'a> {
    /// The patch.
    pub patch: Node<'a>,
    /// Why: "there is no Deployment `istio-pilot`".
    pub why: String,
    /// Whether its path was looked for at all: else kind or name fit no object.
    pub is_path: bool,
}

/// Applies what `components.pilot.k8s` says; the patches that do nothing come back.
pub(super) fn patch<'a>(objects: &mut Objects<'a>, spec: &Node<'a>) -> Vec<Dropped<'a>> {
    let Some(k8s) = spec.at(&["components", "pilot", "k8s"]) else {
        return Vec::new();
    };
    settings(objects, &k8s);
    let mut dropped = Vec::new();
    for overlay in k8s.items("overlays") {
        dropped.extend(overlaid(objects, &overlay));
    }
    dropped
}

/// Settings that are merged into an object, as a strategic merge patch is.
fn settings<'a>(objects: &mut Objects<'a>, k8s: &Node<'a>) {
    let container = |key: &str| k8s.get_set(key);
    if let Some(discovery) = discovery(&mut objects.deployment) {
        if let (Some(probe), Some(members)) = (container("readinessProbe"), discovery.members_mut())
        {
            let known = members
                .entry("readinessProbe".to_owned())
                .or_insert_with(Traced::map);
            merge_patch(known, Traced::of_node(&probe));
        }
        for entry in k8s.items("env") {
            set_variable(discovery, &entry);
        }
    }
    if let Some(count) = k8s.get_set("replicaCount") {
        objects
            .deployment
            .set(&keys(&["spec", "replicas"]), Traced::of_node(&count));
    }
    if let (Some(scaler), Some(wish)) = (&mut objects.autoscaler, k8s.get_set("hpaSpec")) {
        scaler.set(&keys(&["spec"]), Traced::of_node(&wish));
    }
    if let (Some(budget), Some(wish)) = (&mut objects.budget, k8s.get_set("podDisruptionBudget")) {
        budget.set(&keys(&["spec"]), Traced::of_node(&wish));
        // Both at once are refused, and the chart brings one.
        if wish.get_set("maxUnavailable").is_some() {
            drop(
                budget
                    .members_mut()
                    .and_then(|members| members.get_mut("spec")?.take("minAvailable")),
            );
        }
    }
}

fn keys(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn discovery<'t, 'a>(deployment: &'t mut Traced<'a>) -> Option<&'t mut Traced<'a>> {
    let mut node = deployment;
    for key in ["spec", "template", "spec", "containers"] {
        node = node.members_mut()?.get_mut(key)?;
    }
    node.items_mut()?.first_mut()
}

/// Lays a patch over: a null removes.
fn merge_patch<'a>(target: &mut Traced<'a>, patch: Traced<'a>) {
    let Some(members) = patch
        .members()
        .filter(|_| target.members().is_some())
        .cloned()
    else {
        *target = patch;
        return;
    };
    for (key, value) in members {
        let Some(known) = target.members_mut() else {
            return;
        };
        if value.is_null() {
            known.remove(&key);
        } else {
            let slot = known.entry(key).or_insert_with(Traced::map);
            merge_patch(slot, value);
        }
    }
}

/// Sets a variable of the container, whatever the chart says of it.
fn set_variable<'a>(container: &mut Traced<'a>, entry: &Node<'a>) {
    let name = entry.str_at("name");
    let list = container
        .members_mut()
        .and_then(|members| members.get_mut("env"));
    let Some(list) = list.and_then(Traced::items_mut) else {
        return;
    };
    let wish = Traced::of_node(entry);
    let known = list
        .iter_mut()
        .find(|known| known.get("name").map(Traced::text).as_deref() == name);
    match known {
        Some(known) => merge_patch(known, wish),
        None => list.push(wish),
    }
}

fn overlaid<'a>(objects: &mut Objects<'a>, overlay: &Node<'a>) -> Vec<Dropped<'a>> {
    let kind = overlay.str_at("kind").unwrap_or_default();
    let name = overlay.str_at("name").unwrap_or_default();
    let is_ours = name == objects.name;
    let object = match kind {
        _ if !is_ours => None,
        "Deployment" => Some(&mut objects.deployment),
        "HorizontalPodAutoscaler" => objects.autoscaler.as_mut(),
        "PodDisruptionBudget" => objects.budget.as_mut(),
        _ => None,
    };
    let mut dropped = Vec::new();
    let mut patches = overlay.items("patches");
    let Some(object) = object else {
        let why = format!(
            "there is no {kind} `{name}` (istiod's Deployment is `{}`)",
            objects.name
        );
        return patches
            .map(|patch| Dropped {
                patch,
                why: why.clone(),
                is_path: false,
            })
            .collect();
    };
    for patch in patches.by_ref() {
        let path = patch.str_at("path").map(path_of).unwrap_or_default();
        let value = patch.get_set("value");
        if let Err(why) = write(object, &path, value.as_ref()) {
            dropped.push(Dropped {
                patch,
                why,
                is_path: true,
            });
        }
    }
    dropped
}

/// The elements of a path, as istioctl splits it: `args.[30m]` and `args[30m]` are the same.
fn path_of(path: &str) -> Vec<String> {
    let mut elements = Vec::new();
    let escaped = path.replace("\\.", "\u{0}");
    for part in escaped
        .trim_matches('.')
        .split('.')
        .filter(|part| !part.is_empty())
    {
        let part = part.replace('\u{0}', ".");
        match part.find('[') {
            Some(bracket) if bracket > 0 => {
                elements.push(part[..bracket].to_owned());
                elements.push(part[bracket..].to_owned());
            }
            _ => elements.push(part),
        }
    }
    elements
}

/// Writes a value where the path leads, or removes what is there.
fn write<'a>(
    target: &mut Traced<'a>,
    path: &[String],
    value: Option<&Node<'a>>,
) -> Result<(), String> {
    let Some((element, rest)) = path.split_first() else {
        return Err("it has no path".to_owned());
    };
    if let Some(items) = target.items_mut() {
        return write_item(items, element, rest, value);
    }
    let Some(members) = target.members_mut() else {
        return Err(format!(
            "`{element}` is looked for in something that has no members"
        ));
    };
    if !rest.is_empty() {
        let member = members.entry(element.clone()).or_insert_with(Traced::map);
        return write(member, rest, value);
    }
    match value {
        Some(value) => drop(members.insert(element.clone(), Traced::of_node(value))),
        None => drop(members.remove(element)),
    }
    Ok(())
}

fn write_item<'a>(
    items: &mut Vec<Traced<'a>>,
    element: &str,
    rest: &[String],
    value: Option<&Node<'a>>,
) -> Result<(), String> {
    let index = select(items, element)?;
    match (items.get_mut(index), rest.is_empty(), value) {
        (Some(item), false, _) => write(item, rest, value),
        (Some(item), true, Some(value)) => {
            *item = Traced::of_node(value);
            Ok(())
        }
        (Some(_), true, None) => {
            items.remove(index);
            Ok(())
        }
        (None, false, _) => {
            let mut item = Traced::map();
            write(&mut item, rest, value)?;
            items.push(item);
            Ok(())
        }
        (None, true, value) => {
            items.extend(value.map(Traced::of_node));
            Ok(())
        }
    }
}

/// The item that an element such as `[name:discovery]`, `[6]`, `[:30m]` or `[30m]` selects; behind the end
/// for one that is to be appended.
fn select(items: &[Traced<'_>], element: &str) -> Result<usize, String> {
    let inner = element
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let Some(inner) = inner else {
        return Err(format!("`{element}` selects no item of a list"));
    };
    if let Ok(index) = inner.parse::<i64>()
        && index >= -1
    {
        let index = usize::try_from(index).unwrap_or(items.len());
        return Ok(index.min(items.len()));
    }
    for (index, item) in items.iter().enumerate() {
        let fits = if item.members().is_some() {
            let Some((key, value)) = inner
                .split_once(':')
                .filter(|(key, value)| !key.is_empty() && !value.is_empty())
            else {
                return Err(format!("`{element}` is no `[key:value]`"));
            };
            item.get(key).map(Traced::text).as_deref() == Some(value)
        } else {
            let pattern = inner.strip_prefix(':').filter(|rest| !rest.is_empty());
            let pattern = Regex::new(pattern.unwrap_or(inner));
            pattern.is_ok_and(|pattern| pattern.is_match(&item.text()))
        };
        if fits {
            return Ok(index);
        }
    }
    Err(format!("nothing fits `{element}`"))
}
