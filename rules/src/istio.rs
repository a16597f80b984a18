//! What an object is in a mesh.

pub mod args;
pub mod build;
pub mod config_map;
pub(crate) mod defaulted;
pub mod drain;
pub mod duration;
pub mod gate;
pub mod hold;
pub mod image;
pub mod install;
pub mod istiod;
pub mod keepalive;
pub mod probe;
pub mod proxy;
pub mod proxy_config;
pub mod redundancy;
pub mod rewrite;
pub mod values;
pub mod version;
pub mod workload;

use std::cell::OnceCell;

use build::Build;
use config_map::ConfigMap;
use image::{Component, Vendor};
use install::{Given, Install, Plane, Running};
use istiod::Istiod;
use keepalive::AgeSetting;
use proxy::{Proxy, Role};
use version::Version;
use workload::PodTemplate;

use crate::mesh::Around;
use crate::object::{Node, Object, Strings};

/// Name of the proxy's container.
pub const PROXY: &str = "istio-proxy";

/// What an object is in a mesh.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The pod template, for a workload.
    pub template: Option<PodTemplate<'a>>,
    /// istiod, if the workload runs it.
    pub istiod: Option<Istiod<'a>>,
    /// The container `istio-proxy`, if the workload has one.
    pub proxy: Option<Proxy<'a>>,
    /// All of Istio's programs in the workload.
    pub builds: Vec<Build<'a>>,
    /// What an installer makes of it, for an installer's file.
    pub install: Option<Install<'a>>,
    /// What is inside, for one of Istio's ConfigMaps.
    pub config_map: Option<ConfigMap<'a>>,
    strings: &'a Strings,
    given: Given,
    running: OnceCell<Running<'a>>,
    ages: OnceCell<Vec<AgeSetting<'a>>>,
}

impl<'a> Subject<'a> {
    /// Looks at an object by itself; `strings` keeps the documents that are read inside of it.
    pub fn of(object: &Object<'a>, strings: &'a Strings) -> Self {
        Self::new(object, strings, None)
    }

    /// Looks at an object with what is known around it.
    pub fn within(object: &Object<'a>, strings: &'a Strings, around: &Around<'a>) -> Self {
        Self::new(object, strings, Some(around))
    }

    fn new(object: &Object<'a>, strings: &'a Strings, around: Option<&Around<'a>>) -> Self {
        let template = PodTemplate::of(object);
        let istiod = template
            .as_ref()
            .and_then(|template| Istiod::of(object, template));
        let proxy = template.as_ref().and_then(Proxy::of);
        let builds = template.as_ref().map_or_else(Vec::new, |template| {
            Build::all(object, template, istiod.as_ref(), proxy.as_ref())
        });
        let install = Install::of(object, strings, around);
        Self {
            template,
            istiod,
            proxy,
            builds,
            install,
            config_map: ConfigMap::of(object, strings),
            strings,
            given: Given::default(),
            running: OnceCell::new(),
            ages: OnceCell::new(),
        }
    }

    /// The same, with what is known of an installer's file besides what it says.
    #[must_use]
    pub fn given(self, given: Given) -> Self {
        Self { given, ..self }
    }

    /// What becomes of an installer's file. Worked out once for all rules.
    pub fn running(&self) -> &Running<'a> {
        self.running.get_or_init(|| {
            let install = self.install.as_ref();
            install.map_or_else(Running::default, |install| {
                install.run(self.given, self.strings)
            })
        })
    }

    /// Every istiod that an installer's file is going to run.
    pub fn planes(&self) -> &[Plane<'a>] {
        &self.running().planes
    }

    /// The connection age of every istiod in the object: the one that it is, or those that it installs.
    /// Worked out once for all rules.
    pub fn ages(&self) -> &[AgeSetting<'a>] {
        self.ages.get_or_init(|| match &self.istiod {
            Some(istiod) => AgeSetting::of(istiod, self.istiod_version())
                .into_iter()
                .collect(),
            None => self.planned_ages(),
        })
    }

    /// What an installer refuses to read is no age, and the default that would take its place is not
    /// what was meant.
    fn planned_ages(&self) -> Vec<AgeSetting<'a>> {
        let refuses =
            |refused: fn(&Install<'a>) -> bool| self.install.as_ref().is_some_and(refused);
        if refuses(Install::refuses_age) {
            return Vec::new();
        }
        let planned = self.planes().iter().filter_map(AgeSetting::of_plane);
        let refuses_key = refuses(Install::refuses_key);
        let is_refused = |age: &AgeSetting<'_>| {
            let install = self.install.as_ref();
            age.is_default || install.is_some_and(|install| install.refuses(&age.at.pointer))
        };
        planned
            .filter(|age| !(refuses_key && is_refused(age)))
            .collect()
    }

    /// The version of the istiod in this workload.
    pub fn istiod_version(&self) -> Option<Version> {
        self.version_in(&self.istiod.as_ref()?.container)
    }

    /// The version of the program in a container, where it is one of Istio's and states it.
    pub fn version_in(&self, container: &Node<'_>) -> Option<Version> {
        let build = self.builds.iter().find(|build| build.is_in(container))?;
        build.stated.version()
    }

    /// Who built the program in a container, where that is a known vendor.
    pub fn vendor_in(&self, container: &Node<'_>) -> Option<Vendor> {
        let build = self.builds.iter().find(|build| build.is_in(container))?;
        build.image.vendor()
    }

    /// The workload, where an application in it may have a sidecar: not istiod, CNI, ztunnel, nor a
    /// part of Istio that only carries a proxy of its own.
    pub fn application(&self) -> Option<&PodTemplate<'a>> {
        let is_infrastructure = self.istiod.is_some()
            || self.builds.iter().any(|build| {
                matches!(
                    build.component,
                    Component::Cni
                        | Component::Ztunnel
                        | Component::Agentgateway
                        | Component::Retired
                )
            })
            || self
                .proxy
                .as_ref()
                .is_some_and(|proxy| proxy.role == Role::Ztunnel);
        self.template.as_ref().filter(|_| !is_infrastructure)
    }
}

/// Go's `strconv.ParseBool`.
pub fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Whether a word was likely meant to be `name`: letters and digits up to three edits off, case aside.
pub(crate) fn resembles(word: &str, name: &str) -> bool {
    const MOST_EDITS: usize = 3;
    // Most words are of another length altogether, and counting is cheap.
    let letters = word.bytes().filter(u8::is_ascii_alphanumeric).count();
    if letters.abs_diff(name.len()) > MOST_EDITS {
        return false;
    }
    let plain: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
    strsim::levenshtein(&plain.to_ascii_lowercase(), &name.to_ascii_lowercase()) <= MOST_EDITS
}
