//! What keeps a paper from being made, each with what to do about it.

use std::fmt;

/// One field that is missing or cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// Name of the field, with its place inside a list, such as `items[3].name`.
    pub field: String,
    /// Its label on the paper.
    pub label: String,
    /// What is wrong and what to do.
    pub fault: String,
}

impl fmt::Display for FieldFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.field, self.label, self.fault)
    }
}

/// One photo that cannot be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoFault {
    /// Its id as the field gives it.
    pub id: String,
    /// What is wrong.
    pub fault: String,
}

impl fmt::Display for PhotoFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.fault)
    }
}

/// Why a paper was not made. Nothing half made is given out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaperError {
    /// No such template.
    #[error("there is no template {0:?}; `doc list` shows all")]
    UnknownTemplate(String),
    /// Fields are missing or wrong: all of them at once.
    #[error("{} fields need attention: {}", .0.len(), joined(.0))]
    Fields(Vec<FieldFault>),
    /// Photos that cannot be printed: all of them at once. Take them out of the list or replace them; the originals are untouched.
    #[error("{} photos cannot be printed: {}; take them out of the list or replace them, the originals are untouched", .0.len(), joined(.0))]
    Photos(Vec<PhotoFault>),
    /// The font cannot be used.
    #[error("the font cannot be used: {0}")]
    Font(String),
    /// A template of this program is at fault; its test should have found it.
    #[error("template {template} is faulty: {fault}")]
    Template {
        /// Id of the template.
        template: String,
        /// What is wrong.
        fault: String,
    },
    /// More pages than a paper may have.
    #[error("the paper would be longer than {0} pages; split it into several")]
    TooLong(usize),
    /// The fields of the paper are not in this copy of the case, or were erased.
    #[error(
        "the paper's fields are not in this copy of the case, or were erased; ask the court that holds them"
    )]
    Gone,
    /// What the paper was made with is not here.
    #[error(
        "this paper was made with {0}, which is not here; with anything else it would be another paper. Use the program or font of that time"
    )]
    OtherVersion(String),
    /// The library that writes PDF refused.
    #[error("the PDF could not be written: {0}")]
    Pdf(String),
}

fn joined<T: fmt::Display>(faults: &[T]) -> String {
    let texts: Vec<String> = faults.iter().map(T::to_string).collect();
    texts.join("; ")
}
