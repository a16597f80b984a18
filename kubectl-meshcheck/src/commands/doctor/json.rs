//! The diagnosis for programs.

use serde::Serialize;

use super::diagnosis::{Diagnosis, Note};
use super::snapshot::Snapshot;
use crate::output::facts::pretty;

/// Version of the schema. A member that is added does not raise it.
const VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DoctorOut<'a> {
    version: u32,
    meshcheck: &'a str,
    cluster: ClusterOut<'a>,
    installed: bool,
    checks: Vec<CheckOut<'a>>,
    summary: SummaryOut,
}

#[derive(Serialize)]
struct ClusterOut<'a> {
    context: Option<&'a str>,
    server: &'a str,
    kubernetes: Option<&'a str>,
}

#[derive(Serialize)]
struct CheckOut<'a> {
    id: &'a str,
    notes: Vec<NoteOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NoteOut<'a> {
    status: &'static str,
    message: &'a str,
    object: Option<&'a str>,
    leads_to: Option<&'a str>,
    help: Option<&'a str>,
    command: Option<&'a str>,
}

#[derive(Serialize)]
struct SummaryOut {
    error: usize,
    warning: usize,
    info: usize,
    unknown: usize,
}

/// The whole of it.
pub(super) fn text(snapshot: &Snapshot, diagnosis: &Diagnosis) -> String {
    let tally = diagnosis.tally();
    let cluster = &snapshot.cluster;
    let checks = diagnosis.checks.iter().map(|(id, notes)| CheckOut {
        id,
        notes: notes.iter().map(NoteOut::from).collect(),
    });
    pretty(&DoctorOut {
        version: VERSION,
        meshcheck: snapshot.plugin,
        cluster: ClusterOut {
            context: cluster.context.as_deref(),
            server: &cluster.server,
            kubernetes: cluster.kubernetes.as_deref().ok(),
        },
        installed: snapshot.is_installed(),
        checks: checks.collect(),
        summary: SummaryOut {
            error: tally.findings.error,
            warning: tally.findings.warning,
            info: tally.findings.info,
            unknown: tally.unread,
        },
    })
}

impl<'a> From<&'a Note> for NoteOut<'a> {
    fn from(note: &'a Note) -> Self {
        let plain = |status, message| Self {
            status,
            message,
            object: None,
            leads_to: None,
            help: None,
            command: None,
        };
        let problem = match note {
            Note::Fine(text) => return plain("ok", text),
            Note::Unknown(text) => return plain("unknown", text),
            Note::Skipped(text) => return plain("skipped", text),
            Note::Problem(problem) => problem,
        };
        let said = |text: &'a String| Some(text.as_str()).filter(|text| !text.is_empty());
        Self {
            object: said(&problem.at),
            leads_to: said(&problem.leads_to),
            help: said(&problem.help),
            command: problem.command.as_deref(),
            ..plain(problem.severity.as_str(), &problem.message)
        }
    }
}
