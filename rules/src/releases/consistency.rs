//! Rows that contradict each other.

use super::read::Contradiction;
use super::{Affected, Bulletin, KubernetesRange, Patch, Release, Releases, Retirement};
use crate::finding::Pointer;

type Found = Option<Contradiction>;

impl Releases {
    /// The first row that contradicts itself or another.
    pub(super) fn contradiction(&self) -> Found {
        if self.releases.is_empty() {
            return found(&["releases"], "expected at least one release");
        }
        first(&self.releases, "releases", |index, release| {
            self.of_release(index, release)
        })
        .or_else(|| {
            first(&self.bulletins, "bulletins", |index, bulletin| {
                self.of_bulletin(index, bulletin)
            })
        })
        .or_else(|| {
            first(&self.retirements, "retirements", |_, row| {
                of_retirement(row)
            })
        })
    }

    fn of_release(&self, index: usize, release: &Release) -> Found {
        let before = index.checked_sub(1).map(|index| &self.releases[index]);
        before
            .and_then(|before| out_of_order(before, release))
            .or_else(|| of_patches(release))
            .or_else(|| self.ends_early(release))
            .or_else(|| {
                let ranges = [
                    ("kubernetes", &release.kubernetes),
                    ("kubernetesAlsoTested", &release.kubernetes_also_tested),
                ];
                ranges.into_iter().find_map(|(field, range)| {
                    of_range(range.as_ref()?).map(|found| found.below(field))
                })
            })
    }

    fn ends_early(&self, release: &Release) -> Found {
        let end = self.end_of_life(release)?;
        let released = release.released();
        if end.date > released {
            return None;
        }
        let what = format!(
            "expected a day after its release on {released}, found {}",
            end.date
        );
        found(&["endOfLife", "date"], what)
    }

    fn of_bulletin(&self, index: usize, bulletin: &Bulletin) -> Found {
        let earlier = &self.bulletins[..index];
        if earlier.iter().any(|other| other.id == bulletin.id) {
            return found(&["id"], "expected each bulletin once, found it again");
        }
        if let Some(before) = earlier
            .last()
            .filter(|it| it.published > bulletin.published)
        {
            let what = format!(
                "expected the order of the days, found {} behind {}, of {}",
                bulletin.published, before.id, before.published
            );
            return found(&["published"], what);
        }
        if bulletin.affected.is_empty() && bulletin.out_of_gate.is_none() {
            return found(
                &["affected"],
                "expected the versions that it names, or `outOfGate`",
            );
        }
        first(&bulletin.affected, "affected", |_, range| {
            self.of_affected(range, bulletin)
        })
    }

    fn of_affected(&self, range: &Affected, bulletin: &Bulletin) -> Found {
        let Affected::Between(from, to) = range else {
            return None;
        };
        if from.minor != to.minor || from > to {
            let what =
                format!("expected patches of one minor in their order, found {from} to {to}");
            return found(&["last"], what);
        }
        let release = self.get(to.minor);
        let Some(release) = release else {
            return found(
                &["first"],
                format!("expected a listed release, found {}", to.minor),
            );
        };
        let patch = release.patches.iter().find(|patch| patch.version == *to)?;
        if patch.released <= bulletin.published {
            return None;
        }
        let what = format!(
            "expected a patch that was out when the bulletin was published on {}, found {to} of {}",
            bulletin.published, patch.released
        );
        found(&["last"], what)
    }
}

fn out_of_order(before: &Release, release: &Release) -> Found {
    let follows =
        release.minor == before.minor.later(1) || release.minor.major > before.minor.major;
    if !follows {
        let what = format!(
            "expected the release after {}, found {}",
            before.minor, release.minor
        );
        return found(&["minor"], what);
    }
    None
}

fn of_patches(release: &Release) -> Found {
    let Some(zero) = release.patches.first() else {
        return found(&["patches"], "expected its patches, oldest first");
    };
    if zero.version.minor == release.minor && zero.version.patch != Some(0) {
        let what = format!("expected {}.0 first, found {}", release.minor, zero.version);
        return found(&["patches", "0", "version"], what);
    }
    first(&release.patches, "patches", |index, patch| {
        let before = index.checked_sub(1).map(|index| &release.patches[index]);
        of_patch(release, before, patch)
    })
}

fn of_patch(release: &Release, before: Option<&Patch>, patch: &Patch) -> Found {
    if patch.version.minor != release.minor {
        let what = format!(
            "expected a patch of {}, found {}",
            release.minor, patch.version
        );
        return found(&["version"], what);
    }
    let before = before?;
    if before.version >= patch.version {
        let what = format!(
            "expected a patch after {}, found {}",
            before.version, patch.version
        );
        return found(&["version"], what);
    }
    if before.released > patch.released {
        let what = format!(
            "expected a day not before {}, on which {} came, found {}",
            before.released, before.version, patch.released
        );
        return found(&["released"], what);
    }
    None
}

fn of_range(range: &KubernetesRange) -> Found {
    (range.min > range.max)
        .then(|| format!("expected {} or newer, found {}", range.min, range.max))
        .and_then(|what| found(&["max"], what))
}

fn of_retirement(retirement: &Retirement) -> Found {
    first(&retirement.registries, "registries", |_, registry| {
        let bad = |text: &str| text.is_empty() || text.contains("://") || text.ends_with('/');
        let what = "expected host and path such as gcr.io/istio-release, without a scheme";
        if bad(&registry.prefix) {
            found(&["prefix"], what)
        } else if registry.home.as_deref().is_some_and(bad) {
            found(&["home"], what)
        } else {
            None
        }
    })
}

/// The first row of a list that has something wrong with it.
fn first<T>(rows: &[T], list: &str, check: impl Fn(usize, &T) -> Found) -> Found {
    rows.iter().enumerate().find_map(|(index, row)| {
        let found = check(index, row)?;
        Some(found.below(&index.to_string()).below(list))
    })
}

#[expect(clippy::unnecessary_wraps, reason = "every caller returns it as it is")]
fn found(fields: &[&str], what: impl Into<String>) -> Found {
    let bare = Contradiction {
        pointer: Pointer::root(),
        what: what.into(),
    };
    Some(
        fields
            .iter()
            .rev()
            .fold(bare, |found, field| found.below(field)),
    )
}

impl Contradiction {
    /// The same, one level further down.
    fn below(self, token: &str) -> Self {
        let mut pointer = Pointer::root();
        pointer.push(token);
        for inner in self.pointer.tokens() {
            pointer.push(&inner);
        }
        Self { pointer, ..self }
    }
}
