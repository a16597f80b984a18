//! Which requests are left alone, before a rule looks at anything.

use serde_json::{Value, json};

use crate::review::{Document, GroupVersionKind, Operation, Request};

pub use gitops::{Owner, owner};

mod gitops;

/// Why a request is let through untouched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untouched {
    /// A deletion, a connection, or an operation that this version does not know.
    Operation,
    /// `status`, `scale`, `ephemeralcontainers` and the like.
    SubResource,
    /// Nothing in it.
    NoObject,
    /// No rule looks at this kind.
    Kind,
    /// From a node: a mirror pod, which it has running already.
    FromNode,
    /// On its way out: refusing the removal of its last finalizer would keep it for ever.
    BeingDeleted,
    /// A pod that exists: next to nothing in it can change, and controllers take off their
    /// finalizers by such updates.
    RunningPod,
    /// JSON that is nested too deeply to be read.
    Unreadable,
}

impl Untouched {
    /// As in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::SubResource => "subresource",
            Self::NoObject => "no object",
            Self::Kind => "kind",
            Self::FromNode => "from a node",
            Self::BeingDeleted => "being deleted",
            Self::RunningPod => "pod that exists",
            Self::Unreadable => "nested too deeply",
        }
    }
}

/// The object that is to be judged.
pub fn subject(
    request: &Request,
    looks_at: impl FnOnce(&GroupVersionKind) -> bool,
) -> Result<&Value, Untouched> {
    if !matches!(request.operation, Operation::Create | Operation::Update) {
        return Err(Untouched::Operation);
    }
    if !request.sub_resource.is_empty() {
        return Err(Untouched::SubResource);
    }
    if !looks_at(&request.kind) {
        return Err(Untouched::Kind);
    }
    if is_from_node(request) {
        return Err(Untouched::FromNode);
    }
    if request.operation == Operation::Update && is_pod(&request.kind) {
        return Err(Untouched::RunningPod);
    }
    let object = match request.object.as_ref().ok_or(Untouched::NoObject)? {
        Document::Read(object) => object,
        Document::Unreadable => return Err(Untouched::Unreadable),
    };
    if object.as_object().is_none_or(serde_json::Map::is_empty) {
        return Err(Untouched::NoObject);
    }
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return Err(Untouched::BeingDeleted);
    }
    Ok(object)
}

fn is_from_node(request: &Request) -> bool {
    let mut groups = request.user_info.groups.iter();
    groups.any(|group| group == "system:nodes")
}

fn is_pod(kind: &GroupVersionKind) -> bool {
    kind.group.is_empty() && kind.kind == "Pod"
}

/// Where the pod template of an object stands.
fn template_place(object: &Value) -> Option<&'static str> {
    ["/spec/jobTemplate/spec/template", "/spec/template"]
        .into_iter()
        .find(|place| {
            let template = object.pointer(place);
            template.is_some_and(|template| template.pointer("/spec/containers").is_some())
        })
}

/// Whether Pods are made from an object.
pub fn has_pods(object: &Value) -> bool {
    template_place(object).is_some()
}

/// Whether an update leaves the pod template as it was: mending it all the same would restart pods
/// because somebody changed a label or a replica count.
pub fn keeps_its_pods(object: &Value, before: &Value) -> bool {
    template_place(object).is_some_and(|place| before.pointer(place) == object.pointer(place))
}

/// A Pod as the controller of an object will make it, `None` for what has no pod template.
pub fn pod_of(object: &Value) -> Option<Value> {
    let template = object.pointer(template_place(object)?)?;
    let mut metadata = template.get("metadata").cloned().unwrap_or_default();
    if !metadata.is_object() {
        metadata = json!({});
    }
    let name = object["metadata"]["name"].as_str().unwrap_or("pod");
    metadata["generateName"] = format!("{name}-").into();
    metadata["namespace"] = object["metadata"]["namespace"].clone();
    metadata["ownerReferences"] = json!([{
        "apiVersion": object["apiVersion"], "kind": object["kind"], "name": name, "uid": "",
        "controller": true,
    }]);
    let spec = &template["spec"];
    Some(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}))
}

/// The controller that makes and remakes this object by itself, such as `ReplicaSet/web-5d4f`, for
/// the kinds whose makers are judged in their stead. Refusing such an object is told to nobody, and
/// takes down what runs as soon as a node is restarted.
pub fn maker(object: &Value) -> Option<String> {
    let kind = object.get("kind")?.as_str()?;
    let owners = object.pointer("/metadata/ownerReferences")?.as_array()?;
    let owner = maker_among(kind, owners)?;
    let text = |key: &str| owner[key].as_str().unwrap_or("?");
    Some(format!("{}/{}", text("kind"), text("name")))
}

/// The same for an object of a kind, by its owner references.
pub fn maker_among<'a>(kind: &str, owners: &'a [Value]) -> Option<&'a Value> {
    let made = [
        "Pod",
        "ReplicaSet",
        "ReplicationController",
        "Job",
        // Of an ApplicationSet, and of the Sail operator's Istio.
        "Application",
        "IstioRevision",
    ];
    owners
        .iter()
        .find(|owner| owner["controller"] == true)
        .filter(|_| made.contains(&kind))
}

/// Whether a controller would not take this object back changed: a Deployment whose new
/// `ReplicaSet` differs from what it asked for makes another one, and another. Of what controllers
/// make only pods are mended, which nobody compares.
pub fn is_compared(object: &Value) -> bool {
    maker(object).is_some() && object["kind"] != "Pod"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(operation: &str, object: &Value) -> Request {
        let kind = json!({"group": "", "version": "v1", "kind": object["kind"]});
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "u", "kind": kind, "operation": operation, "namespace": "shop", "object": object,
            },
        });
        Request::parse(review.to_string().as_bytes()).unwrap()
    }

    fn subject_of(request: &Request) -> Result<Value, Untouched> {
        subject(request, |kind| kind.kind != "Secret").cloned()
    }

    #[test]
    fn takes_creations_and_updates() {
        let service = json!({"kind": "Service", "metadata": {"name": "a"}});
        let full = json!({"kind": "Service", "metadata": {"name": "a", "namespace": "shop"}});
        for operation in ["CREATE", "UPDATE"] {
            assert_eq!(subject_of(&request(operation, &service)), Ok(full.clone()));
        }
        let mut named = service.clone();
        named["metadata"]["namespace"] = "own".into();
        assert_eq!(subject_of(&request("CREATE", &named)), Ok(named));
    }

    #[test]
    fn leaves_the_rest_alone() {
        let pod = json!({"kind": "Pod", "metadata": {}});
        let gone =
            json!({"kind": "Service", "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
        for (operation, object, reason) in [
            ("DELETE", pod.clone(), Untouched::Operation),
            ("CONNECT", pod.clone(), Untouched::Operation),
            ("EVICT", pod.clone(), Untouched::Operation),
            ("CREATE", json!({"kind": "Secret"}), Untouched::Kind),
            ("UPDATE", pod.clone(), Untouched::RunningPod),
            ("UPDATE", gone, Untouched::BeingDeleted),
        ] {
            let request = request(operation, &object);
            assert_eq!(subject_of(&request), Err(reason), "{operation} {object}");
        }
        let mut scaled = request("UPDATE", &json!({"kind": "Service"}));
        scaled.sub_resource = "scale".into();
        assert_eq!(subject_of(&scaled), Err(Untouched::SubResource));
    }

    #[test]
    fn leaves_alone_what_a_node_has_running() {
        let mut mirror = request("CREATE", &json!({"kind": "Pod", "metadata": {"name": "a"}}));
        let groups = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        mirror.user_info.groups = groups(&["system:nodes", "system:authenticated"]);
        assert_eq!(subject_of(&mirror), Err(Untouched::FromNode));
        mirror.user_info.groups = groups(&["system:serviceaccounts", "system:authenticated"]);
        assert!(subject_of(&mirror).is_ok());
    }

    #[test]
    fn leaves_empty_and_endless_objects_alone() {
        let endless = "[".repeat(9999) + &"]".repeat(9999);
        for (object, reason) in [
            ("null", Untouched::NoObject),
            ("{}", Untouched::NoObject),
            ("[1]", Untouched::NoObject),
            (&endless, Untouched::Unreadable),
        ] {
            let review = format!(
                r#"{{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {{"uid": "u",
                "kind": {{"version": "v1", "kind": "Pod"}}, "operation": "CREATE", "object": {object}}}}}"#
            );
            let request = Request::parse(review.as_bytes()).unwrap();
            assert_eq!(subject_of(&request), Err(reason));
        }
    }

    #[test]
    fn knows_an_unchanged_template() {
        let template = json!({"spec": {"containers": [{"name": "a"}]}});
        let one = json!({"spec": {"replicas": 1, "template": template}});
        let mut two = one.clone();
        two["spec"]["replicas"] = 2.into();
        assert!(keeps_its_pods(&one, &two));
        two["spec"]["template"]["metadata"] = json!({"labels": {}});
        assert!(!keeps_its_pods(&one, &two));
        let cron = json!({"spec": {"jobTemplate": {"spec": {"template": template}}}});
        assert!(keeps_its_pods(&cron, &cron));
        assert!(!keeps_its_pods(&json!({}), &json!({})), "no pods to keep");
    }

    #[test]
    fn knows_what_controllers_make() {
        let object = |kind: &str, controller: bool| {
            let owner = json!({"kind": "ReplicaSet", "name": "a-5d", "controller": controller});
            json!({"kind": kind, "metadata": {"ownerReferences": [owner]}})
        };
        for (kind, compared) in [("Pod", false), ("ReplicaSet", true), ("Deployment", false)] {
            assert_eq!(is_compared(&object(kind, true)), compared, "{kind}");
        }
        let owned = |kind, controller| maker(&object(kind, controller));
        assert_eq!(owned("Pod", true).as_deref(), Some("ReplicaSet/a-5d"));
        assert_eq!(owned("Pod", false), None);
        assert_eq!(
            owned("Deployment", true),
            None,
            "an operator's work is judged"
        );
        assert_eq!(maker(&json!({"kind": "Pod"})), None);
    }
}
