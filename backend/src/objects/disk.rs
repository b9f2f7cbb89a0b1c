//! Objects as files of the data folder.

use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use zhixing_protocol::hash::StoredDigest;

use super::{ObjectError, Opened, key, named_by};

/// Bytes of a piece.
const PIECE: usize = 64 * 1024;

/// Where an object lies in the data folder.
pub fn path(data: &Path, stored: StoredDigest) -> PathBuf {
    data.join(key(stored))
}

/// The folder.
#[derive(Debug)]
pub struct Disk {
    data: PathBuf,
}

impl Disk {
    /// Makes the folder if it is missing.
    pub(super) fn open(data: &Path) -> Result<Self, ObjectError> {
        std::fs::create_dir_all(data.join("objects"))?;
        Ok(Self {
            data: data.to_owned(),
        })
    }

    /// Fails where nothing can be written, as on a disk that is mounted for reading only.
    pub(super) fn check(&self) -> Result<(), ObjectError> {
        let file = self.data.join("objects/check.part");
        std::fs::write(&file, b"zhixing")?;
        std::fs::remove_file(&file)?;
        Ok(())
    }

    pub(super) async fn keep_file(
        &self,
        file: &Path,
        stored: StoredDigest,
    ) -> Result<(), ObjectError> {
        let (file, target) = (file.to_owned(), path(&self.data, stored));
        blocking(move || {
            let folder = target.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(folder)?;
            std::fs::File::open(&file)?.sync_all()?;
            std::fs::rename(&file, &target)?;
            std::fs::File::open(folder)?.sync_all()
        })
        .await
    }

    pub(super) async fn keep_bytes(
        &self,
        stored: StoredDigest,
        bytes: Bytes,
    ) -> Result<(), ObjectError> {
        let target = path(&self.data, stored);
        blocking(move || {
            if target.exists() {
                return Ok(());
            }
            crate::log::write_durably(&target, &bytes)
        })
        .await
    }

    pub(super) fn size_bytes(&self, stored: StoredDigest) -> Result<u64, ObjectError> {
        Ok(std::fs::metadata(path(&self.data, stored))
            .map_err(|error| told(error, stored))?
            .len())
    }

    pub(super) fn open_file(&self, stored: StoredDigest) -> Result<std::fs::File, ObjectError> {
        std::fs::File::open(path(&self.data, stored)).map_err(|error| told(error, stored))
    }

    pub(super) async fn read(
        &self,
        stored: StoredDigest,
        part: Range<u64>,
    ) -> Result<Opened, ObjectError> {
        let mut file = tokio::fs::File::open(path(&self.data, stored))
            .await
            .map_err(|error| told(error, stored))?;
        let size_bytes = file.metadata().await?.len();
        file.seek(std::io::SeekFrom::Start(part.start)).await?;
        let rest = file.take(part.end.saturating_sub(part.start));
        let pieces = futures::stream::unfold(rest, |mut rest| async move {
            let mut buffer = vec![0; PIECE];
            match rest.read(&mut buffer).await {
                Ok(0) => None,
                Ok(read) => {
                    buffer.truncate(read);
                    Some((Ok(Bytes::from(buffer)), rest))
                }
                Err(error) => Some((Err(error), rest)),
            }
        });
        Ok(Opened {
            size_bytes,
            pieces: pieces.boxed(),
        })
    }

    pub(super) fn names(&self) -> BoxStream<'_, Result<StoredDigest, ObjectError>> {
        let root = self.data.join("objects");
        let walk = async move { blocking(move || walked(&root)).await };
        futures::stream::once(walk)
            .flat_map(|found| match found {
                Ok(names) => futures::stream::iter(names).map(Ok).boxed(),
                Err(error) => futures::stream::iter([Err(error)]).boxed(),
            })
            .boxed()
    }
}

/// The names in two levels of folders; whatever is named otherwise is no object.
fn walked(root: &Path) -> std::io::Result<Vec<StoredDigest>> {
    let mut names = Vec::new();
    for first in folders(root)? {
        for second in folders(&first)? {
            for file in std::fs::read_dir(second)? {
                names.extend(file?.file_name().to_str().and_then(named_by));
            }
        }
    }
    Ok(names)
}

fn folders(of: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(of)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn told(error: std::io::Error, stored: StoredDigest) -> ObjectError {
    if error.kind() == std::io::ErrorKind::NotFound {
        return ObjectError::Missing(stored);
    }
    ObjectError::Disk(error)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, ObjectError> {
    Ok(tokio::task::spawn_blocking(work)
        .await
        .map_err(std::io::Error::other)??)
}
