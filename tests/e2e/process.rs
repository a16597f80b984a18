//! Programs that run as long as a test needs them.

use std::fs::{self, File};
use std::io::Write as _;
use std::iter;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A program of others, with its output in a file. It ends with this.
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    _watchdog: Watchdog,
}

impl Process {
    /// Starts `command` with its output in `logs`, by the name of its program.
    pub(crate) fn start(logs: &Path, mut command: Command) -> Self {
        let name = Path::new(command.get_program()).file_name();
        let name = name.expect("a program").to_string_lossy().into_owned();
        let log = logs.join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log);
        let output = output.expect("a file to write");
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second handle"))
            .stderr(output)
            // An interrupt at the terminal is for the tests, which then end this.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let watchdog = Watchdog::over(child.id());
        Self {
            name,
            child,
            log,
            _watchdog: watchdog,
        }
    }

    /// Fails with the end of the output if the program is gone.
    pub(crate) fn must_run(&mut self) {
        if let Some(status) = self.child.try_wait().expect("a child") {
            panic!("{} has ended ({status}): {}", self.name, self.said());
        }
    }

    /// The end of the output.
    pub(crate) fn said(&self) -> String {
        let text = fs::read(&self.log).expect("a log");
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().rev().take(20).collect();
        let lines: Vec<_> = lines.into_iter().rev().collect();
        lines.join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends a process when this one is gone, however it went: nobody's test leaves a control plane behind.
pub(crate) struct Watchdog(Child);

impl Watchdog {
    /// Its standard input is a pipe that this process alone holds: where it ends before a line came,
    /// this process is gone.
    pub(crate) fn over(pid: u32) -> Self {
        let watch = r#"read -r over || kill -9 "$1""#;
        let child = Command::new("sh")
            .args(["-c", watch, "sh", &pid.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        Self(child.expect("a shell"))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some(mut line) = self.0.stdin.take() {
            // A watchdog that is gone bites nobody.
            let _ = line.write_all(b"over\n");
        }
        let _ = self.0.wait();
    }
}

/// Ports that nobody listens on, all different, and below those that the system gives to outgoing
/// connections: a program that starts a moment later still finds them free.
pub(crate) fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = || {
        let offset = std::process::id()
            .wrapping_mul(64)
            .wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        10_000 + u16::try_from(offset % 20_000).expect("below 20,000")
    };
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    [(); COUNT].map(|()| {
        let mut tried = iter::repeat_with(next).take(20_000);
        tried.find(is_free).expect("a port that is free")
    })
}
