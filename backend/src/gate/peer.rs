//! An inner system on the other side of the gate: its name, its courts, its pinned key, its folders.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use zhixing_protocol::case::CourtWord;
use zhixing_protocol::keys::PublicKey;

use crate::config::Config;

/// An inner system as the configuration names it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerConfig {
    /// Its name, which is that of its folder too.
    pub name: String,
    /// Courts it may speak for.
    pub courts: Vec<CourtWord>,
    /// File with its public key, P-256, PEM.
    pub key: PathBuf,
}

/// An inner system that can be spoken to.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its name.
    pub name: String,
    /// Courts it may speak for; the first one stands in the manifests it gets.
    pub courts: Vec<CourtWord>,
    /// Its pinned key.
    pub key: PublicKey,
    folder: PathBuf,
}

impl Peer {
    /// All peers of the configuration, with their folders made. *Errors*: a name, key or folder that cannot be used.
    pub fn all(config: &Config) -> Result<Vec<Self>, String> {
        config
            .gate_peers
            .iter()
            .map(|peer| Self::open(&config.gate_folder, peer))
            .collect()
    }

    fn open(gate: &Path, config: &PeerConfig) -> Result<Self, String> {
        let name = &config.name;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(format!(
                "gate_peers: {name:?} is not a name: letters, digits, - and _"
            ));
        }
        if config.courts.is_empty() {
            return Err(format!("gate_peers: {name} speaks for no court"));
        }
        let text = std::fs::read_to_string(&config.key)
            .map_err(|error| format!("{}: {error}", config.key.display()))?;
        let key = key_from_pem(&text).ok_or_else(|| {
            format!(
                "{}: not a P-256 public key in PEM (openssl ec -pubout makes one)",
                config.key.display()
            )
        })?;
        let peer = Self {
            name: name.clone(),
            courts: config.courts.clone(),
            key,
            folder: gate.join(name),
        };
        for place in [
            peer.incoming(),
            peer.outgoing(),
            peer.quarantine(),
            peer.done(),
            peer.kept(),
        ] {
            std::fs::create_dir_all(&place)
                .map_err(|error| format!("{}: {error}", place.display()))?;
        }
        Ok(peer)
    }

    /// Where its batches arrive.
    pub fn incoming(&self) -> PathBuf {
        self.folder.join("in")
    }

    /// Where batches for it are fetched.
    pub fn outgoing(&self) -> PathBuf {
        self.folder.join("out")
    }

    /// Where bad batches lie.
    pub fn quarantine(&self) -> PathBuf {
        self.folder.join("quarantine")
    }

    /// Where batches lie that were taken.
    pub fn done(&self) -> PathBuf {
        self.folder.join("done")
    }

    /// Where batches for it are kept until it has acknowledged them.
    pub fn kept(&self) -> PathBuf {
        self.folder.join("kept")
    }

    /// The file that one running gate locks.
    pub fn lock(&self) -> PathBuf {
        self.folder.join(".lock")
    }
}

fn key_from_pem(text: &str) -> Option<PublicKey> {
    let body: String = text
        .lines()
        .skip_while(|line| line.trim() != "-----BEGIN PUBLIC KEY-----")
        .skip(1)
        .take_while(|line| line.trim() != "-----END PUBLIC KEY-----")
        .map(str::trim)
        .collect();
    PublicKey::from_spki(&STANDARD.decode(body).ok()?).ok()
}
