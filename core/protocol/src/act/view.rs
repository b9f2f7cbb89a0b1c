//! An act ready to be shown, the same on a device and in the court.

use serde::Serialize;

use super::book::ActBook;
use super::missing::{Missing, missing};
use super::standing::{ActStatus, Answer, Standing};
use super::timer::{Timer, timers};
use crate::case::CaseState;
use crate::hash::ActRecordHash;
use crate::ids::ActId;
use crate::rules::moment::Moment;
use crate::statement::{ActKind, ActStep, Exemption, NodeValue, Refusal, SignMethod, SignedPaper};
use crate::time::UtcMillis;

/// One act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActView {
    /// The act.
    pub act: ActId,
    /// What is done; none while the device that began it has not been heard of.
    pub kind: Option<ActKind>,
    /// Its name.
    pub kind_zh: String,
    /// How far it is.
    pub status: ActStatus,
    /// When it began.
    pub began: Option<Moment>,
    /// Where, if held.
    pub place: Option<String>,
    /// When it was over.
    pub ended: Option<Moment>,
    /// When its record was closed.
    pub closed: Option<Moment>,
    /// The version that is read out, signed or closed.
    pub record: ActRecordHash,
    /// People.
    pub attendees: Vec<AttendeeView>,
    /// What was done, in order.
    pub steps: Vec<StepView>,
    /// The inventory.
    pub lines: Vec<LineView>,
    /// Signatures and refusals.
    pub marks: Vec<MarkView>,
    /// What is missing, in the order in which it is done.
    pub missing: Vec<Missing>,
    /// The code of what is to be done next.
    pub next: Option<String>,
    /// Nothing that is hard is missing.
    pub can_close: bool,
    /// Clocks.
    pub timers: Vec<Timer>,
    /// Confirmed by a second officer from a device of his own.
    pub countersigned: bool,
    /// Contributions that are not in the closed record, as hashes.
    pub late: Vec<String>,
    /// Corrections added to the closed record: when and what.
    pub corrections: Vec<(Moment, Option<String>)>,
    /// How far the list of requirements was checked.
    pub warning: String,
}

/// One person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttendeeView {
    /// Id in the act.
    pub attendee: String,
    /// Name, if held.
    pub name: Option<String>,
    /// What he is.
    pub roles_zh: Vec<String>,
    /// Codes of that.
    pub roles: Vec<String>,
    /// Whether he came.
    pub presence_zh: String,
    /// He signed the record as it stands.
    pub signed: bool,
    /// He refused to, before a witness.
    pub refused: bool,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepView {
    /// The statement, to replace or withdraw it.
    pub statement: String,
    /// When.
    pub at: Moment,
    /// Code of what: `shown`, `note`, `set` and others.
    pub what: String,
    /// What, in words.
    pub what_zh: String,
    /// Words that go with it, if held.
    pub text: Option<String>,
    /// It came after the closing.
    pub late: bool,
}

/// One line of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineView {
    /// Number in the inventory, from 1.
    pub number: usize,
    /// Its id.
    pub line: String,
    /// The statement of this version.
    pub statement: String,
    /// Name, brand and number, place, seal and remark, as far as held.
    pub name: Option<String>,
    /// Brand or model.
    pub model: Option<String>,
    /// Serial or engine number.
    pub serial: Option<String>,
    /// Where it is.
    pub place: Option<String>,
    /// Number of the seal.
    pub seal_number: Option<String>,
    /// Remark.
    pub text: Option<String>,
    /// How much.
    pub quantity: String,
    /// In what it counts.
    pub unit_zh: String,
    /// In what state.
    pub condition_zh: String,
    /// Estimated value.
    pub estimate_fen: Option<i64>,
    /// Who keeps it.
    pub keeper: Option<String>,
    /// Whether it may be taken.
    pub exempt_zh: Vec<String>,
    /// Statements of its photos.
    pub photos: Vec<String>,
    /// Versions that contradict each other.
    pub versions: usize,
}

/// A signature or a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MarkView {
    /// Id of the person.
    pub attendee: String,
    /// His name, if held.
    pub name: Option<String>,
    /// When.
    pub at: Moment,
    /// How he signed, labelled for what it is; or what he refused.
    pub how_zh: String,
    /// Which papers.
    pub papers_zh: Vec<String>,
    /// It is a refusal.
    pub refused: bool,
    /// Name of the witness.
    pub witness: Option<String>,
    /// It is of the version that stands; else it must be given again.
    pub current: bool,
}

impl ActView {
    /// Makes the view at a time.
    pub fn of(standing: &Standing<'_>, case: &CaseState, now: UtcMillis) -> Self {
        let book = ActBook::bundled();
        let missing = missing(standing, case, now);
        let is_open = standing.status() == ActStatus::Open;
        // After the closing only what may still come is to be done.
        let next = missing
            .iter()
            .filter(|item| is_open || item.after_closing)
            .min_by_key(|item| !item.hard)
            .map(|item| item.requirement.clone());
        let kind = standing.kind.and_then(|kind| book.kinds.get(&kind));
        let start = standing.state.start();
        Self {
            act: standing.act,
            kind: standing.kind,
            kind_zh: kind.map(|kind| kind.name_zh.clone()).unwrap_or_default(),
            status: standing.status(),
            began: start.map(|start| start.fact.at),
            place: start.and_then(|start| start.hidden_text("place").map(str::to_owned)),
            ended: standing.ended_at(),
            closed: standing.closing.map(|(_, closing)| closing.fact.at),
            record: standing.record,
            attendees: attendees(standing, book),
            steps: steps(standing, book),
            lines: lines(standing, book),
            marks: marks(standing, book),
            can_close: standing.kind.is_some() && is_open && missing.iter().all(|item| !item.hard),
            missing,
            next,
            timers: timers(standing, now),
            countersigned: standing.countersigned(),
            late: standing.late.iter().map(ToString::to_string).collect(),
            corrections: standing
                .state
                .corrections()
                .map(|(_, said)| (said.fact.at, said.hidden_text("text").map(str::to_owned)))
                .collect(),
            warning: book.warning.clone(),
        }
    }
}

/// The code by which a value is written, such as `adult_family`.
pub(super) fn code_of<T: Serialize>(value: &T) -> String {
    match crate::canonical::to_value(value) {
        Ok(value) => value.as_text().unwrap_or_default().to_owned(),
        Err(_) => String::new(),
    }
}

fn attendees(standing: &Standing<'_>, book: &ActBook) -> Vec<AttendeeView> {
    standing
        .people()
        .map(|person| {
            let roles: Vec<String> = person.roles.iter().map(code_of).collect();
            let signs = [SignedPaper::Record, SignedPaper::Receipt]
                .into_iter()
                .find_map(|paper| standing.signs(person.attendee, paper));
            AttendeeView {
                attendee: person.attendee.to_string(),
                name: person.said.hidden_text("name").map(str::to_owned),
                roles_zh: roles
                    .iter()
                    .map(|role| book.name("role", role).to_owned())
                    .collect(),
                roles,
                presence_zh: book.name("presence", &code_of(&person.presence)).to_owned(),
                signed: signs == Some(Answer::Signed),
                refused: signs == Some(Answer::Refused),
            }
        })
        .collect()
}

fn steps(standing: &Standing<'_>, book: &ActBook) -> Vec<StepView> {
    let name = |attendee| {
        let person = standing.person(attendee);
        person
            .and_then(|person| person.said.hidden_text("name"))
            .unwrap_or("—")
            .to_owned()
    };
    // What came after the closing is shown among the rest and marked.
    let late = standing.late.iter().filter_map(|hash| {
        let said = standing.state.steps.get(hash)?;
        Some((*hash, said))
    });
    let all = standing.steps.iter().copied().chain(late);
    all.map(|(hash, said)| {
        let (what, what_zh) = match &said.fact.step {
            ActStep::Present {
                roles, presence, ..
            } => {
                let roles: Vec<String> = roles
                    .iter()
                    .map(|role| book.name("role", &code_of(role)).to_owned())
                    .collect();
                let presence = code_of(presence);
                let person = said.hidden_text("name").unwrap_or("—");
                let words = format!(
                    "{person}（{}）{}",
                    roles.join("、"),
                    book.name("presence", &presence)
                );
                ("present", words)
            }
            ActStep::Shown { paper, .. } => ("shown", book.name("paper", paper).to_owned()),
            ActStep::Shot { shot, .. } => ("shot", book.name("shot", shot).to_owned()),
            ActStep::Recorder { recorder, .. } => ("recorder", recorder.clone()),
            ActStep::Note { topic } => ("note", book.name("topic", topic).to_owned()),
            ActStep::Set { field, value } => {
                let value = match value {
                    NodeValue::Flag(true) => "是".to_owned(),
                    NodeValue::Flag(false) => "否".to_owned(),
                    other => other.text(),
                };
                ("set", format!("{}：{value}", book.name("field", field)))
            }
            ActStep::Exempt { category, .. } => ("exempt", exempt_name(book, *category)),
            ActStep::Ended {} => ("ended", "现场行为结束".to_owned()),
            ActStep::Withdrawn {} => ("withdrawn", "撤回".to_owned()),
            ActStep::ReadBack {
                attendee, aloud, ..
            } => {
                let how = if *aloud {
                    "已听取宣读"
                } else {
                    "已阅读"
                };
                ("read_back", format!("{}{how}笔录", name(*attendee)))
            }
            ActStep::Handed {
                attendee, paper, ..
            } => {
                let words = format!("{}交{}", book.name("paper", paper), name(*attendee));
                ("handed", words)
            }
        };
        StepView {
            statement: hash.to_string(),
            at: said.fact.at,
            what: what.to_owned(),
            what_zh,
            text: said.hidden_text("text").map(str::to_owned),
            late: standing.late.contains(&hash),
        }
    })
    .collect()
}

fn exempt_name(book: &ActBook, category: Exemption) -> String {
    let rule = book.exempt.get(&category);
    rule.map(|rule| rule.name_zh.clone()).unwrap_or_default()
}

fn lines(standing: &Standing<'_>, book: &ActBook) -> Vec<LineView> {
    let mut views = Vec::new();
    for (place, (id, versions)) in standing.lines.iter().enumerate() {
        let Some((hash, said)) = versions.first() else {
            continue;
        };
        let text = |name| said.hidden_text(name).map(str::to_owned);
        let keeper = said.fact.keeper.and_then(|keeper| {
            let person = standing.person(keeper)?;
            person.said.hidden_text("name").map(str::to_owned)
        });
        let exemptions = standing.exemptions(*id).iter();
        views.push(LineView {
            number: place.saturating_add(1),
            line: id.to_string(),
            statement: hash.to_string(),
            name: text("name"),
            model: text("model"),
            serial: text("serial"),
            place: text("place"),
            seal_number: text("seal_number"),
            text: text("text"),
            quantity: quantity(said.fact.quantity_milli),
            unit_zh: book.name("unit", &code_of(&said.fact.unit)).to_owned(),
            condition_zh: book
                .name("condition", &code_of(&said.fact.condition))
                .to_owned(),
            estimate_fen: said.fact.estimate_fen,
            keeper,
            exempt_zh: exemptions
                .map(|(_, category)| exempt_name(book, *category))
                .collect(),
            photos: standing
                .photos(*id)
                .iter()
                .map(ToString::to_string)
                .collect(),
            versions: versions.len(),
        });
    }
    views
}

/// Thousandths as people write them: `3`, `12.5`.
pub(super) fn quantity(milli: i64) -> String {
    let (whole, part) = (milli / 1000, milli % 1000);
    let text = format!("{whole}.{part:03}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn marks(standing: &Standing<'_>, book: &ActBook) -> Vec<MarkView> {
    let name = |attendee| {
        let person = standing.person(attendee)?;
        person.said.hidden_text("name").map(str::to_owned)
    };
    let paper_name = |paper: &SignedPaper| book.name("signed_paper", &code_of(paper)).to_owned();
    let signed = standing.state.signatures.values().map(|said| {
        let how = match said.fact.method {
            SignMethod::DrawnOnScreen { .. } => "drawn_on_screen",
            SignMethod::OnPaper { .. } => "on_paper",
            SignMethod::Fingerprint { .. } => "fingerprint",
        };
        MarkView {
            attendee: said.fact.attendee.to_string(),
            name: name(said.fact.attendee),
            at: said.fact.at,
            how_zh: book.name("signature", how).to_owned(),
            papers_zh: said.fact.papers.iter().map(paper_name).collect(),
            refused: false,
            witness: None,
            current: said.fact.record == standing.record,
        }
    });
    let refused = standing.state.refusals.values().map(|said| MarkView {
        attendee: said.fact.attendee.to_string(),
        name: name(said.fact.attendee),
        at: said.fact.at,
        how_zh: book
            .name("refusal", &code_of::<Refusal>(&said.fact.what))
            .to_owned(),
        papers_zh: Vec::new(),
        refused: true,
        witness: said.fact.witness.and_then(name),
        current: said.fact.record == standing.record && standing.is_shown(&said.fact),
    });
    signed.chain(refused).collect()
}
