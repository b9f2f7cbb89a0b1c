//! Digests of evidence: of bytes as they come, and of a file with progress reported to an observer.

use std::fs::File;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use zhixing_protocol::evidence::{CHUNK_BYTES, EvidenceDigests};

use crate::CoreError;

/// Digests of the plain bytes of one item, hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct FileDigests {
    /// Length.
    pub size_bytes: u64,
    /// SHA-256 of the whole.
    pub sha256: String,
    /// SM3 of the whole (GB/T 32905).
    pub sm3: String,
    /// RFC 6962 root over chunks of 1 MiB.
    pub chunk_root: String,
}

impl From<EvidenceDigests> for FileDigests {
    fn from(digests: EvidenceDigests) -> Self {
        Self {
            size_bytes: digests.size_bytes,
            sha256: digests.sha256.to_string(),
            sm3: digests.sm3.to_string(),
            chunk_root: digests.chunk_root.to_string(),
        }
    }
}

/// Takes bytes in chunks and gives their digests once.
#[derive(uniffi::Object)]
pub struct DigestPass(Mutex<Option<zhixing_protocol::evidence::DigestPass>>);

#[uniffi::export]
impl DigestPass {
    /// Before the first byte.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(Default::default()))))
    }

    /// Takes the next bytes.
    ///
    /// *Errors*: `InvalidInput` for more than 1 MiB at once (bulk bytes go by path) and after `finish`; nothing is taken then.
    // Not `&[u8]`: that is a direct ByteBuffer in Kotlin, whose generated code sends the first bytes where a position is set.
    #[allow(clippy::needless_pass_by_value)]
    pub fn update(&self, chunk: Vec<u8>) -> Result<(), CoreError> {
        if chunk.len() > CHUNK_BYTES as usize {
            return Err(CoreError::invalid_input(
                "a chunk holds at most 1 MiB; pass the bytes in smaller chunks",
            ));
        }
        let mut pass = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pass.as_mut().ok_or_else(finished_before)?.update(&chunk);
        Ok(())
    }

    /// The digests of everything taken.
    ///
    /// *Errors*: `InvalidInput` the second time.
    pub fn finish(&self) -> Result<FileDigests, CoreError> {
        let pass = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(pass.ok_or_else(finished_before)?.finish().into())
    }
}

fn finished_before() -> CoreError {
    CoreError::invalid_input("this pass is finished; begin a new one")
}

/// Follows one [`digest_file`]. Called on a thread of the core, never on the caller's; an error from it ends the work and nothing else.
///
/// *Invariants*: `progressed` rises; then exactly one of `finished` and `failed`, unless the work was cancelled: then neither.
#[uniffi::export(foreign)]
pub trait DigestObserver: Send + Sync {
    /// Some more bytes are done.
    fn progressed(&self, done_bytes: u64, total_bytes: u64) -> Result<(), CoreError>;
    /// All is done.
    fn finished(&self, digests: FileDigests) -> Result<(), CoreError>;
    /// It cannot be done.
    fn failed(&self, error: CoreError) -> Result<(), CoreError>;
}

/// Work that runs. Dropping it cancels it: keep it as long as the result is wanted.
#[derive(uniffi::Object)]
pub struct DigestTask(Arc<AtomicBool>);

#[uniffi::export]
impl DigestTask {
    /// Ends the work after the chunk at hand. Harmless when it has ended.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Drop for DigestTask {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Reads a file on a thread of its own and tells `observer` how far it is and what came out.
///
/// *Errors*: `NotFound` and `InvalidInput` at once when there is no such file; a failure while reading, or a file that changes meanwhile
/// (`Damaged`), goes to the observer.
#[uniffi::export]
pub fn digest_file(
    path: &str,
    observer: Arc<dyn DigestObserver>,
) -> Result<Arc<DigestTask>, CoreError> {
    let file = File::open(path).map_err(|error| CoreError::from_reading(&error))?;
    let metadata = file
        .metadata()
        .map_err(|error| CoreError::from_reading(&error))?;
    if !metadata.is_file() {
        return Err(CoreError::invalid_input(
            "this is no file; choose one file at a time",
        ));
    }
    let cancelled = Arc::new(AtomicBool::new(false));
    let task = Arc::new(DigestTask(Arc::clone(&cancelled)));
    std::thread::Builder::new()
        .name("zhixing-digest".into())
        .spawn(move || {
            let told = match read_digests(file, metadata.len(), &*observer, &cancelled) {
                Ok(None) => Ok(()),
                Ok(Some(digests)) => observer.finished(digests),
                Err(Stop::Reading(error)) => observer.failed(error),
                Err(Stop::Observer) => Ok(()),
            };
            // An observer that fails at its last call has nothing left to be told.
            drop(told);
        })
        .map_err(|_| CoreError::internal("no thread could be started"))?;
    Ok(task)
}

/// Why reading ended early.
enum Stop {
    Reading(CoreError),
    Observer,
}

fn read_digests(
    mut file: impl Read,
    total_bytes: u64,
    observer: &dyn DigestObserver,
    cancelled: &AtomicBool,
) -> Result<Option<FileDigests>, Stop> {
    let mut pass = zhixing_protocol::evidence::DigestPass::default();
    let mut chunk = vec![0; CHUNK_BYTES as usize];
    let mut done_bytes = 0_u64;
    loop {
        if cancelled.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let count = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Stop::Reading(CoreError::from_reading(&error))),
        };
        pass.update(chunk.get(..count).unwrap_or_default());
        done_bytes = done_bytes.saturating_add(count as u64);
        observer
            .progressed(done_bytes, total_bytes)
            .map_err(|_| Stop::Observer)?;
    }
    if done_bytes != total_bytes {
        return Err(Stop::Reading(CoreError::Damaged {
            detail: "the file changed while it was read; choose it again when nothing writes to it"
                .into(),
        }));
    }
    Ok(Some(pass.finish().into()))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// SHA-256 and SM3 of `abc`: FIPS 180-4 and GB/T 32905-2016 annex A.1.
    const SHA256_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const SM3_ABC: &str = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0";

    #[derive(Debug, PartialEq)]
    enum Told {
        Progressed(u64, u64),
        Finished(FileDigests),
        Failed(CoreError),
    }

    struct Recorder(Mutex<Sender<Told>>);

    impl Recorder {
        fn new() -> (Arc<Self>, Receiver<Told>) {
            let (sender, receiver) = channel();
            (Arc::new(Self(Mutex::new(sender))), receiver)
        }

        fn tell(&self, told: Told) -> Result<(), CoreError> {
            let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            sender.send(told).map_err(CoreError::internal)
        }
    }

    impl DigestObserver for Recorder {
        fn progressed(&self, done_bytes: u64, total_bytes: u64) -> Result<(), CoreError> {
            self.tell(Told::Progressed(done_bytes, total_bytes))
        }
        fn finished(&self, digests: FileDigests) -> Result<(), CoreError> {
            self.tell(Told::Finished(digests))
        }
        fn failed(&self, error: CoreError) -> Result<(), CoreError> {
            self.tell(Told::Failed(error))
        }
    }

    fn abc() -> FileDigests {
        EvidenceDigests::of(b"abc").into()
    }

    #[test]
    fn a_file_is_digested_and_its_observer_told_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("abc");
        std::fs::write(&path, b"abc").expect("a file");
        let (observer, told) = Recorder::new();
        let task = digest_file(path.to_str().expect("UTF-8"), observer).expect("a file is there");
        let told: Vec<_> = told.iter().collect();
        assert_eq!(told, [Told::Progressed(3, 3), Told::Finished(abc())]);
        assert_eq!(
            (abc().sha256.as_str(), abc().sm3.as_str()),
            (SHA256_ABC, SM3_ABC)
        );
        drop(task);
    }

    #[test]
    fn a_file_that_grows_while_it_is_read_is_reported_and_not_digested() {
        let (observer, told) = Recorder::new();
        let stop = read_digests(&b"abcd"[..], 3, &*observer, &AtomicBool::new(false));
        assert!(matches!(
            stop,
            Err(Stop::Reading(CoreError::Damaged { .. }))
        ));
        assert_eq!(told.try_recv(), Ok(Told::Progressed(4, 3)));
    }

    #[test]
    fn a_cancelled_task_tells_nothing_more() {
        let (observer, told) = Recorder::new();
        let read = read_digests(&b"abc"[..], 3, &*observer, &AtomicBool::new(true));
        assert!(matches!(read, Ok(None)));
        assert!(told.try_recv().is_err());
    }

    #[test]
    fn an_observer_that_fails_ends_the_work() {
        let (observer, told) = Recorder::new();
        drop(told);
        let read = read_digests(&b"abc"[..], 3, &*observer, &AtomicBool::new(false));
        assert!(matches!(read, Err(Stop::Observer)));
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let kind_of = |path: &std::path::Path| {
            let (observer, _told) = Recorder::new();
            digest_file(path.to_str().expect("UTF-8"), observer)
                .err()
                .expect("refused")
        };
        assert!(matches!(
            kind_of(&folder.path().join("absent")),
            CoreError::NotFound { .. }
        ));
        assert!(matches!(
            kind_of(folder.path()),
            CoreError::InvalidInput { .. }
        ));
    }

    #[test]
    fn a_pass_takes_chunks_up_to_1_mib_and_finishes_once() {
        let pass = DigestPass::new();
        let refused = pass.update(vec![0; CHUNK_BYTES as usize + 1]);
        assert!(matches!(refused, Err(CoreError::InvalidInput { .. })));
        pass.update(b"a".to_vec()).expect("open");
        pass.update(b"bc".to_vec()).expect("open");
        assert_eq!(pass.finish(), Ok(abc()));
        assert!(pass.finish().is_err());
        assert!(pass.update(b"d".to_vec()).is_err());
    }
}
