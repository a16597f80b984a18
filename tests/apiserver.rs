//! As much of an API server as certificates need: one Secret, two webhook configurations, watches,
//! `resourceVersion`, server-side apply of `caBundle`. It can be told to fail.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use futures::{Stream, stream};
use http::header::{CONTENT_TYPE, DATE};
use http::{Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::{Value, json};

use self::changes::{Changes, Told, Watch, metadata};

#[path = "apiserver/changes.rs"]
mod changes;

pub(crate) const SECRET: &str =
    "/api/v1/namespaces/meshcheck-system/secrets/meshcheck-webhook-certificates";
pub(crate) const MUTATING: &str =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/a0-meshcheck-webhook";
pub(crate) const VALIDATING: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/meshcheck-webhook";

/// Of an answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

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
    /// Neither an answer nor an end.
    Hangs,
}

/// Everything that is stored, and everything that was asked.
pub(crate) struct World {
    /// What the `Date` of answers says.
    pub(crate) now: Option<Timestamp>,
    pub(crate) objects: BTreeMap<String, Value>,
    /// By a part of `METHOD path`, where a watch has the method `WATCH`.
    pub(crate) faults: Vec<(String, Fault)>,
    pub(crate) log: Vec<String>,
    version: u64,
    changes: Changes,
    seed: u64,
    /// What comes before the first request of a kind.
    meanwhile: Option<(String, Meanwhile)>,
}

type Meanwhile = Box<dyn FnOnce(&ApiServer) + Send>;

/// A server that its clients share.
#[derive(Clone)]
pub(crate) struct ApiServer {
    world: Arc<Mutex<World>>,
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
                changes: Changes::new(),
                seed: 1,
                meanwhile: None,
            })),
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
        let webhooks = ["check.meshcheck.dev", "config.check.meshcheck.dev"]
            .map(|name| json!({"name": name, "clientConfig": {"service": service}}));
        let object = json!({"metadata": {"name": name}, "webhooks": webhooks});
        self.world().put(path, object);
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no panic with it")
    }

    pub(crate) fn put(&self, path: &str, object: Value) {
        self.world().put(path, object);
    }

    pub(crate) fn delete(&self, path: &str) {
        self.world().delete(path);
    }

    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        self.world().objects.get(path).cloned()
    }

    /// The `caBundle` of a configuration, PEM, which all its webhooks have but theirs.
    pub(crate) fn bundle(&self, path: &str) -> Option<Vec<u8>> {
        let object = self.get(path)?;
        let webhooks = object["webhooks"].as_array()?.iter();
        let configs = webhooks.map(|webhook| &webhook["clientConfig"]);
        let ours = configs.filter(|config| config["service"]["name"] != "theirs");
        let mut bundles = ours.map(|config| &config["caBundle"]);
        let bundle = bundles.next()?;
        assert!(bundles.all(|other| other == bundle), "{object}");
        let bytes: k8s_openapi::ByteString = serde_json::from_value(bundle.clone()).ok()?;
        Some(bytes.0)
    }

    /// Does this just before the first request that is `METHOD path` to this part.
    pub(crate) fn meanwhile(&self, part: &str, act: impl FnOnce(&Self) + Send + 'static) {
        self.world().meanwhile = Some((part.to_owned(), Box::new(act)));
    }

    /// Ends all watches.
    pub(crate) fn end_watches(&self) {
        self.world().changes.end_watches();
    }

    /// No watch can begin any more at what was before now.
    pub(crate) fn forget(&self) {
        let mut world = self.world();
        let version = world.version;
        world.changes.forget(version);
    }

    /// How many requests were meant to change something.
    pub(crate) fn writes(&self) -> usize {
        let world = self.world();
        let reads = ["GET", "WATCH"];
        let is_write = |line: &&String| !reads.iter().any(|read| line.starts_with(read));
        let writes = world.log.iter().filter(is_write);
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
        let watches = query.contains("watch=true");
        let verb = if watches {
            "WATCH"
        } else {
            head.method.as_str()
        };
        let asked = format!("{verb} {path}");
        let meanwhile = self
            .world()
            .meanwhile
            .take_if(|(part, _)| asked.contains(&**part));
        if let Some((_, act)) = meanwhile {
            act(self);
        }
        let fault = self.world().asked(asked);
        let (status, answer) = match fault {
            Some(Fault::Away) => return Err(Gone),
            Some(Fault::Hangs) => return std::future::pending().await,
            Some(Fault::Forbidden) => refusal(403, "Forbidden"),
            Some(Fault::Conflict) => refusal(409, "Conflict"),
            Some(Fault::Broken) => refusal(500, "InternalError"),
            None if watches => return Ok(self.watch(path, query)),
            None => self.world().handle(&head.method, path, query, body),
        };
        let mut response = Response::builder()
            .status(status)
            .header(CONTENT_TYPE, "application/json");
        if let Some(now) = self.world().now {
            let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
            response = response.header(DATE, date.expect("a date"));
        }
        let body = serde_json::to_vec(&answer).expect("JSON");
        let body = Full::from(body).map_err(|never| match never {});
        Ok(response.body(body.boxed_unsync()).expect("a response"))
    }

    /// Every change of the one object after the version that the client knows.
    fn watch(&self, path: &str, query: &str) -> Response<Body> {
        let after = parameter(query, "resourceVersion").expect("a version");
        let after = after.parse().expect("a version of this server");
        let body = match self.world().changes.watch(selected(path, query), after) {
            Ok(watch) => StreamBody::new(self.events(watch)).boxed_unsync(),
            Err(event) => StreamBody::new(stream::iter([Ok(frame(&event))])).boxed_unsync(),
        };
        Response::new(body)
    }

    fn events(&self, watch: Watch) -> impl Stream<Item = io::Result<Frame<Bytes>>> + use<> {
        let begin = (self.clone(), watch);
        stream::unfold(begin, async |(server, mut watch)| {
            loop {
                let told = server.world().changes.tell(&mut watch);
                match told {
                    Told::Event(event) => return Some((Ok(frame(&event)), (server, watch))),
                    Told::Nothing => watch.wait().await,
                    Told::End => return None,
                }
            }
        })
    }
}

/// A connection that broke.
#[derive(Debug, thiserror::Error)]
#[error("connection refused")]
pub(crate) struct Gone;

/// A line of a watch.
fn frame(event: &Value) -> Frame<Bytes> {
    Frame::data(Bytes::from(format!("{event}\n")))
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut parts = query.split('&').filter_map(|part| part.split_once('='));
    parts.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// The path of the one object that a list or a watch is about.
fn selected(path: &str, query: &str) -> String {
    let selector = parameter(query, "fieldSelector");
    let name = selector.and_then(|selector| selector.strip_prefix("metadata.name%3D"));
    format!("{path}/{}", name.expect("one name"))
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

    /// Keeps what was asked; what comes of it.
    fn asked(&mut self, asked: String) -> Option<Fault> {
        let mut faults = self.faults.iter();
        let fault = faults.find(|(part, _)| asked.contains(part));
        let fault = fault.map(|(_, fault)| *fault);
        self.log.push(asked);
        fault
    }

    fn put(&mut self, path: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        let before = self.objects.insert(path.to_owned(), object.clone());
        let kind = if before.is_some() {
            "MODIFIED"
        } else {
            "ADDED"
        };
        self.changes.add(self.version, path, kind, &object);
        object
    }

    fn delete(&mut self, path: &str) {
        if let Some(mut object) = self.objects.remove(path) {
            self.version += 1;
            object["metadata"]["resourceVersion"] = self.version.to_string().into();
            self.changes.add(self.version, path, "DELETED", &object);
        }
    }

    fn handle(
        &mut self,
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
            return (StatusCode::CREATED, self.put(&path, body));
        }
        if *method == Method::GET && query.contains("fieldSelector") {
            let version = self.version.to_string();
            let found = self.objects.get(&selected(path, query));
            let items: Vec<_> = found.map(metadata).into_iter().collect();
            return ok(json!({
                "apiVersion": "meta.k8s.io/v1",
                "kind": "PartialObjectMetadataList",
                "metadata": {"resourceVersion": version},
                "items": items,
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
            "PUT" => ok(self.put(path, body)),
            "PATCH" => {
                assert!(query.contains("fieldManager=meshcheck-certs"), "{query}");
                let applied = applied(stored.clone(), &body);
                if applied == stored {
                    return ok(stored);
                }
                ok(self.put(path, applied))
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
