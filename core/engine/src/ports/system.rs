//! Clock and randomness of the operating system.

use ring::rand::{SecureRandom, SystemRandom};
use zhixing_protocol::hash::to_hex;
use zhixing_protocol::time::UtcMillis;

use super::{Clock, Entropy};
use crate::error::{EngineError, Result};

/// The system's clocks.
///
/// On Linux and Android `elapsed_ms` is `/proc/uptime` (boot time, sleep included) and the boot is the kernel's
/// `boot_id`. Elsewhere each process counts as a boot of its own, which only widens what is claimed to be unknown.
pub struct SystemClock {
    started: std::time::Instant,
    process: String,
}

impl SystemClock {
    /// Reads nothing yet.
    pub fn new() -> Self {
        let mut random = [0; 16];
        // Without randomness all processes share a name; the anchor's monotonic check still holds.
        let _ = SystemRandom::new().fill(&mut random);
        Self {
            started: std::time::Instant::now(),
            process: format!("process-{}", to_hex(&random)),
        }
    }

    fn kernel() -> Option<(String, i64)> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
        let (seconds, hundredths) = uptime.split_whitespace().next()?.split_once('.')?;
        let seconds: i64 = seconds.parse().ok()?;
        let hundredths: i64 = hundredths.parse().ok()?;
        Some((boot.trim().to_owned(), seconds * 1000 + hundredths * 10))
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn wall_ms(&self) -> UtcMillis {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        UtcMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn elapsed_ms(&self) -> i64 {
        Self::kernel().map_or_else(
            || i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX),
            |(_, elapsed)| elapsed,
        )
    }

    fn boot(&self) -> String {
        Self::kernel().map_or_else(|| self.process.clone(), |(boot, _)| boot)
    }
}

/// The system's randomness.
pub struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    /// Opens it.
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<()> {
        self.0
            .fill(out)
            .map_err(|_| EngineError::internal("the system gives no randomness"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_does_not_go_back_within_a_boot() {
        let clock = SystemClock::new();
        let (boot, before) = (clock.boot(), clock.elapsed_ms());
        assert!(clock.elapsed_ms() >= before);
        assert_eq!(clock.boot(), boot);
        assert!(clock.wall_ms() > UtcMillis(1_600_000_000_000));
    }
}
