//! Work on both cores, with the results in order.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Threads that are worth starting: more than these wait for the disk or for each other.
const MOST_WORKERS: usize = 16;

/// Results that go from a worker at once: waking somebody costs as much as a small file.
const LARGEST_BATCH: usize = 32;

/// Batches that may wait: workers that run ahead are held back before memory grows.
const WAITING: usize = 4;

/// Does `work` for `0..count` on all cores and hands every result to `each`, in order, soon after it
/// is there.
pub fn in_order<T: Send>(
    count: usize,
    work: impl Fn(usize) -> T + Sync,
    mut each: impl FnMut(usize, T),
) {
    let workers = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(MOST_WORKERS)
        .min(count);
    if workers < 2 {
        return (0..count).for_each(|index| each(index, work(index)));
    }
    // Small enough that no worker is left alone with the rest.
    let batch = (count / (workers * 8)).clamp(1, LARGEST_BATCH);
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::sync_channel(WAITING);
    thread::scope(|scope| {
        for _ in 0..workers {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let first = next.fetch_add(batch, Ordering::Relaxed);
                    let range = first..count.min(first + batch);
                    if range.is_empty() {
                        break;
                    }
                    let done: Vec<T> = range.map(work).collect();
                    if sender.send((first, done)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        hand_over(&results, &mut each);
    });
}

/// Batches come as they are done, each with the index of its first result.
fn hand_over<T>(results: &mpsc::Receiver<(usize, Vec<T>)>, each: &mut impl FnMut(usize, T)) {
    let mut early = BTreeMap::new();
    let mut expected = 0;
    for (first, batch) in results {
        early.insert(first, batch);
        while let Some(batch) = early.remove(&expected) {
            for result in batch {
                each(expected, result);
                expected += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order() {
        for count in [0, 1, 2, 31, 33, 5_000] {
            let mut seen = Vec::new();
            in_order(
                count,
                |index| index * 2,
                |index, twice| seen.push((index, twice)),
            );
            let expected: Vec<_> = (0..count).map(|index| (index, index * 2)).collect();
            assert_eq!(seen, expected);
        }
    }
}
