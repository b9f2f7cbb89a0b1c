//! Objects in a bucket that speaks the S3 API.
//!
//! A bucket publishes an object at once and whole: with the answer to one request, or when the parts of a large one are
//! put together. Before that request the digest of all bytes that were sent is compared with the name. Every request is
//! signed over the digest of its body, so the store refuses bytes that were changed on the way.

use std::io::Read as _;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::path::Path as Key;
use object_store::{
    BackoffConfig, Certificate, ClientOptions, GetOptions, GetRange, MultipartUpload, ObjectStore,
    ObjectStoreExt as _, PutPayload, RetryConfig,
};
use zhixing_protocol::hash::StoredDigest;

use super::{ObjectError, Opened, key, named_by};
use crate::config::Config;

/// Bytes of a part, and of the largest object that is sent in one request: 8 MiB. One part is sent while the next is
/// read, so twice as much is in memory.
const PART: u64 = 8 << 20;
/// Most parts of an object that S3 takes; a file beyond 80 GiB gets larger parts.
const MAX_PARTS: u64 = 10_000;
/// How often a request that met a fault of the network or the store is sent again, at once. Who asked tries later.
const RETRIES: usize = 4;
/// No request is sent again after this time: its signature would be too old.
const RETRY_FOR: Duration = Duration::from_secs(240);
/// Longest silence of the store, and longest time for sending one part.
const SILENCE: Duration = Duration::from_secs(60);
/// The object of the check. It has no meaning and may be deleted.
const CHECK: &str = "zhixing-store-check";
/// Its bytes.
const CHECK_BYTES: &[u8] =
    b"zhixing: this object is written at each start, to see that the store works";

/// A bucket.
#[derive(Debug)]
pub struct S3 {
    store: Arc<AmazonS3>,
    address: String,
    bucket: String,
    prefix: String,
}

impl S3 {
    /// Reads the options.
    pub(super) fn open(config: &Config) -> Result<Self, ObjectError> {
        let option = |text: &str| ObjectError::Option(text.to_owned());
        if config.s3_bucket.is_empty() {
            return Err(option("s3_bucket is empty: name the bucket"));
        }
        let from_environment = |name| std::env::var(name).unwrap_or_default();
        let (access, secret) = if config.s3_access_key.is_empty() {
            (
                from_environment("AWS_ACCESS_KEY_ID"),
                from_environment("AWS_SECRET_ACCESS_KEY"),
            )
        } else {
            (
                config.s3_access_key.clone(),
                config.s3_secret_key.reveal().to_owned(),
            )
        };
        if access.is_empty() || secret.is_empty() {
            return Err(option(
                "there is no key for the object store: set s3_access_key and s3_secret_key, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment",
            ));
        }
        // Another part of the process may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = ClientOptions::new()
            // An object takes as long as it takes; only silence ends a request.
            .with_timeout_disabled()
            .with_read_timeout(SILENCE)
            .with_allow_http(config.s3_endpoint.starts_with("http://"));
        if !config.s3_ca_file.as_os_str().is_empty() {
            let pem = std::fs::read(&config.s3_ca_file).map_err(|error| {
                option(&format!(
                    "s3_ca_file {}: {error}",
                    config.s3_ca_file.display()
                ))
            })?;
            let certificates = Certificate::from_pem_bundle(&pem)
                .map_err(|error| option(&format!("s3_ca_file: {error}")))?;
            for certificate in certificates {
                client = client.with_root_certificate(certificate);
            }
        }
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&config.s3_bucket)
            .with_region(&config.s3_region)
            .with_access_key_id(access)
            .with_secret_access_key(secret)
            .with_virtual_hosted_style_request(!config.s3_path_style)
            .with_client_options(client)
            .with_retry(RetryConfig {
                backoff: BackoffConfig {
                    init_backoff: Duration::from_millis(100),
                    max_backoff: Duration::from_secs(2),
                    base: 2.0,
                },
                max_retries: RETRIES,
                retry_timeout: RETRY_FOR,
            });
        let address = if config.s3_endpoint.is_empty() {
            format!("https://s3.{}.amazonaws.com", config.s3_region)
        } else {
            let address = config.s3_endpoint.trim_end_matches('/').to_owned();
            let endpoint = match address.split_once("://") {
                // A bucket that is part of the host's name is put in front of it here; the library takes it as given.
                Some((scheme, host)) if !config.s3_path_style => {
                    format!("{scheme}://{}.{host}", config.s3_bucket)
                }
                Some(_) => address.clone(),
                None => {
                    return Err(option(
                        "s3_endpoint has to begin with https:// (or http:// on this machine only)",
                    ));
                }
            };
            builder = builder.with_endpoint(endpoint);
            address
        };
        let store = builder
            .build()
            .map_err(|error| option(&format!("object store: {error}")))?;
        Ok(Self {
            store: Arc::new(store),
            address,
            bucket: config.s3_bucket.clone(),
            prefix: config.s3_prefix.clone(),
        })
    }

    pub(super) fn bucket(&self) -> &str {
        &self.bucket
    }

    fn key(&self, stored: StoredDigest) -> Key {
        self.below(&key(stored))
    }

    fn below(&self, name: &str) -> Key {
        Key::from(format!("{}/{name}", self.prefix))
    }

    pub(super) async fn check(&self) -> Result<(), ObjectError> {
        let key = self.below(CHECK);
        let told = |error| self.told(error, None);
        self.store
            .put(&key, PutPayload::from_static(CHECK_BYTES))
            .await
            .map_err(told)?;
        let part = 3..11;
        let read = self
            .store
            .get_range(&key, part.clone())
            .await
            .map_err(told)?;
        let part = usize::try_from(part.start).unwrap_or(0)..usize::try_from(part.end).unwrap_or(0);
        if CHECK_BYTES.get(part) != Some(read.as_ref()) {
            return Err(ObjectError::Other {
                store: self.address.clone(),
                reason: "it answers other bytes than were written; it does not give parts of objects as S3 does".to_owned(),
            });
        }
        Ok(())
    }

    pub(super) async fn keep_file(
        &self,
        file: &Path,
        stored: StoredDigest,
    ) -> Result<(), ObjectError> {
        let source = Source::open(file).await?;
        let size_bytes = source.size_bytes;
        let (first, source) = source.part().await?;
        if size_bytes <= PART {
            source.compare(stored)?;
            self.put(stored, first).await?;
        } else {
            let mut upload = self
                .store
                .put_multipart(&self.key(stored))
                .await
                .map_err(|error| self.told(error, None))?;
            let sent = match self
                .send_parts(upload.as_mut(), first, source, stored)
                .await
            {
                Ok(()) => upload
                    .complete()
                    .await
                    .map_err(|error| self.told(error, None)),
                Err(error) => Err(error),
            };
            if let Err(error) = sent {
                // Parts that stay behind cost space only, and a rule of the bucket removes them.
                let _ = upload.abort().await;
                return Err(error);
            }
        }
        // The store says itself that it has it, before anybody else does (I2).
        let kept = self.size_bytes(stored).await?;
        if kept != size_bytes {
            return Err(ObjectError::Other {
                store: self.address.clone(),
                reason: format!("{stored} has {kept} bytes there instead of {size_bytes}"),
            });
        }
        Ok(())
    }

    /// Sends all parts and compares the digest of what was sent, before they are put together.
    async fn send_parts(
        &self,
        upload: &mut dyn MultipartUpload,
        first: Bytes,
        mut source: Source,
        stored: StoredDigest,
    ) -> Result<(), ObjectError> {
        let mut part = first;
        while !part.is_empty() {
            let sending = upload.put_part(PutPayload::from_bytes(part));
            let (sent, next) = futures::future::join(sending, source.part()).await;
            sent.map_err(|error| self.told(error, None))?;
            (part, source) = next?;
        }
        source.compare(stored)
    }

    async fn put(&self, stored: StoredDigest, bytes: Bytes) -> Result<(), ObjectError> {
        self.store
            .put(&self.key(stored), PutPayload::from_bytes(bytes))
            .await
            .map_err(|error| self.told(error, None))?;
        Ok(())
    }

    pub(super) async fn keep_bytes(
        &self,
        stored: StoredDigest,
        bytes: Bytes,
    ) -> Result<(), ObjectError> {
        let size_bytes = bytes.len() as u64;
        match self.size_bytes(stored).await {
            Ok(kept) if kept == size_bytes => return Ok(()),
            Ok(_) | Err(ObjectError::Missing(_)) => {}
            Err(error) => return Err(error),
        }
        self.put(stored, bytes).await
    }

    pub(super) async fn size_bytes(&self, stored: StoredDigest) -> Result<u64, ObjectError> {
        let found = self.store.head(&self.key(stored)).await;
        Ok(found.map_err(|error| self.told(error, Some(stored)))?.size)
    }

    pub(super) async fn read(
        &self,
        stored: StoredDigest,
        part: Range<u64>,
    ) -> Result<Opened, ObjectError> {
        let range = match (part.start, part.end) {
            // The API has no empty part.
            (start, end) if start >= end => {
                return Ok(Opened {
                    size_bytes: self.size_bytes(stored).await?,
                    pieces: futures::stream::empty().boxed(),
                });
            }
            (0, u64::MAX) => None,
            (start, u64::MAX) => Some(GetRange::Offset(start)),
            _ => Some(GetRange::Bounded(part)),
        };
        let options = GetOptions {
            range,
            ..GetOptions::default()
        };
        let found = self
            .store
            .get_opts(&self.key(stored), options)
            .await
            .map_err(|error| self.told(error, Some(stored)))?;
        Ok(Opened {
            size_bytes: found.meta.size,
            pieces: found
                .into_stream()
                .map(|piece| piece.map_err(std::io::Error::other))
                .boxed(),
        })
    }

    pub(super) fn names(&self) -> BoxStream<'_, Result<StoredDigest, ObjectError>> {
        let below = self.below("objects");
        self.store
            .list(Some(&below))
            .filter_map(move |found| {
                let name = match found {
                    Ok(found) => named_by(found.location.as_ref()).map(Ok),
                    Err(error) => Some(Err(self.told(error, None))),
                };
                futures::future::ready(name)
            })
            .boxed()
    }

    /// What an error of the library means here. `asked` is the object that was read.
    fn told(&self, error: object_store::Error, asked: Option<StoredDigest>) -> ObjectError {
        use object_store::Error;
        let store = self.address.clone();
        let text = error.to_string();
        // What the store itself says is the shortest and the most exact.
        let reason = code(&text).unwrap_or(&text).to_owned();
        match (&error, asked) {
            _ if reason == "NoSuchBucket" => ObjectError::NoBucket {
                store,
                bucket: self.bucket.clone(),
            },
            (Error::NotFound { .. }, Some(stored)) => ObjectError::Missing(stored),
            (Error::PermissionDenied { .. } | Error::Unauthenticated { .. }, _) => {
                ObjectError::Refused { store, reason }
            }
            _ => match transport(&error) {
                Some(HttpErrorKind::Decode | HttpErrorKind::Unknown) | None => {
                    if is_passing(&text) {
                        ObjectError::Busy { store, reason }
                    } else {
                        ObjectError::Other { store, reason }
                    }
                }
                Some(_) => ObjectError::Unreachable { store, reason },
            },
        }
    }
}

/// The code in an answer of S3: `<Code>NoSuchBucket</Code>`.
fn code(text: &str) -> Option<&str> {
    let (_, after) = text.split_once("<Code>")?;
    Some(after.split_once("</Code>")?.0)
}

/// The fault of the network, if it was one.
fn transport(error: &object_store::Error) -> Option<HttpErrorKind> {
    let mut at: &(dyn std::error::Error + 'static) = error;
    loop {
        if let Some(error) = at.downcast_ref::<HttpError>() {
            return Some(error.kind());
        }
        at = at.source()?;
    }
}

/// Whether the store answered that it cannot now. The library gives the status in words only.
fn is_passing(text: &str) -> bool {
    [
        "status code: 5",
        "status code: 429",
        "SlowDown",
        "InternalError",
    ]
    .iter()
    .any(|mark| text.contains(mark))
}

/// A file that is read in parts and digested meanwhile.
struct Source {
    file: std::fs::File,
    size_bytes: u64,
    part_bytes: u64,
    digest: ring::digest::Context,
}

impl Source {
    async fn open(file: &Path) -> Result<Self, ObjectError> {
        let file = file.to_owned();
        let opened = tokio::task::spawn_blocking(move || {
            let file = std::fs::File::open(file)?;
            let size_bytes = file.metadata()?.len();
            Ok::<_, std::io::Error>((file, size_bytes))
        });
        let (file, size_bytes) = opened.await.map_err(std::io::Error::other)??;
        Ok(Self {
            file,
            size_bytes,
            part_bytes: PART.max(size_bytes.div_ceil(MAX_PARTS)),
            digest: ring::digest::Context::new(&ring::digest::SHA256),
        })
    }

    /// The next part; empty at the end.
    async fn part(mut self) -> Result<(Bytes, Self), ObjectError> {
        let read = tokio::task::spawn_blocking(move || {
            let room = usize::try_from(self.part_bytes.min(self.size_bytes)).unwrap_or(0);
            let mut bytes = Vec::with_capacity(room);
            (&mut self.file)
                .take(self.part_bytes)
                .read_to_end(&mut bytes)?;
            self.digest.update(&bytes);
            Ok::<_, std::io::Error>((Bytes::from(bytes), self))
        });
        Ok(read.await.map_err(std::io::Error::other)??)
    }

    /// *Errors*: [`ObjectError::OtherBytes`].
    fn compare(self, stored: StoredDigest) -> Result<(), ObjectError> {
        if self.digest.finish().as_ref() != stored.0 {
            return Err(ObjectError::OtherBytes(stored));
        }
        Ok(())
    }
}
