//! All rules. One line for the module, one in [`ALL`].

use crate::rule::Rule;

mod gateway_readiness_missing;
mod hold_has_no_effect;
mod istiod_readiness_missing;
mod keepalive_age_invalid;
mod keepalive_age_too_long;
mod keepalive_age_too_short;
mod keepalive_age_unbounded;
mod keepalive_ping_policy;
mod keepalive_setting_ignored;
mod kubernetes_incompatible;
mod registry_retired;
mod release_data_stale;
mod sidecar_readiness_misdirected;
mod sidecar_readiness_missing;
mod sidecar_start_not_gated;
pub(crate) mod support;
mod version_ending_soon;
mod version_prerelease;
mod version_unknown;
mod version_unsupported;
mod version_vulnerable;
mod version_withdrawn;

/// Every rule, in the order of the families: keepalive, versions, readiness.
pub static ALL: &[&Rule] = &[
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
    &istiod_readiness_missing::RULE,
    &sidecar_start_not_gated::RULE,
    &sidecar_readiness_missing::RULE,
    &sidecar_readiness_misdirected::RULE,
    &hold_has_no_effect::RULE,
    &gateway_readiness_missing::RULE,
];

/// The rule with this id or former id.
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter()
        .copied()
        .find(|rule| rule.id == id || rule.aliases.contains(&id))
}
