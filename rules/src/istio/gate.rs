//! Whether the application of a meshed workload waits for its proxy.

use serde_json::Value;

use crate::engine::Context;
use crate::finding::{Related, RelatedPlace};
use crate::istio::PROXY;
use crate::istio::Subject;
use crate::istio::hold::{CONFIG_ANNOTATION, Hold};
use crate::istio::proxy::{Proxy, Role};
use crate::istio::version::Minor;
use crate::istio::workload::{List, PodTemplate};
use crate::mesh::{DEFAULT_REVISION, Enrolment, Known, Native};
use crate::object::Node;

/// First minor in which a pod and the mesh config can ask for hold.
const READS_HOLD: Minor = Minor::one(8);

/// A workload that the injector will take.
#[derive(Debug)]
pub struct Meshed<'s, 'a> {
    /// Its pod template.
    pub template: &'s PodTemplate<'a>,
    /// The revision that injects it.
    pub revision: &'s str,
    /// What says that it is meshed.
    pub because: &'s str,
    /// An `istio-proxy` in it that the injector fills in.
    stub: Option<&'s Proxy<'a>>,
}

/// How the start of an application is gated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It waits, or there is nothing that would have to.
    Gated,
    /// It does not wait: why, and the facts that say so. Whether hold would make it wait says
    /// [`Meshed::hold_would_help`].
    Open(String, Vec<Related>),
    /// Hold is asked for and lost, and how.
    Lost(String),
    /// It cannot be known: what is missing.
    Unknown(Vec<String>),
}

/// Whether hold is asked for.
enum HoldAsked {
    Yes,
    No(String, Option<Related>),
    Unknown(String),
}

impl<'a> Subject<'a> {
    /// The rendered proxy of an application that has one and keeps it: a sidecar beside other
    /// containers, injected by the ordinary template, in a pod that is not opted out.
    pub fn sidecar(&self, cx: &Context<'_>) -> Option<(&PodTemplate<'a>, &Proxy<'a>)> {
        self.rendered().filter(|_| cx.reinjection().is_none())
    }

    fn rendered(&self) -> Option<(&PodTemplate<'a>, &Proxy<'a>)> {
        let template = self.application()?;
        let proxy = self
            .proxy
            .as_ref()
            .filter(|proxy| proxy.role == Role::Sidecar)?;
        // An injected pod may carry the wish, a hand-written helper in an opted-out pod is no sidecar.
        let is_ours = !template.opts_out() && !template.is_patch && !is_proxyless(template);
        is_ours.then_some((template, proxy))
    }

    /// Whether the injector will take a pod that has its proxy already. It takes every pod that is
    /// created, so a proxy in a file is replaced, or what the template has is merged into it.
    pub(crate) fn reinjection(&self, cx: &Context<'_>) -> Option<Reinjection> {
        let (template, _) = self.rendered()?;
        let Enrolment::In { revision, .. } = cx.enrolment() else {
            return None;
        };
        // Without its control plane nobody knows what would come out.
        cx.around.control_plane(revision).value()?;
        // The API server gives it between mutating and validating webhooks: behind the injector.
        let exists = cx.object.kind == "Pod" && cx.object.root.at(&["metadata", "uid"]).is_some();
        let was_injected = template.annotation_text(STATUS).is_some_and(lists_proxy);
        let reinjection = if was_injected {
            Reinjection::Replaces
        } else {
            Reinjection::Merges
        };
        (!exists).then_some(reinjection)
    }

    /// The workload, where the injector is known to take it and an application is in it.
    pub fn meshed<'s>(&'s self, cx: &'s Context<'_>) -> Option<Meshed<'s, 'a>> {
        let template = self.uninjected(cx)?;
        match cx.enrolment() {
            Enrolment::In { revision, because } => Some(Meshed {
                template,
                revision,
                because,
                stub: self.stub(cx),
            }),
            Enrolment::Out | Enrolment::Unknown => None,
        }
    }

    /// What the pod itself says of the proxy that the injector adds.
    pub fn stub(&self, cx: &Context<'_>) -> Option<&Proxy<'a>> {
        let is_replaced = cx.reinjection() == Some(Reinjection::Replaces);
        self.proxy.as_ref().filter(|_| !is_replaced)
    }

    /// The workload, where it is still to be injected and would get the ordinary sidecar.
    pub fn uninjected(&self, cx: &Context<'_>) -> Option<&PodTemplate<'a>> {
        let template = self.application()?;
        let stays =
            self.proxy.as_ref().is_some_and(Proxy::is_rendered) && cx.reinjection().is_none();
        let fits =
            !stays && !template.is_patch && gets_sidecar(cx, template) && has_application(template);
        fits.then_some(template)
    }
}

/// Annotation that the injector leaves, with the names of what it added.
const STATUS: &str = "sidecar.istio.io/status";

/// What becomes of a proxy in a pod that is injected again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reinjection {
    /// The injector added it once: it is made anew.
    Replaces,
    /// Somebody wrote it: what it does not say comes from the template.
    Merges,
}

fn lists_proxy(status: &str) -> bool {
    let status: Value = serde_json::from_str(status).unwrap_or_default();
    ["containers", "initContainers"].iter().any(|list| {
        let names = status.get(list).and_then(Value::as_array);
        names.is_some_and(|names| names.iter().any(|name| name == PROXY))
    })
}

/// Whether the pod gets the template called `sidecar`: it names it, or it names none and the injector
/// has it by default.
pub fn gets_sidecar(cx: &Context<'_>, template: &PodTemplate<'_>) -> bool {
    let own = template.injection_templates();
    if !own.is_empty() {
        return own.contains(&"sidecar");
    }
    let Enrolment::In { revision, .. } = cx.enrolment() else {
        return true;
    };
    let injector = cx.around.injector(revision);
    let defaults = injector.value().map(|injector| &injector.default_templates);
    defaults.is_none_or(|names| names.is_empty() || names.iter().any(|name| name == "sidecar"))
}

/// gRPC's own mesh support needs no proxy to start.
pub fn is_proxyless(template: &PodTemplate<'_>) -> bool {
    let templates = template.injection_templates();
    templates
        .iter()
        .any(|name| matches!(*name, "grpc-agent" | "grpc-simple"))
}

/// Whether a container stands beside the proxy.
pub fn has_application(template: &PodTemplate<'_>) -> bool {
    let containers = template.spec.value().get("containers");
    let containers = containers.and_then(Value::as_array);
    let is_application =
        |container: &Value| container.get("name").and_then(Value::as_str) != Some(PROXY);
    containers.is_some_and(|containers| containers.iter().any(is_application))
}

impl Meshed<'_, '_> {
    /// Whether the application will wait for the proxy that the injector adds. Worked out once for all
    /// rules.
    pub fn gate<'c>(&self, cx: &'c Context<'_>) -> &'c Gate {
        cx.gate.get_or_init(|| self.work_out(cx))
    }

    fn work_out(&self, cx: &Context<'_>) -> Gate {
        let native = cx.around.native(self.template, self.revision);
        match (native, self.hold(cx)) {
            // By its startup probe; where that is missing is the rule `sidecar-readiness-missing`'s to say.
            (Native::Yes, _) => Gate::Gated,
            (native, HoldAsked::Yes) => match self.lost(cx) {
                Some(how) if matches!(native, Native::No(..)) => Gate::Lost(how),
                _ => Gate::Gated,
            },
            (Native::No(native, source), HoldAsked::No(hold, told)) => {
                let native_told = source.map(|source| Related {
                    message: native.clone(),
                    at: RelatedPlace::Fact(source),
                });
                let facts = told.into_iter().chain(native_told).collect();
                Gate::Open(format!("{hold}, and {native}"), facts)
            }
            (Native::Unknown(missing), HoldAsked::No(..)) => Gate::Unknown(missing),
            (Native::No(..), HoldAsked::Unknown(missing)) => Gate::Unknown(vec![missing]),
            (Native::Unknown(mut missing), HoldAsked::Unknown(hold)) => {
                missing.push(hold);
                Gate::Unknown(missing)
            }
        }
    }

    /// Whether the pod can ask for hold and would get it.
    pub fn hold_would_help(&self, cx: &Context<'_>) -> bool {
        let version = cx.around.istio_version(self.revision);
        let is_read = version
            .value()
            .is_none_or(|version| version.minor >= READS_HOLD);
        is_read && self.lost(cx).is_none()
    }

    /// How the wait that hold adds is replaced: by a start hook of the pod's own, or of the mesh's.
    fn lost(&self, cx: &Context<'_>) -> Option<String> {
        if self.own_start_hook().is_some() {
            return Some("the postStart of the pod's own `istio-proxy` takes its place".to_owned());
        }
        if self.stub.is_some_and(|stub| stub.wait_hook().is_some()) {
            return None;
        }
        match cx.around.injector(self.revision) {
            Known::Yes(injector, source) if injector.has_lifecycle => Some(format!(
                "`global.proxy.lifecycle` ({source}) takes its place"
            )),
            _ => None,
        }
    }

    /// A stub among the init containers of a pod whose sidecar will not be native: the Pod cannot be
    /// created, since the injector adds a container of the same name.
    pub fn impossible_stub(&self, cx: &Context<'_>) -> Option<&Proxy<'_>> {
        let stub = self.stub?;
        let native = || cx.around.native(self.template, self.revision);
        (stub.list == List::InitContainers && matches!(native(), Native::No(..))).then_some(stub)
    }

    /// A start hook on a stub in the pod, unless it is the wait itself.
    pub fn own_start_hook(&self) -> Option<Node<'_>> {
        let stub = self.stub?;
        let hook = stub.container.at(&["lifecycle", "postStart"])?;
        stub.wait_hook().is_none().then_some(hook)
    }

    fn hold(&self, cx: &Context<'_>) -> HoldAsked {
        if let Known::Yes(injector, _) = cx.around.injector(self.revision)
            && injector.hold == Some(true)
        {
            return HoldAsked::Yes;
        }
        let version = cx.around.istio_version(self.revision);
        if let Some(version) = version.value().filter(|version| version.minor < READS_HOLD) {
            return HoldAsked::No(format!("a pod cannot ask istiod {version} for hold"), None);
        }
        let annotation = self.template.annotation_text(CONFIG_ANNOTATION);
        match annotation.map_or(Hold::Absent, Hold::read) {
            Hold::Set(false) => {
                return HoldAsked::No(format!("{CONFIG_ANNOTATION} says no hold"), None);
            }
            // With a wrong type the pod cannot be created at all, which another rule says.
            Hold::Set(true) | Hold::WrongType(_) | Hold::Broken(_) => return HoldAsked::Yes,
            Hold::Absent | Hold::Misspelt(_) => {}
        }
        match cx.around.mesh_config(self.revision) {
            Known::Yes(config, _) if config.hold == Hold::Set(true) => HoldAsked::Yes,
            Known::Yes(_, source) => {
                let told = Related {
                    message: "the mesh's default asks for no hold".to_owned(),
                    at: RelatedPlace::Fact(source),
                };
                HoldAsked::No("nothing asks for hold".to_owned(), Some(told))
            }
            Known::Disputed(one, other) => HoldAsked::Unknown(format!(
                "the mesh's default for hold ({one} and {other} disagree)"
            )),
            Known::No => {
                let config_map = match self.revision {
                    DEFAULT_REVISION => "istio".to_owned(),
                    revision => format!("istio-{revision}"),
                };
                HoldAsked::Unknown(format!(
                    "the mesh's default for hold (read the ConfigMap `{config_map}` together with this \
                     file, or give --mesh)"
                ))
            }
        }
    }
}
