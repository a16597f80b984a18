//! Questions that have no path for an answer.

use jiff::civil::Date;

use crate::istio::version::{Minor, Version};
use crate::releases::{Releases, Support};

/// Why there is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A minor that the table does not have yet.
    #[error(
        "{version} is newer than the release table, which is of {table} and ends with {newest}: take a \
         newer meshcheck, or give a newer table with --release-data"
    )]
    Newer {
        /// What was asked for.
        version: Version,
        /// The newest minor of the table.
        newest: Minor,
        /// Its day.
        table: Date,
    },
    /// A minor that never was, or is older than the table.
    #[error("{0} is no release of Istio that the release table lists")]
    Unlisted(Version),
    /// A version that was not out on the day.
    #[error("{version} was not out on {on}: it came on {released}")]
    NotOut {
        /// What was asked for.
        version: Version,
        /// The day that was asked for.
        on: Date,
        /// Its day.
        released: Date,
    },
    /// No target was named, and nothing is supported on the day.
    #[error(
        "the release table, of {table}, has no release that is supported on {on}: name the version to \
         go to, or give a newer table with --release-data"
    )]
    NothingSupported {
        /// The day that was asked for.
        on: Date,
        /// The table's day.
        table: Date,
    },
    /// One minor down, which Istio allows.
    #[error(
        "{to} is older than {from}, and a path leads up only; one minor down is allowed in place: with \
         the istioctl of {to}, and the workloads restarted at once, since proxies may not be newer than \
         their istiod"
    )]
    DowngradeByOne {
        /// What runs.
        from: Version,
        /// What was asked for.
        to: Version,
    },
    /// An older patch of the same minor.
    #[error(
        "{to} is an older patch of the minor that {from} is of, and a path leads up only; the istioctl \
         of {to} would install it, without the fixes that came since"
    )]
    OlderPatch {
        /// What runs.
        from: Version,
        /// What was asked for.
        to: Version,
    },
    /// Further down.
    #[error(
        "{to} is older than {from} by {minors} minors, and a path leads up only; Istio allows a downgrade \
         of one minor, and nothing beyond it"
    )]
    Downgrade {
        /// What runs.
        from: Version,
        /// What was asked for.
        to: Version,
        /// How many minors.
        minors: u32,
    },
}

/// The version, where the table has its minor and it was out on the day. A patch that the table does not
/// list passes: it may be newer than the table, and numbers were left out.
pub(super) fn known(table: &Releases, version: Version, on: Date) -> Result<Version, Refusal> {
    let Some(release) = table.get(version.minor) else {
        return Err(
            match (table.support(version.minor, on), table.all().last()) {
                (Support::Newer, Some(newest)) => Refusal::Newer {
                    version,
                    newest: newest.minor,
                    table: table.as_of,
                },
                _ => Refusal::Unlisted(version),
            },
        );
    };
    let patch = release
        .patches()
        .iter()
        .find(|patch| patch.version == version);
    let released = patch.map_or(release.released(), |patch| patch.released);
    if released > on {
        return Err(Refusal::NotOut {
            version,
            on,
            released,
        });
    }
    Ok(version)
}

pub(super) fn refuse_downgrade(from: Version, to: Version) -> Result<(), Refusal> {
    if from.minor == to.minor {
        let is_older = from.patch.is_some() && to < from;
        return if is_older {
            Err(Refusal::OlderPatch { from, to })
        } else {
            Ok(())
        };
    }
    if to.minor > from.minor {
        return Ok(());
    }
    Err(if to.minor.later(1) == from.minor {
        Refusal::DowngradeByOne { from, to }
    } else {
        let minors = from.minor.minor.saturating_sub(to.minor.minor);
        Refusal::Downgrade { from, to, minors }
    })
}
