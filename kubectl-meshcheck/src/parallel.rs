//! Work on both cores, with the results in order.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Threads that are worth starting: more than these wait for the disk or for each other.
const MOST_WORKERS: usize = 16;

/// Results that may wait: workers that run ahead are held back before memory grows.
const WAITING: usize = 64;

/// Does `work` for `0..count` on all cores and hands every result to `each`, in order, as soon as
/// it is there.
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
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::sync_channel(WAITING);
    thread::scope(|scope| {
        for _ in 0..workers {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count || sender.send((index, work(index))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        hand_over(&results, &mut each);
    });
}

fn hand_over<T>(results: &mpsc::Receiver<(usize, T)>, each: &mut impl FnMut(usize, T)) {
    let mut early = BTreeMap::new();
    let mut expected = 0;
    for (index, result) in results {
        early.insert(index, result);
        while let Some(result) = early.remove(&expected) {
            each(expected, result);
            expected += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order() {
        let mut seen = Vec::new();
        in_order(
            500,
            |index| index * 2,
            |index, twice| seen.push((index, twice)),
        );
        let expected: Vec<_> = (0..500).map(|index| (index, index * 2)).collect();
        assert_eq!(seen, expected);
    }
}
