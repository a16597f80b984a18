//! The bytes of the inputs, kept between the two passes as long as there is room.

use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Input, Origin};

/// Bytes that are kept. What does not fit is read again, so that memory does not grow with the tree.
const ROOM: usize = 16 << 20;

/// Bytes of a file of the usual size.
const USUAL: usize = 8 << 10;

/// The bytes of all inputs.
#[derive(Debug)]
pub struct Texts<'i> {
    inputs: &'i [Input],
    held: Vec<Mutex<Option<Arc<Vec<u8>>>>>,
    room: AtomicUsize,
    limit: usize,
}

impl<'i> Texts<'i> {
    /// `limit` is the largest file that is of use: of a larger one only one byte more is read.
    pub fn new(inputs: &'i [Input], limit: usize) -> Self {
        Self {
            inputs,
            held: inputs.iter().map(|_| Mutex::default()).collect(),
            room: AtomicUsize::new(ROOM),
            limit,
        }
    }

    /// The bytes of one input; they may be asked for again.
    pub fn get(&self, index: usize) -> io::Result<Arc<Vec<u8>>> {
        self.read(index, true)
    }

    /// The bytes of one input, for the last time.
    pub fn take(&self, index: usize) -> io::Result<Arc<Vec<u8>>> {
        self.read(index, false)
    }

    /// Replaces the bytes of one input.
    pub fn set(&self, index: usize, bytes: Vec<u8>) {
        *self.slot(index) = Some(Arc::new(bytes));
    }

    /// Has the bytes of one input read again: the file is another one now.
    pub fn forget(&self, index: usize) {
        if let Some(bytes) = self.slot(index).take() {
            self.room.fetch_add(bytes.len(), Ordering::Relaxed);
        }
    }

    fn read(&self, index: usize, again: bool) -> io::Result<Arc<Vec<u8>>> {
        let mut slot = self.slot(index);
        let again = again || !matches!(self.inputs[index].origin, Origin::File(_));
        if !again && let Some(bytes) = slot.take() {
            self.room.fetch_add(bytes.len(), Ordering::Relaxed);
            return Ok(bytes);
        }
        if let Some(bytes) = &*slot {
            return Ok(Arc::clone(bytes));
        }
        let bytes = Arc::new(self.load(&self.inputs[index].origin)?);
        if again && self.fits(&self.inputs[index], bytes.len()) {
            *slot = Some(Arc::clone(&bytes));
        }
        Ok(bytes)
    }

    fn fits(&self, input: &Input, bytes: usize) -> bool {
        if !matches!(input.origin, Origin::File(_)) {
            return true; // it cannot be read a second time
        }
        let less = |room: usize| room.checked_sub(bytes);
        self.room
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }

    fn load(&self, origin: &Origin) -> io::Result<Vec<u8>> {
        let most = self.limit as u64 + 1;
        let mut bytes = Vec::new();
        match origin {
            Origin::Stdin => io::stdin().lock().take(most).read_to_end(&mut bytes)?,
            Origin::File(path) | Origin::Pipe(path) => {
                // Most files fit: to ask for the size would cost as much as to read them.
                bytes.reserve_exact(USUAL);
                let read = File::open(path)?.take(most).read_to_end(&mut bytes)?;
                bytes.shrink_to_fit();
                read
            }
        };
        Ok(bytes)
    }

    fn slot(&self, index: usize) -> std::sync::MutexGuard<'_, Option<Arc<Vec<u8>>>> {
        // A panic elsewhere leaves the slot as it was: whole or empty.
        self.held[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
