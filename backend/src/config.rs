//! One configuration file. Every option has a default; `zhixing-server config` prints them all with their comments.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The commented default file.
pub const DEFAULT_TEXT: &str = include_str!("../zhixing-server.toml");

/// All options.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Address under which devices reach the server; goes into enrolment tickets.
    pub public_url: String,
    /// Folder of database, media, keys and log.
    pub data: PathBuf,
    /// PostgreSQL URL; empty for SQLite inside `data`.
    pub database: String,
    /// Where stored files lie.
    pub objects: ObjectsKind,
    /// Address of the S3 API; empty for Amazon's of the region.
    pub s3_endpoint: String,
    /// Region that requests are signed for.
    pub s3_region: String,
    /// The bucket.
    pub s3_bucket: String,
    /// What names in the bucket begin with.
    pub s3_prefix: String,
    /// The bucket stands in the path, not in the host's name.
    pub s3_path_style: bool,
    /// Access key; empty for the environment's.
    pub s3_access_key: String,
    /// Its secret.
    pub s3_secret_key: Secret,
    /// Certificates (PEM) that the store's own may be signed by, besides the system's.
    pub s3_ca_file: PathBuf,
    /// Name of the log.
    pub log_origin: String,
    /// How often the log is sequenced and signed.
    pub log_interval_ms: u64,
    /// Device policy: how long case secrets work without contact.
    pub lease_hours: u32,
    /// Device policy: how long an original stays after receipt and proof.
    pub retention_hours: u32,
    /// Largest upload.
    pub max_upload_bytes: u64,
    /// How long an unfinished upload is kept.
    pub upload_days: u32,
    /// `full`: sync before acknowledging; `plain`: for measurements only.
    pub durability: Durability,
    /// Seconds without a byte after which a request's body, or an answer that nobody takes, is given up.
    pub idle_seconds: u64,
    /// Seconds for the head of a request, and between two requests of one connection.
    pub head_seconds: u64,
    /// Connections at once.
    pub max_connections: usize,
    /// Font files of papers.
    pub fonts: Vec<PathBuf>,
    /// Files with the settings of courts.
    pub overlays: Vec<PathBuf>,
    /// Folder of the gate to the courts' inner systems, with a folder for each peer.
    pub gate_folder: PathBuf,
    /// Inner systems; none: there is no gate.
    pub gate_peers: Vec<crate::gate::PeerConfig>,
    /// How often the server moves batches; 0: only `zhixing-server gate run` does.
    pub gate_interval_seconds: u64,
    /// How long a batch waits for what is missing before it is put into quarantine.
    pub gate_wait_minutes: u64,
    /// When a batch that nobody acknowledged goes out again.
    pub gate_resend_minutes: u64,
}

/// Where stored files lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectsKind {
    /// In a folder of the data folder.
    Disk,
    /// In a bucket that speaks the S3 API.
    S3,
}

/// A value that is never printed.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// A secret of this text.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// When received bytes are acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Once they are on disk.
    Full,
    /// At once. Loses bytes in a power cut.
    Plain,
}

/// A configuration file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, std::io::Error),
    /// It is malformed or has an unknown option.
    #[error("configuration: {0}")]
    Form(#[from] toml::de::Error),
}

impl Config {
    /// Reads a file over the defaults; none gives the defaults. *Errors*: [`ConfigError`].
    pub fn read(path: Option<&Path>) -> Result<Self, ConfigError> {
        let mut table: toml::Table = toml::from_str(DEFAULT_TEXT)?;
        if let Some(path) = path {
            let text = std::fs::read_to_string(path)
                .map_err(|error| ConfigError::Read(path.to_owned(), error))?;
            table.extend(toml::from_str::<toml::Table>(&text)?);
        }
        Ok(table.try_into()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commented_default_is_a_whole_configuration() {
        let config = Config::read(None).expect("the bundled text");
        assert_eq!(config.durability, Durability::Full);
        assert!(config.database.is_empty());
        assert_eq!(config.objects, ObjectsKind::Disk);
    }

    #[test]
    fn the_secret_of_the_object_store_is_never_printed() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("c.toml");
        std::fs::write(&file, "objects = \"s3\"\ns3_secret_key = \"hush\"\n").expect("writes");
        let config = Config::read(Some(&file)).expect("two options");
        assert_eq!(config.s3_secret_key.reveal(), "hush");
        assert!(!format!("{config:?}").contains("hush"));
    }

    #[test]
    fn an_unknown_option_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("c.toml");
        std::fs::write(&file, "lisen = \"127.0.0.1:1\"\n").expect("writes");
        let error = Config::read(Some(&file)).expect_err("a misspelt option");
        assert!(error.to_string().contains("lisen"), "{error}");
    }
}
