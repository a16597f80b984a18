//! All rules. One line for the module, one in [`ALL`].

use crate::rule::Rule;

/// Every rule, in the order of the families: keepalive, versions, readiness.
pub static ALL: &[&Rule] = &[];

/// The rule with this id or former id.
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter()
        .copied()
        .find(|rule| rule.id == id || rule.aliases.contains(&id))
}
