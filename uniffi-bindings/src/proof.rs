//! Giving up originals, looking after the folder, and checking an exported one.

use std::path::Path;

use zhixing_engine::capture::Recovery;
use zhixing_engine::proof::{self, Check, Examination, Freed, Verdict};

use crate::CoreError;

/// An original that stays on the device.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct KeptOriginal {
    /// The item.
    pub item: String,
    /// Stable code of what is missing, such as `no_receipt` or `retention`.
    pub missing: String,
}

/// What freeing did.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct FreeReport {
    /// Originals given up.
    pub items: Vec<String>,
    /// Bytes that became free.
    pub bytes: u64,
    /// Originals that stay, and why.
    pub kept: Vec<KeptOriginal>,
}

impl From<Freed> for FreeReport {
    fn from(freed: Freed) -> Self {
        Self {
            items: freed.items.iter().map(ToString::to_string).collect(),
            bytes: freed.bytes,
            kept: freed
                .kept
                .into_iter()
                .map(|kept| KeptOriginal {
                    item: kept.item.to_string(),
                    missing: kept.missing.to_owned(),
                })
                .collect(),
        }
    }
}

/// What this start recovered, and whether every original is what was sealed.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct HealthReport {
    /// Captures that this start sealed with what a kill had left of them.
    pub recovered_captures: u32,
    /// Captures of which no byte had been saved.
    pub empty_captures: u32,
    /// Captures that could not be recovered and are kept for the next start.
    pub failed_captures: u32,
    /// Files put aside because nothing names them.
    pub put_aside_files: u32,
    /// Originals compared with what was sealed.
    pub files: u64,
    /// What is wrong with them, in English, by item.
    pub problems: Vec<String>,
}

impl HealthReport {
    pub(crate) fn of(recovery: Recovery, examined: Examination) -> Self {
        Self {
            recovered_captures: recovery.recovered,
            empty_captures: recovery.empty,
            failed_captures: recovery.failed,
            put_aside_files: recovery.put_aside,
            files: examined.files,
            problems: examined.problems,
        }
    }
}

/// What one check gave.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum CheckVerdict {
    /// It fits.
    Passed,
    /// It does not fit: the folder was changed, or never was what it says.
    Failed,
    /// Signed by a key that nothing vouches for.
    Untrusted {
        /// `untrusted key` and its fingerprint.
        detail: String,
    },
    /// The folder has nothing to check here.
    Absent,
}

/// One check of an exported folder.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct FolderCheck {
    /// Number of the statement; none for the folder as a whole.
    pub statement: Option<u64>,
    /// Stable code, such as `receipt` or `inclusion`.
    pub code: String,
    /// What it gave.
    pub verdict: CheckVerdict,
}

impl From<Check> for FolderCheck {
    fn from(check: Check) -> Self {
        Self {
            statement: check.statement,
            code: check.code.to_owned(),
            verdict: match check.verdict {
                Verdict::Passed => CheckVerdict::Passed,
                Verdict::Failed => CheckVerdict::Failed,
                Verdict::Untrusted(detail) => CheckVerdict::Untrusted { detail },
                Verdict::Absent => CheckVerdict::Absent,
            },
        }
    }
}

/// All checks of a folder.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct FolderReport {
    /// Nothing failed, nothing is by an untrusted key, and there is something.
    pub sound: bool,
    /// In the order of the statements.
    pub checks: Vec<FolderCheck>,
}

/// Checks an exported folder offline. `trust_root` is a file with the fingerprint of the root key or the key in PEM.
///
/// *Errors*: `InvalidInput` for a root file of another kind; `NotFound` for a missing folder or file.
#[uniffi::export]
pub fn verify_folder(folder: &str, trust_root: &str) -> Result<FolderReport, CoreError> {
    let report = proof::verify_folder(Path::new(folder), Path::new(trust_root))?;
    Ok(FolderReport {
        sound: report.is_sound(),
        checks: report.checks.into_iter().map(FolderCheck::from).collect(),
    })
}
