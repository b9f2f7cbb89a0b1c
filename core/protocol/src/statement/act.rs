//! What is recorded of an act on site: an inquiry, a seal, a search.
//!
//! An act is not one document that is saved at the end. Each step is a statement of its own, made the moment it is taken, so that a kill or two judges
//! without signal lose nothing. Steps name what they *replace* by hash; nothing depends on the order in which they arrive.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::law::{MeasureTarget, NodeValue, are_codes, is_code};
use crate::canonical::Value;
use crate::hash::{ActRecordHash, StatementHash};
use crate::ids::{
    ActId, AttendeeId, DocumentId, LineId, MeasureId, PartyId, RecordingId, StaffId, SubjectId,
};
use crate::rules::moment::Moment;
use crate::time::Date;

/// Most contributions that one closing can cover: 67 bytes each, with room for the rest of a statement of 64 KiB.
pub const MAX_COVERED: usize = 800;
/// Most statements that one step replaces.
pub const MAX_REPLACED: usize = 32;
/// Most points of one drawn signature.
pub const MAX_POINTS: usize = 8_192;
/// Most of `quantity_milli` and `estimate_fen`: far above any thing, far below an overflow.
const MAX_AMOUNT: i64 = 1 << 50;

/// What is done on site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActKind {
    /// 询问、调查
    Inquiry,
    /// 勘验
    Inspection,
    /// 查封
    Seal,
    /// 扣押
    Seizure,
    /// 搜查
    Search,
    /// 强制迁出
    Eviction,
    /// 交付
    Delivery,
    /// 留置送达
    LeaveService,
    /// 拘传
    CompelledAttendance,
    /// 拘留
    Detention,
    /// 现场收款
    Cash,
    /// 入户走访
    HomeVisit,
}

impl ActKind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::Inquiry,
        Self::Inspection,
        Self::Seal,
        Self::Seizure,
        Self::Search,
        Self::Eviction,
        Self::Delivery,
        Self::LeaveService,
        Self::CompelledAttendance,
        Self::Detention,
        Self::Cash,
        Self::HomeVisit,
    ];

    /// As rules and files write it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Inquiry => "inquiry",
            Self::Inspection => "inspection",
            Self::Seal => "seal",
            Self::Seizure => "seizure",
            Self::Search => "search",
            Self::Eviction => "eviction",
            Self::Delivery => "delivery",
            Self::LeaveService => "leave_service",
            Self::CompelledAttendance => "compelled_attendance",
            Self::Detention => "detention",
            Self::Cash => "cash",
            Self::HomeVisit => "home_visit",
        }
    }

    /// The kind with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Whether parties learn of it when it is closed. What is said about people (inquiry, visit, detention) stays with the court.
    pub const fn is_told_to_parties(self) -> bool {
        matches!(
            self,
            Self::Seal | Self::Seizure | Self::Eviction | Self::Delivery | Self::Cash
        )
    }
}

/// What somebody is at an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttendeeRole {
    /// 执行人员
    Officer,
    /// 记录人
    Recorder,
    /// 司法警察
    Bailiff,
    /// 被执行人
    Respondent,
    /// 被执行人成年家属
    AdultFamily,
    /// 法定代表人、主要负责人
    LegalRepresentative,
    /// 基层组织人员
    GrassRoots,
    /// 工作单位人员
    Employer,
    /// 申请执行人
    Applicant,
    /// 代理人
    Agent,
    /// 案外人
    ThirdParty,
    /// 占有人、使用人
    Occupant,
    /// 被询问人
    Asked,
    /// 保管人
    Keeper,
    /// 见证人
    Witness,
    /// 受送达人、接收人
    Recipient,
    /// 交款人
    Payer,
    /// 公安、拘留所人员
    Police,
    /// 其他在场人
    Other,
}

impl AttendeeRole {
    /// All roles.
    pub const ALL: [Self; 19] = [
        Self::Officer,
        Self::Recorder,
        Self::Bailiff,
        Self::Respondent,
        Self::AdultFamily,
        Self::LegalRepresentative,
        Self::GrassRoots,
        Self::Employer,
        Self::Applicant,
        Self::Agent,
        Self::ThirdParty,
        Self::Occupant,
        Self::Asked,
        Self::Keeper,
        Self::Witness,
        Self::Recipient,
        Self::Payer,
        Self::Police,
        Self::Other,
    ];

    /// Whether such a person is of the court.
    pub const fn is_of_court(self) -> bool {
        matches!(self, Self::Officer | Self::Recorder | Self::Bailiff)
    }
}

/// Whether somebody came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// There.
    Attended,
    /// Told and not there.
    Told,
    /// Told and unwilling to come.
    Declined,
    /// Could not be told.
    Unreachable,
}

/// Whether a thing may be taken. *Source*: SEIZE 3–5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exemption {
    /// 不属于豁免财产
    None,
    /// 生活必需品
    Household,
    /// 必要生活费用
    LivingCosts,
    /// 义务教育必需品
    Education,
    /// 未公开的发明、未发表的著作
    Unpublished,
    /// 辅助工具、医疗物品
    Medical,
    /// 勋章及荣誉物品
    Honours,
    /// 条约豁免
    Treaty,
    /// 法律、司法解释规定的其他财产
    OtherLaw,
    /// 生活必需的居住房屋：可查封，不得处分
    EssentialHome,
}

impl Exemption {
    /// All categories.
    pub const ALL: [Self; 10] = [
        Self::None,
        Self::Household,
        Self::LivingCosts,
        Self::Education,
        Self::Unpublished,
        Self::Medical,
        Self::Honours,
        Self::Treaty,
        Self::OtherLaw,
        Self::EssentialHome,
    ];

    /// Whether such a thing may be sealed or seized at all.
    pub const fn may_be_taken(self) -> bool {
        matches!(self, Self::None | Self::EssentialHome)
    }
}

/// In what a line of an inventory counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineUnit {
    /// 件
    Piece,
    /// 台
    Machine,
    /// 辆
    Vehicle,
    /// 套
    Set,
    /// 头、只
    Head,
    /// 箱
    Box,
    /// 处
    Site,
    /// 份
    Copy,
    /// 千克
    Kilogram,
    /// 吨
    Tonne,
    /// 米
    Metre,
    /// 平方米
    SquareMetre,
    /// 亩
    Mu,
    /// 元
    Yuan,
}

/// In what state a thing was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineCondition {
    /// 全新
    New,
    /// 完好
    Good,
    /// 有使用痕迹
    Used,
    /// 陈旧
    Worn,
    /// 损坏
    Damaged,
    /// 现场无法判断
    Unknown,
}

/// An act begins. Hidden: `place`, `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActStarted {
    /// What the prompt was about that led to it: a service, a thing, a clue.
    pub about: Option<SubjectId>,
    /// The act.
    pub act: ActId,
    /// When.
    pub at: Moment,
    /// What is done.
    pub kind: ActKind,
    /// The party it is directed at.
    pub party: Option<PartyId>,
}

/// What one step says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum ActStep {
    /// Somebody is there, or was told. Hidden: `name`, `id_number`, `badge`, `text` (how he was told).
    Present {
        /// The person; the same in all steps about him.
        attendee: AttendeeId,
        /// A woman: matters for the search of a woman's body.
        female: Option<bool>,
        /// If it is a party of the case.
        party: Option<PartyId>,
        /// Whether he came.
        presence: Presence,
        /// What he is here, each once.
        roles: Vec<AttendeeRole>,
        /// If he is of the court.
        staff: Option<StaffId>,
    },
    /// A paper was shown. Hidden: `text` (its number).
    Shown {
        /// If it is in the case file.
        document: Option<DocumentId>,
        /// A photo of the showing.
        evidence: Option<StatementHash>,
        /// Code: `work_id`, `ruling`, `search_warrant` and others of the list.
        paper: String,
    },
    /// A picture belongs to the act, or to a line of its inventory.
    Shot {
        /// The statement that sealed it.
        evidence: StatementHash,
        /// The line it shows.
        line: Option<LineId>,
        /// Code of what it shows.
        shot: String,
    },
    /// A recorder runs.
    Recorder {
        /// Code of the device: its number, or the device's id.
        recorder: String,
        /// The recording, where this device made it.
        recording: Option<RecordingId>,
    },
    /// Words of the record. Hidden: `text`, and `person` where somebody said it.
    Note {
        /// Code: `question`, `answer`, `course`, `findings` and others of the list.
        topic: String,
    },
    /// A single answer. Hidden: `text`.
    Set {
        /// Code of the question.
        field: String,
        /// The answer.
        value: NodeValue,
    },
    /// Whether a line may be taken. Hidden: `text` (the reason).
    Exempt {
        /// The category, `none` if it is not exempt.
        category: Exemption,
        /// The line.
        line: LineId,
    },
    /// The act itself is over; what follows is reading and signing.
    Ended {},
    /// Only takes back what it replaces. Hidden: `text` (why).
    Withdrawn {},
    /// The record was read by somebody or to him, and he found it right.
    ReadBack {
        /// Who.
        attendee: AttendeeId,
        /// It was read out to him.
        aloud: bool,
        /// The version that was read.
        record: ActRecordHash,
    },
    /// Something was handed to somebody.
    Handed {
        /// To whom.
        attendee: AttendeeId,
        /// A photo of it.
        evidence: Option<StatementHash>,
        /// Code: `inventory_copy`, `receipt`, `goods`, `decision` and others of the list.
        paper: String,
    },
}

/// A step was recorded. Hidden: as its step says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActStepRecorded {
    /// The act.
    pub act: ActId,
    /// When.
    pub at: Moment,
    /// Earlier contributions that this one replaces.
    pub replaces: Vec<StatementHash>,
    /// What.
    pub step: ActStep,
}

/// A line of the inventory was written. Hidden: `name`, `model`, `serial`, `place`, `seal_number`, `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActLineRecorded {
    /// The act.
    pub act: ActId,
    /// When.
    pub at: Moment,
    /// In what state.
    pub condition: LineCondition,
    /// Estimated value in fen.
    pub estimate_fen: Option<i64>,
    /// Who keeps it.
    pub keeper: Option<AttendeeId>,
    /// The line; the same in its later versions.
    pub line: LineId,
    /// How much, in thousandths of the unit.
    pub quantity_milli: i64,
    /// Earlier contributions that this one replaces.
    pub replaces: Vec<StatementHash>,
    /// What a measure on it would hold; decides how long it may last.
    pub target: MeasureTarget,
    /// In what it counts.
    pub unit: LineUnit,
    /// A vehicle that is not registered: its engine number must stand in `serial`.
    pub unregistered_vehicle: bool,
}

/// How somebody signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum SignMethod {
    /// Drawn with a finger or pen on a screen. This is a picture of a signature with its movement, not a reliable electronic signature under the
    /// Electronic Signature Law (电子签名法 13–14). Hidden: `strokes`, see [`are_strokes`].
    DrawnOnScreen {
        /// How many points it has.
        points: u32,
    },
    /// With ink, on the printed record.
    OnPaper {
        /// The photo of it.
        evidence: StatementHash,
    },
    /// A fingerprint in ink, on the printed record.
    Fingerprint {
        /// The photo of it.
        evidence: StatementHash,
    },
}

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignedPaper {
    /// 笔录
    Record,
    /// 清单
    Inventory,
    /// 收据、送达回证、签收单
    Receipt,
}

/// Somebody signed. Hidden: `strokes` where it was drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActSigned {
    /// The act.
    pub act: ActId,
    /// When.
    pub at: Moment,
    /// Who.
    pub attendee: AttendeeId,
    /// How.
    pub method: SignMethod,
    /// What, each once.
    pub papers: Vec<SignedPaper>,
    /// The version that was signed.
    pub record: ActRecordHash,
}

/// What somebody refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// To sign.
    Sign,
    /// To read the record or to have it read out.
    ReadBack,
    /// To take a copy, a paper, goods.
    Take,
}

/// Somebody refused. Hidden: `text` (what was said).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActRefused {
    /// The act.
    pub act: ActId,
    /// When.
    pub at: Moment,
    /// Who.
    pub attendee: AttendeeId,
    /// What shows it, such as a video.
    pub evidence: Option<StatementHash>,
    /// The version that was refused.
    pub record: ActRecordHash,
    /// What.
    pub what: Refusal,
    /// Who saw it.
    pub witness: Option<AttendeeId>,
}

/// A control measure that an act takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActMeasure {
    /// The ruling.
    pub document: Option<DocumentId>,
    /// The measure.
    pub measure: MeasureId,
    /// Place in the queue; 1 is the first seal.
    pub rank: u32,
    /// What it holds.
    pub target: MeasureTarget,
    /// Last day in force, as the ruling says.
    pub until: Date,
}

/// An act is closed: its record stands and is never changed. Hidden: `inventory` (its lines in words, for the parties).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActClosed {
    /// The act.
    pub act: ActId,
    /// When.
    pub at: Moment,
    /// Every contribution that is in the record, in the order of their hashes.
    pub covers: Vec<StatementHash>,
    /// What was done.
    pub kind: ActKind,
    /// Measures that took effect by it.
    pub measures: Vec<ActMeasure>,
    /// The version that is closed.
    pub record: ActRecordHash,
}

/// Something in a closed record is wrong; the record stays, this is added. Hidden: `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActCorrected {
    /// The act.
    pub act: ActId,
    /// When.
    pub at: Moment,
    /// The line it is about.
    pub line: Option<LineId>,
    /// The closed version it is about.
    pub record: ActRecordHash,
}

/// A second officer confirms a record from a device of his own. Hidden: `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActCountersigned {
    /// The act.
    pub act: ActId,
    /// When.
    pub at: Moment,
    /// The version he confirms.
    pub record: ActRecordHash,
}

/// Whether a value is a drawn signature: strokes, each a list of points `[x, y, t_ms, pressure]`.
///
/// *Units*: x and y in 1/10,000 of the canvas, from its upper left; milliseconds since the first point, never falling; pressure in thousandths (0 where
/// the screen measures none). Gives the number of points. Valid: `[[[120,80,0,500],[130,90,12,510]]]`. Invalid: `[]`, `[[[1,2]]]`.
pub fn are_strokes(value: &Value) -> Option<u32> {
    let Value::Array(strokes) = value else {
        return None;
    };
    let (mut points, mut newest) = (0_u32, 0_i64);
    for stroke in strokes {
        let Value::Array(stroke) = stroke else {
            return None;
        };
        for point in stroke {
            let Value::Array(point) = point else {
                return None;
            };
            let [
                Value::Integer(x),
                Value::Integer(y),
                Value::Integer(t),
                Value::Integer(pressure),
            ] = point.as_slice()
            else {
                return None;
            };
            let inside = (0..=10_000).contains(x) && (0..=10_000).contains(y);
            if !inside || !(0..=1_000).contains(pressure) || *t < newest {
                return None;
            }
            newest = *t;
            points = points.checked_add(1)?;
        }
    }
    let most = u32::try_from(MAX_POINTS).ok()?;
    (2..=most).contains(&points).then_some(points)
}

/// Whether the open part of a step holds codes only.
pub fn is_step_well_formed(step: &ActStep) -> bool {
    match step {
        ActStep::Present { roles, .. } => is_set(roles) && !roles.is_empty(),
        ActStep::Shown { paper, .. } | ActStep::Handed { paper, .. } => is_code(paper),
        ActStep::Shot { shot, .. } => is_code(shot),
        ActStep::Recorder { recorder, .. } => is_code(recorder),
        ActStep::Note { topic } => is_code(topic),
        ActStep::Set { field, value } => {
            is_code(field) && are_codes(&BTreeMap::from([(field.clone(), value.clone())]))
        }
        ActStep::Exempt { .. }
        | ActStep::Ended {}
        | ActStep::Withdrawn {}
        | ActStep::ReadBack { .. } => true,
    }
}

/// Whether a list holds each value once, in order.
pub(crate) fn is_set<T: PartialOrd>(values: &[T]) -> bool {
    values.windows(2).all(|pair| match pair {
        [one, other] => one < other,
        _ => true,
    })
}

impl ActLineRecorded {
    /// Whether quantity and estimate are amounts that can be.
    pub fn is_well_formed(&self) -> bool {
        let estimate = self.estimate_fen.unwrap_or(0);
        (1..=MAX_AMOUNT).contains(&self.quantity_milli) && (0..=MAX_AMOUNT).contains(&estimate)
    }
}

impl ActSigned {
    /// Whether it says what was signed, and how many points a drawing has.
    pub fn is_well_formed(&self) -> bool {
        let drawn = match &self.method {
            SignMethod::DrawnOnScreen { points } => {
                usize::try_from(*points).is_ok_and(|points| (2..=MAX_POINTS).contains(&points))
            }
            SignMethod::OnPaper { .. } | SignMethod::Fingerprint { .. } => true,
        };
        drawn && is_set(&self.papers) && !self.papers.is_empty()
    }
}
