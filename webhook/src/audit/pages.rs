//! Lists, page by page, with bounded memory. The objects stay raw text until each is looked at: typed
//! structs would drop what they do not know before a rule sees it.

use std::pin::pin;

use futures::AsyncReadExt as _;
use http::Request;
use http::header::ACCEPT;
use kube::Client;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::{AuditError, Doing, code};
use super::kinds::Kind;

/// Objects of the first page: nothing is known yet of their size.
const FIRST_PAGE: usize = 50;
/// Objects of a page.
const MOST_OBJECTS: usize = 100;
/// Bytes that a page shall have, about.
const WANTED_BYTES: usize = 128 << 10;
/// Bytes of which a page is no longer read, and asked for again in pieces. No object is as large.
const MOST_BYTES: usize = 16 << 20;
/// How often a list may expire while it is read.
const MOST_EXPIRED: usize = 3;

/// Names, owners and annotations of objects, in place of the objects.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// A page as it came.
#[derive(Deserialize)]
pub(super) struct Page<'a> {
    #[serde(default)]
    metadata: PageHead,
    /// The objects. Those of a list say neither their kind nor their version.
    #[serde(borrow, default = "Vec::new")]
    pub(super) items: Vec<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct PageHead {
    #[serde(default, rename = "continue")]
    next: String,
}

/// The way through a list.
pub(super) struct Pages<'c> {
    client: &'c Client,
    path: String,
    /// For messages.
    name: String,
    selector: Option<&'static str>,
    accept: &'static str,
    limit: usize,
    next: Option<String>,
    expired: usize,
}

impl<'c> Pages<'c> {
    /// All objects of a kind.
    pub(super) fn of(client: &'c Client, kind: &Kind) -> Self {
        Self::at(client, kind.path(None), kind.name())
    }

    /// All objects at a path.
    pub(super) fn at(client: &'c Client, path: String, name: String) -> Self {
        Self {
            client,
            path,
            name,
            selector: None,
            accept: "application/json",
            limit: FIRST_PAGE,
            next: Some(String::new()),
            expired: 0,
        }
    }

    /// Only their metadata.
    pub(super) fn metadata(self) -> Self {
        Self {
            accept: METADATA,
            ..self
        }
    }

    /// Only those with this label.
    pub(super) fn labelled(self, selector: &'static str) -> Self {
        Self {
            selector: Some(selector),
            ..self
        }
    }

    /// The text of the next page, for [`Pages::read`]; `None` behind the last.
    pub(super) async fn next(&mut self) -> Result<Option<String>, AuditError> {
        while let Some(from) = self.next.take() {
            match self.ask(&from).await {
                Ok(Some(text)) => return Ok(Some(text)),
                Ok(None) if self.limit > 1 => {
                    self.limit = (self.limit / 8).max(1);
                    self.next = Some(from);
                }
                Ok(None) => return Err(AuditError::unreadable(&Doing::List(&self.name))),
                Err(error) => self.next = Some(self.go_on(error)?),
            }
        }
        Ok(None)
    }

    /// A page; `None` where it is too large.
    async fn ask(&self, from: &str) -> kube::Result<Option<String>> {
        let body = self.client.request_stream(self.request(from)).await?;
        let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
        let mut text = Vec::new();
        let mut body = pin!(body.take(most + 1));
        let read = body.read_to_end(&mut text).await;
        read.map_err(|error| kube::Error::Service(error.into()))?;
        if text.len() > MOST_BYTES {
            return Ok(None);
        }
        String::from_utf8(text)
            .map(Some)
            .map_err(kube::Error::FromUtf8)
    }

    /// A list that is read for too long is forgotten. The refusal holds a token that goes on behind the
    /// last object, with the objects as they are then: none is missed, none is seen twice.
    fn go_on(&mut self, error: kube::Error) -> Result<String, AuditError> {
        let what = Doing::List(&self.name);
        let kube::Error::Api(status) = &error else {
            return Err(AuditError::api(&what, error));
        };
        let token = status
            .metadata
            .as_ref()
            .and_then(|meta| meta.continue_.clone());
        if code(&error) != Some(410) {
            return Err(AuditError::api(&what, error));
        }
        self.expired += 1;
        token
            .filter(|_| self.expired <= MOST_EXPIRED)
            .ok_or_else(|| AuditError::Expired {
                what: what.to_string(),
            })
    }

    /// Without `resourceVersion`: with 0 an API server gives everything at once, whatever the limit.
    fn request(&self, from: &str) -> Request<Vec<u8>> {
        let mut query = format!("{}?limit={}", self.path, self.limit);
        for (name, value) in [
            ("continue", Some(from).filter(|token| !token.is_empty())),
            ("labelSelector", self.selector),
        ] {
            if let Some(value) = value {
                query = format!("{query}&{name}={}", escaped(value));
            }
        }
        Request::get(query)
            .header(ACCEPT, self.accept)
            .body(Vec::new())
            .expect("a path of names and a query that is escaped")
    }

    /// Takes a page apart. The next one has as many objects as fit, by the size of these.
    pub(super) fn read<'t>(&mut self, text: &'t str) -> Result<Vec<&'t RawValue>, AuditError> {
        let what = Doing::List(&self.name);
        let page: Page<'t> =
            serde_json::from_str(text).map_err(|_| AuditError::unreadable(&what))?;
        self.limit = limit(text.len(), page.items.len());
        self.next = Some(page.metadata.next).filter(|token| !token.is_empty());
        Ok(page.items)
    }
}

fn limit(bytes: usize, objects: usize) -> usize {
    let each = bytes / objects.max(1);
    (WANTED_BYTES / each.max(1)).clamp(1, MOST_OBJECTS)
}

/// A value of a query. Tokens are base64 for URLs, and selectors are ours.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(byte));
            }
            other => text = format!("{text}%{other:02X}"),
        }
    }
    text
}
