//! What time it is: here, and where certificates are judged.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::DATE;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};

/// The time of this machine.
pub fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::MAX)
}

/// `time`, and this much later.
pub(crate) fn after(time: Timestamp, later: Duration) -> Timestamp {
    let later = SignedDuration::try_from(later).unwrap_or(SignedDuration::MAX);
    time.saturating_add(later).unwrap_or(Timestamp::MAX)
}

/// `time`, and this much earlier.
pub(crate) fn before(time: Timestamp, earlier: Duration) -> Timestamp {
    let earlier = SignedDuration::try_from(earlier).unwrap_or(SignedDuration::MAX);
    time.saturating_sub(earlier).unwrap_or(Timestamp::MIN)
}

/// The clock of the API server, read from its answers. It is the one that judges the certificate
/// which is served to it: a machine whose clock is wrong must not make one for everybody.
#[derive(Debug, Default)]
pub struct ServerClock(AtomicI64);

impl ServerClock {
    /// Reads the time of an answer.
    pub fn observe(&self, headers: &HeaderMap) {
        let text = headers.get(DATE).and_then(|date| date.to_str().ok());
        let date = text.and_then(|text| DateTimeParser::new().parse_timestamp(text).ok());
        if let Some(date) = date {
            self.0.store(date.as_second(), Ordering::Relaxed);
        }
    }

    /// The time of the last answer, if there was one that told.
    pub fn last(&self) -> Option<Timestamp> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            second => Timestamp::from_second(second).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_date_of_an_answer() {
        let clock = ServerClock::default();
        let mut headers = HeaderMap::new();
        clock.observe(&headers);
        assert_eq!(clock.last(), None);
        for (text, time) in [
            ("Sun, 22 Nov 2026 07:00:00 GMT", "2026-11-22T07:00:00Z"),
            ("yesterday", "2026-11-22T07:00:00Z"),
            ("Mon, 23 Nov 2026 07:00:01 GMT", "2026-11-23T07:00:01Z"),
        ] {
            headers.insert(DATE, text.parse().unwrap());
            clock.observe(&headers);
            assert_eq!(clock.last(), Some(time.parse().unwrap()), "{text}");
        }
    }
}
