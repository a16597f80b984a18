//! As much of an API server as certificates need: one Secret, two webhook configurations, watches,
//! `resourceVersion`, server-side apply of `caBundle`. It can be told to fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http::header::{CONTENT_TYPE, DATE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::{Value, json};
use tokio::sync::broadcast;

pub(crate) const SECRET: &str =
    "/api/v1/namespaces/meshcheck-system/secrets/meshcheck-webhook-certificates";
pub(crate) const MUTATING: &str =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/a0-meshcheck-webhook";
pub(crate) const VALIDATING: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/meshcheck-webhook";

/// Of an answer.
pub(crate) type Body = UnsyncBoxBody<bytes::Bytes, std::io::Error>;

/// What happens to requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No answer.
    Away,
    /// 403.
    Forbidden,
    /// 409.
    Conflict,
    /// 500.
    Broken,
}

/// Everything that is stored, and everything that was asked.
pub(crate) struct World {
    /// What the `Date` of answers says.
    pub(crate) now: Option<Timestamp>,
    pub(crate) objects: BTreeMap<String, Value>,
    /// By a part of `METHOD path`.
    pub(crate) faults: Vec<(String, Fault)>,
    pub(crate) log: Vec<String>,
    version: u64,
    seed: u64,
    /// What comes before the first request of a kind.
    meanwhile: Option<(String, Meanwhile)>,
}

type Meanwhile = Box<dyn FnOnce(&ApiServer) + Send>;

/// A server that its clients share.
#[derive(Clone)]
pub(crate) struct ApiServer {
    world: Arc<Mutex<World>>,
    changes: broadcast::Sender<(String, Value)>,
}

impl ApiServer {
    /// With both configurations, as the manifests have them.
    pub(crate) fn new() -> Self {
        let server = Self {
            world: Arc::new(Mutex::new(World {
                now: None,
                objects: BTreeMap::new(),
                faults: Vec::new(),
                log: Vec::new(),
                version: 0,
                seed: 1,
                meanwhile: None,
            })),
            changes: broadcast::channel(1024).0,
        };
        server.configure(MUTATING, "/mutate");
        server.configure(VALIDATING, "/validate");
        server
    }

    /// Puts a configuration in place as somebody does who replaces it: without a `caBundle`.
    pub(crate) fn configure(&self, path: &str, to: &str) {
        let service =
            json!({"name": "meshcheck-webhook", "namespace": "meshcheck-system", "path": to});
        let name = path.rsplit('/').next().expect("a name");
        let webhook = json!({"name": "check.meshcheck.dev", "clientConfig": {"service": service}});
        let object = json!({"metadata": {"name": name}, "webhooks": [webhook]});
        self.world().put(self, path, object);
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no panic with it")
    }

    pub(crate) fn put(&self, path: &str, object: Value) {
        self.world().put(self, path, object);
    }

    pub(crate) fn delete(&self, path: &str) {
        let mut world = self.world();
        if let Some(object) = world.objects.remove(path) {
            let _ = self.changes.send((path.to_owned(), object));
        }
    }

    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        self.world().objects.get(path).cloned()
    }

    /// The `caBundle` of a configuration, PEM.
    pub(crate) fn bundle(&self, path: &str) -> Option<Vec<u8>> {
        let object = self.get(path)?;
        let bundle = &object["webhooks"][0]["clientConfig"]["caBundle"];
        let bytes: k8s_openapi::ByteString = serde_json::from_value(bundle.clone()).ok()?;
        Some(bytes.0)
    }

    /// Does this just before the first request that is `METHOD path` to this part.
    pub(crate) fn meanwhile(&self, part: &str, act: impl FnOnce(&Self) + Send + 'static) {
        self.world().meanwhile = Some((part.to_owned(), Box::new(act)));
    }

    /// Waits for this many watches.
    pub(crate) async fn watched(&self, count: usize) {
        while self.changes.receiver_count() < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// How many requests were meant to change something.
    pub(crate) fn writes(&self) -> usize {
        let world = self.world();
        let writes = world.log.iter().filter(|line| !line.starts_with("GET"));
        writes.count()
    }

    pub(crate) fn fail(&self, what: &str, fault: Fault) {
        self.world().faults.push((what.to_owned(), fault));
    }

    pub(crate) fn heal(&self) {
        self.world().faults.clear();
    }

    /// Answers a request. `Err` is a connection that broke.
    pub(crate) async fn answer<B>(&self, request: Request<B>) -> Result<Response<Body>, Gone>
    where
        B: http_body::Body + Send,
        B::Error: std::fmt::Debug,
    {
        let (head, body) = request.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
        let asked = format!("{} {path}", head.method);
        if query.contains("watch=true") {
            return Ok(self.watch(path, query));
        }
        let meanwhile = self
            .world()
            .meanwhile
            .take_if(|(part, _)| asked.contains(&**part));
        if let Some((_, act)) = meanwhile {
            act(self);
        }
        let mut world = self.world();
        let fault = world.faults.iter().find(|(part, _)| asked.contains(part));
        let fault = fault.map(|(_, fault)| *fault);
        world.log.push(asked);
        let (status, answer) = match fault {
            Some(Fault::Away) => return Err(Gone),
            Some(Fault::Forbidden) => refusal(403, "Forbidden"),
            Some(Fault::Conflict) => refusal(409, "Conflict"),
            Some(Fault::Broken) => refusal(500, "InternalError"),
            None => world.handle(self, &head.method, path, query, body),
        };
        let mut response = Response::builder()
            .status(status)
            .header(CONTENT_TYPE, "application/json");
        if let Some(now) = world.now {
            let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
            response = response.header(DATE, date.expect("a date"));
        }
        let body = serde_json::to_vec(&answer).expect("JSON");
        let body = Full::from(body).map_err(|never| match never {});
        Ok(response.body(body.boxed_unsync()).expect("a response"))
    }

    /// Every change of the one object from now on.
    fn watch(&self, path: &str, query: &str) -> Response<Body> {
        let name = query
            .split('&')
            .find_map(|part| part.strip_prefix("fieldSelector="));
        let name = name
            .and_then(|name| name.strip_prefix("metadata.name%3D"))
            .expect("one name");
        let wanted = format!("{path}/{name}");
        let stream = futures::stream::unfold(self.changes.subscribe(), move |mut changes| {
            let wanted = wanted.clone();
            async move {
                loop {
                    let (path, object) = changes.recv().await.ok()?;
                    if path == wanted {
                        let object = metadata(&object);
                        let mut line = json!({"type": "MODIFIED", "object": object}).to_string();
                        line.push('\n');
                        let frame = http_body::Frame::data(bytes::Bytes::from(line));
                        return Some((Ok::<_, std::io::Error>(frame), changes));
                    }
                }
            }
        });
        Response::new(StreamBody::new(stream).boxed_unsync())
    }
}

/// A connection that broke.
#[derive(Debug, thiserror::Error)]
#[error("connection refused")]
pub(crate) struct Gone;

fn metadata(object: &Value) -> Value {
    json!({
        "apiVersion": "meta.k8s.io/v1",
        "kind": "PartialObjectMetadata",
        "metadata": object["metadata"],
    })
}

impl World {
    /// Begins another series of chances.
    pub(crate) fn sow(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// One of so many, by chance that can be repeated (xorshift).
    pub(crate) fn chance(&mut self, of: u64) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed % of
    }

    fn put(&mut self, server: &ApiServer, path: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        self.objects.insert(path.to_owned(), object.clone());
        // Nobody may watch.
        let _ = server.changes.send((path.to_owned(), object.clone()));
        object
    }

    fn handle(
        &mut self,
        server: &ApiServer,
        method: &Method,
        path: &str,
        query: &str,
        body: Value,
    ) -> (StatusCode, Value) {
        let ok = |object| (StatusCode::OK, object);
        if *method == Method::POST {
            let path = format!(
                "{path}/{}",
                body["metadata"]["name"].as_str().expect("a name")
            );
            if self.objects.contains_key(&path) {
                return refusal(409, "AlreadyExists");
            }
            return (StatusCode::CREATED, self.put(server, &path, body));
        }
        if *method == Method::GET && query.contains("fieldSelector") {
            let version = self.version.to_string();
            return ok(json!({
                "apiVersion": "meta.k8s.io/v1",
                "kind": "PartialObjectMetadataList",
                "metadata": {"resourceVersion": version},
                "items": [],
            }));
        }
        let Some(stored) = self.objects.get(path).cloned() else {
            return refusal(404, "NotFound");
        };
        let wanted = &body["metadata"]["resourceVersion"];
        if wanted.is_string() && *wanted != stored["metadata"]["resourceVersion"] {
            return refusal(409, "Conflict");
        }
        match method.as_str() {
            "GET" => ok(stored),
            "PUT" => ok(self.put(server, path, body)),
            "PATCH" => {
                assert!(query.contains("fieldManager=meshcheck-certs"), "{query}");
                let applied = applied(stored.clone(), &body);
                if applied == stored {
                    return ok(stored);
                }
                ok(self.put(server, path, applied))
            }
            other => panic!("{other} {path}"),
        }
    }
}

/// Server-side apply, of the one field that may be written.
fn applied(mut stored: Value, patch: &Value) -> Value {
    for webhook in patch["webhooks"].as_array().expect("webhooks") {
        assert_eq!(
            webhook.as_object().expect("a webhook").len(),
            2,
            "{webhook}"
        );
        assert_eq!(
            webhook["clientConfig"].as_object().expect("a config").len(),
            1
        );
        let webhooks = stored["webhooks"].as_array_mut().expect("webhooks");
        let mut webhooks = webhooks.iter_mut();
        let found = webhooks.find(|one| one["name"] == webhook["name"]);
        let bundle = webhook["clientConfig"]["caBundle"].clone();
        found.expect("a webhook that is there")["clientConfig"]["caBundle"] = bundle;
    }
    stored
}

fn refusal(code: u16, reason: &str) -> (StatusCode, Value) {
    let status = json!({
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "message": format!("the API server says {reason}"),
        "reason": reason,
        "code": code,
    });
    (StatusCode::from_u16(code).expect("a status"), status)
}
