//! What is due. Pure: a time, what is stored and what is announced go in, steps come out.

use std::fmt;

use jiff::Timestamp;

use crate::authority::Authority;
use crate::certificate::Certificate;
use crate::clock::{after, before};
use crate::managed::{Flaw, Published, Settings, Stored};
use crate::pair::Pair;

/// One change of the Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A new authority and a certificate of it, with nothing to go on from. Whatever authority is
    /// announced stays so for a while, since somebody may serve a certificate of it.
    Found(Why),
    /// The old authorities are announced no longer.
    DropOld,
    /// What was to be the next authority cannot be used.
    DropNext,
    /// The next authority is made. It is announced, and signs nothing.
    Announce,
    /// The next authority takes over and signs a certificate. The one before stays announced until
    /// the last certificate of it is over.
    Promote(Why),
    /// A new certificate of the same authority.
    Issue(Why),
}

/// Why something new is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// There is none.
    Missing,
    /// What there is cannot be used.
    Flawed,
    /// Its life is over.
    Expired,
    /// Two thirds of its life are over.
    Due,
    /// It lacks a name.
    Names,
}

/// Steps in their order.
pub type Plan = Vec<Step>;

/// A certificate of the future: a clock is wrong, here or where it was made. Making a new one would
/// only start a fight between two clocks.
#[derive(Debug, thiserror::Error)]
#[error(
    "{certificate} begins at {}, and here it is {now}: a clock is wrong; if it was that of a pod \
     that is gone, delete the Secret",
    certificate.not_before()
)]
pub struct NotYet {
    certificate: Box<Certificate>,
    now: Timestamp,
}

/// What is due at this time.
pub fn plan(
    now: Timestamp,
    stored: &Stored,
    published: &Published,
    settings: &Settings,
) -> Result<Plan, NotYet> {
    not_yet(now, stored)?;
    let mut steps = Plan::new();
    let slack = settings.lives.slack();
    if !stored.old.is_empty() && now > after(stored.old_until, slack) {
        steps.push(Step::DropOld);
    }
    let next = stored.next.as_ref().map(|next| usable(next, now));
    let authority = match (usable(&stored.authority, now), next) {
        (Err(why), Some(Ok(_))) => return Ok(with(steps, Step::Promote(why))),
        (Err(why), _) => return Ok(with(steps, Step::Found(why))),
        (Ok(authority), _) => authority,
    };
    match next {
        Some(Err(_)) => steps.push(Step::DropNext),
        Some(Ok(next)) if takes_over(now, next, authority, published, settings) => {
            return Ok(with(steps, Step::Promote(Why::Due)));
        }
        None if now >= renewal(authority.certificate(), settings) => steps.push(Step::Announce),
        Some(Ok(_)) | None => {}
    }
    steps.extend(issue(now, stored, authority, settings).map(Step::Issue));
    Ok(steps)
}

/// When a certificate is to be replaced: after two thirds of its life, and a little later by as
/// much as this replica waits.
pub(crate) fn renewal(certificate: &Certificate, settings: &Settings) -> Timestamp {
    let (begin, end) = (certificate.not_before(), certificate.not_after());
    let life = end.duration_since(begin).unsigned_abs();
    after(begin, life.mul_f64(2.0 / 3.0 + settings.jitter / 60.0))
}

fn not_yet(now: Timestamp, stored: &Stored) -> Result<(), NotYet> {
    let next = stored.next.iter().flatten();
    let authorities = stored.authority.iter().chain(next);
    let authorities = authorities.map(Authority::certificate);
    let own = stored.pair.iter().map(Pair::certificate);
    let mut all = authorities.chain(own);
    match all.find(|certificate| certificate.not_before() > now) {
        None => Ok(()),
        Some(certificate) => Err(NotYet {
            certificate: Box::new(certificate.clone()),
            now,
        }),
    }
}

fn usable(authority: &Result<Authority, Flaw>, now: Timestamp) -> Result<&Authority, Why> {
    let authority = authority.as_ref().map_err(Flaw::why)?;
    if authority.certificate().not_after() < now {
        return Err(Why::Expired);
    }
    Ok(authority)
}

/// Whether the next authority may sign: it has been announced for long enough to be trusted
/// everywhere, or the present one has no time left.
fn takes_over(
    now: Timestamp,
    next: &Authority,
    present: &Authority,
    published: &Published,
    settings: &Settings,
) -> bool {
    let slack = settings.lives.slack();
    // Its life began a slack before it was made.
    let ripe = after(next.certificate().not_before(), slack * 2);
    let is_trusted = now >= ripe && published.holds(next.certificate());
    is_trusted || now > before(present.certificate().not_after(), slack)
}

fn issue(
    now: Timestamp,
    stored: &Stored,
    authority: &Authority,
    settings: &Settings,
) -> Option<Why> {
    let pair = match &stored.pair {
        Ok(pair) => pair,
        Err(flaw) => return Some(flaw.why()),
    };
    let certificate = pair.certificate();
    let has = |name| certificate.names().contains(name);
    if !settings.names().iter().all(has) {
        return Some(Why::Names);
    }
    // Where the authority ends soon, a new certificate would end with it, just as this one.
    let end = after(now, settings.lives.certificate).min(authority.certificate().not_after());
    if end < after(certificate.not_after(), settings.lives.slack()) {
        return None;
    }
    if certificate.not_after() < now {
        return Some(Why::Expired);
    }
    (now >= renewal(certificate, settings)).then_some(Why::Due)
}

fn with(mut steps: Plan, last: Step) -> Plan {
    steps.push(last);
    steps
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found(why) => write!(f, "new authority and certificate: {why}"),
            Self::DropOld => {
                f.write_str("old authorities are forgotten: nothing of theirs is left")
            }
            Self::DropNext => f.write_str("next authority is forgotten: it cannot be used"),
            Self::Announce => f.write_str("next authority: two thirds of this one's life are over"),
            Self::Promote(why) => write!(f, "next authority takes over from this one: {why}"),
            Self::Issue(why) => write!(f, "new certificate: {why}"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is none",
            Self::Flawed => "what there is cannot be used",
            Self::Expired => "its life is over",
            Self::Due => "two thirds of its life are over",
            Self::Names => "it lacks a name",
        })
    }
}
