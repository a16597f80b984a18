//! Log lines on their way out: whoever logs only hands them over.
//!
//! A write of each line's own is a call of the kernel that wakes the reader, for every review; and where
//! the reader does not read, it waits. Nobody's deployment is to wait for that.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// What may wait, in bytes. Beyond it lines are lost, and counted.
const MOST_WAITING: usize = 1 << 20;

/// What is still to be written when the program ends has so long.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes lines.
#[derive(Clone)]
pub(super) struct Lines(Arc<Shared>);

/// Has all lines written when it goes.
pub struct LastLines(Lines);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// For the thread that writes.
    more: Condvar,
    /// For who waits until all is written.
    written: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    lost: usize,
    is_urgent: bool,
    is_writing: bool,
}

impl Lines {
    /// Lines that a thread of their own writes to `to`, and for which it waits so long to write them
    /// together. Warnings and errors do not wait.
    pub(super) fn start(to: impl Write + Send + 'static, gather: Duration) -> (Self, LastLines) {
        let lines = Self(Arc::default());
        let shared = Arc::clone(&lines.0);
        thread::spawn(move || shared.write_all(to, gather));
        let last = LastLines(lines.clone());
        (lines, last)
    }

    fn line(&self, is_urgent: bool) -> Line<'_> {
        let shared = &self.0;
        Line { shared, is_urgent }
    }
}

impl Drop for LastLines {
    fn drop(&mut self) {
        let Shared { more, written, .. } = &*self.0.0;
        let mut state = self.0.0.state();
        state.is_urgent = true;
        more.notify_one();
        let is_left = |state: &mut State| state.is_writing || !state.waiting.is_empty();
        drop(written.wait_timeout_while(state, PATIENCE, is_left));
    }
}

impl Shared {
    /// Nothing in it can be half done: lines are taken whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all(&self, mut to: impl Write, gather: Duration) {
        let mut lines = Vec::new();
        loop {
            let lost = self.take(&mut lines, gather);
            // There is no other place to tell that nobody can be told.
            drop(to.write_all(&lines).and_then(|()| to.flush()));
            lines.clear();
            if lost > 0 {
                tracing::warn!(lost, "log lines were lost: nobody reads them as fast");
            }
        }
    }

    /// Waits for lines, and takes them all. Returns how many were lost since the last time.
    fn take(&self, lines: &mut Vec<u8>, gather: Duration) -> usize {
        let mut state = self.state();
        state.is_writing = false;
        if state.waiting.is_empty() {
            self.written.notify_all();
        }
        let wait = |state: &mut State| state.waiting.is_empty();
        let waited = self.more.wait_while(state, wait);
        let state = waited.unwrap_or_else(PoisonError::into_inner);
        let may_wait = |state: &mut State| !state.is_urgent;
        let waited = self.more.wait_timeout_while(state, gather, may_wait);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut state.waiting, lines);
        state.is_urgent = false;
        state.is_writing = true;
        mem::take(&mut state.lost)
    }
}

/// Where one line goes.
pub(super) struct Line<'a> {
    shared: &'a Shared,
    is_urgent: bool,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        self.line(false)
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Line<'a> {
        self.line(*meta.level() <= Level::WARN)
    }
}

impl Write for Line<'_> {
    /// One line, whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.shared.state();
        if state.waiting.len() + line.len() > MOST_WAITING {
            state.lost += 1;
            return Ok(line.len());
        }
        let is_first = state.waiting.is_empty();
        state.waiting.extend_from_slice(line);
        state.is_urgent |= self.is_urgent;
        if is_first || self.is_urgent {
            self.shared.more.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    /// Somebody who reads what is written when he wants.
    struct Reader(SyncSender<String>);

    impl Write for Reader {
        fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
            let text = String::from_utf8_lossy(lines).into_owned();
            // Who reads may be gone.
            drop(self.0.send(text));
            Ok(lines.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn start(gather: Duration) -> (Lines, LastLines, Receiver<String>) {
        let (sender, receiver) = sync_channel(0);
        let (lines, last) = Lines::start(Reader(sender), gather);
        (lines, last, receiver)
    }

    fn write(lines: &Lines, text: &str, is_urgent: bool) {
        let mut line = lines.line(is_urgent);
        line.write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn an_error_does_not_wait_for_others() {
        let (lines, _last, read) = start(LONG);
        write(&lines, "one\n", false);
        write(&lines, "two\n", true);
        assert_eq!(read.recv().unwrap(), "one\ntwo\n");
    }

    #[test]
    fn what_is_left_is_written_at_the_end() {
        let (lines, last, read) = start(LONG);
        write(&lines, "one\n", false);
        let reading = thread::spawn(move || read.recv().unwrap());
        drop(last);
        assert_eq!(reading.join().unwrap(), "one\n");
    }

    #[test]
    fn who_does_not_read_holds_up_nobody() {
        let (lines, _last, read) = start(Duration::ZERO);
        write(&lines, "first\n", true);
        while !lines.0.state().is_writing {
            thread::yield_now();
        }
        let line = "x".repeat(1023) + "\n";
        for _ in 0..3 * MOST_WAITING / 1024 {
            write(&lines, &line, true);
        }
        assert!(lines.0.state().lost >= MOST_WAITING / 1024);
        assert_eq!(read.recv().unwrap(), "first\n");
        let rest = read.recv().unwrap();
        assert!(
            rest.len() <= MOST_WAITING && rest.ends_with(&line),
            "whole lines"
        );
        // Written since, so that there is room.
        write(&lines, "last\n", true);
        assert_eq!(read.recv().unwrap(), "last\n");
    }

    #[test]
    fn a_reader_who_never_comes_is_not_waited_for() {
        let (lines, last, _read) = start(Duration::ZERO);
        write(&lines, "one\n", true);
        drop(last);
    }
}
