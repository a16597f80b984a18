//! Bounds on what a document grows to.

use super::Limits;
use super::event::Fault;

/// How large a node is, its content included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    nodes: usize,
    bytes: usize,
    /// Levels of nesting; 0 for a scalar.
    pub(super) height: usize,
}

impl Size {
    pub(super) fn scalar(text: &str) -> Self {
        Self {
            nodes: 1,
            bytes: text.len(),
            height: 0,
        }
    }

    pub(super) fn collection() -> Self {
        Self {
            nodes: 1,
            bytes: 0,
            height: 1,
        }
    }

    /// Of an alias to a node of this size.
    pub(super) fn repeated(&self) -> Self {
        Self {
            nodes: self.nodes + 1,
            ..*self
        }
    }

    pub(super) fn add(&mut self, inner: &Self) {
        self.nodes += inner.nodes;
        self.bytes += inner.bytes;
        self.height = self.height.max(inner.height + 1);
    }
}

/// Counts the nodes of a document as go-yaml does when it decodes, aliases expanded, and refuses
/// what go-yaml refuses as "excessive aliasing", so that no document grows to many times its size.
#[derive(Debug)]
pub(super) struct Expansion<'l> {
    limits: &'l Limits,
    nodes: usize,
    from_aliases: usize,
    copied_bytes: usize,
}

impl<'l> Expansion<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            nodes: 0,
            from_aliases: 0,
            copied_bytes: 0,
        }
    }

    /// One more node was written.
    pub(super) fn node(&mut self, at: usize) -> Result<(), Fault> {
        self.nodes += 1;
        self.check(at)
    }

    /// An alias repeats a node of this size.
    pub(super) fn alias(&mut self, size: &Size, at: usize) -> Result<(), Fault> {
        self.nodes += 1 + size.nodes;
        self.from_aliases += size.nodes;
        self.copied_bytes += size.bytes;
        self.check(at)
    }

    /// A node of this size is kept for aliases.
    pub(super) fn copy(&mut self, size: &Size, at: usize) -> Result<(), Fault> {
        self.copied_bytes += size.bytes + size.nodes * size_of::<serde_json::Value>();
        self.check(at)
    }

    fn check(&self, at: usize) -> Result<(), Fault> {
        if self.nodes > self.limits.nodes {
            let message = format!("more than {} nodes in one document", self.limits.nodes);
            return Err(Fault::limit(at, message));
        }
        let many = self.from_aliases > 100 && self.nodes > 1000;
        if self.copied_bytes > self.limits.bytes || (many && self.mostly_aliases()) {
            return Err(Fault::limit(at, "aliases repeat too much of the document"));
        }
        Ok(())
    }

    /// go-yaml v2's `allowedAliasRatio`: 99 % up to 400,000 nodes, falling to 10 % at 4,000,000.
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    fn mostly_aliases(&self) -> bool {
        const LOW: f64 = 400_000.0;
        const RANGE: f64 = 3_600_000.0;
        let beyond = ((self.nodes as f64 - LOW) / RANGE).clamp(0.0, 1.0);
        self.from_aliases as f64 > (0.99 - 0.89 * beyond) * self.nodes as f64
    }
}
