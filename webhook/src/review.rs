//! `AdmissionReview` v1 on the wire. The object stays the bytes it came as: typed structs would drop
//! fields that they do not know before a rule sees them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::decide::Decision;
use crate::text;

/// Of what a message quotes.
const NAME_CHARS: usize = 80;

const API_VERSION: &str = "admission.k8s.io/v1";

/// Why a body is no review that can be answered. The text goes to the caller.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// No JSON, or not of the shape of a review.
    #[error("the body is no AdmissionReview: {0}")]
    Json(#[from] serde_json::Error),
    /// Some other object.
    #[error("the body is no AdmissionReview: kind is {0}")]
    Kind(String),
    /// A review of another version.
    #[error(
        "this webhook speaks {API_VERSION} and the review is {0}: \
         set `admissionReviewVersions: [v1]` in the webhook configuration"
    )]
    Version(String),
    /// `request` is missing or null.
    #[error("the AdmissionReview has no request")]
    NoRequest,
    /// `request` has not the shape of a request.
    #[error("the request of the AdmissionReview cannot be read: {0}")]
    Request(#[source] serde_json::Error),
    /// `request.uid` is empty, so an answer could not be matched to it.
    #[error("the request of the AdmissionReview has an empty uid")]
    NoUid,
}

/// A review whose request is read as `R`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<R> {
    #[serde(default)]
    api_version: Value,
    #[serde(default)]
    kind: Value,
    request: Option<R>,
}

/// What the API server asks, with objects read as `O`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request<O = Document> {
    /// Given back in the answer.
    pub uid: String,
    /// The kind of the object, after conversion to what the webhook configuration asks for.
    pub kind: GroupVersionKind,
    /// `status`, `scale` and the like; empty for the object itself.
    #[serde(default, deserialize_with = "null_is_default")]
    pub sub_resource: String,
    /// Empty on a creation that leaves the name to the server.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// Empty for what has no namespace.
    #[serde(default, deserialize_with = "null_is_default")]
    pub namespace: String,
    /// What is done to the object.
    pub operation: Operation,
    /// Nothing will be stored. There is nothing to do about it: no answer has a side effect.
    #[serde(default, deserialize_with = "null_is_default")]
    pub dry_run: bool,
    /// Who asks.
    #[serde(default, deserialize_with = "null_is_default")]
    pub user_info: UserInfo,
    /// The object as it would be stored; not there on a deletion.
    pub object: Option<O>,
    /// The object as it is stored, for an update or deletion. Few answers depend on it, so it is read
    /// where one does.
    pub old_object: Option<Box<RawValue>>,
}

/// An object in a request.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(from = "Value")]
pub enum Document {
    /// As it came: null and unknown fields stay.
    Read(Value),
    /// JSON that is nested too deeply to be read.
    Unreadable,
}

impl From<Value> for Document {
    fn from(value: Value) -> Self {
        Self::Read(value)
    }
}

/// Who asks.
#[derive(Debug, Default, Deserialize)]
pub struct UserInfo {
    /// Empty for nobody in particular.
    #[serde(default, deserialize_with = "null_is_default")]
    pub username: String,
    /// The groups that the API server knows of.
    #[serde(default, deserialize_with = "null_is_default")]
    pub groups: Vec<String>,
}

/// A kind as the API server names it.
#[derive(Debug, Deserialize)]
pub struct GroupVersionKind {
    /// Empty for the core group.
    #[serde(default, deserialize_with = "null_is_default")]
    pub group: String,
    /// `v1`.
    pub version: String,
    /// `Deployment`.
    pub kind: String,
}

impl GroupVersionKind {
    /// `apps/v1`, or `v1` for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// A new object.
    Create,
    /// A change to one.
    Update,
    /// Its end.
    Delete,
    /// `exec`, `port-forward` and the like.
    Connect,
    /// One that this version does not know.
    #[serde(other)]
    Other,
}

impl Operation {
    /// As the API server writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
            Self::Other => "OTHER",
        }
    }
}

impl Request {
    /// Reads the body of a call.
    pub fn parse(body: &[u8]) -> Result<Self, ReviewError> {
        // Nearly every review can be read in one go. Step by step it is known what is wrong with one.
        let request = match serde_json::from_slice::<Envelope<Self>>(body) {
            Ok(envelope) => envelope.request()?,
            Err(_) => Self::parse_in_steps(body)?,
        };
        if request.uid.is_empty() {
            return Err(ReviewError::NoUid);
        }
        Ok(request.complete())
    }

    fn parse_in_steps(body: &[u8]) -> Result<Self, ReviewError> {
        let envelope: Envelope<Box<RawValue>> = serde_json::from_slice(body)?;
        let request = envelope.request()?;
        let request: Request<Box<RawValue>> =
            serde_json::from_str(request.get()).map_err(ReviewError::Request)?;
        Ok(request.read())
    }

    /// The namespace of a new object may stand in the request alone.
    fn complete(mut self) -> Self {
        if let Some(Document::Read(object)) = &mut self.object {
            complete(object, &self.namespace);
        }
        self
    }

    /// The stored object that an update or deletion is about, if it can be read.
    pub fn before(&self) -> Option<Value> {
        let raw = self.old_object.as_ref()?;
        let mut object: Value = serde_json::from_str(raw.get()).ok()?;
        complete(&mut object, &self.namespace);
        Some(object)
    }
}

fn complete(object: &mut Value, namespace: &str) {
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    if let (Some(metadata), false) = (metadata, namespace.is_empty()) {
        let place = metadata.entry("namespace").or_insert(Value::Null);
        if place.as_str().is_none_or(str::is_empty) {
            *place = namespace.into();
        }
    }
}

impl Request<Box<RawValue>> {
    fn read(self) -> Request {
        let object = self.object.map(|object| {
            let read = serde_json::from_str(object.get());
            read.map_or(Document::Unreadable, Document::Read)
        });
        Request {
            object,
            uid: self.uid,
            kind: self.kind,
            sub_resource: self.sub_resource,
            name: self.name,
            namespace: self.namespace,
            operation: self.operation,
            dry_run: self.dry_run,
            user_info: self.user_info,
            old_object: self.old_object,
        }
    }
}

impl<R> Envelope<R> {
    fn request(self) -> Result<R, ReviewError> {
        if self.kind != "AdmissionReview" {
            return Err(ReviewError::Kind(named(&self.kind)));
        }
        if self.api_version != API_VERSION {
            return Err(ReviewError::Version(named(&self.api_version)));
        }
        self.request.ok_or(ReviewError::NoRequest)
    }
}

/// A name for a message; anything that is no name may hold what is nobody's business.
fn named(value: &Value) -> String {
    let name = value.as_str().unwrap_or("missing or no text");
    text::cut(&text::clean(name), NAME_CHARS)
}

fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The answer, as it goes out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    api_version: &'static str,
    kind: &'static str,
    response: Response,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    uid: String,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_annotations: BTreeMap<String, String>,
}

/// A Kubernetes `Status`, as far as a refusal needs one.
#[derive(Debug, Serialize)]
struct Status {
    #[serde(rename = "status")]
    result: &'static str,
    message: String,
    reason: &'static str,
    code: u16,
}

impl Answer {
    /// The answer to the request with this uid.
    pub(crate) fn new(uid: String, decision: Decision) -> Self {
        let patch = decision.patch.map(|patch| {
            let text = serde_json::to_vec(&patch).expect("a patch has only string keys");
            BASE64.encode(text)
        });
        Self {
            api_version: API_VERSION,
            kind: "AdmissionReview",
            response: Response {
                uid,
                allowed: decision.refusal.is_none(),
                status: decision.refusal.map(Status::forbidden),
                patch_type: patch.is_some().then_some("JSONPatch"),
                patch,
                warnings: decision.warnings,
                audit_annotations: decision.audit_annotations,
            },
        }
    }
}

impl Status {
    fn forbidden(message: String) -> Self {
        Self {
            result: "Failure",
            message,
            reason: "Forbidden",
            code: 403,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(review: &Value) -> Result<Request, ReviewError> {
        Request::parse(review.to_string().as_bytes())
    }

    #[test]
    fn reads_what_the_api_server_sends() {
        let request = parse(&json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": "u", "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
                "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
                "requestKind": {"group": "apps", "version": "v1", "kind": "Deployment"},
                "subResource": "", "name": "istiod", "namespace": "istio-system",
                "operation": "CREATE", "userInfo": {"username": "admin"},
                "object": {"kind": "Deployment", "odd": null}, "oldObject": null,
                "dryRun": true, "options": null,
            },
        }))
        .unwrap();
        assert_eq!(request.kind.api_version(), "apps/v1");
        assert_eq!(request.operation, Operation::Create);
        assert!(request.dry_run && request.old_object.is_none());
        let object = json!({"kind": "Deployment", "odd": null});
        assert_eq!(
            request.object,
            Some(Document::Read(object)),
            "null and unknown fields stay"
        );
    }

    #[test]
    fn says_what_is_wrong() {
        let request =
            json!({"uid": "", "operation": "CREATE", "kind": {"version": "v1", "kind": "Pod"}});
        let review = |version: &str, request: &Value| json!({"apiVersion": version, "kind": "AdmissionReview", "request": request});
        let v1 = "admission.k8s.io/v1";
        for (body, part) in [
            (json!([]), "no AdmissionReview: invalid"),
            (json!({}), "kind is missing"),
            (json!({"kind": "Pod"}), "kind is Pod"),
            (json!({"kind": {"secret": 1}}), "kind is missing or no text"),
            (
                review("admission.k8s.io/v1beta1", &request),
                "admissionReviewVersions",
            ),
            (review("v1", &request), "the review is v1:"),
            (review(v1, &Value::Null), "has no request"),
            (review(v1, &json!({})), "missing field `uid`"),
            (review(v1, &json!("x")), "cannot be read"),
            (review(v1, &request), "empty uid"),
        ] {
            let error = parse(&body).unwrap_err().to_string();
            assert!(error.contains(part), "{body}: {error}");
        }
        let error = Request::parse(b"\xff{").unwrap_err().to_string();
        assert!(error.contains("expected value"), "{error}");
    }
}
