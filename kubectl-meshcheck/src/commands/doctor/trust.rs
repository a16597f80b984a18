//! Whether a certificate is taken: by time, by name, and by who signed it.

use jiff::{SignedDuration, Timestamp};
use meshcheck_certs::Certificate;

/// Signatures between a certificate and what is trusted. More is a loop.
const LONGEST: usize = 8;
/// What is renewed by itself is renewed at a third of its life; this is left where nobody did.
const PARTS: i32 = 6;
/// Nobody wants to hear of it earlier.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Where a certificate is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    Good,
    /// Its renewal is overdue.
    Ending,
    Over,
    /// It is of the future.
    Early,
}

/// Where it is in its life at this time.
pub(super) fn age(certificate: &Certificate, now: Timestamp) -> Age {
    let (start, end) = (certificate.not_before(), certificate.not_after());
    let (life, left) = (end.duration_since(start), end.duration_since(now));
    if left.is_negative() {
        Age::Over
    } else if now < start {
        Age::Early
    } else if left < (life / PARTS).min(SOON) {
        Age::Ending
    } else {
        Age::Good
    }
}

/// Whether somebody who calls this name takes it.
pub(super) fn is_for(certificate: &Certificate, name: &str) -> bool {
    certificate.names().iter().any(|own| {
        let whole = own.eq_ignore_ascii_case(name);
        let parts = own.strip_prefix("*.").zip(name.split_once('.'));
        whole || parts.is_some_and(|(own, (_, rest))| own.eq_ignore_ascii_case(rest))
    })
}

/// The certificate of the bundle that vouches for the first of a chain, directly or through the others.
pub(super) fn anchor<'b>(
    chain: &[Certificate],
    bundle: &'b [Certificate],
) -> Option<&'b Certificate> {
    let mut current = chain.first()?;
    for _ in 0..LONGEST {
        let vouches = |one: &&Certificate| *one == current || current.is_signed_by(one);
        if let Some(found) = bundle.iter().find(vouches) {
            return Some(found);
        }
        let next = |one: &&Certificate| *one != current && current.is_signed_by(one);
        current = chain.iter().find(next)?;
    }
    None
}
