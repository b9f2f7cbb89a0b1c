//! What a shell or test provides: clocks, randomness, secrets and the signing key.

mod files;
mod system;

use std::sync::Arc;

pub use files::FileSecrets;
pub use system::{SystemClock, SystemEntropy};
use zeroize::Zeroizing;
pub use zhixing_protocol::keys::Signer;
use zhixing_protocol::time::UtcMillis;

use crate::error::Result;

/// All clocks of the device.
pub trait Clock: Send + Sync {
    /// What the wall clock claims.
    fn wall_ms(&self) -> UtcMillis;
    /// Monotonic milliseconds since boot, sleep included.
    fn elapsed_ms(&self) -> i64;
    /// Names the boot in which `elapsed_ms` counts.
    fn boot(&self) -> String;
}

/// Randomness good enough for keys.
pub trait Entropy: Send + Sync {
    /// Fills `out`. *Errors*: `Internal` if the system gives none.
    fn fill(&self, out: &mut [u8]) -> Result<()>;
}

/// Where secrets live: files on a laptop, the key store on a phone.
pub trait SecretStore: Send + Sync {
    /// A named secret; none if it was never put. *Errors*: `Locked` if the store wants the person first.
    fn secret(&self, name: &str) -> Result<Option<Zeroizing<[u8; 32]>>>;
    /// Keeps a named secret durably before it returns.
    fn put_secret(&self, name: &str, secret: &[u8; 32]) -> Result<()>;
    /// The device's signing key; none before the first enrolment.
    fn signer(&self) -> Result<Option<Arc<dyn Signer>>>;
    /// Makes a new signing key, durable before it returns; an older one is kept aside.
    fn make_signer(&self) -> Result<Arc<dyn Signer>>;
    /// `software`, `tee` or `strongbox`: what `key.enroll/1` says.
    fn storage(&self) -> &str;
}

/// Everything a test must control.
#[derive(Clone)]
pub struct Ports {
    /// Clocks.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Secrets and the signing key.
    pub secrets: Arc<dyn SecretStore>,
    /// System and version of the client, such as `linux zhixing-field/0.1.0`.
    pub platform: String,
}

impl Ports {
    /// The system's clock and randomness, secrets in files below `folder`.
    pub fn system(folder: &std::path::Path, platform: &str) -> Result<Self> {
        Ok(Self {
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SystemEntropy::new()),
            secrets: Arc::new(FileSecrets::open(folder)?),
            platform: platform.to_owned(),
        })
    }

    /// `N` random bytes.
    pub fn random<const N: usize>(&self) -> Result<[u8; N]> {
        let mut out = [0; N];
        self.entropy.fill(&mut out)?;
        Ok(out)
    }

    /// A named secret, made at first use.
    pub fn secret_or_make(&self, name: &str) -> Result<Zeroizing<[u8; 32]>> {
        if let Some(secret) = self.secrets.secret(name)? {
            return Ok(secret);
        }
        let secret = Zeroizing::new(self.random::<32>()?);
        self.secrets.put_secret(name, &secret)?;
        Ok(secret)
    }
}
