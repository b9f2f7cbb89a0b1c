//! Ports that a test controls.

mod court;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub use court::{COURT, TestCourt, json as court_json};
use zeroize::Zeroizing;
use zhixing_protocol::hash::sha256;
use zhixing_protocol::keys::SoftwareSigner;
use zhixing_protocol::time::UtcMillis;

use crate::error::Result;
use crate::ports::{Clock, Entropy, Ports, SecretStore, Signer};

/// A clock that moves when it is told to.
pub struct TestClock {
    wall_ms: AtomicI64,
    elapsed_ms: AtomicI64,
    boot: AtomicU64,
}

impl TestClock {
    /// Starts at a wall time, one minute after boot.
    pub fn new(wall_ms: i64) -> Self {
        Self {
            wall_ms: AtomicI64::new(wall_ms),
            elapsed_ms: AtomicI64::new(60_000),
            boot: AtomicU64::new(1),
        }
    }

    /// Both clocks go on.
    pub fn advance(&self, ms: i64) {
        self.wall_ms.fetch_add(ms, Ordering::SeqCst);
        self.elapsed_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Somebody sets the wall clock.
    pub fn shift_wall(&self, ms: i64) {
        self.wall_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// The device starts again.
    pub fn reboot(&self) {
        self.boot.fetch_add(1, Ordering::SeqCst);
        self.elapsed_ms.store(1_000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn wall_ms(&self) -> UtcMillis {
        UtcMillis(self.wall_ms.load(Ordering::SeqCst))
    }
    fn elapsed_ms(&self) -> i64 {
        self.elapsed_ms.load(Ordering::SeqCst)
    }
    fn boot(&self) -> String {
        format!("boot-{}", self.boot.load(Ordering::SeqCst))
    }
}

/// Randomness that is the same in each run of a seed. Never for real keys.
pub struct TestEntropy {
    seed: u64,
    drawn: AtomicU64,
}

impl TestEntropy {
    /// Randomness from a seed.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            drawn: AtomicU64::new(0),
        }
    }
}

impl Entropy for TestEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<()> {
        for block in out.chunks_mut(32) {
            let number = self.drawn.fetch_add(1, Ordering::SeqCst);
            let mut input = self.seed.to_be_bytes().to_vec();
            input.extend_from_slice(&number.to_be_bytes());
            for (to, from) in block.iter_mut().zip(sha256(&input)) {
                *to = from;
            }
        }
        Ok(())
    }
}

/// Secrets in memory; a clone of the `Arc` survives a simulated kill.
#[derive(Default)]
pub struct MemorySecrets {
    secrets: Mutex<BTreeMap<String, [u8; 32]>>,
    signer: Mutex<Option<Arc<dyn Signer>>>,
}

impl SecretStore for MemorySecrets {
    fn secret(&self, name: &str) -> Result<Option<Zeroizing<[u8; 32]>>> {
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(secrets.get(name).copied().map(Zeroizing::new))
    }
    fn put_secret(&self, name: &str, secret: &[u8; 32]) -> Result<()> {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.insert(name.to_owned(), *secret);
        Ok(())
    }
    fn signer(&self) -> Result<Option<Arc<dyn Signer>>> {
        Ok(self
            .signer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone())
    }
    fn make_signer(&self) -> Result<Arc<dyn Signer>> {
        let pkcs8 = SoftwareSigner::make_pkcs8()?;
        let signer: Arc<dyn Signer> = Arc::new(SoftwareSigner::from_pkcs8(&pkcs8)?);
        *self.signer.lock().unwrap_or_else(PoisonError::into_inner) = Some(signer.clone());
        Ok(signer)
    }
    fn storage(&self) -> &str {
        "software"
    }
}

/// Ports with a clock of the test, and that clock.
pub fn test_ports(seed: u64) -> (Ports, Arc<TestClock>) {
    // 2026-01-05T08:00:00+08:00, a Monday.
    let clock = Arc::new(TestClock::new(1_767_571_200_000));
    let ports = Ports {
        clock: clock.clone(),
        entropy: Arc::new(TestEntropy::new(seed)),
        secrets: Arc::new(MemorySecrets::default()),
        platform: "test zhixing-engine".to_owned(),
    };
    (ports, clock)
}

/// An enrolled device in `folder`: its holdings, the court it trusts, and its clock.
pub fn enrolled(
    folder: &std::path::Path,
    seed: u64,
) -> Result<(Arc<crate::capture::Holdings>, TestCourt, Arc<TestClock>)> {
    let (ports, clock) = test_ports(seed);
    let court = TestCourt::new(ports.clock.wall_ms());
    let holdings = holdings(folder, ports)?;
    let ticket = court.ticket();
    let request = holdings.prepare_enrol(&ticket, "laptop", None)?;
    holdings.accept_enrol(&court.answer_enrol(&request))?;
    Ok((holdings, court, clock))
}

/// Opens the holdings of a folder, as a start does.
pub fn holdings(folder: &std::path::Path, ports: Ports) -> Result<Arc<crate::capture::Holdings>> {
    let queue = crate::queue::Queue::open(folder, ports.clone())?;
    let vault = crate::vault::Vault::open(folder)?;
    Ok(Arc::new(crate::capture::Holdings::new(ports, vault, queue)))
}
