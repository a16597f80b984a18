//! kubectl, as a person runs it.

use std::env;
use std::ffi::OsStr;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// kubectl for one cluster.
pub(crate) struct Kubectl {
    pub(crate) program: PathBuf,
    pub(crate) kubeconfig: PathBuf,
    /// Where it keeps what it knows of the API.
    pub(crate) home: PathBuf,
}

/// What a run said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Kubectl {
    fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env_clear()
            // It runs `diff`.
            .envs(env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", &self.home)
            .env("KUBECONFIG", &self.kubeconfig);
        command
    }

    /// Runs it to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Said {
        self.pipe(arguments, "")
    }

    /// The same with `input`, for `-f -`.
    pub(crate) fn pipe<A: AsRef<OsStr>>(&self, arguments: &[A], input: &str) -> Said {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kubectl");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.to_owned();
        let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().expect("kubectl ends");
        // One that reads nothing is no failure.
        let _ = writer.join().expect("the writer ends");
        Said {
            code: output.status.code().expect("no signal"),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }

    /// Runs it, which must succeed; what it printed.
    pub(crate) fn must<A: AsRef<OsStr>>(&self, arguments: &[A]) -> String {
        self.run(arguments).ok()
    }

    /// Runs it for an object as JSON.
    pub(crate) fn json<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Value {
        let text = self.must(arguments);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// A stored object.
    pub(crate) fn get(&self, namespace: &str, name: &str) -> Value {
        self.json(&["get", "-n", namespace, name, "-o", "json"])
    }
}

impl Said {
    /// What it printed, where it succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}\n{}", self.stdout, self.stderr);
        self.stdout
    }

    /// The same where nothing was to be said beside it: no warning.
    #[track_caller]
    pub(crate) fn silently(self) -> String {
        assert_eq!(self.stderr, "");
        self.ok()
    }

    /// The warnings of the API server, in their order.
    pub(crate) fn warnings(&self) -> Vec<&str> {
        let lines = self.stderr.lines();
        lines
            .filter_map(|line| line.strip_prefix("Warning: "))
            .collect()
    }

    /// What it was refused with.
    #[track_caller]
    pub(crate) fn refused(&self) -> &str {
        assert_eq!(self.code, 1, "{self:?}");
        &self.stderr
    }
}
