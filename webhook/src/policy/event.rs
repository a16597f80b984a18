//! The Kubernetes Event about a policy that is refused: for whoever looks at the cluster, and neither
//! at logs nor at metrics.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use super::PolicyError;
use crate::cluster::Cluster;
use crate::text;

const CONTROLLER: &str = "meshcheck.dev/webhook";

/// Characters of a note, which may have 1024 bytes.
const NOTE_CHARS: usize = 1000;

/// Tells of the Pod that this process runs in.
#[derive(Clone)]
pub struct Teller {
    recorder: Recorder,
    pod: ObjectReference,
}

impl Teller {
    /// `None` where this process is no Pod.
    pub fn new(cluster: &Cluster) -> Option<Self> {
        let name = std::env::var("HOSTNAME")
            .ok()
            .filter(|name| !name.is_empty())?;
        let reporter = Reporter {
            controller: CONTROLLER.to_owned(),
            instance: Some(name.clone()),
        };
        Some(Self {
            recorder: Recorder::new(cluster.client.clone(), reporter),
            pod: ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Pod".to_owned()),
                name: Some(name),
                namespace: Some(cluster.namespace.clone()),
                ..ObjectReference::default()
            },
        })
    }

    /// Says why, by the way: what is refused is refused whether anybody takes the Event or not.
    pub(super) fn tell(&self, refused: &PolicyError) {
        let (teller, note) = (self.clone(), note(refused));
        tokio::spawn(async move {
            let event = Event {
                type_: EventType::Warning,
                reason: "PolicyRefused".to_owned(),
                note: Some(note),
                action: "ReadPolicy".to_owned(),
                secondary: None,
            };
            if let Err(error) = teller.recorder.publish(&event, &teller.pod).await {
                tracing::debug!(%error, "no event was made of a policy that is refused");
            }
        });
    }
}

fn note(refused: &PolicyError) -> String {
    let text = format!("keeping the old policy: {refused}");
    let mut note = text::cut(&text::clean(&text), NOTE_CHARS);
    note.truncate(note.floor_char_boundary(1024));
    note
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use meshcheck_rules::config::PolicyProblem;

    use super::*;

    #[test]
    fn a_note_has_room_in_an_event() {
        let refused = |message: &str, count| PolicyError::Wrong {
            path: PathBuf::from("meshcheck.yaml"),
            problems: vec![
                PolicyProblem {
                    at: None,
                    message: message.to_owned(),
                };
                count
            ],
        };
        assert_eq!(
            note(&refused("no", 2)),
            "keeping the old policy: policy meshcheck.yaml: no; no"
        );
        assert!(note(&refused("`ü` is no key", 500)).len() <= 1024);
    }
}
