//! The one public error: a kind a caller acts on, and a detail without personal data.

use zhixing_protocol::age::AgeError;
use zhixing_protocol::canonical::CanonicalError;
use zhixing_protocol::keys::KeyError;
use zhixing_protocol::statement::StatementError;

/// What a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The caller gave something that cannot be used.
    InvalidInput,
    /// There is no such thing here.
    NotFound,
    /// A key is not available now: unlock, or contact the court.
    Locked,
    /// The court cannot be reached; everything is kept.
    Offline,
    /// The court said no.
    Rejected,
    /// No room on the device.
    StorageFull,
    /// Stored bytes are not what they should be; they were kept.
    Damaged,
    /// A fault of this program or the system.
    Internal,
}

/// An error as shells see it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind:?}: {detail}")]
pub struct EngineError {
    /// What to act on.
    pub kind: ErrorKind,
    /// What happened and what to do next; no personal data.
    pub detail: String,
}

/// Results of this crate.
pub type Result<T> = core::result::Result<T, EngineError>;

impl EngineError {
    /// An error of `kind`.
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }

    /// Something the caller gave cannot be used.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, detail)
    }

    /// Stored bytes are not what they should be.
    pub fn damaged(detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Damaged, detail)
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, detail)
    }

    /// A key is not available.
    pub fn locked(detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Locked, detail)
    }

    /// A fault of this program.
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, detail)
    }
}

/// What a person hears when the disk is full.
const NO_ROOM: &str = "there is no room on this device; nothing that was sealed is lost. Make room, for instance by freeing what the court holds, and try again";

impl From<std::io::Error> for EngineError {
    fn from(error: std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                ErrorKind::StorageFull
            }
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Internal,
        };
        if kind == ErrorKind::StorageFull {
            return Self::new(kind, NO_ROOM);
        }
        // Only the kind: the system's text may hold a path with a name in it.
        match error.kind() {
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                Self::invalid(format!(
                    "file system: {}; choose another folder or file, or ask for the right to use this one",
                    error.kind()
                ))
            }
            std::io::ErrorKind::InvalidFilename
            | std::io::ErrorKind::InvalidInput
            | std::io::ErrorKind::IsADirectory
            | std::io::ErrorKind::NotADirectory => Self::invalid(format!(
                "file system: {}; choose a file with a proper name",
                error.kind()
            )),
            other => Self::new(kind, format!("file system: {other}")),
        }
    }
}

impl From<rusqlite::Error> for EngineError {
    fn from(error: rusqlite::Error) -> Self {
        // Where the disk has no room for the index of the write-ahead log, SQLite speaks of an I/O error of its own.
        let no_room = matches!(
            &error,
            rusqlite::Error::SqliteFailure(failure, _)
                if failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
        );
        let kind = match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => ErrorKind::StorageFull,
            _ if no_room => ErrorKind::StorageFull,
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                ErrorKind::Damaged
            }
            _ => ErrorKind::Internal,
        };
        match kind {
            ErrorKind::StorageFull => Self::new(kind, NO_ROOM),
            ErrorKind::Internal
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::SystemIoFailure) =>
            {
                Self::new(
                    kind,
                    format!(
                        "database: {error}; the disk may be full or failing. Nothing that was sealed is lost: look at the disk and try again"
                    ),
                )
            }
            _ => Self::new(kind, format!("database: {error}")),
        }
    }
}

impl From<AgeError> for EngineError {
    fn from(error: AgeError) -> Self {
        let kind = match error {
            AgeError::NoMatch => ErrorKind::Locked,
            _ => ErrorKind::Damaged,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<StatementError> for EngineError {
    fn from(error: StatementError) -> Self {
        match error {
            StatementError::Signature(key) => key.into(),
            StatementError::TooLarge => Self::invalid(error.to_string()),
            other => Self::internal(other.to_string()),
        }
    }
}

impl From<KeyError> for EngineError {
    fn from(error: KeyError) -> Self {
        let kind = match error {
            KeyError::SignerUnavailable => ErrorKind::Locked,
            _ => ErrorKind::Damaged,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<CanonicalError> for EngineError {
    fn from(error: CanonicalError) -> Self {
        Self::damaged(error.to_string())
    }
}

impl From<serde_json::Error> for EngineError {
    fn from(_: serde_json::Error) -> Self {
        Self::damaged("a stored JSON document cannot be read")
    }
}
