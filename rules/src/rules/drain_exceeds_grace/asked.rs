//! What a pod, or its mesh, asks of the proxy's drain.

use crate::engine::Context;
use crate::istio::PROXY;
use crate::istio::args::{Variable, variable, variable_node};
use crate::istio::drain::{DRAIN, Drain, EXIT_ON_ZERO, LEGACY, METADATA, MINIMUM, duration};
use crate::istio::duration::GoDuration;
use crate::istio::gate::{has_application, is_proxyless};
use crate::istio::hold::CONFIG_ANNOTATION;
use crate::istio::proxy::{Proxy, Role};
use crate::istio::version::{Minor, Version};
use crate::istio::workload::PodTemplate;
use crate::istio::{Subject, go_bool};
use crate::mesh::{DEFAULT_REVISION, Enrolment, Known, Native, Source};
use crate::object::Node;

use super::in_annotation;

/// First minor that can wait until no connection is left.
const WAITS_FOR_CONNECTIONS: Minor = Minor::one(12);
/// First minor that does not read [`LEGACY`] any more.
const WITHOUT_LEGACY: Minor = Minor::one(10);
/// First minor whose native sidecars drain from the start of the pod's end on, and then end at once.
const DRAINS_NATIVELY: Minor = Minor::one(21);

/// A pod with a proxy, and how the proxy will end.
pub(super) struct Ending<'s, 'a> {
    pub(super) template: &'s PodTemplate<'a>,
    /// Whether it is known that the pod has a proxy.
    pub(super) is_enrolled: bool,
    /// Whether the proxy may be a native sidecar, which nobody can say.
    pub(super) may_be_native: bool,
    /// The container, as far as it is there.
    container: Option<&'s Node<'a>>,
    is_rendered: bool,
    version: Option<Version>,
    mesh: Option<(&'s Drain, Source)>,
}

/// A wait that somebody asked for.
pub(super) struct Asked<'a> {
    /// What it is called.
    pub(super) name: String,
    pub(super) wait: GoDuration,
    /// Where the pod says it: the node, and the path inside it where it is a text.
    pub(super) at: Option<(Node<'a>, Option<String>)>,
    /// What says it, where the pod does not.
    pub(super) told: Option<Source>,
}

impl<'s, 'a> Ending<'s, 'a> {
    /// How the proxy of this pod ends; `None` where there is none that waits.
    pub(super) fn of(cx: &'s Context<'a>) -> Option<Self> {
        let subject = cx.subject();
        let template = subject.application().filter(|t| !is_proxyless(t))?;
        // A proxy that is injected again is what the injector makes of it.
        let stays = |proxy: &&Proxy<'_>| proxy.is_rendered() && cx.reinjection().is_none();
        match subject.proxy.as_ref().filter(stays) {
            Some(proxy) => Self::rendered(cx, subject, template, proxy),
            None => Self::injected(cx, template, subject.stub(cx)),
        }
    }

    fn rendered(
        cx: &'s Context<'a>,
        subject: &'s Subject<'a>,
        template: &'s PodTemplate<'a>,
        proxy: &'s Proxy<'a>,
    ) -> Option<Self> {
        let is_ours = match proxy.role {
            Role::Sidecar => subject.sidecar(cx).is_some(),
            Role::Gateway | Role::Waypoint => true,
            Role::MixerEra | Role::Ztunnel | Role::Stub | Role::Foreign => false,
        };
        let ends_at_once = proxy.is_native() && drains_by_hook(&proxy.container);
        if !is_ours || ends_at_once || proxy.is_blocking_init() {
            return None;
        }
        let revision = template.label("istio.io/rev").unwrap_or(DEFAULT_REVISION);
        Some(Self {
            template,
            is_enrolled: true,
            may_be_native: false,
            container: Some(&proxy.container),
            is_rendered: true,
            version: subject.version_in(&proxy.container),
            mesh: mesh_default(cx, revision),
        })
    }

    fn injected(
        cx: &'s Context<'a>,
        template: &'s PodTemplate<'a>,
        stub: Option<&'s Proxy<'a>>,
    ) -> Option<Self> {
        let enrolment = cx.enrolment();
        let revision = match enrolment {
            Enrolment::In { revision, .. } => Some(revision.as_str()),
            Enrolment::Unknown => None,
            Enrolment::Out => return None,
        };
        let version = revision.and_then(|rev| cx.around.istio_version(rev).value().copied());
        let is_gateway = template.injection_templates().contains(&"gateway");
        if !is_gateway && !has_application(template) {
            return None;
        }
        let native = match revision {
            _ if is_gateway => Native::No(String::new(), None),
            Some(revision) => cx.around.native(template, revision),
            None => Native::Unknown(Vec::new()),
        };
        let drains_natively = version.is_none_or(|version| version.minor >= DRAINS_NATIVELY);
        if native == Native::Yes && drains_natively {
            return None;
        }
        Some(Self {
            template,
            is_enrolled: revision.is_some(),
            may_be_native: matches!(native, Native::Unknown(_)),
            container: stub.map(|stub| &stub.container),
            is_rendered: false,
            version,
            mesh: revision.and_then(|revision| mesh_default(cx, revision)),
        })
    }

    /// The wait that somebody asked for; `None` for the defaults of 5s, and where it cannot be known.
    pub(super) fn asked(&self) -> Option<Asked<'a>> {
        let annotation = self.template.annotation(CONFIG_ANNOTATION);
        let own = annotation.as_ref().and_then(Node::str).map(Drain::read);
        let own = own.unwrap_or_default();
        if self.exits_on_zero(&own)? {
            self.minimum(&own, annotation.as_ref())
        } else {
            self.termination(&own, annotation.as_ref())
        }
    }

    fn exits_on_zero(&self, own: &Drain) -> Option<bool> {
        if self.is_older_than(WAITS_FOR_CONNECTIONS) {
            return Some(false);
        }
        let set = match self.variable(EXIT_ON_ZERO) {
            Variable::Literal(text) => go_bool(text),
            Variable::Elsewhere => return None,
            Variable::Absent if self.is_rendered => None,
            Variable::Absent => own
                .exit_on_zero
                .or(self.mesh_says(|mesh| mesh.exit_on_zero)),
        };
        Some(set.unwrap_or(false))
    }

    fn minimum(&self, own: &Drain, annotation: Option<&Node<'a>>) -> Option<Asked<'a>> {
        match self.variable(MINIMUM) {
            Variable::Literal(text) => return self.in_environment(MINIMUM, duration(text)?),
            Variable::Elsewhere => return None,
            Variable::Absent if self.is_rendered => return None,
            Variable::Absent => {}
        }
        let path = format!("{METADATA}.{MINIMUM}");
        self.in_config(&path, MINIMUM, own.minimum, annotation, |mesh| mesh.minimum)
    }

    fn termination(&self, own: &Drain, annotation: Option<&Node<'a>>) -> Option<Asked<'a>> {
        if self.is_older_than(WITHOUT_LEGACY)
            && let Variable::Literal(text) = self.variable(LEGACY)
            && let Ok(seconds) = text.parse::<u32>()
        {
            return self.in_environment(LEGACY, GoDuration::from_seconds(seconds.into()));
        }
        if own.termination.is_none()
            && let Variable::Literal(text) = self.variable("PROXY_CONFIG")
            && let Some(wait) = Drain::read(text).termination
        {
            let entry = variable_node(self.container?, "PROXY_CONFIG")?.get("value")?;
            return Some(Asked {
                name: format!("`{DRAIN}` in `PROXY_CONFIG`"),
                wait,
                at: Some((entry, Some(DRAIN.to_owned()))),
                told: None,
            });
        }
        self.in_config(DRAIN, DRAIN, own.termination, annotation, |mesh| {
            mesh.termination
        })
    }

    /// What the pod's annotation says, else the mesh's default.
    fn in_config(
        &self,
        path: &str,
        name: &str,
        own: Option<GoDuration>,
        annotation: Option<&Node<'a>>,
        of_mesh: impl Fn(&Drain) -> Option<GoDuration>,
    ) -> Option<Asked<'a>> {
        if let (Some(wait), Some(node)) = (own, annotation) {
            return Some(Asked {
                name: in_annotation(name),
                wait,
                at: Some((node.clone(), Some(path.to_owned()))),
                told: None,
            });
        }
        let (mesh, source) = self.mesh.as_ref()?;
        Some(Asked {
            name: format!("the mesh's `{name}`"),
            wait: of_mesh(mesh)?,
            at: None,
            told: Some(source.clone()),
        })
    }

    fn in_environment(&self, name: &str, wait: GoDuration) -> Option<Asked<'a>> {
        let entry = variable_node(self.container?, name)?.get("value")?;
        Some(Asked {
            name: format!("`{name}` of `{PROXY}`"),
            wait,
            at: Some((entry, None)),
            told: None,
        })
    }

    fn variable(&self, name: &str) -> Variable<'a> {
        self.container
            .map_or(Variable::Absent, |container| variable(container, name))
    }

    fn mesh_says<T>(&self, what: impl Fn(&Drain) -> Option<T>) -> Option<T> {
        what(self.mesh.as_ref()?.0)
    }

    fn is_older_than(&self, minor: Minor) -> bool {
        self.version.is_some_and(|version| version.minor < minor)
    }
}

fn mesh_default<'s>(cx: &'s Context<'_>, revision: &str) -> Option<(&'s Drain, Source)> {
    match cx.around.mesh_config(revision) {
        Known::Yes(config, source) => Some((&config.drain, source)),
        Known::Disputed(..) | Known::No => None,
    }
}

/// The hook of a native sidecar that drains as soon as the pod begins to end.
fn drains_by_hook(container: &Node<'_>) -> bool {
    let Some(exec) = container.at(&["lifecycle", "preStop", "exec"]) else {
        return false;
    };
    let mut words = exec.items("command");
    words.any(|word| word.str().is_some_and(|word| word.contains("drain")))
}
