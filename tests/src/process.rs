//! A court in a process of its own, to be killed.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The process. It is killed when this is dropped.
pub struct CourtProcess {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
}

impl CourtProcess {
    /// Starts `program` (the binary `zhixing-court`) with a configuration file and waits until it listens.
    ///
    /// Panics where a test could not go on.
    pub fn start(program: &str, config: &Path) -> Self {
        let mut child = Command::new(program)
            .arg(config)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe was asked for"))
            .read_line(&mut line)
            .expect("its output");
        let address = line.trim().parse();
        Self {
            address: address.expect("an address; what it said stands above"),
            child,
        }
    }

    /// SIGKILL: nothing of it runs any more when this returns.
    pub fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is gone");
    }
}

impl Drop for CourtProcess {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
