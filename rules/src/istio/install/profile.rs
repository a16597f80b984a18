//! What a profile, a compatibility version and a platform put between the chart's own values and the user's.

use serde_json::{Value, json};

use super::release::Release;
use super::traced::Traced;
use super::values::{READS_ROOT, Refused};
use crate::istio::version::{Minor, Version};

/// First chart with profiles, compatibility versions and `defaults`.
pub(super) const HAS_PROFILES: Minor = Minor::one(21);
/// First chart that reads `global.profile`.
const READS_GLOBAL_PROFILE: Minor = Minor::one(25);
/// First chart whose compatibility versions switch native sidecars off.
const NATIVE_BY_ITSELF: Minor = Minor::one(27);

/// What the chosen profile and compatibility version say.
pub(super) fn values<'a>(
    release: &Release<'a>,
    user: &Traced<'a>,
    version: Version,
) -> Result<Traced<'a>, Refused<'a>> {
    let minor = version.minor;
    let mut values = Traced::map();
    // An installer has profiles of its own; those that it shares with the chart say the same.
    if let Some(node) = &release.profile {
        let known = profile_values(node.str().unwrap_or_default(), minor);
        values.merge(Traced::of_value(known).said_throughout(node));
    }
    if minor < HAS_PROFILES {
        return Ok(values);
    }
    let global = user.at(&["global", "profile"]);
    let global = global.filter(|_| minor >= READS_GLOBAL_PROFILE);
    let mut chosen = [user.get("profile"), global].into_iter().flatten();
    if let Some(chosen) = chosen.find(|value| value.is_true()) {
        let name = chosen.text();
        let platform = name.strip_prefix("platform-");
        let is_platform = platform.is_some_and(|name| is_platform(name, minor));
        if !profiles(minor).contains(&name.as_str()) && !is_platform {
            return Err(Refused::of(format!("unknown profile {name}"), chosen));
        }
        values.merge(said(profile_values(&name, minor), chosen));
    }
    if let Some(chosen) = user
        .get("compatibilityVersion")
        .filter(|value| value.is_true())
    {
        let known = chosen.value();
        let Some(behaves) = known.as_str().and_then(|text| compatible(text, minor)) else {
            let why = format!("unknown compatibility version {}", chosen.text());
            return Err(Refused::of(why, chosen));
        };
        if minor >= NATIVE_BY_ITSELF && behaves < NATIVE_BY_ITSELF {
            let env = json!({"pilot": {"env": {"ENABLE_NATIVE_SIDECARS": "false"}}});
            values.merge(said(env, chosen));
        }
    }
    match unknown_platform(user, minor) {
        Some(chosen) => Err(Refused::of(
            format!("unknown platform {}", chosen.text()),
            chosen,
        )),
        None => Ok(values),
    }
}

/// Whether the chart has a profile for a platform; what those say changes nothing here.
fn is_platform(name: &str, minor: Minor) -> bool {
    match name {
        "k3d" | "k3s" | "microk8s" | "minikube" | "openshift" => minor >= READS_ROOT,
        "gke" => minor >= READS_GLOBAL_PROFILE,
        _ => false,
    }
}

/// A platform that the chart has no profile for.
fn unknown_platform<'t, 'a>(user: &'t Traced<'a>, minor: Minor) -> Option<&'t Traced<'a>> {
    let own = user
        .get("platform")
        .filter(|_| minor >= READS_GLOBAL_PROFILE);
    let global = user.at(&["global", "platform"]);
    let mut chosen = [own, global].into_iter().flatten();
    let chosen = chosen.find(|value| value.is_true() && minor >= READS_ROOT)?;
    (!is_platform(&chosen.text(), minor)).then_some(chosen)
}

fn said<'a>(values: Value, chosen: &Traced<'a>) -> Traced<'a> {
    let values = Traced::of_value(values);
    match chosen.from() {
        Some(node) => values.said_throughout(node),
        None => values,
    }
}

/// The profiles of istiod's chart (`files/profile-*.yaml`).
fn profiles(minor: Minor) -> &'static [&'static str] {
    match minor.minor {
        ..=21 => &["ambient", "demo", "openshift", "preview"],
        22 | 23 => &[
            "ambient",
            "demo",
            "openshift-ambient",
            "openshift",
            "preview",
            "stable",
        ],
        _ => &["ambient", "demo", "preview", "remote", "stable"],
    }
}

/// What a profile says, as far as anything here asks for it.
fn profile_values(name: &str, minor: Minor) -> Value {
    match name {
        "demo" => json!({"pilot": {"autoscaleEnabled": false}}),
        "ambient" | "openshift-ambient" if minor > HAS_PROFILES => {
            json!({"global": {"variant": "distroless"}})
        }
        "ambient" if minor == HAS_PROFILES => json!({"pilot": {"variant": "distroless"}}),
        "remote" if minor >= READS_ROOT => json!({"istiodRemote": {"enabled": true}}),
        _ => json!({}),
    }
}

/// The older version that a chart can behave as: the last three minors, and from 1.28 on all since 1.25
/// (`files/profile-compatibility-version-*.yaml`).
fn compatible(text: &str, chart: Minor) -> Option<Minor> {
    const OLDEST: Minor = Minor::one(20);
    const OLDEST_KEPT: Minor = Minor::one(25);
    let version = Minor::parse(text).filter(|version| version.to_string() == text)?;
    let is_near = version.minor + 3 >= chart.minor || version >= OLDEST_KEPT;
    let fits = version.major == chart.major && version < chart && version >= OLDEST && is_near;
    fits.then_some(version)
}
