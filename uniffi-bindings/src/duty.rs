//! What the law asks of cases, as a screen shows it: raw values, no sentences but those of the rule pack.

use zhixing_engine::duty::CasePrompts;
use zhixing_protocol::rules::evaluate::Standing;
use zhixing_protocol::rules::view;
use zhixing_protocol::time::{Date, UtcMillis};

use crate::engine::read_case;
use crate::{CoreError, Engine, word_of};

/// How a duty stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum DutyStanding {
    /// Its date has passed and nothing closed it.
    Overdue,
    /// To be done.
    Open,
    /// Its date is further away than its reminder.
    Later,
    /// Nothing can be done yet; it says from when, or until when it holds.
    Waiting,
}

impl From<Standing> for DutyStanding {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Overdue => Self::Overdue,
            Standing::Open => Self::Open,
            Standing::Later => Self::Later,
            Standing::Waiting => Self::Waiting,
        }
    }
}

/// The law a duty rests on.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct LegalBasis {
    /// Short id.
    pub law: String,
    /// Its name.
    pub law_name: String,
    /// Number of the paper, as far as known.
    pub paper_number: Option<String>,
    /// Article or articles. Those of the Civil Procedure Law are of its 2023 numbering.
    pub article: String,
    /// Which numbering of the Civil Procedure Law its text itself cites.
    pub cites_numbering: Option<String>,
}

/// Days that did not count, both included: `2026-05-01` to `2026-05-30`.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DaySpan {
    /// First day.
    pub from_day: String,
    /// Last day.
    pub to_day: String,
}

/// How the date of a duty came about.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DutyCount {
    /// Number of the event that brought the duty about.
    pub trigger_seq: u64,
    /// A date, or a time with its offset.
    pub counted_from: String,
    /// Code of what the limit means, such as `within_after`.
    pub kind: String,
    /// How many units.
    pub length: Option<u32>,
    /// `hour`, `day`, `working_day`, `month` or `year`.
    pub unit: Option<String>,
    /// Days that did not count.
    pub pauses: Vec<DaySpan>,
    /// A pause goes on: the date moves every day.
    pub pause_runs: bool,
    /// Where the count ended before rest days moved it.
    pub moved_from: Option<String>,
    /// A year without a published calendar decides: the date may still move.
    pub provisional: bool,
    /// Code of why there is no date though the rule has one.
    pub problem: Option<String>,
}

/// One duty.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DutyPrompt {
    /// Id of the rule, such as `S02-03`.
    pub rule: String,
    /// Short name of exactly this rule pack.
    pub pack_id: String,
    /// Version of the pack: the one in force on the day of the trigger.
    pub pack_version: u32,
    /// Version of the court's settings where they made the rule what it is.
    pub overlay_version: Option<u32>,
    /// Code of the stage.
    pub stage: String,
    /// Name of the stage, in Chinese.
    pub stage_name: String,
    /// Name of the step, in Chinese.
    pub name: String,
    /// What to do, in Chinese.
    pub prompt: String,
    /// The same in English.
    pub duty: String,
    /// Code of who has it.
    pub actor: String,
    /// Id of what it is about; none if it is about the case.
    pub subject: Option<String>,
    /// How it stands.
    pub standing: DutyStanding,
    /// The date by which it is ordered: a date, or a time with its offset.
    pub due: Option<String>,
    /// Days to it; negative once it has passed.
    pub days_left: Option<i64>,
    /// Its reminder's day has come.
    pub reminds: bool,
    /// First day on which it may be done or holds.
    pub earliest: Option<String>,
    /// A breach has legal effect.
    pub hard: bool,
    /// The date is the court's own reading of "promptly".
    pub soft_limit: bool,
    /// What happens if it is missed, in English.
    pub on_miss: String,
    /// The same in Chinese; empty where the pack has none.
    pub on_miss_chinese: String,
    /// The one thing to open: `form:NAME`, `capture:NAME` …; `none` where nobody can do anything but wait.
    pub action: String,
    /// Papers.
    pub documents: Vec<String>,
    /// What must be kept.
    pub evidence_required: Vec<String>,
    /// The law.
    pub basis: Vec<LegalBasis>,
    /// How the date came about.
    pub count: DutyCount,
    /// For repeated duties: which repetition, from 1.
    pub occurrence: Option<u32>,
    /// `high`, `medium` or `low`: how sure the rule's wording is.
    pub confidence: String,
    /// Code of how it was checked.
    pub provenance: String,
}

impl From<view::PromptView> for DutyPrompt {
    fn from(prompt: view::PromptView) -> Self {
        let basis = prompt.basis.into_iter().map(|basis| LegalBasis {
            law: basis.law,
            law_name: basis.name_zh,
            paper_number: basis.doc_no,
            article: basis.article,
            cites_numbering: basis.cites_cpl_numbering,
        });
        let count = prompt.computation;
        let pauses = count.pauses.iter().map(|span| DaySpan {
            from_day: span.from().to_string(),
            to_day: span.to().to_string(),
        });
        Self {
            basis: basis.collect(),
            count: DutyCount {
                trigger_seq: count.trigger_seq,
                counted_from: count.counted_from.to_string(),
                kind: word_of(&count.kind),
                length: count.n,
                unit: count.unit.map(|unit| word_of(&unit)),
                pauses: pauses.collect(),
                pause_runs: count.pause_runs,
                moved_from: count.moved_from.map(|date| date.to_string()),
                provisional: count.provisional,
                problem: count.problem,
            },
            rule: prompt.rule,
            pack_id: prompt.pack_id,
            pack_version: prompt.pack_version,
            overlay_version: prompt.overlay_version,
            stage: prompt.stage,
            stage_name: prompt.stage_zh,
            name: prompt.name_zh,
            prompt: prompt.prompt_zh,
            duty: prompt.duty,
            actor: prompt.actor,
            subject: prompt.subject,
            standing: prompt.standing.into(),
            due: prompt.due.map(|due| due.to_string()),
            days_left: prompt.days_left,
            reminds: prompt.reminds,
            earliest: prompt.earliest.map(|earliest| earliest.to_string()),
            hard: prompt.hard,
            soft_limit: prompt.soft_limit,
            on_miss: prompt.on_miss,
            on_miss_chinese: prompt.on_miss_zh,
            action: prompt.action,
            documents: prompt.documents,
            evidence_required: prompt.evidence_required,
            occurrence: prompt.occurrence,
            confidence: word_of(&prompt.confidence),
            provenance: prompt.provenance,
        }
    }
}

/// The duties of one case, what is due first at the top.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct CaseDuties {
    /// The case.
    pub case_id: String,
    /// Its number.
    pub number: String,
    /// Its duties.
    pub prompts: Vec<DutyPrompt>,
}

impl From<CasePrompts> for CaseDuties {
    fn from(case: CasePrompts) -> Self {
        Self {
            case_id: case.case,
            number: case.number,
            prompts: case.prompts.into_iter().map(DutyPrompt::from).collect(),
        }
    }
}

/// Why a rule does or does not prompt, one for each trigger.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RuleVerdict {
    /// Id of the rule.
    pub rule: String,
    /// Name of the step, in Chinese.
    pub name: String,
    /// `not_triggered`, `condition_fails`, `not_in_force`, `closed`, `closed_late`, `ended`, `prompts` or `passed`.
    pub verdict: String,
    /// Number of the event that brought it about.
    pub trigger_seq: Option<u64>,
    /// Number of the event that closed or ended it.
    pub by_seq: Option<u64>,
    /// The condition that fails, or what would bring it about.
    pub detail: Option<String>,
    /// Version of the pack that judged.
    pub pack_version: u32,
    /// Version of the court's settings where they made the rule what it is.
    pub overlay_version: Option<u32>,
}

impl From<view::RuleVerdict> for RuleVerdict {
    fn from(verdict: view::RuleVerdict) -> Self {
        Self {
            rule: verdict.rule,
            name: verdict.name_zh,
            verdict: verdict.verdict.to_owned(),
            trigger_seq: verdict.trigger_seq,
            by_seq: verdict.by_seq,
            detail: verdict.detail,
            pack_version: verdict.pack_version,
            overlay_version: verdict.overlay_version,
        }
    }
}

/// What of the published law this device does not use, and why.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct LawRefusal {
    /// Version of the list.
    pub list_version: u64,
    /// Stable code, such as `norm_signature_wrong`.
    pub code: String,
    /// Which norm; empty where it is the list itself.
    pub norm: String,
}

/// By which rules this device judges what happens today.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct LawInForce {
    /// Version of the rule pack.
    pub pack_version: u32,
    /// Its first day, `2026-11-23`.
    pub effective_from: String,
    /// To be shown with it.
    pub warning: String,
    /// Version of the newest list of norms believed; 0: none.
    pub newest_list: u64,
    /// Version of the list in use; 0: the pack that the program carries.
    pub list_in_use: u64,
    /// Why the newest is not in use.
    pub refused: Option<LawRefusal>,
}

/// Noon of a day in China; none for now. *Errors*: `InvalidInput`.
fn moment(on: Option<String>) -> Result<Option<UtcMillis>, CoreError> {
    let day = on.map(|text| {
        text.parse::<Date>().map_err(|_| {
            CoreError::invalid_input(format!("{text} is no date; write it as 2026-03-10"))
        })
    });
    Ok(day.transpose()?.map(Date::shanghai_noon))
}

#[uniffi::export]
impl Engine {
    /// What the law asks of a case, now or on a day such as `2026-03-10`; acts that are on the way count.
    ///
    /// *Errors*: `Locked`; `NotFound`; `InvalidInput` for a text that is no date.
    #[uniffi::method(default(on = None))]
    pub fn prompts(&self, case_id: &str, on: Option<String>) -> Result<Vec<DutyPrompt>, CoreError> {
        let prompts = self.engine().prompts(read_case(case_id)?, moment(on)?)?;
        Ok(prompts.into_iter().map(DutyPrompt::from).collect())
    }

    /// What is overdue or due within so many days in all cases, the case with the most urgent first.
    ///
    /// *Errors*: `Locked`; `InvalidInput` for a text that is no date.
    #[uniffi::method(default(within_days = 14, on = None))]
    pub fn today(
        &self,
        within_days: u32,
        on: Option<String>,
    ) -> Result<Vec<CaseDuties>, CoreError> {
        let cases = self.engine().today(moment(on)?, within_days)?;
        Ok(cases.into_iter().map(CaseDuties::from).collect())
    }

    /// Why each rule does or does not prompt in a case. *Errors*: as `prompts`.
    #[uniffi::method(default(on = None))]
    pub fn explain(
        &self,
        case_id: &str,
        on: Option<String>,
    ) -> Result<Vec<RuleVerdict>, CoreError> {
        let verdicts = self.engine().explain(read_case(case_id)?, moment(on)?)?;
        Ok(verdicts.into_iter().map(RuleVerdict::from).collect())
    }

    /// By which rules this device judges what happens today, and whether the court has newer ones that it does not use.
    ///
    /// *Errors*: those of the store.
    pub fn law_in_force(&self) -> Result<LawInForce, CoreError> {
        let pack = self.engine().rule_pack()?;
        let norms = self.engine().status()?.norms;
        Ok(LawInForce {
            pack_version: pack.version,
            effective_from: pack.effective_from.to_string(),
            warning: pack.warning.clone(),
            newest_list: norms.newest,
            list_in_use: norms.in_use,
            refused: norms.refused.map(|refused| LawRefusal {
                list_version: refused.version,
                code: refused.code,
                norm: refused.norm,
            }),
        })
    }
}
