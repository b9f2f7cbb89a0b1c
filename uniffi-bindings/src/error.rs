//! The one error that crosses to the shells.

use zhixing_engine::{EngineError, ErrorKind};

/// Why a call did not do what was asked: a shell acts on the kind and logs the detail.
///
/// *Shape*: `detail` is an English sentence for a log or a problem report and holds no personal data. It is not called `message`, which
/// does not compile in Kotlin, where exceptions have a `message` of their own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum CoreError {
    /// What was given can never be accepted; ask the person again.
    #[error("invalid input: {detail}")]
    InvalidInput {
        /// What is wrong and what would be right.
        detail: String,
    },
    /// There is no such thing, or it was taken back.
    #[error("not found: {detail}")]
    NotFound {
        /// What was looked for.
        detail: String,
    },
    /// The judge has to unlock first.
    #[error("locked: {detail}")]
    Locked {
        /// What is locked.
        detail: String,
    },
    /// The server cannot be reached; nothing is lost, it will be tried again.
    #[error("offline: {detail}")]
    Offline {
        /// What was tried.
        detail: String,
    },
    /// The server has answered and refused.
    #[error("rejected: {detail}")]
    Rejected {
        /// The server's reason.
        detail: String,
    },
    /// The disk is full; free space, then repeat.
    #[error("storage full: {detail}")]
    StorageFull {
        /// What could not be written.
        detail: String,
    },
    /// Stored bytes are not what was written; they are kept, not deleted.
    #[error("damaged: {detail}")]
    Damaged {
        /// What is damaged and what happens with it.
        detail: String,
    },
    /// A fault of the program.
    #[error("internal: {detail}")]
    Internal {
        /// Where it happened.
        detail: String,
    },
}

impl CoreError {
    pub(crate) fn invalid_input(detail: impl ToString) -> Self {
        Self::InvalidInput {
            detail: detail.to_string(),
        }
    }

    pub(crate) fn internal(detail: impl ToString) -> Self {
        Self::Internal {
            detail: detail.to_string(),
        }
    }

    /// What a failed read of a file means to its owner. The path is the caller's and stays out of the detail.
    pub(crate) fn from_reading(error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::NotFound => Self::NotFound {
                detail: "the file is gone; choose it again".into(),
            },
            ErrorKind::PermissionDenied | ErrorKind::IsADirectory => {
                Self::invalid_input("the file may not be read; choose a file this app can read")
            }
            kind => Self::Damaged {
                detail: format!(
                    "reading the file failed ({kind}); copy it to another place and choose it there"
                ),
            },
        }
    }
}

impl From<EngineError> for CoreError {
    fn from(error: EngineError) -> Self {
        let EngineError { kind, detail } = error;
        match kind {
            ErrorKind::InvalidInput => Self::InvalidInput { detail },
            ErrorKind::NotFound => Self::NotFound { detail },
            ErrorKind::Locked => Self::Locked { detail },
            ErrorKind::Offline => Self::Offline { detail },
            ErrorKind::Rejected => Self::Rejected { detail },
            ErrorKind::StorageFull => Self::StorageFull { detail },
            ErrorKind::Damaged => Self::Damaged { detail },
            ErrorKind::Internal => Self::Internal { detail },
        }
    }
}

/// What a part of the shell says goes into the engine as it is.
impl From<CoreError> for EngineError {
    fn from(error: CoreError) -> Self {
        let (kind, detail) = match error {
            CoreError::InvalidInput { detail } => (ErrorKind::InvalidInput, detail),
            CoreError::NotFound { detail } => (ErrorKind::NotFound, detail),
            CoreError::Locked { detail } => (ErrorKind::Locked, detail),
            CoreError::Offline { detail } => (ErrorKind::Offline, detail),
            CoreError::Rejected { detail } => (ErrorKind::Rejected, detail),
            CoreError::StorageFull { detail } => (ErrorKind::StorageFull, detail),
            CoreError::Damaged { detail } => (ErrorKind::Damaged, detail),
            CoreError::Internal { detail } => (ErrorKind::Internal, detail),
        };
        Self::new(kind, detail)
    }
}

/// What a part of the shell throws without saying so becomes an error here instead of a panic.
impl From<uniffi::UnexpectedUniFFICallbackError> for CoreError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::internal("a part of the shell that the core called failed")
    }
}
