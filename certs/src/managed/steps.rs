//! Carries out a plan: the only place where keys are made.

use jiff::Timestamp;

use crate::authority::{Authority, Issued, Life};
use crate::certificate::Certificate;
use crate::clock::after;
use crate::managed::{Contents, Published, Settings, Step, Stored, Why};

/// What the steps are carried out on.
pub(crate) struct Workshop<'a> {
    pub(crate) now: Timestamp,
    pub(crate) stored: &'a Stored,
    pub(crate) published: &'a Published,
    pub(crate) settings: &'a Settings,
}

impl Workshop<'_> {
    /// What is to be stored in the place of `contents`.
    pub(crate) fn carry_out(
        &self,
        plan: &[Step],
        mut contents: Contents,
    ) -> Result<Contents, rcgen::Error> {
        for step in plan {
            self.step(*step, &mut contents)?;
        }
        Ok(contents)
    }

    fn step(&self, step: Step, contents: &mut Contents) -> Result<(), rcgen::Error> {
        match step {
            Step::Found(_) => self.found(contents)?,
            Step::DropOld => contents.drop_old(),
            Step::DropNext => contents.drop_next(),
            Step::Announce => contents.set_next(self.authority()?.issued()),
            Step::Promote(_) => self.promote(contents)?,
            Step::Issue(why) => {
                let authority = self.stored.authority.as_ref();
                let authority = authority.expect("an issue is planned for a good authority only");
                contents.set_pair(self.issue(authority, why)?);
            }
        }
        Ok(())
    }

    fn authority(&self) -> Result<Authority, rcgen::Error> {
        let lives = self.settings.lives;
        let life = Life::from(self.now, lives.authority, lives.slack());
        Authority::found(&self.settings.authority_name(), self.now, life)
    }

    fn issue(&self, authority: &Authority, why: Why) -> Result<Issued, rcgen::Error> {
        let lives = self.settings.lives;
        let life = Life::from(self.now, lives.certificate, lives.slack());
        let mut names = self.settings.names();
        if let (Why::Names, Ok(pair)) = (why, &self.stored.pair) {
            // Replicas of two releases may want different names while one replaces the other: each
            // adds its own, none takes one away.
            let more = pair.certificate().names().iter().cloned();
            let more: Vec<_> = more.filter(|name| !names.contains(name)).collect();
            names.extend(more);
        }
        authority.issue(&names, life)
    }

    fn found(&self, contents: &mut Contents) -> Result<(), rcgen::Error> {
        self.install(&self.authority()?, contents)
    }

    fn promote(&self, contents: &mut Contents) -> Result<(), rcgen::Error> {
        let next = self
            .stored
            .next
            .as_ref()
            .and_then(|next| next.as_ref().ok());
        let next = next.expect("a promotion is planned for a good authority only");
        self.install(next, contents)
    }

    fn install(&self, authority: &Authority, contents: &mut Contents) -> Result<(), rcgen::Error> {
        contents.set_pair(self.issue(authority, Why::Missing)?);
        contents.set_authority(authority.issued());
        contents.drop_next();
        let (old, until) = self.predecessors(authority);
        contents.set_old(old, until);
        Ok(())
    }

    /// Every authority before this one of which a certificate may be in use, and until when.
    fn predecessors(&self, authority: &Authority) -> (Vec<Certificate>, Timestamp) {
        let stored = self.stored;
        let (last, until) = if let (Ok(last), Ok(pair)) = (&stored.authority, &stored.pair) {
            (vec![last.certificate()], pair.certificate().not_after())
        } else {
            // What was used before is not known, but it was announced. Every replica that can reach
            // the API server has what is stored now before the slack is over.
            let soon = after(self.now, self.settings.lives.slack());
            (self.published.certificates().collect(), soon)
        };
        let mut old = Vec::new();
        for one in last.into_iter().chain(&stored.old) {
            let is_good = one.is_authority() && one.is_valid_at(self.now);
            if is_good && one != authority.certificate() && !old.contains(one) {
                old.push(one.clone());
            }
        }
        let is_first = stored.old.is_empty();
        let until = if is_first {
            until
        } else {
            until.max(stored.old_until)
        };
        (old, until)
    }
}
