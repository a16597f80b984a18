//! The kinds of several rules in one list, made by the compiler.

use super::{ObjectKind, Rule};

/// How many kinds the rules name, each as often as it is named.
pub(crate) const fn named(rules: &[&Rule]) -> usize {
    let mut count = 0;
    let mut at = 0;
    while at < rules.len() {
        count += rules[at].kinds.len();
        at += 1;
    }
    count
}

/// The kinds that the rules name, each once, in the first so many places of the array. `N` is
/// [`named`].
pub(crate) const fn distinct<const N: usize>(rules: &[&Rule]) -> ([ObjectKind; N], usize) {
    let mut kinds = [rules[0].kinds[0]; N];
    let mut count = 0;
    let mut at = 0;
    while at < rules.len() {
        let mut more = rules[at].kinds;
        while let [kind, rest @ ..] = more {
            if !holds(kinds.split_at(count).0, kind) {
                kinds[count] = *kind;
                count += 1;
            }
            more = rest;
        }
        at += 1;
    }
    (kinds, count)
}

const fn holds(mut kinds: &[ObjectKind], wanted: &ObjectKind) -> bool {
    while let [kind, rest @ ..] = kinds {
        if same(kind.group, wanted.group) && same(kind.kind, wanted.kind) {
            return true;
        }
        kinds = rest;
    }
    false
}

const fn same(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let ([x, more @ ..], [y, others @ ..]) = (a, b) {
        if *x != *y {
            return false;
        }
        (a, b) = (more, others);
    }
    a.is_empty() && b.is_empty()
}
