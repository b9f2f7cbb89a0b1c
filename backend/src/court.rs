//! The running court: database, keys, folders, clock, and what wakes the background work.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use zhixing_protocol::case::CaseState;
use zhixing_protocol::case::CourtWord;
use zhixing_protocol::event::Head;
use zhixing_protocol::hash::Sha256Digest;
use zhixing_protocol::ids::{CaseId, RealmId};
use zhixing_protocol::keys::Signer as _;
use zhixing_protocol::time::UtcMillis;
use zhixing_protocol::tlog::VerifierKey;
use zhixing_protocol::trust::{CourtRecipient, DevicePolicy, Trust, TrustedKey, TrustedLog};

use crate::config::Config;
use crate::cursors::RememberedCursors;
use crate::keys::{CourtKeys, KeyFileError};
use crate::norms::{self, OverlayFileError, Published};
use crate::objects::{ObjectError, Objects};
use crate::store::{Counter, Database, StoreError, StoreResult, Tx};
use crate::uploads::Uploads;

/// The court's own sequences.
static NUMBERS: Counter = Counter {
    take: "UPDATE counters SET value = value + 1 WHERE name = $1 RETURNING value",
    set: "UPDATE counters SET value = $2 WHERE name = $1",
};
/// Signing keys that came with a later version of the program: the first one listed four, and a device that holds its trust document must see that this
/// one is newer.
const LATER_PURPOSES: u64 = 1;
/// Most case states kept in memory.
const MAX_CACHED_STATES: usize = 2000;

/// The time, so that tests and simulations can set it.
pub type ServerClock = Arc<dyn Fn() -> UtcMillis + Send + Sync>;

/// The operating system's clock.
pub fn system_clock() -> ServerClock {
    Arc::new(|| {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        UtcMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    })
}

/// Why the court cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The object store.
    #[error(transparent)]
    Objects(#[from] ObjectError),
    /// A folder.
    #[error("data folder {0}: {1}")]
    Folder(PathBuf, std::io::Error),
    /// A court's settings.
    #[error(transparent)]
    Overlay(#[from] OverlayFileError),
    /// Fewer keys were replaced than devices have been told.
    #[error(
        "records of replaced keys are missing: devices have heard of {told}, data/keys/retired holds {found}. Put the folder back from the backup; \
         without them what the old keys signed is not valid any more"
    )]
    LostRecords {
        /// How many devices have heard of.
        told: u64,
        /// How many are there.
        found: u64,
    },
}

/// What devices were told last of keys, courts and rules of devices: its version rises whenever anything of it changes.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Told {
    version: u64,
    /// Of the trust document without version and time.
    sha256: String,
    /// How many keys had been replaced.
    rotations: u64,
}

async fn read_told(tx: &mut Tx) -> StoreResult<Told> {
    let row = tx
        .row("SELECT value FROM settings WHERE name = 'trust'", &[])
        .await?;
    match row {
        Some(row) => serde_json::from_str(&row.text(0)?)
            .map_err(|error| StoreError::Damaged(format!("what devices were told: {error}"))),
        None => Ok(Told::default()),
    }
}

/// Everything a request needs.
pub struct Court {
    /// Options.
    pub config: Config,
    /// The store.
    pub db: Database,
    /// Keys.
    pub keys: CourtKeys,
    /// This deployment.
    pub realm: RealmId,
    /// What was uploaded and checked.
    pub objects: Objects,
    /// Open uploads.
    pub uploads: Uploads,
    /// Wakes the log's sequencer.
    pub log_wake: Notify,
    /// Uploads that the intake is checking now.
    pub checking: AtomicUsize,
    /// Wakes the intake of complete uploads.
    pub intake_wake: Notify,
    /// When the process started.
    pub started_ms: UtcMillis,
    /// Where devices stand.
    pub cursors: RememberedCursors,
    clock: ServerClock,
    states: Mutex<HashMap<CaseId, (Head, Arc<CaseState>)>>,
    norms: Mutex<Arc<Published>>,
}

impl Court {
    /// Opens the data folder, making what is missing. *Errors*: [`StartError`].
    pub async fn open(config: Config, clock: ServerClock) -> Result<Arc<Self>, StartError> {
        for folder in ["spool", "log", "keys"] {
            let path = config.data.join(folder);
            std::fs::create_dir_all(&path).map_err(|error| StartError::Folder(path, error))?;
        }
        let objects = Objects::open(&config)?;
        let db = if config.database.is_empty() {
            Database::open_sqlite(&config.data.join("zhixing.db")).await?
        } else {
            Database::open_postgres(&config.database).await?
        };
        let keys = CourtKeys::open(&config.data.join("keys"), &config.log_origin)?;
        let mut tx = db.begin_write().await?;
        tx.execute(
            "INSERT INTO settings (name, value) VALUES ('realm', $1) ON CONFLICT (name) DO NOTHING",
            &[RealmId::make(clock(), crate::random()).to_string().into()],
        )
        .await?;
        let row = tx
            .row("SELECT value FROM settings WHERE name = 'realm'", &[])
            .await?;
        let realm = row
            .ok_or_else(|| StoreError::Damaged("no realm".into()))?
            .parse(0)?;
        tx.execute(
            "INSERT INTO log_state (id, size, root, signed_size, checkpoint) VALUES (1, 0, $1, 0, '') ON CONFLICT (id) DO NOTHING",
            &[zhixing_protocol::tlog::empty_root().into()],
        )
        .await?;
        let told = read_told(&mut tx).await?.rotations;
        let found = keys.rotations();
        if found < told {
            return Err(StartError::LostRecords { told, found });
        }
        tx.commit().await?;
        let uploads = Uploads::new(
            config.data.join("spool"),
            config.durability,
            config.idle_seconds,
        );
        let started_ms = clock();
        let court = Arc::new(Self {
            config,
            db,
            keys,
            realm,
            objects,
            uploads,
            log_wake: Notify::new(),
            checking: AtomicUsize::new(0),
            intake_wake: Notify::new(),
            started_ms,
            cursors: RememberedCursors::default(),
            clock,
            states: Mutex::new(HashMap::new()),
            norms: Mutex::default(),
        });
        norms::publish_overlays(&court).await?;
        Ok(court)
    }

    /// What was read last of the published norms; see [`norms::published`].
    pub(crate) fn published(&self) -> Arc<Published> {
        Arc::clone(&self.norms.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps what was read of the published norms.
    pub(crate) fn keep_published(&self, published: Arc<Published>) {
        *self.norms.lock().unwrap_or_else(PoisonError::into_inner) = published;
    }

    /// The time.
    pub fn now(&self) -> UtcMillis {
        (self.clock)()
    }

    /// The current trust document, not yet signed. Its version rises with every change of what it says.
    pub async fn trust(&self) -> Result<Trust, StartError> {
        let mut tx = self.db.begin_read().await?;
        let trust = self.trust_in(&mut tx).await?;
        let told = read_told(&mut tx).await?;
        drop(tx);
        if told.version == trust.version {
            return Ok(trust);
        }
        // Somebody is about to be told: from now on this version is this content.
        let mut tx = self.db.begin_write().await?;
        let trust = self.trust_in(&mut tx).await?;
        let told = Told {
            version: trust.version,
            sha256: content_of(&trust)?,
            rotations: self.keys.rotations(),
        };
        let value =
            serde_json::to_string(&told).map_err(|error| StoreError::Damaged(error.to_string()))?;
        tx.execute(
            "INSERT INTO settings (name, value) VALUES ('trust', $1) ON CONFLICT (name) DO UPDATE SET value = $1",
            &[value.into()],
        )
        .await?;
        tx.commit().await?;
        Ok(trust)
    }

    /// The same as a transaction sees it.
    pub async fn trust_in(&self, tx: &mut Tx) -> Result<Trust, StartError> {
        let courts = tx
            .rows("SELECT word FROM courts ORDER BY word", &[])
            .await?;
        let mut recipients = Vec::new();
        for row in &courts {
            let word = row.text(0)?;
            // A word that an older version let in must not take the trust document away from all other courts.
            let Ok(court) = word.parse::<CourtWord>() else {
                tracing::error!(
                    "a court's word is malformed and left out; import the courts again with a right one"
                );
                continue;
            };
            for (number, identity) in self.keys.identities(&word)?.iter().enumerate() {
                recipients.push(CourtRecipient {
                    recipient: identity.recipient().to_string(),
                    court: court.clone(),
                    retired: number > 0,
                });
            }
        }
        let mut keys: Vec<TrustedKey> = self
            .keys
            .purposes()
            .into_iter()
            .map(|(signer, purpose)| TrustedKey {
                id: signer.public_key().key_id(),
                public_key: signer.public_key().clone(),
                purpose,
                from_ms: UtcMillis(0),
                until_ms: None,
            })
            .collect();
        keys.extend(self.keys.retired.iter().map(|key| TrustedKey {
            id: key.public_key.key_id(),
            public_key: key.public_key.clone(),
            purpose: key.purpose,
            from_ms: UtcMillis(0),
            until_ms: Some(key.until_ms),
        }));
        let log = |key: &VerifierKey, closed| TrustedLog {
            verifier_key: key.to_string(),
            closed,
        };
        let mut logs = vec![log(self.keys.log.verifier_key(), false)];
        logs.extend(self.keys.retired_logs.iter().map(|key| log(key, true)));
        let mut trust = Trust {
            realm: self.realm,
            // Before versions were kept they counted what is listed; a device that holds such a one must see a higher one.
            version: 1 + courts.len() as u64 + self.keys.rotations() + LATER_PURPOSES,
            issued_ms: self.now(),
            keys,
            recipients,
            logs,
            policy: DevicePolicy {
                lease_ms: i64::from(self.config.lease_hours) * 3_600_000,
                retention_ms: i64::from(self.config.retention_hours) * 3_600_000,
                witness_quorum: 0,
            },
            root: self.keys.root.public_key().clone(),
            succession: self.keys.succession.clone(),
        };
        let told = read_told(tx).await?;
        if content_of(&trust)? == told.sha256 {
            trust.version = told.version;
        } else {
            trust.version = trust.version.max(told.version.saturating_add(1));
        }
        Ok(trust)
    }

    /// The state of a case at `head`, if it is in memory.
    pub fn cached_state(&self, case: CaseId, head: Head) -> Option<Arc<CaseState>> {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states
            .get(&case)
            .filter(|(at, _)| *at == head)
            .map(|(_, state)| Arc::clone(state))
    }

    /// Keeps the state of a case at `head`.
    pub fn cache_state(&self, case: CaseId, head: Head, state: Arc<CaseState>) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        if states.len() >= MAX_CACHED_STATES {
            states.clear();
        }
        states.insert(case, (head, state));
    }

    /// Takes the state of a case at `head` out of the memory, to change it without a copy; [`Court::cache_state`] puts it back.
    pub fn take_state(&self, case: CaseId, head: Head) -> Option<Arc<CaseState>> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, _) = states.get(&case)?;
        if *at != head {
            return None;
        }
        states.remove(&case).map(|(_, state)| state)
    }

    /// Gives out the next number of a counter.
    pub async fn next(tx: &mut Tx, counter: &str) -> Result<u64, StoreError> {
        tx.take_number(&NUMBERS, counter).await
    }
}

/// SHA-256 of what a trust document says, apart from its version and time.
fn content_of(trust: &Trust) -> StoreResult<String> {
    let content = Trust {
        version: 0,
        issued_ms: UtcMillis(0),
        ..trust.clone()
    };
    let bytes = zhixing_protocol::canonical::to_value(&content)
        .map_err(|error| StoreError::Damaged(error.to_string()))?
        .to_bytes();
    Ok(Sha256Digest::of(&bytes).to_string())
}

/// Whether this deployment has a court of that word.
pub async fn has_court(tx: &mut Tx, word: &str) -> StoreResult<bool> {
    let row = tx
        .row("SELECT 1 FROM courts WHERE word = $1", &[word.into()])
        .await?;
    Ok(row.is_some())
}
