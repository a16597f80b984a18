//! All definitions of one thing, and which of them decides at a place.

use std::collections::HashMap;
use std::sync::Arc;

use crate::mesh::{Fact, Known, Place, Source};

/// Up to so many definitions are looked through one by one, which is quicker than looking them up.
const FEW: usize = 8;

/// All definitions of one thing: of a namespace's labels, of a revision's control plane.
///
/// Thousands of objects may ask about thousands of definitions (a repository of a hundred clusters),
/// so what decides is kept ready for every folder that has a definition somewhere below it.
#[derive(Clone, Debug)]
pub(super) struct Definitions<T> {
    facts: Vec<Fact<T>>,
    /// Among the facts of one file.
    files: HashMap<Arc<str>, Choice>,
    /// Among the facts of all files somewhere below a folder; its name ends with `/`, and the one
    /// above all folders is empty.
    folders: HashMap<String, Choice>,
    /// Those of a recording, which only count where no document defines the thing.
    recorded: Option<Box<Self>>,
}

/// What decides among some facts, by their indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choice {
    /// The one whose source comes first.
    chosen: usize,
    /// The first of those that say something else.
    rival: Option<usize>,
}

impl<T> Default for Definitions<T> {
    fn default() -> Self {
        Self {
            facts: Vec::new(),
            files: HashMap::new(),
            folders: HashMap::new(),
            recorded: None,
        }
    }
}

/// The one fact that decides at `place`: the nearest; unknown where two equally near ones differ.
/// Among equals the source decides, not the order in which they were read.
pub(super) fn nearest<'f, T: PartialEq>(
    definitions: Option<&'f Definitions<T>>,
    place: Place<'_>,
) -> Known<&'f T> {
    let Some(definitions) = definitions else {
        return Known::No;
    };
    if definitions.facts.is_empty() {
        return nearest(definitions.recorded.as_deref(), place);
    }
    let choice = if definitions.facts.len() <= FEW {
        definitions.look_through(place)
    } else {
        definitions.look_up(place)
    };
    choice.map_or(Known::No, |choice| definitions.known(choice))
}

impl<T: PartialEq> Definitions<T> {
    pub(super) fn push(&mut self, fact: Fact<T>) {
        match &fact.source {
            Source::Recording { .. } => self.recorded.get_or_insert_default().add(fact),
            _ => self.add(fact),
        }
    }

    /// All of them, those of a recording last; what an installer is going to do only where nothing says
    /// what is.
    pub(super) fn facts(&self) -> impl Iterator<Item = &Fact<T>> {
        let is_all_planned = self.facts.iter().all(|fact| fact.is_planned);
        let own = self.facts.iter();
        let own = own.filter(move |fact| is_all_planned || !fact.is_planned);
        let recorded = self.recorded.iter().flat_map(|recorded| &recorded.facts);
        own.chain(recorded)
    }

    fn add(&mut self, fact: Fact<T>) {
        let new = self.facts.len();
        self.facts.push(fact);
        let Self {
            facts,
            files,
            folders,
            ..
        } = self;
        let mut folder = "";
        if let Source::Document { file, .. } = &facts[new].source {
            let choice = files.entry(Arc::clone(file));
            choice
                .and_modify(|choice| choice.add(new, facts))
                .or_insert(Choice::of(new));
            folder = folder_of(file);
        }
        for above in self_and_above(folder) {
            match folders.get_mut(above) {
                Some(choice) => choice.add(new, facts),
                None => drop(folders.insert(above.to_owned(), Choice::of(new))),
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    fn known(&self, choice: Choice) -> Known<&T> {
        let chosen = &self.facts[choice.chosen];
        match choice.rival {
            Some(rival) => Known::Disputed(chosen.source.clone(), self.facts[rival].source.clone()),
            None => Known::Yes(&chosen.value, chosen.source.clone()),
        }
    }

    /// The deepest folder above the place that has facts below it: these are the nearest.
    fn look_up(&self, place: Place<'_>) -> Option<Choice> {
        let folder = match place.file {
            Some(file) => match self.files.get(file) {
                Some(choice) => return Some(*choice),
                None => folder_of(file),
            },
            None => "",
        };
        self_and_above(folder).find_map(|above| self.folders.get(above).copied())
    }

    /// The same without what was kept ready.
    fn look_through(&self, place: Place<'_>) -> Option<Choice> {
        let mut best: Option<(usize, Choice)> = None;
        for (index, fact) in self.facts.iter().enumerate() {
            let depth = place.nearness(&fact.source);
            match &mut best {
                Some((deepest, _)) if depth < *deepest => {}
                Some((deepest, choice)) if depth == *deepest => choice.add(index, &self.facts),
                _ => best = Some((depth, Choice::of(index))),
            }
        }
        best.map(|(_, choice)| choice)
    }
}

impl Choice {
    fn of(index: usize) -> Self {
        Self {
            chosen: index,
            rival: None,
        }
    }

    /// Of two that are equally near, what is counts for more than what an installer is going to do.
    fn add<T: PartialEq>(&mut self, new: usize, facts: &[Fact<T>]) {
        match (facts[new].is_planned, facts[self.chosen].is_planned) {
            (true, false) => return,
            (false, true) => {
                *self = Self::of(new);
                return;
            }
            _ => {}
        }
        let agrees = facts[new].value == facts[self.chosen].value;
        let is_before = |old: usize| facts[new].source < facts[old].source;
        if is_before(self.chosen) {
            if !agrees {
                self.rival = Some(self.chosen);
            }
            self.chosen = new;
        } else if !agrees && self.rival.is_none_or(is_before) {
            self.rival = Some(new);
        }
    }
}

/// The folder of a file, with its `/`; that of a bare name is `/`.
pub(super) fn folder_of(file: &str) -> &str {
    file.rfind('/').map_or("/", |slash| &file[..=slash])
}

/// `a/b/`, `a/` and the empty one above all.
pub(super) fn self_and_above(folder: &str) -> impl Iterator<Item = &str> {
    let ends = folder.rmatch_indices('/').map(|(slash, _)| slash + 1);
    ends.chain([0]).map(|end| &folder[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Pointer;

    const FILES: &[&str] = &[
        "a.yaml",
        "b.yaml",
        "x/a.yaml",
        "x/b.yaml",
        "x/y/a.yaml",
        "xy/a.yaml",
        "/a.yaml",
        "/x/a.yaml",
        "/x/y/z/a.yaml",
        "../a.yaml",
        "x//a.yaml",
        "-",
    ];

    fn source(file: &str, document: usize) -> Source {
        Source::Document {
            file: file.into(),
            document,
            pointer: Pointer::root(),
            title: "Namespace/shop".into(),
        }
    }

    /// Every text that `seed` spells in files, documents and values, in that order of reading.
    fn definitions(seed: usize) -> Definitions<usize> {
        let mut all = Definitions::default();
        let mut rest = seed;
        for _ in 0..=seed % 6 {
            rest = rest
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695);
            let dice = rest >> 33;
            let source = match dice % 13 {
                12 => Source::Setting("--istio-version"),
                file => source(FILES[file], (dice >> 4) % 2),
            };
            all.push(Fact {
                value: (dice >> 8) % 2,
                source,
                is_planned: (dice >> 10).is_multiple_of(3),
            });
        }
        all
    }

    #[test]
    fn looking_up_and_looking_through_are_one() {
        for seed in 0..5_000 {
            let all = definitions(seed);
            for file in FILES.iter().chain(&["x/y/z/w/c.yaml", "q/a.yaml"]) {
                let place = Place::file(file);
                assert_eq!(
                    all.look_up(place),
                    all.look_through(place),
                    "{file} {all:?}"
                );
            }
            let everywhere = Place::cluster();
            assert_eq!(all.look_up(everywhere), all.look_through(everywhere));
        }
    }

    #[test]
    fn the_first_source_is_chosen_in_whatever_order_it_is_read() {
        let facts = [("b.yaml", 1), ("a.yaml", 2), ("c.yaml", 1)];
        for turn in 0..facts.len() {
            let mut all = Definitions::default();
            for (file, value) in facts.iter().cycle().skip(turn).take(facts.len()) {
                let source = source(file, 0);
                all.push(Fact {
                    value: *value,
                    source,
                    is_planned: false,
                });
            }
            let known = nearest(Some(&all), Place::file("d.yaml"));
            let Known::Disputed(one, other) = known else {
                panic!("{known:?}")
            };
            assert_eq!((one, other), (source("a.yaml", 0), source("b.yaml", 0)));
        }
    }
}
