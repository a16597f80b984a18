//! Which bulletins concern a version, and which patch has their fixes.

use jiff::civil::Date;

use super::{Affected, Bulletin, Patch, Releases, UnlistedFix};
use crate::istio::version::Version;

/// The bulletins that concern a version, on a date.
#[derive(Clone, Debug)]
pub struct Exposure<'r> {
    /// Oldest first; never empty.
    pub bulletins: Vec<&'r Bulletin>,
    /// Where the same minor has their fixes.
    pub fixed: Fixed<'r>,
}

/// What the patches of a minor have fixed.
#[derive(Clone, Copy, Debug)]
pub enum Fixed<'r> {
    /// The first patch that none of the bulletins concerns, and the newest one.
    In {
        /// The first.
        first: &'r Patch,
        /// The newest that is out.
        newest: &'r Patch,
    },
    /// None of the patches that were out on the date.
    Nowhere,
}

impl Exposure<'_> {
    /// The highest score of the bulletins.
    pub fn highest(&self) -> Option<f64> {
        let scores = self.bulletins.iter().filter_map(|bulletin| bulletin.cvss);
        scores.reduce(f64::max)
    }
}

impl Bulletin {
    /// The versions that it names, as this table takes them.
    pub fn affected(&self) -> &[Affected] {
        &self.affected
    }

    /// Whether it concerns a version: never where no patch level decides, nor where the patch is not
    /// known and only some patches are concerned.
    pub fn concerns(&self, version: Version) -> bool {
        self.out_of_gate.is_none() && self.affected.iter().any(|range| range.holds(version))
    }

    /// The id without what all have in common: `2026-006`.
    pub fn short_id(&self) -> &str {
        self.id.strip_prefix("ISTIO-SECURITY-").unwrap_or(&self.id)
    }
}

impl Affected {
    fn holds(&self, version: Version) -> bool {
        match self {
            // `<1.19.0` holds all of 1.18, whatever its patch.
            Self::Before(before) => {
                version.minor < before.minor || version.patch.is_some() && version < *before
            }
            Self::Between(first, last) => {
                version.patch.is_some() && (*first..=*last).contains(&version)
            }
        }
    }
}

impl Releases {
    /// All bulletins, oldest first.
    pub fn bulletins(&self) -> &[Bulletin] {
        &self.bulletins
    }

    /// The bulletins that were out on a date and concern a version.
    pub fn concerning(&self, version: Version, on: Date) -> impl Iterator<Item = &Bulletin> {
        let known = self.bulletins.iter();
        known.filter(move |bulletin| bulletin.published <= on && bulletin.concerns(version))
    }

    /// The bulletins that concern a version on a date, and where their fixes are.
    pub fn exposure(&self, version: Version, on: Date) -> Option<Exposure<'_>> {
        let bulletins: Vec<_> = self.concerning(version, on).collect();
        (!bulletins.is_empty()).then(|| Exposure {
            bulletins,
            fixed: self.fixed(version, on),
        })
    }

    /// A patch that has the fixes, but is itself withdrawn or concerned by another bulletin, mends
    /// nothing.
    fn fixed(&self, version: Version, on: Date) -> Fixed<'_> {
        let Some(release) = self.get(version.minor) else {
            return Fixed::Nowhere;
        };
        let is_good = |patch: &&Patch| {
            self.concerning(patch.version, on).next().is_none()
                && !self
                    .withdrawn
                    .iter()
                    .any(|row| row.version == patch.version)
        };
        let out = || {
            let patches = release.patches.iter();
            patches.filter(|patch| patch.released <= on && patch.version > version)
        };
        match (out().find(is_good), out().rfind(is_good)) {
            (Some(first), Some(newest)) => Fixed::In { first, newest },
            _ => Fixed::Nowhere,
        }
    }

    /// Fixes without a bulletin that a newer patch of the same minor has, on a date.
    pub fn unlisted_fixes(
        &self,
        version: Version,
        on: Date,
    ) -> impl Iterator<Item = (&UnlistedFix, Version)> {
        let patch = version.patch.map(|_| version);
        self.fixes_without_bulletin.iter().filter_map(move |fix| {
            let fixed = fix
                .fixed_in
                .iter()
                .find(|fixed| fixed.minor == version.minor);
            let fixed = *fixed.filter(|fixed| patch.is_some_and(|patch| patch < **fixed))?;
            self.is_out(fixed, on).then_some((fix, fixed))
        })
    }

    /// Whether a patch was out on a date.
    pub fn is_out(&self, version: Version, on: Date) -> bool {
        self.get(version.minor).is_some_and(|release| {
            let patches = release.patches.iter();
            patches
                .filter(|patch| patch.released <= on)
                .any(|patch| patch.version == version)
        })
    }
}
