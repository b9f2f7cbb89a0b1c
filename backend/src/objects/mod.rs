//! The object store: what was uploaded, exactly as it came, named by the SHA-256 of its bytes.
//!
//! It is a folder of the data folder, or a bucket that speaks the S3 API; the configuration says which. Both keep the
//! same contract, and one suite tests it on both:
//!
//! - A name never holds other bytes than its own: the digest is compared before anything can be read under it.
//! - Whatever is published is whole, also after a kill at any moment. What a kill leaves behind (a file that no row
//!   names, parts of an upload that were never put together) is harmless, and keeping the same bytes again mends it.
//! - Once keeping has returned, the store has the bytes (I2): a receipt may say so.
//! - Memory does not depend on the size of an object (I11).

mod disk;
mod s3;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use zhixing_protocol::hash::StoredDigest;
use zhixing_protocol::wire::ProblemKind;

pub use disk::path;

use crate::config::{Config, ObjectsKind};
use crate::problem::Failure;

/// Where an object lies below the store's root; the same on disk and in a bucket, so one can be copied into the other.
fn key(stored: StoredDigest) -> String {
    let name = stored.to_string();
    let (first, rest) = name.split_at(2);
    let (second, _) = rest.split_at(2);
    format!("objects/{first}/{second}/{name}")
}

/// The digest that a key names, if it is one of an object.
fn named_by(key: &str) -> Option<StoredDigest> {
    key.rsplit('/').next()?.parse().ok()
}

/// Why an object cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// It is not there.
    #[error("the object {0} is not in the store")]
    Missing(StoredDigest),
    /// What was to be kept under this name are other bytes. They stay where they were.
    #[error("what was to be kept as {0} has another SHA-256")]
    OtherBytes(StoredDigest),
    /// An option of the configuration that cannot be used.
    #[error("{0}")]
    Option(String),
    /// The store does not accept the key, its signature or what the key may do.
    #[error(
        "the object store {store} refuses the access ({reason}); check s3_access_key, s3_secret_key, what the key may do in the bucket, and this machine's clock"
    )]
    Refused {
        /// Address of the store.
        store: String,
        /// What it answered.
        reason: String,
    },
    /// The bucket does not exist.
    #[error("the object store {store} has no bucket {bucket}; make it, or mend s3_bucket")]
    NoBucket {
        /// Address of the store.
        store: String,
        /// The bucket.
        bucket: String,
    },
    /// Nobody answers.
    #[error(
        "the object store {store} cannot be reached ({reason}); check s3_endpoint and the network"
    )]
    Unreachable {
        /// Address of the store.
        store: String,
        /// What happened.
        reason: String,
    },
    /// It answers that it cannot now.
    #[error("the object store {store} is busy or has a fault ({reason}); it is asked again later")]
    Busy {
        /// Address of the store.
        store: String,
        /// What it answered.
        reason: String,
    },
    /// Anything else that a store answers.
    #[error("the object store {store}: {reason}")]
    Other {
        /// Address of the store.
        store: String,
        /// What it answered.
        reason: String,
    },
    /// The disk.
    #[error(transparent)]
    Disk(#[from] std::io::Error),
}

impl From<ObjectError> for Failure {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::Disk(error) => error.into(),
            ObjectError::Unreachable { .. } | ObjectError::Busy { .. } => {
                tracing::error!(%error, "the object store does not answer");
                let mut failure = Self::new(
                    ProblemKind::Busy,
                    "The court's store of files does not answer now. Nothing was changed; try again later.",
                );
                failure.0.retry_after_ms = Some(RETRY_AFTER_MS);
                failure
            }
            error => Self::internal(error),
        }
    }
}

impl From<ObjectError> for std::io::Error {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::Disk(error) => error,
            ObjectError::Missing(_) => Self::new(std::io::ErrorKind::NotFound, error),
            error => Self::other(error),
        }
    }
}

/// When a client may ask again while the store does not answer.
const RETRY_AFTER_MS: u64 = 10_000;

/// Pieces of an object in order.
pub type Pieces = BoxStream<'static, std::io::Result<Bytes>>;

/// A part of an object being read.
pub struct Opened {
    /// Size of the whole object.
    pub size_bytes: u64,
    /// The bytes asked for.
    pub pieces: Pieces,
}

/// The object store.
#[derive(Debug)]
pub enum Objects {
    /// A folder of the data folder.
    Disk(disk::Disk),
    /// A bucket.
    S3(s3::S3),
}

impl Objects {
    /// The store that the configuration names. Nothing is asked of it yet; [`Objects::check`] does.
    ///
    /// *Errors*: [`ObjectError::Option`], [`ObjectError::Disk`].
    pub fn open(config: &Config) -> Result<Self, ObjectError> {
        Ok(match config.objects {
            ObjectsKind::Disk => Self::Disk(disk::Disk::open(&config.data)?),
            ObjectsKind::S3 => Self::S3(s3::S3::open(config)?),
        })
    }

    /// What kind of store it is: `disk` or `s3`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Disk(_) => "disk",
            Self::S3(_) => "s3",
        }
    }

    /// Its name in receipts: `disk`, or `s3:` and the bucket.
    pub fn name(&self) -> String {
        match self {
            Self::Disk(_) => "disk".to_owned(),
            Self::S3(bucket) => format!("s3:{}", bucket.bucket()),
        }
    }

    /// Tries whether objects can be kept and read in parts: writes a small one of no meaning and reads from it.
    ///
    /// *Errors*: as [`Objects::keep_file`]; each says what to mend.
    pub async fn check(&self) -> Result<(), ObjectError> {
        match self {
            Self::Disk(disk) => disk.check(),
            Self::S3(bucket) => bucket.check().await,
        }
    }

    /// Keeps a file whose bytes have this digest. On a disk the file moves; a bucket gets a copy, and the file stays for
    /// the caller to remove once its outcome is stored. The same bytes twice are harmless.
    ///
    /// The bytes on disk are not read once more: whoever calls has just read them ([`Digesting`]).
    ///
    /// *Errors*: [`ObjectError`]; the file then stays where it was, and may be kept again.
    pub async fn keep_file(&self, file: &Path, stored: StoredDigest) -> Result<(), ObjectError> {
        match self {
            Self::Disk(disk) => disk.keep_file(file, stored).await,
            Self::S3(bucket) => bucket.keep_file(file, stored).await,
        }
    }

    /// Keeps bytes and says their name. *Errors*: [`ObjectError`].
    pub async fn keep_bytes(&self, bytes: Bytes) -> Result<StoredDigest, ObjectError> {
        let stored = StoredDigest::of(&bytes);
        match self {
            Self::Disk(disk) => disk.keep_bytes(stored, bytes).await?,
            Self::S3(bucket) => bucket.keep_bytes(stored, bytes).await?,
        }
        Ok(stored)
    }

    /// Size of an object. *Errors*: [`ObjectError::Missing`] and the store's.
    pub async fn size_bytes(&self, stored: StoredDigest) -> Result<u64, ObjectError> {
        match self {
            Self::Disk(disk) => disk.size_bytes(stored),
            Self::S3(bucket) => bucket.size_bytes(stored).await,
        }
    }

    /// Reads a part of an object; what of it lies behind the object's end is left out.
    ///
    /// *Errors*: [`ObjectError::Missing`] and the store's; later ones come with the pieces.
    pub async fn read(
        &self,
        stored: StoredDigest,
        part: Range<u64>,
    ) -> Result<Opened, ObjectError> {
        match self {
            Self::Disk(disk) => disk.read(stored, part).await,
            Self::S3(bucket) => bucket.read(stored, part).await,
        }
    }

    /// Opens an object to be read where a thread may block. *Errors*: as [`Objects::read`].
    pub async fn reader(&self, stored: StoredDigest) -> Result<Reader, ObjectError> {
        match self {
            Self::Disk(disk) => Ok(Reader::File(disk.open_file(stored)?)),
            Self::S3(bucket) => Ok(Reader::Pieces {
                pieces: bucket.read(stored, 0..u64::MAX).await?.pieces,
                left: Bytes::new(),
                runtime: tokio::runtime::Handle::current(),
            }),
        }
    }

    /// The names of all objects, in no order. *Errors*: those of the store, with the names.
    pub fn names(&self) -> BoxStream<'_, Result<StoredDigest, ObjectError>> {
        match self {
            Self::Disk(disk) => disk.names(),
            Self::S3(bucket) => bucket.names(),
        }
    }
}

/// An object that is read from the beginning, in a thread that may block.
pub enum Reader {
    /// A file.
    File(std::fs::File),
    /// Pieces as they come.
    Pieces {
        /// Those to come.
        pieces: Pieces,
        /// What is left of the newest.
        left: Bytes,
        /// Where they come from.
        runtime: tokio::runtime::Handle,
    },
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Pieces {
                pieces,
                left,
                runtime,
            } => {
                while left.is_empty() {
                    match runtime.block_on(pieces.next()) {
                        Some(piece) => *left = piece?,
                        None => return Ok(0),
                    }
                }
                let taken = left.split_to(left.len().min(buffer.len()));
                for (to, from) in buffer.iter_mut().zip(&taken) {
                    *to = *from;
                }
                Ok(taken.len())
            }
        }
    }
}

/// Computes the digest of all bytes that are read through it.
pub struct Digesting<R> {
    source: R,
    digest: ring::digest::Context,
    bytes: u64,
}

impl<R: Read> Digesting<R> {
    /// Reads from `source`.
    pub fn new(source: R) -> Self {
        Self {
            source,
            digest: ring::digest::Context::new(&ring::digest::SHA256),
            bytes: 0,
        }
    }

    /// Reads what nobody read, and gives size and digest of the whole. *Errors*: those of the source.
    pub fn finish(mut self) -> std::io::Result<(u64, StoredDigest)> {
        let mut buffer = vec![0; READ_BUFFER];
        while self.read(&mut buffer)? > 0 {}
        let digest = StoredDigest::from_slice(self.digest.finish().as_ref())
            .ok_or_else(|| std::io::Error::other("SHA-256 has 32 bytes"))?;
        Ok((self.bytes, digest))
    }
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.digest.update(buffer.get(..read).unwrap_or_default());
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Bytes read at once: 256 KiB.
const READ_BUFFER: usize = 256 << 10;
