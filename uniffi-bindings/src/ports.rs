//! What a shell may give: its clocks, and a key store whose signing key never leaves the hardware.

use std::sync::Arc;

use zeroize::Zeroizing;
use zhixing_engine::EngineError;
use zhixing_engine::ports::{Clock, SecretStore, Signer, SystemClock};
use zhixing_protocol::keys::{KeyError, PublicKey, Signature};
use zhixing_protocol::time::UtcMillis;

use crate::CoreError;

/// Clocks of the device. Without one the core reads those of the system.
///
/// A call that throws is answered by the system's clock: a clock never stops a capture.
#[uniffi::export(foreign)]
pub trait DeviceClock: Send + Sync {
    /// What the wall clock claims. *Units*: milliseconds UTC.
    fn wall_ms(&self) -> Result<i64, CoreError>;
    /// Since boot, sleep included (`SystemClock.elapsedRealtime`, `mach_continuous_time`). *Units*: milliseconds.
    fn elapsed_ms(&self) -> Result<i64, CoreError>;
    /// Names the boot in which `elapsed_ms` counts.
    fn boot(&self) -> Result<String, CoreError>;
}

/// Where the signing key lies: what the enrolment says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum KeyStorage {
    /// In files or memory.
    Software,
    /// In the processor's trusted part.
    Tee,
    /// In a chip of its own (StrongBox, Secure Enclave).
    Strongbox,
}

/// The key store of a phone. Without one, keys lie in files of mode 0600 inside the folder.
///
/// *Invariants*: it is called while the engine is at work on its store, so it must not call the engine back. `put_secret` and
/// `make_signing_key` return only when the key would survive a power cut.
/// *Errors*: `Locked` where the person has to unlock first; everything thrown otherwise is `Internal`.
#[uniffi::export(foreign)]
pub trait KeyStore: Send + Sync {
    /// A secret of 32 bytes by its name, `transfer` or `reading`; none if it was never put.
    fn secret(&self, name: String) -> Result<Option<Vec<u8>>, CoreError>;
    /// Keeps a secret of 32 bytes. `transfer` must be readable after the first unlock of the phone, `reading` only with the person.
    fn put_secret(&self, name: String, secret: Vec<u8>) -> Result<(), CoreError>;
    /// The public half of the signing key; none before the first enrolment. *Shape*: P-256, SubjectPublicKeyInfo, DER, 91 bytes.
    fn signing_key(&self) -> Result<Option<Vec<u8>>, CoreError>;
    /// Makes a new signing key and gives its public half; an older key is kept.
    fn make_signing_key(&self) -> Result<Vec<u8>, CoreError>;
    /// Signs with SHA-256 and the key whose public half this is. *Shape*: ECDSA in DER; high and low S are both taken.
    fn sign(&self, public_key: Vec<u8>, bytes: Vec<u8>) -> Result<Vec<u8>, CoreError>;
    /// Where the signing key lies. Asked once, at opening.
    fn storage(&self) -> Result<KeyStorage, CoreError>;
}

/// The shell's clock, with the system's behind it.
pub(crate) struct ShellClock {
    shell: Arc<dyn DeviceClock>,
    system: SystemClock,
}

impl ShellClock {
    pub(crate) fn new(shell: Arc<dyn DeviceClock>) -> Self {
        Self {
            shell,
            system: SystemClock::new(),
        }
    }
}

impl Clock for ShellClock {
    fn wall_ms(&self) -> UtcMillis {
        self.shell
            .wall_ms()
            .map_or_else(|_| self.system.wall_ms(), UtcMillis)
    }

    fn elapsed_ms(&self) -> i64 {
        self.shell
            .elapsed_ms()
            .unwrap_or_else(|_| self.system.elapsed_ms())
    }

    fn boot(&self) -> String {
        self.shell.boot().unwrap_or_else(|_| self.system.boot())
    }
}

/// The shell's key store as the engine sees it.
pub(crate) struct ShellKeys {
    shell: Arc<dyn KeyStore>,
    storage: &'static str,
}

impl ShellKeys {
    pub(crate) fn new(shell: Arc<dyn KeyStore>) -> Result<Self, CoreError> {
        let storage = match shell.storage()? {
            KeyStorage::Software => "software",
            KeyStorage::Tee => "tee",
            KeyStorage::Strongbox => "strongbox",
        };
        Ok(Self { shell, storage })
    }

    fn signer_of(&self, spki: &[u8]) -> Result<Arc<dyn Signer>, EngineError> {
        Ok(Arc::new(ShellSigner {
            shell: Arc::clone(&self.shell),
            public_key: PublicKey::from_spki(spki)?,
        }))
    }
}

impl SecretStore for ShellKeys {
    fn secret(&self, name: &str) -> Result<Option<Zeroizing<[u8; 32]>>, EngineError> {
        let Some(secret) = self.shell.secret(name.to_owned())?.map(Zeroizing::new) else {
            return Ok(None);
        };
        let secret = secret.as_slice().try_into().map_err(|_| {
            EngineError::damaged("the key store gave a secret that has not 32 bytes")
        })?;
        Ok(Some(Zeroizing::new(secret)))
    }

    fn put_secret(&self, name: &str, secret: &[u8; 32]) -> Result<(), EngineError> {
        Ok(self.shell.put_secret(name.to_owned(), secret.to_vec())?)
    }

    fn signer(&self) -> Result<Option<Arc<dyn Signer>>, EngineError> {
        self.shell
            .signing_key()?
            .map(|spki| self.signer_of(&spki))
            .transpose()
    }

    fn make_signer(&self) -> Result<Arc<dyn Signer>, EngineError> {
        self.signer_of(&self.shell.make_signing_key()?)
    }

    fn storage(&self) -> &str {
        self.storage
    }
}

struct ShellSigner {
    shell: Arc<dyn KeyStore>,
    public_key: PublicKey,
}

impl Signer for ShellSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, bytes: &[u8]) -> Result<Signature, KeyError> {
        let spki = self.public_key.as_spki().to_vec();
        let der = self
            .shell
            .sign(spki, bytes.to_vec())
            .map_err(|_| KeyError::SignerUnavailable)?;
        let signature = Signature::normalise_der(&der)?;
        // A statement with a wrong signature would stand in the chain for ever.
        self.public_key.verify(bytes, &signature)?;
        Ok(signature)
    }
}

/// A signing key in memory, for tests in languages that have none at hand.
#[cfg(feature = "testing")]
#[derive(uniffi::Object)]
pub struct SoftwareKey(zhixing_protocol::keys::SoftwareSigner);

#[cfg(feature = "testing")]
#[uniffi::export]
impl SoftwareKey {
    /// Makes one.
    #[uniffi::constructor]
    pub fn make() -> Result<Arc<Self>, CoreError> {
        use zhixing_protocol::keys::SoftwareSigner;
        let key = SoftwareSigner::make_pkcs8().and_then(|pkcs8| SoftwareSigner::from_pkcs8(&pkcs8));
        Ok(Arc::new(Self(key.map_err(CoreError::internal)?)))
    }

    /// Its public half, SubjectPublicKeyInfo.
    pub fn public_key(&self) -> Vec<u8> {
        self.0.public_key().as_spki().to_vec()
    }

    /// Signs, DER.
    #[allow(clippy::needless_pass_by_value)] // see `DigestPass::update`
    pub fn sign(&self, bytes: Vec<u8>) -> Result<Vec<u8>, CoreError> {
        let signature = self.0.sign(&bytes).map_err(CoreError::internal)?;
        Ok(signature.as_der().to_vec())
    }
}
