//! What is done in a case as the law names it: nodes of the procedure, control measures, pauses of its clocks.
//!
//! Each fact is written once: as the body of an event, as an imported fact, and inside the statement that records it on a device.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{DocumentId, MeasureId, PauseId, SubjectId};
use crate::rules::moment::Moment;
use crate::time::Date;

/// Most further facts of a node or measure.
pub const MAX_VALUES: usize = 32;
/// Most bytes of a code.
const MAX_CODE_BYTES: usize = 64;

/// A value of a node: a code, a date, an id, an amount in fen, a count, or yes and no. Never words about a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NodeValue {
    /// Yes or no.
    Flag(bool),
    /// A count, or an amount in fen.
    Number(i64),
    /// A code, a date or an id: ASCII letters, digits, `-`, `_`, `.`, `:` and `+`, at most 64 of them.
    Code(String),
}

impl NodeValue {
    /// As it stands in a selector of a rule.
    pub fn text(&self) -> String {
        match self {
            Self::Flag(flag) => flag.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Code(code) => code.clone(),
        }
    }
}

/// Whether `text` may be a code in the open part of a statement.
pub fn is_code(text: &str) -> bool {
    (1..=MAX_CODE_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:+".contains(&byte))
}

/// Whether further facts hold codes only, and not too many.
pub fn are_codes(values: &BTreeMap<String, NodeValue>) -> bool {
    values.len() <= MAX_VALUES
        && values.iter().all(|(name, value)| {
            is_code(name)
                && match value {
                    NodeValue::Code(code) => is_code(code),
                    NodeValue::Flag(_) | NodeValue::Number(_) => true,
                }
        })
}

/// A node of the procedure (流程节点) was reached. Hidden: `name`, `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecorded {
    /// When, in law: a date, or a time where hours count.
    pub at: Moment,
    /// The paper that shows it, if it is in the case file.
    pub document: Option<DocumentId>,
    /// Code of the node, such as `notice.sent`; the rule pack lists them.
    pub node: String,
    /// What it is about: a party, a thing, a clue, a payment, an act; the same through all nodes about it.
    pub subject: Option<SubjectId>,
    /// Further facts by name, such as `urgent` or `auction_on`.
    pub values: BTreeMap<String, NodeValue>,
}

/// What a control measure does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureKind {
    /// 冻结: accounts and rights.
    Freeze,
    /// 查封: real estate, or goods that stay where they are.
    Seal,
    /// 扣押: goods taken away.
    Seize,
}

/// What a control measure holds; decides how long it may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureTarget {
    /// Money in an account: at most one year.
    BankDeposit,
    /// Movable goods: at most two years.
    Movable,
    /// Land and buildings: at most three years.
    RealEstate,
    /// Any other right of property: at most three years.
    OtherRight,
}

impl MeasureTarget {
    /// As it stands in a selector of a rule.
    pub const fn code(self) -> &'static str {
        match self {
            Self::BankDeposit => "bank_deposit",
            Self::Movable => "movable",
            Self::RealEstate => "real_estate",
            Self::OtherRight => "other_right",
        }
    }
}

/// A control measure took effect. Hidden: `name` (of the thing), `place`, `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasureTaken {
    /// When it took effect.
    pub at: Moment,
    /// The ruling.
    pub document: Option<DocumentId>,
    /// What it does.
    pub kind: MeasureKind,
    /// The measure.
    pub measure: MeasureId,
    /// Place in the queue (轮候); 1 is the first seal.
    pub rank: u32,
    /// What it holds.
    pub target: MeasureTarget,
    /// Last day in force, as the ruling says.
    pub until: Date,
    /// Further facts by name, such as `co_owned`.
    pub values: BTreeMap<String, NodeValue>,
}

/// A control measure was renewed (续封、续冻).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasureRenewed {
    /// When the renewal took effect.
    pub at: Moment,
    /// The ruling.
    pub document: Option<DocumentId>,
    /// The measure.
    pub measure: MeasureId,
    /// Last day in force.
    pub until: Date,
}

/// A control measure was released (解除).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasureReleased {
    /// When.
    pub at: Moment,
    /// The ruling.
    pub document: Option<DocumentId>,
    /// The measure.
    pub measure: MeasureId,
    /// Code of the ground, such as `performed` or `excess`.
    pub reason: String,
}

/// Clocks stop (扣除期间): from this day on days do not count. Hidden: `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseBegun {
    /// The paper that shows it.
    pub document: Option<DocumentId>,
    /// First day that does not count.
    pub from: Date,
    /// The pause.
    pub pause: PauseId,
    /// Code of the ground; the rule pack lists them.
    pub reason: String,
}

/// Clocks run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseEnded {
    /// The paper that shows it.
    pub document: Option<DocumentId>,
    /// The pause.
    pub pause: PauseId,
    /// Last day that does not count.
    pub to: Date,
}

macro_rules! recording {
    ($($(#[$doc:meta])* $name:ident { $fact:ty })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name {
            /// Event of the case that this replaces, if it corrects one.
            pub corrects: Option<u64>,
            /// The fact.
            pub fact: $fact,
        }
    )*};
}

recording! {
    /// `node.record/1`: hidden members as for the fact.
    NodeRecord { NodeRecorded }
    /// `measure.take/1`
    MeasureTake { MeasureTaken }
    /// `measure.renew/1`
    MeasureRenew { MeasureRenewed }
    /// `measure.release/1`
    MeasureRelease { MeasureReleased }
    /// `pause.begin/1`
    PauseBegin { PauseBegun }
    /// `pause.end/1`
    PauseEnd { PauseEnded }
}
