//! The machine, and what a process has used.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde::{Deserialize, Serialize};

/// Where figures were taken.
#[derive(Serialize, Deserialize)]
pub struct Machine {
    processor: String,
    cores: usize,
    memory_gib: f64,
    kernel: String,
    rustc: String,
    date: String,
}

impl Machine {
    /// One line.
    pub fn line(&self) -> String {
        format!(
            "Machine: {}, {} cores, {:.0} GiB; Linux {}; {}; {}.",
            self.processor, self.cores, self.memory_gib, self.kernel, self.rustc, self.date
        )
    }
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn output(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    output.map_or_else(
        |_| "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// Describes this machine.
pub fn describe() -> Machine {
    let kib: f64 = field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse().ok())
        .unwrap_or(0.0);
    Machine {
        processor: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
        cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        memory_gib: kib / 1024.0 / 1024.0,
        kernel: output("uname", "-r"),
        rustc: output("rustc", "--version"),
        date: output("date", "+%Y-%m-%d"),
    }
}

/// Load average of the last minute.
pub fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ')
        .next()
        .and_then(|load| load.parse().ok())
        .unwrap_or(f64::NAN)
}

/// The most memory that this process ever held, in MiB.
pub fn own_peak_mib() -> f64 {
    field("/proc/self/status", "VmHWM")
        .and_then(|text| text.split(' ').next()?.parse::<f64>().ok())
        .map_or(f64::NAN, |kib| kib / 1024.0)
}

/// A program that is measured while it runs, and ended with this.
pub struct Process(Child);

impl Process {
    /// Starts a program without input; its output goes to `log`.
    pub fn start(program: &Path, arguments: &[&str], log: &Path) -> std::io::Result<Self> {
        let file = std::fs::File::create(log)?;
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .map(Self)
    }

    fn status(&self, name: &str) -> Option<String> {
        field(&format!("/proc/{}/status", self.0.id()), name)
    }

    /// The most memory it ever held, in MiB.
    pub fn peak_mib(&self) -> f64 {
        self.status("VmHWM")
            .and_then(|text| text.split(' ').next()?.parse::<f64>().ok())
            .map_or(f64::NAN, |kib| kib / 1024.0)
    }

    /// Processor seconds used so far, its ended threads among them.
    pub fn cpu_seconds(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id()));
        let text = text.unwrap_or_default();
        // The name in brackets may hold spaces.
        let rest = text.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let numbers: Vec<f64> = rest
            .split(' ')
            .skip(11)
            .take(2)
            .filter_map(|number| number.parse().ok())
            .collect();
        numbers.iter().sum::<f64>() / 100.0
    }

    /// Waits for its end and gives peak memory in MiB, sampled every 20 ms; false if it failed.
    pub fn wait_measured(&mut self) -> (bool, f64) {
        let mut peak: f64 = 0.0;
        loop {
            let now = self.peak_mib();
            if now > peak {
                peak = now;
            }
            match self.0.try_wait() {
                Ok(Some(status)) => return (status.success(), peak),
                Ok(None) => std::thread::sleep(std::time::Duration::from_millis(20)),
                Err(_) => return (false, peak),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}
