//! The rule pack (规则包): duties of enforcement as data, with the law they rest on and how far each was checked.
//!
//! A pack is dated and versioned. A rule says which facts bring its duty about, which facts close it, how long there is, and the one action
//! that a prompt opens. Nothing here is legal advice: `confidence` and `provenance` travel with every rule to whoever reads a prompt.

mod check;
mod overlay;
mod selector;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

pub use check::{Finding, Severity};
pub use overlay::{Overlay, OverlayError, OverlayRule};
pub use selector::{Selector, SelectorError};

use super::deadline::{Deadline, DeadlineKind, Unit};
use crate::time::Date;

/// The `format` of packs that this version reads.
pub const FORMAT: &str = "zhixing-rulepack/1";

/// Digits of a pack's short name: 48 bits, far more than there will be packs.
const ID_DIGITS: usize = 12;

/// The pack that this version carries, as JSON.
pub const BUNDLED: &str = include_str!("../../../rulepack/rulepack.json");

static BUNDLED_PACK: LazyLock<RulePack> = LazyLock::new(|| {
    RulePack::from_json(BUNDLED)
        .expect("the bundled file is part of this crate and read by its tests")
});

/// A rule pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulePack {
    /// [`FORMAT`].
    pub format: String,
    /// Rises with every pack of a court.
    pub version: u32,
    /// Triggers from this day on are judged by it, until a pack of a higher version takes effect.
    pub effective_from: Date,
    /// Triggers after this day are not judged by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_until: Option<Date>,
    /// Country code.
    pub jurisdiction: String,
    /// Time zone of its dates.
    pub timezone: String,
    /// How far the law was read.
    pub legal_cutoff: String,
    /// To be shown with it.
    pub warning: String,
    /// What a court that set nothing takes for "promptly" (及时): always a soft limit.
    pub promptly: SoftLimit,
    /// Grounds of pauses with their names.
    pub pause_reasons: BTreeMap<String, String>,
    /// Stages in order.
    pub stages: Vec<Stage>,
    /// Laws by short id.
    pub laws: BTreeMap<String, Law>,
    /// Nodes by code.
    pub nodes: BTreeMap<String, Node>,
    /// Rules.
    pub rules: Vec<Rule>,
}

/// A soft limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoftLimit {
    /// How many units.
    pub n: u32,
    /// Of which unit.
    pub unit: Unit,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Code.
    pub key: String,
    /// Name.
    pub name_zh: String,
}

/// A law.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Law {
    /// Name.
    pub name_zh: String,
    /// Number of the paper.
    #[serde(default)]
    pub doc_no: Option<String>,
    /// In force since, as far as known.
    #[serde(default)]
    pub effective: Option<String>,
    /// `statute`, `judicial_interpretation` …
    #[serde(default)]
    pub level: Option<String>,
    /// Which numbering of the Civil Procedure Law its text cites, and what to add.
    #[serde(default)]
    pub cites_cpl_numbering: Option<String>,
}

/// A node of the procedure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Name.
    pub name_zh: String,
    /// Fields that rules ask for.
    #[serde(default)]
    pub fields: Vec<String>,
}

/// Whom a rule speaks of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One case.
    #[default]
    Case,
    /// The court and its systems as a whole; no case prompts for it.
    Court,
}

/// Which of several triggers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// One duty in the whole case.
    Case,
    /// One duty for each subject.
    Subject,
    /// One duty for each trigger.
    Each,
}

/// What brings a duty about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// In words.
    pub text: String,
    /// Any of these facts.
    pub on: Vec<Selector>,
    /// How triggers add up.
    pub per: Per,
    /// The newest trigger counts, not the first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub latest: bool,
    /// Field with the date from which is counted, if that is not the fact's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<String>,
    /// Field with the number of days that the order states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<String>,
    /// All must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Other lengths, the first that fits the trigger's fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
}

/// Another length for some triggers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alternative {
    /// `field=value`.
    #[serde(rename = "where")]
    pub field_is: String,
    /// How many units.
    pub n: u32,
    /// Of which unit.
    pub unit: Unit,
}

/// A condition on the case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Condition {
    /// `money`: the title orders payment.
    Money,
    /// `type:执恢`: the case bears a number of this type.
    Type(String),
    /// `not_type:执保`
    NotType(String),
    /// `respondent:person` or `respondent:organisation`: some respondent is one.
    Respondent(String),
    /// `field:urgent!=true`: the trigger's field has another value, or none.
    FieldIsNot(String, String),
    /// `exists:CODE`: such a fact is in the case.
    Exists(Selector),
    /// `missing_before:CODE`: no such fact before the trigger's day.
    MissingBefore(Selector),
}

impl TryFrom<String> for Condition {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let selector = |rest: &str| rest.parse().map_err(|error| format!("{error}"));
        Ok(match text.split_once(':') {
            None if text == "money" => Self::Money,
            Some(("type", rest)) => Self::Type(rest.to_owned()),
            Some(("not_type", rest)) => Self::NotType(rest.to_owned()),
            Some(("respondent", rest @ ("person" | "organisation"))) => {
                Self::Respondent(rest.to_owned())
            }
            Some(("field", rest)) => {
                let (name, value) = rest
                    .split_once("!=")
                    .ok_or_else(|| format!("expected field:NAME!=VALUE, not {text}"))?;
                Self::FieldIsNot(name.to_owned(), value.to_owned())
            }
            Some(("exists", rest)) => Self::Exists(selector(rest)?),
            Some(("missing_before", rest)) => Self::MissingBefore(selector(rest)?),
            _ => {
                return Err(format!(
                    "unknown condition {text}; known are money, type:, not_type:, respondent:, field:, exists:, missing_before:"
                ));
            }
        })
    }
}

impl From<Condition> for String {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Money => "money".to_owned(),
            Condition::Type(word) => format!("type:{word}"),
            Condition::NotType(word) => format!("not_type:{word}"),
            Condition::Respondent(kind) => format!("respondent:{kind}"),
            Condition::FieldIsNot(name, value) => format!("field:{name}!={value}"),
            Condition::Exists(selector) => format!("exists:{selector}"),
            Condition::MissingBefore(selector) => format!("missing_before:{selector}"),
        }
    }
}

/// How long a rule gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// What the limit means.
    pub kind: DeadlineKind,
    /// How many units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    /// Of which unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// For periodic duties: how often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrences: Option<u32>,
    /// A remark of the draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Limit {
    /// As it is counted.
    pub fn deadline(&self) -> Deadline {
        Deadline {
            kind: self.kind,
            n: self.n,
            unit: self.unit,
            occurrence: None,
        }
    }
}

/// The law a rule rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// Short id of the law; `local` papers are listed among the laws too.
    pub law: String,
    /// Article or articles.
    pub article: String,
}

/// How far a rule was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// `verified_text`, `verified_excerpt`, `remembered` or `local_practice`.
    pub status: String,
    /// Where it was read.
    #[serde(rename = "where")]
    pub place: String,
}

/// How sure the wording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Remembered only.
    Low,
    /// A secondary source, an excerpt, or one court's rule.
    Medium,
    /// The provision was read.
    High,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Such as `S02-03`.
    pub id: String,
    /// Code of its stage.
    pub stage: String,
    /// Code of the controlled step.
    pub node: String,
    /// Name of that step.
    pub name_zh: String,
    /// Who has the duty or the right.
    pub actor: String,
    /// What brings it about.
    pub trigger: Trigger,
    /// What closes it.
    pub closed_by: Vec<Selector>,
    /// What makes it fall away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended_by: Vec<Selector>,
    /// How long there is.
    pub deadline: Limit,
    /// Days of a pause do not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pauses: bool,
    /// It goes on after the case is closed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub survives_closing: bool,
    /// How many days before its date a prompt moves to "today".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_days: Option<u32>,
    /// Whom it speaks of.
    #[serde(default)]
    pub scope: Scope,
    /// Triggers before this day are under older law.
    #[serde(
        default,
        alias = "effective_from",
        skip_serializing_if = "Option::is_none"
    )]
    pub valid_from: Option<Date>,
    /// Triggers after this day are under newer law: another version of the rule may follow under the same id.
    #[serde(
        default,
        alias = "effective_until",
        skip_serializing_if = "Option::is_none"
    )]
    pub valid_to: Option<Date>,
    /// The one thing a prompt opens: `form:`, `record:`, `check:`, `capture:`, `timer:`, `sign:`, `act:`, `request:` or `calc:` and a name; `none`
    /// where nobody can do anything but wait.
    pub action: String,
    /// The duty in English.
    pub duty: String,
    /// A breach has legal effect, or the rule holds nationwide.
    pub hard: bool,
    /// What happens if it is missed.
    pub on_miss: String,
    /// The same in Chinese; empty where a pack has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub on_miss_zh: String,
    /// Law.
    pub basis: Vec<Basis>,
    /// Papers.
    pub documents: Vec<String>,
    /// What must be kept.
    pub evidence_required: Vec<String>,
    /// The prompt.
    pub prompt_zh: String,
    /// How sure.
    pub confidence: Confidence,
    /// How checked.
    pub provenance: Provenance,
    /// Further marks.
    pub tags: Vec<String>,
}

/// Why a pack cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// No JSON, or not of this shape (an unknown kind of limit or condition is one).
    #[error("the rule pack is not readable: {0}")]
    Shape(#[from] serde_json::Error),
    /// Another format.
    #[error("the rule pack has format {0:?}; this version reads {FORMAT}")]
    Format(String),
    /// It contradicts itself.
    #[error("the rule pack has {} faults, the first: {first}", .faults)]
    Faults {
        /// How many.
        faults: usize,
        /// The first.
        first: String,
    },
}

impl RulePack {
    /// The pack that this version carries.
    pub fn bundled() -> &'static Self {
        &BUNDLED_PACK
    }

    /// Reads and checks a pack. *Errors*: [`PackError`]; warnings of [`RulePack::check`] are none.
    pub fn from_json(text: &str) -> Result<Self, PackError> {
        Self::read(serde_json::from_str(text)?)
    }

    /// As [`RulePack::from_json`], of a value that was signed. *Errors*: [`PackError`].
    pub fn from_canonical(value: &crate::canonical::Value) -> Result<Self, PackError> {
        Self::read(serde_json::from_slice(&value.to_bytes())?)
    }

    fn read(value: serde_json::Value) -> Result<Self, PackError> {
        // The format first: what a later one holds cannot be read by this shape.
        let format = value.get("format").and_then(serde_json::Value::as_str);
        if let Some(other) = format.filter(|format| *format != FORMAT) {
            return Err(PackError::Format(other.to_owned()));
        }
        let pack: Self = serde_json::from_value(value)?;
        let faults: Vec<Finding> = pack
            .check()
            .into_iter()
            .filter(|finding| finding.severity == Severity::Fault)
            .collect();
        match faults.first() {
            None => Ok(pack),
            Some(first) => Err(PackError::Faults {
                faults: faults.len(),
                first: first.to_string(),
            }),
        }
    }

    /// A rule by its id; of several versions the first.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// A short name of exactly this content: the first 12 hexadecimal digits of the SHA-256 of its canonical form.
    pub fn derive_id(&self) -> String {
        // A pack that is not canonical (a number of 2^53 or more) cannot be signed either; its version still tells it apart.
        let bytes = crate::canonical::to_bytes(self).unwrap_or_default();
        let digest = crate::hash::Sha256Digest::of(&bytes).to_string();
        digest.get(..ID_DIGITS).unwrap_or(&digest).to_owned()
    }
}
