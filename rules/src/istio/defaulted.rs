//! Whether somebody said a field, or the API server filled it in.

use serde_json::Value;

use crate::object::Object;

/// What `kubectl apply` keeps of what it was given.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Whether an object that came through an API server shows that nobody asked for `spec.replicas`, which
/// then is 1. What `kubectl apply` was given says it, else the owners of the fields, if all of them
/// applied on the server: any other owner owns what was filled in as well. `false` where nothing shows it.
pub(crate) fn replicas_are_filled_in(object: &Object<'_>) -> bool {
    let Some(metadata) = object.root.get_set("metadata") else {
        return false;
    };
    let applied = metadata.at(&["annotations", LAST_APPLIED]);
    let applied = applied
        .as_ref()
        .and_then(|text| serde_json::from_str::<Value>(text.str()?).ok());
    if let Some(spec) = applied.as_ref().and_then(|applied| applied.get("spec")) {
        return spec.get("replicas").is_none_or(Value::is_null);
    }
    let mut owners = metadata.items("managedFields").peekable();
    owners.peek().is_some()
        && owners.all(|owner| {
            let owns = owner.at(&["fieldsV1", "f:spec", "f:replicas"]).is_some();
            // A status has its own entry, which owns nothing of this.
            let is_other = owner.get_set("subresource").is_some();
            is_other || (owner.str_at("operation") == Some("Apply") && !owns)
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_filled_in(metadata: &Value) -> bool {
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {"replicas": 1},
        });
        replicas_are_filled_in(&Object::all(&object)[0])
    }

    fn owner(operation: &str, spec: &Value) -> Value {
        json!({"manager": "m", "operation": operation, "fieldsV1": {"f:spec": spec}})
    }

    #[test]
    fn what_was_applied_says_it() {
        let applied = |spec: &Value| json!({"annotations": {LAST_APPLIED: json!({"spec": spec}).to_string()}});
        assert!(is_filled_in(&applied(&json!({"template": {}}))));
        assert!(!is_filled_in(&applied(&json!({"replicas": 1}))));
        assert!(!is_filled_in(&json!({"annotations": {LAST_APPLIED: "{"}})));
        assert!(!is_filled_in(&json!({})));
    }

    #[test]
    fn owners_say_it_where_all_applied_on_the_server() {
        let owned = |owners: &[Value]| json!({"managedFields": owners});
        let (silent, says) = (json!({"f:template": {}}), json!({"f:replicas": {}}));
        assert!(is_filled_in(&owned(&[owner("Apply", &silent)])));
        assert!(!is_filled_in(&owned(&[owner("Apply", &says)])));
        assert!(!is_filled_in(&owned(&[
            owner("Apply", &silent),
            owner("Update", &silent)
        ])));
        let mut status = owner("Update", &json!({}));
        status["subresource"] = "status".into();
        assert!(is_filled_in(&owned(&[owner("Apply", &silent), status])));
        assert!(!is_filled_in(&owned(&[])));
    }
}
