//! Registries and chart repositories that Istio shuts.

use jiff::civil::Date;

use super::{Certainty, EndOfLife, Registry, Releases, Retirement};
use crate::istio::image::{Image, Tag};
use crate::istio::version::{Minor, Version};

/// A reference to a registry that is shut, or will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retired<'r> {
    /// The part of the reference that goes away: `gcr.io/istio-release`.
    pub prefix: &'r str,
    /// The same reference at its new home, `None` where there is none.
    pub home: Option<String>,
    /// The last day.
    pub shuts: EndOfLife,
    /// The next day on which it is switched off for some hours.
    pub next_trial: Option<Date>,
    /// Whether it is open on the date, shut, or never had what is asked for.
    pub state: Retiring,
}

/// How far a registry is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retiring {
    /// Still open.
    Open,
    /// Shut.
    Shut,
    /// Open or not, this minor was never published there; with the last one that was.
    NeverThere(Minor),
}

impl Releases {
    /// Whether a reference points to a registry that Istio shuts: an image, a hub, or the address of
    /// a chart repository, with or without its scheme. `version` is what is wanted from there, where
    /// the reference itself does not say it.
    pub fn retired_home(
        &self,
        reference: &str,
        version: Option<Version>,
        on: Date,
    ) -> Option<Retired<'_>> {
        let (scheme, rest) = split_scheme(reference);
        let (retirement, registry) = self.registry_of(rest)?;
        let behind = &rest[registry.prefix.len()..];
        let home = registry.home.as_ref();
        Some(Retired {
            prefix: &registry.prefix,
            home: home.map(|home| format!("{scheme}{home}{behind}")),
            shuts: EndOfLife {
                date: retirement.shuts.date,
                certainty: Certainty::from(retirement.shuts.status),
            },
            next_trial: retirement.trials.iter().copied().find(|day| *day >= on),
            state: state(retirement, stated(rest).or(version), on),
        })
    }

    /// The longest prefix decides.
    fn registry_of(&self, reference: &str) -> Option<(&Retirement, &Registry)> {
        self.retirements
            .iter()
            .flat_map(|retirement| {
                retirement
                    .registries
                    .iter()
                    .map(move |row| (retirement, row))
            })
            .filter(|(_, row)| is_below(reference, &row.prefix))
            .max_by_key(|(_, row)| row.prefix.len())
    }

    /// The registry that the charts of a minor name where nobody names another, if Istio shuts it.
    pub fn retired_default(&self, minor: Minor, on: Date) -> Option<(&str, Retired<'_>)> {
        let hub = &self.get(minor)?.default_hub.as_ref()?.hub;
        Some((hub, self.retired_home(hub, None, on)?))
    }
}

/// `https://`, `oci://`, `docker://` and what is behind it.
fn split_scheme(reference: &str) -> (&str, &str) {
    let at = reference.find("://").map_or(0, |at| at + "://".len());
    reference.split_at(at)
}

fn is_below(reference: &str, prefix: &str) -> bool {
    reference
        .strip_prefix(prefix)
        .is_some_and(|behind| behind.is_empty() || behind.starts_with(['/', ':', '@', '?']))
}

/// The version of Istio that a reference states in its tag. Examples are published there too, and count
/// versions of their own.
fn stated(reference: &str) -> Option<Version> {
    let image = Image::parse(reference);
    image.component()?;
    match Tag::read(image.tag?) {
        Tag::Release(version) => Some(version),
        // Of a pre-release nobody says where it was published.
        Tag::Prerelease(_) | Tag::Unreadable => None,
    }
}

fn state(retirement: &Retirement, version: Option<Version>, on: Date) -> Retiring {
    match version {
        Some(version) if version.minor > retirement.last_minor => {
            Retiring::NeverThere(retirement.last_minor)
        }
        _ if on > retirement.shuts.date => Retiring::Shut,
        _ => Retiring::Open,
    }
}
