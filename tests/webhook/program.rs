//! The program itself, started on free ports of the loopback.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use meshcheck_certs::self_signed::issue;
use serde_json::{Value, json};

/// A certificate, its key and its CA, PEM.
pub(crate) struct Made {
    pub(crate) ca: String,
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Made {
    pub(crate) fn for_names(names: &[&str]) -> Self {
        let (ca, issued) = issue(names).expect("a certificate");
        Self {
            ca: ca.pem(),
            chain: issued.certificate,
            key: issued.key,
        }
    }
}

/// A folder that goes away with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("meshcheck-webhook-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Puts a pair in place as the kubelet does for a Secret volume.
    pub(crate) fn mount(&self, chain: &str, key: &str) {
        self.mount_files(&[("tls.crt", chain), ("tls.key", key)]);
    }

    /// Puts files in place as the kubelet does for a volume: a folder of its own, and one rename of a
    /// symbolic link.
    pub(crate) fn mount_files(&self, files: &[(&str, &str)]) {
        static GENERATION: AtomicU32 = AtomicU32::new(0);
        let generation = GENERATION.fetch_add(1, Ordering::Relaxed);
        let folder = format!("..2026_11_22.{generation}");
        let path = self.0.join(&folder);
        fs::create_dir(&path).expect("a folder");
        for (file, text) in files {
            fs::write(path.join(file), text).expect("a file");
        }
        let old = fs::read_link(self.0.join("..data")).ok();
        symlink(&folder, self.0.join("..data_tmp")).expect("a link");
        fs::rename(self.0.join("..data_tmp"), self.0.join("..data")).expect("a swap");
        match old {
            Some(old) => fs::remove_dir_all(self.0.join(old)).expect("the old folder"),
            None => {
                for (file, _) in files {
                    symlink(Path::new("..data").join(file), self.0.join(file)).expect("a link");
                }
            }
        }
    }

    /// A kubeconfig that leads to an API server on this machine.
    pub(crate) fn kubeconfig(&self, address: SocketAddr) -> PathBuf {
        self.kubeconfig_of(&json!({"server": format!("http://{address}")}))
    }

    /// The same for a `cluster` as a kubeconfig has it.
    pub(crate) fn kubeconfig_of(&self, cluster: &Value) -> PathBuf {
        let file = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "a", "cluster": cluster}],
            "users": [{"name": "a", "user": {"token": "secret-token"}}],
            "contexts": [{
                "name": "a",
                "context": {"cluster": "a", "user": "a", "namespace": "meshcheck-system"},
            }],
            "current-context": "a",
        });
        let path = self.0.join("kubeconfig");
        fs::write(&path, file.to_string()).expect("a file");
        path
    }

    /// The same for a pair that was made here.
    pub(crate) fn mount_made(&self, made: &Made) {
        self.mount(&made.chain, &made.key);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left over in the temporary folder does not fail a test.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the image sets, which the program runs with everywhere.
fn environment_of_the_image() -> Vec<(String, String)> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Containerfile");
    let text = fs::read_to_string(file).expect("a file");
    let lines = text.lines().filter_map(|line| line.strip_prefix("ENV "));
    let pairs = lines
        .flat_map(str::split_whitespace)
        .filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The program with these options, and nothing of the environment that it would read but what the image
/// sets.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshcheck-webhook"));
    let read = |name: &str| {
        let prefixes = ["MESHCHECK_", "KUBE", "OTEL_"];
        prefixes.iter().any(|prefix| name.starts_with(prefix))
    };
    let own = std::env::vars_os().filter(|(name, _)| read(&name.to_string_lossy()));
    for (name, _) in own {
        command.env_remove(name);
    }
    // No kubeconfig of the person who runs the tests.
    command.env("HOME", "/nonexistent");
    command.envs(environment_of_the_image());
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn run(args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command(args).output().expect("the program");
    (status.code(), String::from_utf8(stderr).expect("text"))
}

/// Lines come a moment late: they are written together.
const GATHERED: Duration = Duration::from_millis(100);

/// The program while it runs.
pub(crate) struct Program {
    pub(crate) child: Child,
    log: Arc<Mutex<Vec<String>>>,
    pub(crate) address: SocketAddr,
    pub(crate) health: SocketAddr,
}

impl Program {
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::spawn(command(args))
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        // Neither the date nor how busy the machine is makes a difference.
        for (option, value) in [("--as-of", "2026-11-22"), ("--request-timeout", "10s")] {
            let is_it = |argument: &OsStr| argument.to_string_lossy().starts_with(option);
            if !command.get_args().any(is_it) {
                command.args([option, value]);
            }
        }
        command
            .args(["--listen", "127.0.0.1:0", "--health-listen", "127.0.0.1:0"])
            .args(["--log-format", "json"]);
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the program");
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&log);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().expect("no panic with it").push(line);
            }
        });
        let mut program = Self {
            child,
            log,
            address: ([127, 0, 0, 1], 0).into(),
            health: ([127, 0, 0, 1], 0).into(),
        };
        let line = program.line("listening");
        let address = |key: &str| {
            line[key]
                .as_str()
                .expect("an address")
                .parse()
                .expect("an address")
        };
        (program.address, program.health) = (address("address"), address("health_address"));
        program
    }

    /// The first log line with this message, which may be still to come.
    pub(crate) fn line(&self, message: &str) -> Value {
        let found = within(Duration::from_secs(20), || {
            let lines = self.read();
            let mut lines = lines
                .iter()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            lines.find(|line| line["message"] == message)
        });
        found.unwrap_or_else(|| panic!("no line {message:?} in {:#?}", self.log()))
    }

    /// What was logged until now.
    pub(crate) fn log(&self) -> Vec<String> {
        thread::sleep(GATHERED);
        self.read()
    }

    fn read(&self) -> Vec<String> {
        self.log.lock().expect("no panic with it").clone()
    }

    /// Reads nothing more of the log until it is dropped.
    pub(crate) fn leaves_the_log(&self) -> impl Drop + use<'_> {
        self.log.lock().expect("no panic with it")
    }

    /// What the plain port says, status line and all.
    pub(crate) fn get(&self, path: &str) -> String {
        plain_get(self.health, path).expect("the plain port")
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.get("/readyz").starts_with("HTTP/1.1 200")
    }

    /// Waits until a metric says this.
    pub(crate) fn awaits(&self, line: &str) {
        let found = within(Duration::from_secs(20), || {
            self.get("/metrics").contains(line).then_some(())
        });
        assert!(found.is_some(), "no {line} in {}", self.get("/metrics"));
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .expect("kill");
        assert!(status.success());
    }

    /// The exit code, once it ends by itself.
    pub(crate) fn exit_code(mut self) -> Option<i32> {
        let status = within(Duration::from_secs(20), || {
            self.child.try_wait().expect("a child")
        });
        status.expect("the program ends").code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a plain port says, status line and all.
pub(crate) fn plain_get(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// Asks until there is an answer or the time is over.
pub(crate) fn within<T>(time: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + time;
    loop {
        let answer = ask();
        if answer.is_some() || Instant::now() > end {
            return answer;
        }
        thread::sleep(Duration::from_millis(10));
    }
}
