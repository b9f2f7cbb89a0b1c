//! The world before a schedule begins, made once: a court with its batch and three enrolled, synchronised devices.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use zeroize::Zeroizing;
use zhixing_engine::error::Result;
use zhixing_engine::ports::{SecretStore, Signer};
use zhixing_protocol::ids::{CaseId, StaffId};
use zhixing_protocol::keys::SoftwareSigner;
use zhixing_server::{import, tickets};

use super::court::SimCourt;
use super::device::SimDevice;
use super::network::Network;
use crate::court::write_batch;

/// 2026-01-05T08:00:00+08:00, a Monday.
pub const START_MS: i64 = 1_767_571_200_000;
/// Whose devices there are: a judge with two of them, and a second judge.
const OFFICERS: [&str; 3] = ["judge", "judge", "second"];
/// Seed of everything that is made here.
const TEMPLATE_SEED: u64 = 0x7a78;

/// Secrets of a device in memory, which survive a kill and can be copied.
#[derive(Default)]
pub struct SimSecrets {
    named: Mutex<BTreeMap<String, [u8; 32]>>,
    pkcs8: Mutex<Option<Vec<u8>>>,
}

impl Clone for SimSecrets {
    fn clone(&self) -> Self {
        Self {
            named: Mutex::new(locked(&self.named).clone()),
            pkcs8: Mutex::new(locked(&self.pkcs8).clone()),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SecretStore for SimSecrets {
    fn secret(&self, name: &str) -> Result<Option<Zeroizing<[u8; 32]>>> {
        Ok(locked(&self.named).get(name).copied().map(Zeroizing::new))
    }
    fn put_secret(&self, name: &str, secret: &[u8; 32]) -> Result<()> {
        locked(&self.named).insert(name.to_owned(), *secret);
        Ok(())
    }
    fn signer(&self) -> Result<Option<Arc<dyn Signer>>> {
        match &*locked(&self.pkcs8) {
            Some(pkcs8) => Ok(Some(Arc::new(SoftwareSigner::from_pkcs8(pkcs8)?))),
            None => Ok(None),
        }
    }
    fn make_signer(&self) -> Result<Arc<dyn Signer>> {
        let pkcs8 = SoftwareSigner::make_pkcs8()?;
        *locked(&self.pkcs8) = Some(pkcs8.to_vec());
        Ok(Arc::new(SoftwareSigner::from_pkcs8(&pkcs8)?))
    }
    fn storage(&self) -> &str {
        "software"
    }
}

/// A device of the template.
pub struct TemplateDevice {
    /// Its folder.
    pub folder: PathBuf,
    /// Its secrets.
    pub secrets: SimSecrets,
    /// Its officer's login.
    pub login: &'static str,
    /// Its officer.
    pub staff: StaffId,
}

/// The world before a schedule.
pub struct Template {
    _folder: tempfile::TempDir,
    /// The court's data folder and batch.
    pub court: PathBuf,
    /// The devices.
    pub devices: Vec<TemplateDevice>,
    /// The cases, in the order of their numbers.
    pub cases: Vec<CaseId>,
}

/// A new folder in memory where the machine has such a place, else where temporary folders are.
pub fn fast_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() {
        tempfile::Builder::new()
            .prefix("zhixing-")
            .tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    made.or_else(|_| tempfile::tempdir())
        .expect("a temporary folder")
}

/// Copies a folder. `skip` names files that a machine that stops does not leave behind.
pub fn copy_folder(from: &Path, to: &Path, skip: &[&str]) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("a readable folder");
        let name = entry.file_name();
        let target = to.join(&name);
        if entry.file_type().expect("a type").is_dir() {
            copy_folder(&entry.path(), &target, skip);
        } else if !skip
            .iter()
            .any(|ending| name.to_string_lossy().ends_with(ending))
        {
            std::fs::copy(entry.path(), target).expect("copies");
        }
    }
}

/// The template, made anew if nobody holds it. Its folder goes with the last holder: a static would leave it behind.
pub fn template() -> Arc<Template> {
    static TEMPLATE: Mutex<Weak<Template>> = Mutex::new(Weak::new());
    let mut known = locked(&TEMPLATE);
    if let Some(template) = known.upgrade() {
        return template;
    }
    // A thread of its own: the caller may draw its randomness from another seed.
    let made = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(make())
    });
    let template = Arc::new(made.join().expect("the template can be made"));
    *known = Arc::downgrade(&template);
    template
}

async fn make() -> Template {
    zhixing_server::seeded::seed(Some(TEMPLATE_SEED));
    let folder = fast_folder();
    let court_folder = folder.path().join("court");
    write_batch(&court_folder.join("batch"));
    let court = SimCourt::open(&court_folder, START_MS).await;
    let report = import::run(court.court(), &court_folder.join("batch"))
        .await
        .expect("the batch can be read");
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    let network = Network::new(TEMPLATE_SEED, court);
    let mut made = Vec::new();
    for (number, login) in OFFICERS.into_iter().enumerate() {
        let home = folder.path().join(format!("device-{number}"));
        std::fs::create_dir_all(&home).expect("a folder");
        let secrets = SimSecrets::default();
        let seed = TEMPLATE_SEED + number as u64 + 1;
        let device = SimDevice::start(number, &home, secrets, seed);
        let ticket = tickets::make(&network.court(), login, "simulated", None)
            .await
            .expect("a known login")
            .to_string();
        device
            .engine()
            .enrol(&network.quiet(number), &ticket, "simulated")
            .await
            .expect("the ticket is good");
        for _ in 0..3 {
            let end = device.engine().sync(&network.quiet(number), 0, None).await;
            end.expect("the own store works");
            network.work().await;
        }
        let status = device.engine().status().expect("the own store works");
        assert_eq!(status.pending_statements, 0, "{status:?}");
        let staff = status.officer.expect("enrolled").staff;
        let secrets = device.secrets();
        drop(device);
        made.push(TemplateDevice {
            folder: home,
            secrets,
            login,
            staff,
        });
    }
    let cases = network.cases().await;
    network.close().await;
    Template {
        _folder: folder,
        court: court_folder,
        devices: made,
        cases,
    }
}
