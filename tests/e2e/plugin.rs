//! The plugin, as kubectl runs it: a program of its name on `PATH`. Cargo builds a program for the tests of
//! its own package alone, so this one is both: called by the plugin's name, it is the plugin.

use std::env;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::kubectl::{Kubectl, Said};

const NAME: &str = "kubectl-meshcheck";

/// Whether this process is the plugin.
pub(crate) fn is_called() -> bool {
    let program = env::args_os().next().unwrap_or_default();
    Path::new(&program).file_name() == Some(NAME.as_ref())
}

/// Runs `kubectl meshcheck` to its end.
pub(crate) fn run(kubectl: &Kubectl, arguments: &[&str]) -> Said {
    let folder = TempDir::new().expect("a folder");
    let this = env::current_exe().expect("this program");
    symlink(this, folder.path().join(NAME)).expect("a link");
    let output = Command::new(&kubectl.program)
        .arg("meshcheck")
        .args(arguments)
        .env_clear()
        .env("PATH", folder.path())
        .env("HOME", &kubectl.home)
        .env("KUBECONFIG", &kubectl.kubeconfig)
        .output()
        .expect("kubectl");
    Said {
        code: output.status.code().expect("no signal"),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// What `doctor` reports to programs.
pub(crate) struct Report {
    pub(crate) code: i32,
    pub(crate) value: Value,
}

/// Diagnoses the cluster.
#[track_caller]
pub(crate) fn doctor(kubectl: &Kubectl, options: &[&str]) -> Report {
    let arguments = [&["doctor", "--output=json"], options].concat();
    let said = run(kubectl, &arguments);
    let value = serde_json::from_str(&said.stdout);
    Report {
        code: said.code,
        value: value.unwrap_or_else(|error| panic!("{error}: {said:?}")),
    }
}

impl Report {
    /// The notes of a check.
    pub(crate) fn notes(&self, check: &str) -> &[Value] {
        let checks = self.value["checks"].as_array().expect("checks");
        let found = checks.iter().find(|one| one["id"] == check);
        found.expect(check)["notes"].as_array().expect("notes")
    }

    /// What a check said, each as `status: message`, with the object before the message where one is named.
    pub(crate) fn said(&self, check: &str) -> Vec<String> {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let notes = self.notes(check).iter().map(|note| {
            let object = note["object"].as_str();
            let object = object.map_or_else(String::new, |object| format!("{object}: "));
            format!(
                "{}: {object}{}",
                text(&note["status"]),
                text(&note["message"])
            )
        });
        notes.collect()
    }

    /// Everything that is not as it should be, as `check: status: object: message`.
    pub(crate) fn problems(&self) -> Vec<String> {
        let checks = self.value["checks"].as_array().expect("checks");
        let ids = checks
            .iter()
            .map(|check| check["id"].as_str().expect("an id"));
        let all = ids.flat_map(|id| {
            let said = self.said(id).into_iter();
            said.map(move |note| format!("{id}: {note}"))
        });
        let is_good = |note: &String| note.contains(": ok: ") || note.contains(": skipped: ");
        all.filter(|note| !is_good(note)).collect()
    }
}
