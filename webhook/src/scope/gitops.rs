//! Whether somebody compares an object with Git, and takes back what it did not ask for.

use serde_json::Value;

/// Annotation of Argo CD, which tracks by it since 3.0; before that, if so configured.
const TRACKING: &str = "argocd.argoproj.io/tracking-id";

/// Labels that no one else sets. `app.kubernetes.io/instance`, by which Argo CD tracked before, is
/// set by Helm as well and says nothing.
const LABELS: [(&str, Owner); 3] = [
    // What Argo CD's manual recommends in its place.
    ("argocd.argoproj.io/instance", Owner::ArgoCd),
    ("kustomize.toolkit.fluxcd.io/name", Owner::Flux),
    ("helm.toolkit.fluxcd.io/name", Owner::Flux),
];

/// Those who write an object's fields.
const MANAGERS: [(&str, Owner); 3] = [
    ("argocd-controller", Owner::ArgoCd),
    ("kustomize-controller", Owner::Flux),
    ("helm-controller", Owner::Flux),
];

/// Who compares an object with Git.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Argo CD.
    ArgoCd,
    /// Flux.
    Flux,
}

/// Who compares this object with Git, if anybody does.
pub fn owner(object: &Value) -> Option<Owner> {
    let metadata = &object["metadata"];
    if metadata["annotations"][TRACKING].is_string() {
        return Some(Owner::ArgoCd);
    }
    let labelled = LABELS.iter();
    let mut labelled = labelled.filter(|(label, _)| metadata["labels"][*label].is_string());
    let managed = metadata["managedFields"].as_array();
    let mut managed = managed.into_iter().flatten().filter_map(manager);
    labelled
        .next()
        .map(|(_, owner)| *owner)
        .or_else(|| managed.next())
}

/// The owner that wrote fields of the object itself, and not of its status alone.
fn manager(entry: &Value) -> Option<Owner> {
    let whole = entry["subresource"].as_str().is_none_or(str::is_empty);
    let name = entry["manager"].as_str().filter(|_| whole)?;
    let known = MANAGERS.iter().find(|(manager, _)| *manager == name);
    known.map(|(_, owner)| *owner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(metadata: &Value) -> Option<Owner> {
        owner(&json!({"metadata": metadata}))
    }

    #[test]
    fn argo_cd_and_flux_are_known_by_what_only_they_write() {
        let (argo_cd, flux) = (Some(Owner::ArgoCd), Some(Owner::Flux));
        let tracking = "mesh:apps/Deployment:istio-system/istiod";
        assert_eq!(of(&json!({"annotations": {TRACKING: tracking}})), argo_cd);
        assert_eq!(
            of(&json!({"labels": {"argocd.argoproj.io/instance": "mesh"}})),
            argo_cd
        );
        assert_eq!(
            of(&json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "mesh"}})),
            flux
        );
        assert_eq!(
            of(&json!({"labels": {"helm.toolkit.fluxcd.io/name": "istiod"}})),
            flux
        );
        let by = |manager: &str, part: &str| {
            of(&json!({"managedFields": [
                {"manager": "kubectl", "operation": "Update"},
                {"manager": manager, "operation": "Apply", "subresource": part},
            ]}))
        };
        assert_eq!(by("argocd-controller", ""), argo_cd);
        assert_eq!(by("kustomize-controller", ""), flux);
        assert_eq!(by("helm-controller", ""), flux);
        assert_eq!(by("argocd-controller", "status"), None);
        assert_eq!(by("helm", ""), None);
    }

    #[test]
    fn labels_that_helm_sets_say_nothing() {
        let labels = json!({
            "app.kubernetes.io/instance": "istiod", "app.kubernetes.io/managed-by": "Helm",
        });
        assert_eq!(of(&json!({"labels": labels})), None);
        assert_eq!(of(&Value::Null), None);
    }
}
