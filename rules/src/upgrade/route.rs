//! A way by hops, and the Kubernetes that goes with it.

use std::fmt;

use super::{Request, Stop};
use crate::istio::version::{KubernetesVersion, Minor, Version};
use crate::releases::{Fit, Releases, RemovedApi};

/// A way from one minor to another.
#[derive(Clone, Debug)]
pub struct Route<'r> {
    /// In order; the last one is a hop.
    pub steps: Vec<Step<'r>>,
}

impl<'r> Route<'r> {
    /// The hops alone.
    pub fn hops(&self) -> impl Iterator<Item = &Hop<'r>> {
        self.steps.iter().filter_map(|step| match step {
            Step::Istio(hop) => Some(&**hop),
            Step::Kubernetes(_) => None,
        })
    }
}

/// One step of a way.
#[derive(Clone, Debug)]
pub enum Step<'r> {
    /// Kubernetes moves, or has to be somewhere to begin with.
    Kubernetes(Move),
    /// Istio moves.
    Istio(Box<Hop<'r>>),
}

/// A hop to a version.
#[derive(Clone, Debug)]
pub struct Hop<'r> {
    /// The version.
    pub stop: Stop<'r>,
    /// The Kubernetes versions on which it may be made, as far as is known.
    pub kubernetes: Option<Window>,
    /// Whether nobody tested the new minor on that Kubernetes, which is too new for it.
    pub is_untested: bool,
}

/// A move of Kubernetes, one minor at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// From where; `None` where nobody said what the cluster is.
    pub from: Option<Window>,
    /// To where; all hops up to the next move can be made there.
    pub to: Window,
    /// The hop behind it that asks for the most; `None` where nothing asks for more than what runs.
    pub because: Option<Demand>,
}

/// What a hop asks of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The minor that is hopped to.
    pub minor: Minor,
    /// The oldest Kubernetes for it.
    pub least: KubernetesVersion,
    /// Whether it does not install on less; else it only was not tested there.
    pub is_floor: bool,
}

/// Kubernetes versions, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Oldest.
    pub min: KubernetesVersion,
    /// Newest.
    pub max: KubernetesVersion,
}

impl Window {
    fn and(self, other: Self) -> Option<Self> {
        let both = Self {
            min: self.min.max(other.min),
            max: self.max.min(other.max),
        };
        (both.min <= both.max).then_some(both)
    }

    fn only(version: KubernetesVersion) -> Self {
        Self {
            min: version,
            max: version,
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { min, max } = self;
        if min == max {
            return min.fmt(f);
        }
        let word = if min.0.later(1) == max.0 { "or" } else { "to" };
        write!(f, "{min} {word} {max}")
    }
}

/// A hop that cannot be made.
#[derive(Clone, Debug)]
pub struct Blocked<'r> {
    /// From which minor.
    pub from: Minor,
    /// To which, as the shortest one of those that could be made there.
    pub to: Minor,
    /// The APIs that it needs and that are gone; empty where Kubernetes would have to move to where the
    /// istiod that runs cannot follow.
    pub missing: Vec<&'r RemovedApi>,
}

/// The hops from a minor to a version, at most `most` minors each.
pub(super) fn route<'r>(
    table: &'r Releases,
    from: Minor,
    to: Version,
    most: u32,
    request: &Request,
) -> Result<Route<'r>, Blocked<'r>> {
    let mut walk = Walk::new(table, from, request);
    while walk.at < to.minor {
        walk.advance(to, most)?;
    }
    walk.settle();
    Ok(Route { steps: walk.steps })
}

/// Someone who walks the way.
struct Walk<'r, 'q> {
    table: &'r Releases,
    request: &'q Request,
    /// The minor that runs.
    at: Minor,
    /// Where Kubernetes may be, so that all hops since the last move can be made.
    window: Option<Window>,
    /// The move that the window belongs to.
    moved: Option<usize>,
    steps: Vec<Step<'r>>,
}

impl<'r, 'q> Walk<'r, 'q> {
    fn new(table: &'r Releases, from: Minor, request: &'q Request) -> Self {
        let mut walk = Self {
            table,
            request,
            at: from,
            window: request.kubernetes.map(Window::only),
            moved: None,
            steps: Vec::new(),
        };
        if walk.window.is_none()
            && let Some(window) = walk.tested(from)
        {
            walk.set_kubernetes(window, None);
        }
        walk
    }

    /// Makes the longest hop that can be made; the shortest one says why none can.
    fn advance(&mut self, to: Version, most: u32) -> Result<(), Blocked<'r>> {
        let mut why = self.blocked(self.at.later(1), Vec::new());
        for stride in (1..=most).rev() {
            let next = self.at.later(stride);
            if next > to.minor || self.table.get(next).is_none() {
                continue;
            }
            match self.hop(next, to) {
                Ok(()) => return Ok(()),
                Err(blocked) => why = blocked,
            }
        }
        Err(why)
    }

    fn tested(&self, minor: Minor) -> Option<Window> {
        let range = self.table.get(minor)?.kubernetes.as_ref()?;
        Some(Window {
            min: range.min,
            max: range.max,
        })
    }

    fn floor(&self, minor: Minor) -> Option<KubernetesVersion> {
        Some(self.table.get(minor)?.kubernetes_floor.as_ref()?.min)
    }

    /// Makes one hop, with a move of Kubernetes before it where it needs one.
    fn hop(&mut self, next: Minor, to: Version) -> Result<(), Blocked<'r>> {
        let is_untested = self.make_room(next)?;
        let newest = || Stop::newest(self.table, next, self.request);
        let stop = if next == to.minor {
            Stop::new(self.table, to, self.request)
        } else {
            newest()
        };
        if let Some(stop) = stop {
            self.steps.push(Step::Istio(Box::new(Hop {
                stop,
                kubernetes: self.window,
                is_untested,
            })));
        }
        self.at = next;
        Ok(())
    }

    /// Sees to it that Kubernetes is where a minor can run; says whether that is untested.
    fn make_room(&mut self, next: Minor) -> Result<bool, Blocked<'r>> {
        let (Some(window), Some(tested)) = (self.window, self.tested(next)) else {
            self.window = self.window.or_else(|| self.tested(next));
            return Ok(false);
        };
        if let Some(both) = window.and(tested) {
            self.narrow(both, next);
            return Ok(false);
        }
        if window.min > tested.max {
            let missing: Vec<_> = self.table.missing_apis(next, window.min).collect();
            return if missing.is_empty() {
                self.narrow(Window::only(window.min), next);
                Ok(true)
            } else {
                Err(self.blocked(next, missing))
            };
        }
        self.move_up(window, tested, next)?;
        Ok(false)
    }

    /// Moves Kubernetes up, as far as the istiod that runs can follow.
    fn move_up(&mut self, from: Window, to: Window, next: Minor) -> Result<(), Blocked<'r>> {
        let missing: Vec<_> = self.table.missing_apis(self.at, to.min).collect();
        if !missing.is_empty() {
            return Err(self.blocked(next, missing));
        }
        let runs = self.tested(self.at);
        // Where the ranges do not meet, the old istiod is for a while where nobody tested it.
        let meet = runs.and_then(|runs| runs.and(to));
        self.set_kubernetes(meet.unwrap_or(Window::only(to.min)), Some(from));
        self.demand(next);
        Ok(())
    }

    fn set_kubernetes(&mut self, to: Window, from: Option<Window>) {
        self.window = Some(to);
        self.moved = Some(self.steps.len());
        self.steps.push(Step::Kubernetes(Move {
            from,
            to,
            because: None,
        }));
    }

    /// What a hop needs, the move before it has to give: so that one move serves many hops.
    fn narrow(&mut self, window: Window, next: Minor) {
        let rises = self.window.is_none_or(|before| window.min > before.min);
        self.window = Some(window);
        if let Some(step) = self.last_move() {
            step.to = window;
            if rises {
                self.demand(next);
            }
        }
    }

    /// Notes for what the last move is made.
    fn demand(&mut self, minor: Minor) {
        let floor = self.floor(minor);
        let Some(step) = self.last_move() else { return };
        let least = step.to.min;
        step.because = Some(Demand {
            minor,
            least,
            is_floor: floor.is_some_and(|floor| floor >= least),
        });
    }

    /// Once the last move is known, so is where each hop is made.
    fn settle(&mut self) {
        let mut here = None;
        for step in &mut self.steps {
            match step {
                Step::Kubernetes(step) => here = Some(step.to),
                Step::Istio(hop) => hop.kubernetes = here.or(hop.kubernetes),
            }
        }
    }

    fn last_move(&mut self) -> Option<&mut Move> {
        match self.steps.get_mut(self.moved?)? {
            Step::Kubernetes(step) => Some(step),
            Step::Istio(_) => None,
        }
    }

    fn blocked(&self, next: Minor, missing: Vec<&'r RemovedApi>) -> Blocked<'r> {
        Blocked {
            from: self.at,
            to: next,
            missing,
        }
    }
}

/// Whether what fits so can run at all.
pub(super) fn runs(fit: &Fit<'_>) -> bool {
    fit.runs()
}

/// Whether a fit is one that Istio tested.
pub(super) fn is_tested(fit: &Fit<'_>) -> bool {
    matches!(fit, Fit::Tested)
}
