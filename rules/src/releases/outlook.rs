//! Every release as it stands on a date.

use jiff::civil::Date;

use super::{Bulletin, EndOfLife, Patch, Release, Releases, Support};

/// A release on a date.
#[derive(Clone, Debug)]
pub struct Outlook<'r> {
    /// Its row.
    pub release: &'r Release,
    /// How it stands.
    pub state: State,
    /// When its support ends or ended, where that is known.
    pub end: Option<EndOfLife>,
    /// The newest patch.
    pub patch: &'r Patch,
    /// The bulletins that name the newest patch.
    pub bulletins: Vec<&'r Bulletin>,
}

/// How a release stands on a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Supported.
    Supported,
    /// Supported for few days more.
    EndingSoon,
    /// Out of support.
    Ended,
}

impl Outlook<'_> {
    /// Days of support from a date on, below zero once it has ended.
    pub fn days_left(&self, on: Date) -> Option<i32> {
        Some((self.end?.date - on).get_days())
    }
}

impl Releases {
    /// The releases that are out on a date, newest first; `warn_days` before its end one ends soon.
    pub fn outlook(&self, on: Date, warn_days: i32) -> Vec<Outlook<'_>> {
        let releases = self.releases.iter().rev();
        releases
            .filter_map(|release| self.outlook_of(release, on, warn_days))
            .collect()
    }

    fn outlook_of<'r>(
        &'r self,
        release: &'r Release,
        on: Date,
        warn_days: i32,
    ) -> Option<Outlook<'r>> {
        let patch = release.newest_patch(on)?;
        let (state, end) = match self.support(release.minor, on) {
            Support::Ended(end) => (State::Ended, Some(end)),
            Support::Supported(Some(end)) if (end.date - on).get_days() <= warn_days => {
                (State::EndingSoon, Some(end))
            }
            Support::Supported(end) => (State::Supported, end),
            Support::Newer | Support::Unlisted => return None,
        };
        Some(Outlook {
            release,
            state,
            end,
            patch,
            bulletins: self.concerning(patch.version, on).collect(),
        })
    }
}
