//! All rules. One line for the module, one in the list of its family.

use std::collections::BTreeSet;

use crate::rule::{ObjectKind, Rule, kinds};
use crate::words;

mod application_readiness_missing;
mod drain_exceeds_grace;
mod gateway_readiness_missing;
mod hold_has_no_effect;
mod ignore_expired;
mod ignore_unused;
mod ignore_without_reason;
mod istiod_not_redundant;
mod istiod_readiness_missing;
mod keepalive_age_invalid;
mod keepalive_age_too_long;
mod keepalive_age_too_short;
mod keepalive_age_unbounded;
mod keepalive_ping_policy;
mod keepalive_setting_ignored;
mod kubernetes_incompatible;
mod probe_rewrite_disabled;
mod registry_retired;
mod release_data_stale;
mod sidecar_readiness_misdirected;
mod sidecar_readiness_missing;
mod sidecar_start_not_gated;
pub(crate) mod support;
mod upgrade_skips_minors;
mod version_ending_soon;
mod version_prerelease;
mod version_skew;
mod version_unknown;
mod version_unsupported;
mod version_vulnerable;
mod version_withdrawn;

/// The rules about meshes, in the order of the families: keepalive, versions, readiness.
static FAMILIES: &[&Rule] = &[
    &keepalive_age_unbounded::RULE,
    &keepalive_age_too_long::RULE,
    &keepalive_age_too_short::RULE,
    &keepalive_age_invalid::RULE,
    &keepalive_setting_ignored::RULE,
    &keepalive_ping_policy::RULE,
    &version_unsupported::RULE,
    &version_ending_soon::RULE,
    &version_unknown::RULE,
    &version_prerelease::RULE,
    &version_withdrawn::RULE,
    &version_vulnerable::RULE,
    &registry_retired::RULE,
    &release_data_stale::RULE,
    &kubernetes_incompatible::RULE,
    &version_skew::RULE,
    &upgrade_skips_minors::RULE,
    &istiod_readiness_missing::RULE,
    &sidecar_start_not_gated::RULE,
    &sidecar_readiness_missing::RULE,
    &sidecar_readiness_misdirected::RULE,
    &hold_has_no_effect::RULE,
    &gateway_readiness_missing::RULE,
    &application_readiness_missing::RULE,
    &probe_rewrite_disabled::RULE,
    &drain_exceeds_grace::RULE,
    &istiod_not_redundant::RULE,
];

/// The rules about ignores. They look at every kind that another rule looks at, and come last: they
/// ask what became of the others' findings.
pub(crate) static ABOUT_IGNORES: &[&Rule] =
    &[&ignore_without_reason::RULE, IGNORE_EXPIRED, IGNORE_UNUSED];

/// The two that look at the policy's own ignores too.
pub(crate) static IGNORE_EXPIRED: &Rule = &ignore_expired::RULE;
pub(crate) static IGNORE_UNUSED: &Rule = &ignore_unused::RULE;

/// Every rule.
pub static ALL: &[&Rule] = &{
    let mut all = [ABOUT_IGNORES[0]; FAMILIES.len() + ABOUT_IGNORES.len()];
    let (families, last) = all.split_at_mut(FAMILIES.len());
    families.copy_from_slice(FAMILIES);
    last.copy_from_slice(ABOUT_IGNORES);
    all
};

/// Every kind that a rule about meshes looks at.
pub(crate) const EVERY_KIND: &[ObjectKind] = DISTINCT.0.split_at(DISTINCT.1).0;

const DISTINCT: ([ObjectKind; kinds::named(FAMILIES)], usize) = kinds::distinct(FAMILIES);

/// The rule with this id or former id.
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter()
        .copied()
        .find(|rule| rule.id == id || rule.aliases.contains(&id))
}

/// The names of all rules, former ones behind.
pub fn names() -> impl Iterator<Item = &'static str> {
    let former = ALL.iter().flat_map(|rule| rule.aliases.iter().copied());
    ALL.iter().map(|rule| rule.id).chain(former)
}

/// "There is no rule ..." for a message, and which may have been meant.
pub fn no_such(name: &str) -> String {
    let quoted = words::quoted(name);
    match words::nearest(name, names()) {
        Some(known) => format!("there is no rule {quoted}, did you mean `{known}`?"),
        None => format!("there is no rule {quoted}: `kubectl meshcheck rules` lists them"),
    }
}

/// The kinds that rules look at, as people write them.
pub fn kind_names() -> BTreeSet<&'static str> {
    let kinds = ALL.iter().flat_map(|rule| rule.kinds);
    kinds.map(ObjectKind::name).collect()
}
