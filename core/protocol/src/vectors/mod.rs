//! Runs vector files: worked examples that fix what every implementation must answer.
//!
//! [`run`] takes the text of one file, finds out what kind it is and compares every answer of this crate with the one in the file. The
//! format, open to other implementations and other people's files, stands in `vectors/README.md`.
//!
//! A new kind of file is one line in [`KINDS`](kinds) and one function from a vector to an answer or a refusal.

mod age;
mod canonical;
mod case_number;
mod compare;
mod deadline;
mod delay_interest;
mod evidence_digests;
mod file;
mod kinds;
mod statement;
#[cfg(test)]
mod tests;
mod tlog;

use serde::Serialize;
use serde_json::Value;

use self::file::VectorFile;
use self::kinds::KINDS;

/// Code of a refusal because the vector itself cannot be read. A must-fail vector has to name it to pass by it.
const MALFORMED: &str = "malformed";

/// What running one file gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The kind of file, such as `deadline`.
    pub kind: &'static str,
    /// What the file says it is about; empty if it does not.
    pub subject: String,
    /// How many vectors this crate answers as the file does.
    pub passed: usize,
    /// The others, in the order of the file.
    pub failures: Vec<Failure>,
}

/// A vector that is not answered as the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Its id, or its place in the file if it has none.
    pub id: String,
    /// What it tests, as the file says.
    pub why: String,
    /// What the file says, at the first member that differs.
    pub expected: String,
    /// What this crate answers there.
    pub got: String,
}

/// Why a text is not run as a vector file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VectorFileError {
    /// No JSON.
    #[error("this is no vector file: it is not JSON ({0})")]
    NotJson(#[from] serde_json::Error),
    /// JSON without a list of vectors.
    #[error(
        "this is no vector file: it has no list named `vectors`, `valid` or `invalid` with at least one entry"
    )]
    NoVectors,
    /// It names a kind that is not known here.
    #[error(
        "vector files of the kind `{found}` are not known to this version, which runs: {known}"
    )]
    UnknownKind {
        /// The kind it names.
        found: String,
        /// The kinds that can be run.
        known: String,
    },
    /// It names no kind and its vectors look like none.
    #[error(
        "the vectors of this file are of no known kind; name one in a member `kind`, one of: {known}"
    )]
    NotRecognised {
        /// The kinds that can be run.
        known: String,
    },
}

/// Runs the vectors of one file. *Errors*: [`VectorFileError`] if it is no vector file of a known kind; failing vectors are in the report.
pub fn run(text: &str) -> Result<Report, VectorFileError> {
    let document: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))?;
    let file = VectorFile::open(&document)?;
    let mut report = Report {
        kind: file.kind.name,
        subject: file.subject.to_owned(),
        passed: 0,
        failures: Vec::new(),
    };
    for vector in file.vectors {
        match compare::judge(&vector, (file.kind.answer)(&vector)) {
            Ok(()) => report.passed = report.passed.saturating_add(1),
            Err(failure) => report.failures.push(failure),
        }
    }
    Ok(report)
}

/// The kinds of files that can be run.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

/// A refusal by the code under test: what a must-fail vector expects.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refused {
    /// Stable reason code.
    code: &'static str,
    /// The sentence for people.
    detail: String,
}

impl Refused {
    fn new(code: &'static str, error: &impl ToString) -> Self {
        Self {
            code,
            detail: error.to_string(),
        }
    }
}
