//! A capture that takes the camera's bytes as they come.

use std::sync::{Arc, Mutex, PoisonError};

use zhixing_engine::capture::{self, OpenCapture};
use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::statement;

use crate::engine::Inner;
use crate::live::{Kind, Live};
use crate::{CoreError, FileDigests, read_id};

/// What is captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum MediaKind {
    /// A still picture.
    Photo,
    /// Moving pictures, with or without sound.
    Video,
    /// Sound alone.
    Audio,
    /// Anything else, such as a scanned paper.
    File,
}

impl From<MediaKind> for statement::MediaKind {
    fn from(kind: MediaKind) -> Self {
        match kind {
            MediaKind::Photo => Self::Photo,
            MediaKind::Video => Self::Video,
            MediaKind::Audio => Self::Audio,
            MediaKind::File => Self::File,
        }
    }
}

/// Where an imported file came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum ImportSource {
    /// The phone's gallery.
    Gallery,
    /// A body-worn recorder or its dock.
    Recorder,
    /// Any other file.
    File,
}

impl From<ImportSource> for statement::ImportSource {
    fn from(source: ImportSource) -> Self {
        match source {
            ImportSource::Gallery => Self::Gallery,
            ImportSource::Recorder => Self::Recorder,
            ImportSource::File => Self::File,
        }
    }
}

/// What is to be captured.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct CaptureRequest {
    /// What it is.
    pub kind: MediaKind,
    /// Its case; none: into the tray, to be assigned later.
    #[uniffi(default = None)]
    pub case_id: Option<String>,
    /// The recording that it is a segment of.
    #[uniffi(default = None)]
    pub recording: Option<String>,
    /// Number in the recording, from 0; needed with `recording`.
    #[uniffi(default = None)]
    pub segment_index: Option<u32>,
    /// What the person says of it; hidden from everybody without the case.
    #[uniffi(default = None)]
    pub text: Option<String>,
    /// Who is to be seen; hidden likewise.
    #[uniffi(default = None)]
    pub person: Option<String>,
}

impl CaptureRequest {
    pub(crate) fn read(self) -> Result<capture::CaptureRequest, CoreError> {
        let case = self.case_id.map(|id| read_id(&id, "a case")).transpose()?;
        let recording = self.recording.map(|id| read_id(&id, "a recording"));
        let segment = match (recording.transpose()?, self.segment_index) {
            (Some(recording), Some(index)) => Some((recording, index)),
            (None, None) => None,
            _ => {
                return Err(CoreError::invalid_input(
                    "a segment needs its recording and its number",
                ));
            }
        };
        let words = [("text", self.text), ("person", self.person)];
        let hidden = words
            .into_iter()
            .filter_map(|(name, text)| Some((name.to_owned(), Value::Text(text?))));
        let mut request = capture::CaptureRequest::new(self.kind.into(), case);
        request.segment = segment;
        request.hidden = Object::from_iter(hidden);
        Ok(request)
    }
}

/// An item that was sealed.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SealedItem {
    /// The item.
    pub item: String,
    /// The statement that sealed it.
    pub statement: String,
    /// Digests of its plain bytes.
    pub digests: FileDigests,
    /// Media type found in the bytes.
    pub media_type: String,
}

impl From<capture::SealedItem> for SealedItem {
    fn from(sealed: capture::SealedItem) -> Self {
        Self {
            item: sealed.item.to_string(),
            statement: sealed.statement.to_string(),
            digests: sealed.digests.into(),
            media_type: sealed.media_type,
        }
    }
}

/// A capture that takes bytes until it is finished or discarded.
///
/// Letting it go without either is what a kill does: what was saved of it is sealed at the next start and labelled as recovered.
#[derive(uniffi::Object)]
pub struct Capture {
    // Before `inner`: the capture ends before the folder can become free.
    open: Mutex<Option<OpenCapture>>,
    item: String,
    inner: Arc<Inner>,
    _live: Live,
}

impl Capture {
    pub(crate) fn begin(
        inner: &Arc<Inner>,
        request: capture::CaptureRequest,
    ) -> Result<Arc<Self>, CoreError> {
        let open = inner.engine.begin_capture(request)?;
        Ok(Arc::new(Self {
            item: open.item().to_string(),
            open: Mutex::new(Some(open)),
            inner: Arc::clone(inner),
            _live: Live::new(Kind::Capture),
        }))
    }

    fn take(&self) -> Result<OpenCapture, CoreError> {
        let open = self
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        open.ok_or_else(ended)
    }
}

fn ended() -> CoreError {
    CoreError::invalid_input("this capture has ended; begin a new one")
}

#[uniffi::export]
impl Capture {
    /// The item it will be.
    pub fn item(&self) -> String {
        self.item.clone()
    }

    /// Takes at most 1 MiB of plain bytes, encrypted before they touch the disk; every 16 MiB and every 2 s they become durable.
    ///
    /// *Errors*: `InvalidInput` for more at once and after the end; `StorageFull`: what was saved is recovered at the next start.
    #[allow(clippy::needless_pass_by_value)] // see `DigestPass::update`
    pub fn write(&self, chunk: Vec<u8>) -> Result<(), CoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(open.as_mut().ok_or_else(ended)?.write(&chunk)?)
    }

    /// Makes everything taken so far durable, as when the phone says that its battery ends.
    pub fn save(&self) -> Result<(), CoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(open.as_mut().ok_or_else(ended)?.sync()?)
    }

    /// Seals the item; once this returns a kill or power cut loses nothing of it (I1).
    ///
    /// *Errors*: `InvalidInput` after the end.
    pub fn finish(&self) -> Result<SealedItem, CoreError> {
        let sealed = self.take()?.finish()?;
        self.inner.news.tell();
        Ok(sealed.into())
    }

    /// Gives it up before it is sealed; nothing of it stays.
    ///
    /// *Errors*: `InvalidInput` after the end.
    pub fn discard(&self) -> Result<(), CoreError> {
        Ok(self.take()?.discard()?)
    }
}
