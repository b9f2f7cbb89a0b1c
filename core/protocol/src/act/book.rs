//! What each kind of act asks for, as data: `acts/acts.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::rules::pack::{Basis, Confidence, Provenance};
use crate::statement::{ActKind, AttendeeRole, Exemption, MeasureKind, NodeValue, SignedPaper};

/// The format this version reads.
const FORMAT: &str = "zhixing-acts/1";
const BUNDLED: &str = include_str!("../../acts/acts.json");

static BUNDLED_BOOK: LazyLock<ActBook> = LazyLock::new(|| match ActBook::from_json(BUNDLED) {
    Ok(book) => book,
    // A test reads the same file: a fault in it never leaves the workshop.
    Err(error) => unreachable!("acts.json: {error}"),
});

/// All kinds of acts and what they ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActBook {
    /// `zhixing-acts/1`.
    pub format: String,
    /// Goes up with every change.
    pub version: u32,
    /// What a reader must know of how far it was checked.
    pub warning: String,
    /// By kind.
    pub kinds: BTreeMap<ActKind, Kind>,
    /// By code.
    pub requirements: BTreeMap<String, Requirement>,
    /// By code.
    pub timers: BTreeMap<String, TimerRule>,
    /// Which nodes of the procedure follow from an act.
    pub facts: Vec<FactRule>,
    /// What may not be taken.
    pub exempt: BTreeMap<Exemption, ExemptRule>,
    /// Names of codes by what they are codes of.
    pub names: BTreeMap<String, BTreeMap<String, String>>,
}

/// One kind of act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kind {
    /// Its name.
    pub name_zh: String,
    /// Name of its record.
    pub record_zh: String,
    /// The measure that its closing takes, if any.
    #[serde(default)]
    pub measure: Option<MeasureKind>,
    /// What it asks for, in the order in which it is done.
    pub requires: Vec<String>,
}

/// One thing an act asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Requirement {
    /// Step of the flow it belongs to, such as `presence`.
    pub group: String,
    /// What is looked at.
    pub need: Check,
    /// When it is asked at all.
    #[serde(default)]
    pub when: Option<Condition>,
    /// What it is.
    pub name_zh: String,
    /// What to do.
    pub do_zh: String,
    /// Without it the act cannot be closed.
    pub hard: bool,
    /// It may also come after the closing.
    #[serde(default)]
    pub after_closing: bool,
    /// The law.
    pub basis: Vec<Basis>,
    /// How sure the wording is.
    pub confidence: Confidence,
    /// How far it was checked.
    pub provenance: Provenance,
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "snake_case")]
pub enum Check {
    /// One of these.
    Any {
        /// The choices.
        needs: Vec<Check>,
    },
    /// No two judges say different things of the same.
    NoConflict,
    /// Nothing came after the closing.
    NothingLate,
    /// So many people of these roles came.
    Attended {
        /// Any of them.
        roles: Vec<AttendeeRole>,
        /// How many people.
        n: u32,
    },
    /// Somebody of these roles came, or was told, declined or could not be reached.
    Told {
        /// Any of them.
        roles: Vec<AttendeeRole>,
    },
    /// A woman officer is there.
    WomanOfficer,
    /// One of these papers was shown.
    Shown {
        /// Codes.
        papers: Vec<String>,
    },
    /// This paper was shown and is a document of the case file.
    PaperInFile {
        /// Code.
        paper: String,
    },
    /// A node was recorded in the case.
    Fact {
        /// Its code.
        node: String,
    },
    /// A picture of this is there.
    Shot {
        /// Code.
        shot: String,
    },
    /// So many words of these topics.
    Note {
        /// Codes.
        topics: Vec<String>,
        /// How many.
        n: u32,
    },
    /// A question was answered, whatever the answer.
    Answered {
        /// Code.
        field: String,
    },
    /// A question was answered so.
    Answer {
        /// Code.
        field: String,
        /// The wanted answer.
        value: NodeValue,
    },
    /// A number above zero was given.
    Positive {
        /// Code.
        field: String,
    },
    /// A number from 1 to so many was given.
    AtMost {
        /// Code.
        field: String,
        /// The most.
        n: i64,
    },
    /// A date was given, and the act began after it.
    DatePassed {
        /// Code.
        field: String,
    },
    /// The act began between these hours in China.
    Hours {
        /// From this hour on.
        from: u8,
        /// Before this hour.
        to: u8,
    },
    /// A clock of the act did not run over.
    TimerKept {
        /// Its code.
        timer: String,
    },
    /// So many recorders ran.
    Recorders {
        /// How many.
        n: u32,
    },
    /// The inventory has a line.
    Lines,
    /// Every line has this.
    EachLine {
        /// What.
        has: LineCheck,
    },
    /// What is taken is not worth clearly more than what is claimed.
    NotExcessive,
    /// The act itself is over.
    Ended,
    /// Everybody of these roles who came read the record, or refused to.
    ReadBack {
        /// Any of them.
        roles: Vec<AttendeeRole>,
    },
    /// Everybody of these roles who came signed this version, or refused before a witness.
    Signed {
        /// What.
        paper: SignedPaper,
        /// Any of them.
        roles: Vec<AttendeeRole>,
    },
    /// One of these papers was handed to one of these people, or refused by him.
    Handed {
        /// Codes.
        papers: Vec<String>,
        /// Any of them.
        roles: Vec<AttendeeRole>,
    },
    /// A second officer confirmed the record from a device of his own.
    Countersigned,
}

/// What a line of an inventory must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineCheck {
    /// A photo.
    Photo,
    /// Somebody who keeps it.
    Keeper,
    /// An answer whether it is exempt.
    ExemptChecked,
    /// It is not exempt.
    MayBeTaken,
    /// It is no home that somebody cannot do without.
    NoEssentialHome,
    /// A value.
    Estimate,
    /// The engine number of an unregistered vehicle.
    EngineNumber,
}

/// When something is asked at all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "if", rename_all = "snake_case")]
pub enum Condition {
    /// The respondent is a natural person.
    RespondentIsPerson,
    /// The inventory has a line.
    HasLines,
    /// Somebody of these roles came.
    Attended {
        /// Any of them.
        roles: Vec<AttendeeRole>,
    },
    /// A question was answered so.
    Answer {
        /// Code.
        field: String,
        /// The answer.
        value: NodeValue,
    },
}

/// A clock that runs during an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerRule {
    /// In which kind of act.
    pub kind: ActKind,
    /// Its name.
    pub name_zh: String,
    /// The answer that starts it.
    pub from: String,
    /// The answer that stops it.
    pub until: String,
    /// Another answer that stops it.
    #[serde(default)]
    pub or_until: Option<String>,
    /// How long it may run.
    pub limit_hours: i64,
    /// A longer limit where a question is answered yes.
    #[serde(default)]
    pub longer: Option<LongerLimit>,
    /// The answer that gives the limit in days, if it is shorter.
    #[serde(default)]
    pub days_field: Option<String>,
    /// How long before its end it warns.
    pub warn_hours: i64,
    /// What to do.
    pub do_zh: String,
    /// The law.
    pub basis: Vec<Basis>,
    /// How sure the wording is.
    pub confidence: Confidence,
    /// Running over breaks the law.
    pub hard: bool,
}

/// A longer limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongerLimit {
    /// The question.
    pub field: String,
    /// The limit where it is answered yes.
    pub limit_hours: i64,
}

/// What brings a node about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactSource {
    /// An answer.
    Field,
    /// Something handed over.
    Handed,
    /// The first line of the inventory.
    Lines,
    /// The end of the act.
    Ended,
    /// Its closing.
    Closed,
}

/// A node of the procedure that follows from an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactRule {
    /// What brings it about.
    pub on: FactSource,
    /// Code of the answer or paper.
    #[serde(default)]
    pub name: String,
    /// In which kinds; empty for all.
    #[serde(default)]
    pub kinds: Vec<ActKind>,
    /// The node.
    pub node: String,
    /// Answers that become fields of it.
    #[serde(default)]
    pub fields: Vec<String>,
    /// It is about what the act is about, not about the act.
    #[serde(default)]
    pub about: bool,
}

/// A category of things that may not be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExemptRule {
    /// Its name.
    pub name_zh: String,
    /// The law.
    pub basis: Vec<Basis>,
    /// How sure the wording is.
    pub confidence: Confidence,
    /// How far it was checked.
    pub provenance: Provenance,
}

/// A book that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// Not JSON of the book's shape.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A format that this version does not read.
    #[error("format {0:?} is not {FORMAT}; use a newer program")]
    Format(String),
    /// A code that stands nowhere.
    #[error("{0}")]
    Fault(String),
}

impl ActBook {
    /// The book that this version carries.
    pub fn bundled() -> &'static Self {
        &BUNDLED_BOOK
    }

    /// Reads and checks a book. *Errors*: [`BookError`].
    pub fn from_json(text: &str) -> Result<Self, BookError> {
        let book: Self = serde_json::from_str(text)?;
        if book.format != FORMAT {
            return Err(BookError::Format(book.format));
        }
        match book.fault() {
            None => Ok(book),
            Some(fault) => Err(BookError::Fault(fault)),
        }
    }

    /// What a kind asks for, in order, with the code of each.
    pub fn requirements(&self, kind: ActKind) -> impl Iterator<Item = (&str, &Requirement)> {
        let codes = self.kinds.get(&kind).map(|kind| kind.requires.as_slice());
        codes.unwrap_or_default().iter().filter_map(|code| {
            let requirement = self.requirements.get(code)?;
            Some((code.as_str(), requirement))
        })
    }

    /// The name of a code, or the code itself.
    pub fn name<'a>(&'a self, of: &str, code: &'a str) -> &'a str {
        let names = self.names.get(of);
        names
            .and_then(|names| names.get(code))
            .map_or(code, String::as_str)
    }

    /// Whether a code of `of` (`paper`, `shot`, `field`, `topic`) is known.
    pub fn knows(&self, of: &str, code: &str) -> bool {
        self.names
            .get(of)
            .is_some_and(|names| names.contains_key(code))
    }

    /// The first thing that does not fit together.
    fn fault(&self) -> Option<String> {
        if let Some(kind) = ActKind::ALL
            .into_iter()
            .find(|kind| !self.kinds.contains_key(kind))
        {
            return Some(format!("the kind {} is missing", kind.code()));
        }
        if let Some(category) = Exemption::ALL
            .into_iter()
            .find(|category| !self.exempt.contains_key(category))
        {
            return Some(format!("the exemption {category:?} is missing"));
        }
        let mut used = BTreeSet::new();
        for (kind, asked) in &self.kinds {
            for code in &asked.requires {
                if !self.requirements.contains_key(code) {
                    return Some(format!("{} asks for {code}, which is nowhere", kind.code()));
                }
                used.insert(code);
            }
        }
        if let Some(code) = self.requirements.keys().find(|code| !used.contains(code)) {
            return Some(format!("nothing asks for {code}"));
        }
        self.requirements
            .iter()
            .find_map(|(code, asked)| self.check_fault(code, &asked.need))
    }

    fn check_fault(&self, code: &str, check: &Check) -> Option<String> {
        let unknown = |of: &str, name: &String| {
            (!self.knows(of, name)).then(|| format!("{code}: no {of} is called {name}"))
        };
        match check {
            Check::Any { needs } => needs.iter().find_map(|need| self.check_fault(code, need)),
            Check::Shown { papers } | Check::Handed { papers, .. } => {
                papers.iter().find_map(|paper| unknown("paper", paper))
            }
            Check::PaperInFile { paper } => unknown("paper", paper),
            Check::Shot { shot } => unknown("shot", shot),
            Check::Note { topics, .. } => topics.iter().find_map(|topic| unknown("topic", topic)),
            Check::Answered { field }
            | Check::Answer { field, .. }
            | Check::Positive { field }
            | Check::AtMost { field, .. }
            | Check::DatePassed { field } => unknown("field", field),
            Check::TimerKept { timer } => (!self.timers.contains_key(timer))
                .then(|| format!("{code}: no timer is called {timer}")),
            _ => None,
        }
    }
}
