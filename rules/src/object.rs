//! Kubernetes objects as raw values whose nodes know their pointer.

use std::fmt;
use std::rc::Rc;

use elsa::FrozenVec;
use serde_json::Value;

use crate::finding::{Location, Part, Pointer};
use crate::istio::install::{self, Chart};
use crate::mesh::Place;
use crate::yaml::{self, Problem};

/// What a file of Helm values is called where objects have their kind.
pub const HELM_VALUES: &str = "Helm values";

/// A value together with its place in the document. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    value: &'a Value,
    path: Option<Rc<Step<'a>>>,
}

#[derive(Debug)]
struct Step<'a> {
    parent: Option<Rc<Step<'a>>>,
    token: Token<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Token<'a> {
    Member(&'a str),
    Item(usize),
    /// Root of the document in the string above, which has this text.
    Document(&'a str),
}

/// Where a node stands.
#[derive(Clone, Debug)]
pub(crate) struct Spot<'a> {
    /// The node; for one in a document inside a string, that string.
    pub(crate) pointer: Pointer,
    /// The node in the document inside the string, and the string's text.
    pub(crate) inside: Option<(Pointer, &'a str)>,
}

impl Spot<'_> {
    /// A member or item of what stands here.
    pub(crate) fn join(mut self, token: &str) -> Self {
        self.last().push(token);
        self
    }

    fn item(mut self, index: usize) -> Self {
        self.last().push_index(index);
        self
    }

    fn last(&mut self) -> &mut Pointer {
        match &mut self.inside {
            Some((pointer, _)) => pointer,
            None => &mut self.pointer,
        }
    }
}

/// Keeps the documents that are read inside of an object's strings for as long as it is judged.
#[derive(Default)]
pub struct Strings(FrozenVec<Box<Value>>);

impl Strings {
    /// Keeps a value that is made of the object, such as what an installer is going to write.
    pub(crate) fn keep(&self, value: Value) -> &Value {
        self.0.push_get(Box::new(value))
    }
}

impl fmt::Debug for Strings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Strings({})", self.0.len())
    }
}

impl<'a> Node<'a> {
    /// The root of a document.
    pub fn root(value: &'a Value) -> Self {
        Self { value, path: None }
    }

    /// The bare value.
    pub fn value(&self) -> &'a Value {
        self.value
    }

    fn below(&self, value: &'a Value, token: Token<'a>) -> Self {
        let parent = self.path.clone();
        Self {
            value,
            path: Some(Rc::new(Step { parent, token })),
        }
    }

    /// Member of a mapping; `None` for a missing member and for anything that is no mapping. A null
    /// member is there (see [`Node::get_set`]).
    pub fn get(&self, key: &str) -> Option<Self> {
        let (key, value) = self.value.as_object()?.get_key_value(key)?;
        Some(self.below(value, Token::Member(key)))
    }

    /// Member of a mapping that is neither missing nor null: what Kubernetes treats as set.
    pub fn get_set(&self, key: &str) -> Option<Self> {
        self.get(key).filter(|node| !node.value.is_null())
    }

    /// Follows member names; `None` as soon as one is missing or null.
    pub fn at(&self, keys: &[&str]) -> Option<Self> {
        keys.iter()
            .try_fold(self.clone(), |node, key| node.get_set(key))
    }

    /// Items of the list under `key`; nothing where there is no such list.
    pub fn items(&self, key: &str) -> impl Iterator<Item = Self> + use<'a> {
        self.get(key).into_iter().flat_map(|list| list.elements())
    }

    /// Items of this list; nothing for anything that is no list.
    pub fn elements(&self) -> impl Iterator<Item = Self> + use<'a> {
        let list = self.clone();
        let items = self.value.as_array().map(Vec::as_slice).unwrap_or_default();
        items
            .iter()
            .enumerate()
            .map(move |(index, item)| list.below(item, Token::Item(index)))
    }

    /// The last of the items of the list under `key` that is this; the others get no place, which
    /// most do not need.
    pub fn last_item(&self, key: &str, is_it: impl Fn(&Value) -> bool) -> Option<Self> {
        let list = self.value.get(key)?.as_array()?;
        let index = list.iter().rposition(is_it)?;
        self.get(key)?.item(index)
    }

    /// Item of a list.
    fn item(&self, index: usize) -> Option<Self> {
        let item = self.value.as_array()?.get(index)?;
        Some(self.below(item, Token::Item(index)))
    }

    /// Members of this mapping; nothing for anything that is no mapping.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, Self)> + use<'a> {
        let map = self.clone();
        self.value
            .as_object()
            .into_iter()
            .flatten()
            .map(move |(key, value)| (key.as_str(), map.below(value, Token::Member(key))))
    }

    /// The text, where this is a string.
    pub fn str(&self) -> Option<&'a str> {
        self.value.as_str()
    }

    /// The text of member `key`, where that is a string.
    pub fn str_at(&self, key: &str) -> Option<&'a str> {
        self.value.get(key)?.as_str()
    }

    /// The document that this string holds, YAML or JSON; its nodes know both places. `None` for
    /// anything but a string, and for a string in such a document: two levels are nobody's.
    pub fn document(&self, strings: &'a Strings) -> Option<Result<Self, Problem>> {
        let text = self.str()?;
        if self
            .steps()
            .any(|token| matches!(token, Token::Document(_)))
        {
            return None;
        }
        let read = yaml::value_of(text).map(|value| {
            let value = strings.0.push_get(Box::new(value));
            self.below(value, Token::Document(text))
        });
        Some(read)
    }

    /// The tokens of the path, innermost first.
    fn steps(&self) -> impl Iterator<Item = Token<'a>> {
        let step = self.path.as_deref();
        std::iter::successors(step, |step| step.parent.as_deref()).map(|step| step.token)
    }

    /// Where this node stands.
    pub(crate) fn spot(&self) -> Spot<'a> {
        let tokens: Vec<Token<'a>> = self.steps().collect();
        let lengths = tokens.iter().map(|token| match token {
            Token::Member(name) => name.len() + 1,
            Token::Item(_) | Token::Document(_) => 4,
        });
        let root = Spot {
            pointer: Pointer::with_room(lengths.sum()),
            inside: None,
        };
        tokens.iter().rev().fold(root, |spot, token| match token {
            Token::Member(name) => spot.join(name),
            Token::Item(index) => spot.item(*index),
            Token::Document(text) => Spot {
                inside: Some((Pointer::root(), text)),
                ..spot
            },
        })
    }

    /// Where this node stands, from the root of the document; for a node of a document inside a string,
    /// where that string stands.
    pub fn pointer(&self) -> Pointer {
        self.spot().pointer
    }

    /// Names and indices on the way to this node, those inside of a string included.
    pub fn path(&self) -> Vec<String> {
        let Spot { pointer, inside } = self.spot();
        let inner = inside.map(|(inner, _)| inner).unwrap_or_default();
        pointer.tokens().chain(inner.tokens()).collect()
    }

    /// Whether this is the member of a mapping.
    pub fn is_member(&self) -> bool {
        matches!(
            self.path.as_ref().map(|step| step.token),
            Some(Token::Member(_))
        )
    }

    /// The index in its list, for a list item.
    pub fn index(&self) -> Option<usize> {
        match self.path.as_ref()?.token {
            Token::Item(index) => Some(index),
            Token::Member(_) | Token::Document(_) => None,
        }
    }

    /// This node, key and value.
    pub fn whole(&self) -> Location {
        self.location(Part::Whole)
    }

    /// Only the key of this node.
    pub fn key(&self) -> Location {
        self.location(Part::Key)
    }

    /// Only the value of this node.
    pub fn as_value(&self) -> Location {
        self.location(Part::Value)
    }

    fn location(&self, part: Part) -> Location {
        let Spot { pointer, inside } = self.spot();
        Location {
            pointer,
            part,
            inner: inside.map(|(inner, _)| inner),
        }
    }
}

/// A Kubernetes object, or a file of Helm values (then `kind` is empty).
#[derive(Clone, Debug)]
pub struct Object<'a> {
    /// `apiVersion`, such as `apps/v1`.
    pub api_version: &'a str,
    /// `kind`, such as `Deployment`; empty for a file of Helm values.
    pub kind: &'a str,
    /// `metadata.namespace`; `None` where the document does not say it.
    pub namespace: Option<&'a str>,
    /// `metadata.name`; `None` where the document does not say it.
    pub name: Option<&'a str>,
    /// The object itself; its pointer is not empty inside a `List`.
    pub root: Node<'a>,
    /// The chart whose values a person takes the file for.
    pub chart: Option<Chart>,
}

impl<'a> Object<'a> {
    /// The objects of a document: itself, or the items of a `List` (lists in lists too). Empty for
    /// a document that is no Kubernetes object and no Helm values.
    pub fn all(document: &'a Value) -> Vec<Self> {
        Self::all_at(document, Place::cluster())
    }

    /// The same of a document that was read at a place, which may say what it is.
    pub fn all_at(document: &'a Value, place: Place<'_>) -> Vec<Self> {
        let root = Node::root(document);
        if let Some(chart) = place.chart().filter(|_| may_be_values(document)) {
            return vec![Self::values(root, chart)];
        }
        let mut found = Vec::new();
        Self::collect(root, &mut found);
        for object in &mut found {
            object.chart = place.chart();
        }
        found
    }

    /// The object that [`Object::all_at`] found at this pointer, in this or a later state of the document.
    pub(crate) fn at(document: &'a Value, at: &Pointer, place: Place<'_>) -> Option<Self> {
        let mut node = Node::root(document);
        if let Some(chart) = place.chart().filter(|_| may_be_values(document)) {
            return Some(Self::values(node, chart));
        }
        for token in at.tokens() {
            node = match node.value {
                Value::Array(_) => node.item(token.parse().ok()?)?,
                _ => node.get(&token)?,
            };
        }
        let (kind, api_version) = (node.str_at("kind"), node.str_at("apiVersion"));
        let (api_version, kind) = match (api_version, kind) {
            (Some(api_version), Some(kind)) => (api_version, kind),
            _ => install::kindless(node.value).unwrap_or_default(),
        };
        Some(Self::new(api_version, kind, node))
    }

    /// A file of Helm values.
    pub(crate) fn helm_values(document: &'a Value) -> Self {
        Self::new("", "", Node::root(document))
    }

    fn collect(node: Node<'a>, found: &mut Vec<Self>) {
        let (kind, api_version) = (node.str_at("kind"), node.str_at("apiVersion"));
        let (Some(kind), Some(api_version)) = (kind, api_version) else {
            if node.path.is_none()
                && let Some((api_version, kind)) = install::kindless(node.value)
            {
                found.push(Self::new(api_version, kind, node));
            }
            return;
        };
        let is_list =
            kind.ends_with("List") && node.value.get("items").is_some_and(Value::is_array);
        if is_list {
            for item in node.items("items") {
                Self::collect(item, found);
            }
        } else {
            found.push(Self::new(api_version, kind, node));
        }
    }

    fn new(api_version: &'a str, kind: &'a str, root: Node<'a>) -> Self {
        let metadata = root.value.get("metadata");
        let text = |key| metadata.and_then(|m| m.get(key)).and_then(Value::as_str);
        Self {
            api_version,
            kind,
            namespace: text("namespace"),
            name: text("name"),
            root,
            chart: None,
        }
    }

    /// Values of a chart that a person names.
    fn values(root: Node<'a>, chart: Chart) -> Self {
        Self {
            chart: Some(chart),
            name: None,
            namespace: None,
            ..Self::new("", "", root)
        }
    }

    /// The API group: `apps` of `apps/v1`, empty for the core group.
    pub fn group(&self) -> &'a str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// The kind as people write it: `Deployment`, `Helm values`.
    pub fn kind_name(&self) -> &'a str {
        match self.kind {
            "" => HELM_VALUES,
            kind => kind,
        }
    }

    /// `Deployment/istiod` for messages; the name is left out where there is none.
    pub fn title(&self) -> String {
        match (self.kind, self.name) {
            ("", _) => HELM_VALUES.to_owned(),
            (kind, Some(name)) => format!("{kind}/{name}"),
            (kind, None) => kind.to_owned(),
        }
    }
}

/// Whether a document can be values at all: a mapping, or nothing, that says no kind.
fn may_be_values(document: &Value) -> bool {
    match document {
        Value::Object(members) => {
            !(members.contains_key("kind") && members.contains_key("apiVersion"))
        }
        Value::Null => true,
        _ => false,
    }
}
