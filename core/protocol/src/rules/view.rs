//! A duty prompt as shells show it: raw values, no sentences but those of the rule pack.

use core::fmt;

use serde::Serialize;

use super::deadline::{Counted, Deadline, DeadlineKind, Unit};
use super::evaluate::{DutyPrompt, Explanation, Standing, Verdict};
use super::law::Law;
use super::moment::Moment;
use super::pack::{Confidence, Rule, RulePack};
use super::span::Span;
use crate::time::Date;

/// The law a prompt rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BasisView {
    /// Short id.
    pub law: String,
    /// Name.
    pub name_zh: String,
    /// Number of the paper, as far as known.
    pub doc_no: Option<String>,
    /// Article or articles. Those of the Civil Procedure Law are of its 2023 numbering.
    pub article: String,
    /// Which numbering of the Civil Procedure Law that text itself cites.
    pub cites_cpl_numbering: Option<String>,
}

/// How the date of a prompt came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Computation {
    /// Event that brought the duty about.
    pub trigger_seq: u64,
    /// The day or time from which is counted.
    pub counted_from: Moment,
    /// What the limit means.
    pub kind: DeadlineKind,
    /// How many units.
    pub n: Option<u32>,
    /// Of which unit.
    pub unit: Option<Unit>,
    /// Days that did not count.
    pub pauses: Vec<Span>,
    /// A pause goes on: the date moves every day.
    pub pause_runs: bool,
    /// Where the count ended before rest days moved it; none if they did not.
    pub moved_from: Option<Date>,
    /// A year without a published calendar decides.
    pub provisional: bool,
    /// Why there is no date though the rule has one: a stable code.
    pub problem: Option<String>,
}

/// One prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromptView {
    /// The rule.
    pub rule: String,
    /// Name of the pack, see [`super::pack::RulePack::derive_id`].
    pub pack_id: String,
    /// Version of the pack: the one in force on the day of the trigger.
    pub pack_version: u32,
    /// Version of the court's settings where they made the rule what it is.
    pub overlay_version: Option<u32>,
    /// Stage code.
    pub stage: String,
    /// Name of the stage.
    pub stage_zh: String,
    /// Name of the step.
    pub name_zh: String,
    /// What to do.
    pub prompt_zh: String,
    /// The duty in English.
    pub duty: String,
    /// Who has it.
    pub actor: String,
    /// What it is about.
    pub subject: Option<String>,
    /// How it stands.
    pub standing: Standing,
    /// The date by which it is ordered.
    pub due: Option<Moment>,
    /// Days to it; negative once it has passed.
    pub days_left: Option<i64>,
    /// Its rule has a reminder, and the reminder's day has come.
    pub reminds: bool,
    /// First day on which it may be done or holds, where that is what the rule gives.
    pub earliest: Option<Moment>,
    /// A breach has legal effect.
    pub hard: bool,
    /// The date is the court's own reading of "promptly".
    pub soft_limit: bool,
    /// What happens if it is missed.
    pub on_miss: String,
    /// The same in Chinese; empty where the pack has none.
    pub on_miss_zh: String,
    /// The one thing to open.
    pub action: String,
    /// Papers.
    pub documents: Vec<String>,
    /// What must be kept.
    pub evidence_required: Vec<String>,
    /// Law.
    pub basis: Vec<BasisView>,
    /// How the date came about.
    pub computation: Computation,
    /// For repeated duties.
    pub occurrence: Option<u32>,
    /// How sure the rule's wording is.
    pub confidence: Confidence,
    /// How it was checked.
    pub provenance: String,
}

/// The law that a rule of `pack` rests on.
pub fn basis_views(rule: &Rule, pack: &RulePack) -> Vec<BasisView> {
    let views = rule.basis.iter().map(|basis| {
        let law = pack.laws.get(&basis.law);
        BasisView {
            law: basis.law.clone(),
            name_zh: law.map_or_else(|| basis.law.clone(), |law| law.name_zh.clone()),
            doc_no: law.and_then(|law| law.doc_no.clone()),
            article: basis.article.clone(),
            cites_cpl_numbering: law.and_then(|law| law.cites_cpl_numbering.clone()),
        }
    });
    views.collect()
}

impl PromptView {
    /// A prompt of `law`, seen on `today`.
    pub fn new(prompt: &DutyPrompt<'_>, law: &Law, today: Date) -> Self {
        let rule = prompt.rule;
        let period = law.periods().get(prompt.period);
        let period = period.unwrap_or_else(|| law.on(prompt.counted_from.date()));
        let pack = &period.pack;
        let stage = pack.stages.iter().find(|stage| stage.key == rule.stage);
        let earliest = match prompt.counted {
            Some(Counted::Earliest(moment)) => Some(moment),
            Some(Counted::Window { earliest, .. }) => Some(Moment::Day(earliest)),
            _ => None,
        };
        Self {
            rule: rule.id.clone(),
            pack_id: period.pack_id.clone(),
            pack_version: pack.version,
            overlay_version: period.overlay_of(&rule.id),
            stage: rule.stage.clone(),
            stage_zh: stage.map_or_else(String::new, |stage| stage.name_zh.clone()),
            name_zh: rule.name_zh.clone(),
            prompt_zh: rule.prompt_zh.clone(),
            duty: rule.duty.clone(),
            actor: rule.actor.clone(),
            subject: prompt.subject.clone(),
            standing: prompt.standing,
            due: prompt.due,
            days_left: prompt.days_left(today),
            reminds: prompt.reminds(),
            earliest,
            hard: prompt.is_hard(),
            soft_limit: prompt.soft_limit,
            on_miss: rule.on_miss.clone(),
            on_miss_zh: rule.on_miss_zh.clone(),
            action: rule.action.clone(),
            documents: rule.documents.clone(),
            evidence_required: rule.evidence_required.clone(),
            basis: basis_views(rule, pack),
            computation: Computation {
                trigger_seq: prompt.trigger_seq,
                counted_from: prompt.counted_from,
                kind: prompt.deadline.kind,
                n: prompt.deadline.n,
                unit: prompt.deadline.unit,
                pauses: prompt.pauses.clone(),
                pause_runs: prompt.pause_runs,
                moved_from: moved_from(prompt),
                provisional: prompt.provisional,
                problem: prompt.problem.map(|problem| problem.code().to_owned()),
            },
            occurrence: prompt.occurrence,
            confidence: rule.confidence,
            provenance: rule.provenance.status.clone(),
        }
    }
}

/// Why a rule does or does not prompt, in one stable code a trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleVerdict {
    /// The rule.
    pub rule: String,
    /// Name of the step.
    pub name_zh: String,
    /// `not_triggered`, `condition_fails`, `not_in_force`, `closed`, `closed_late`, `ended`, `prompts`, `passed`.
    pub verdict: &'static str,
    /// Event that brought it about.
    pub trigger_seq: Option<u64>,
    /// Event that closed or ended it.
    pub by_seq: Option<u64>,
    /// The condition that fails, or what would bring it about.
    pub detail: Option<String>,
    /// Version of the pack that judged.
    pub pack_version: u32,
    /// Version of the court's settings where they made the rule what it is.
    pub overlay_version: Option<u32>,
}

impl fmt::Display for RuleVerdict {
    /// One line for a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:7} {:15}", self.rule, self.verdict)?;
        if let Some(seq) = self.trigger_seq {
            write!(f, "  by event {seq}")?;
        }
        if let Some(seq) = self.by_seq {
            write!(f, "  met by event {seq}")?;
        }
        if let Some(detail) = &self.detail {
            write!(f, "  {detail}")?;
        }
        write!(f, "  {}  (pack {}", self.name_zh, self.pack_version)?;
        if let Some(overlay) = self.overlay_version {
            write!(f, ", court's settings {overlay}")?;
        }
        f.write_str(")")
    }
}

/// All verdicts of explanations, a line for each trigger and one for each rule that nothing brought about.
pub fn rule_verdicts(explanations: &[Explanation<'_>], law: &Law) -> Vec<RuleVerdict> {
    let mut all = Vec::new();
    for explanation in explanations {
        let rule = explanation.rule;
        let period = law.periods().get(explanation.period);
        let pack_version = period.map_or(0, |period| period.pack.version);
        let overlay_version = period.and_then(|period| period.overlay_of(&rule.id));
        let line = |verdict, trigger_seq, by_seq, detail| RuleVerdict {
            rule: rule.id.clone(),
            name_zh: rule.name_zh.clone(),
            verdict,
            trigger_seq,
            by_seq,
            detail,
            pack_version,
            overlay_version,
        };
        if explanation.verdicts.is_empty() {
            let on: Vec<String> = rule.trigger.on.iter().map(ToString::to_string).collect();
            all.push(line("not_triggered", None, None, Some(on.join(" | "))));
        }
        all.extend(explanation.verdicts.iter().map(|verdict| match verdict {
            Verdict::ConditionFails {
                trigger_seq,
                condition,
            } => {
                let detail = String::from((*condition).clone());
                line("condition_fails", Some(*trigger_seq), None, Some(detail))
            }
            Verdict::NotInForce { trigger_seq } => {
                line("not_in_force", Some(*trigger_seq), None, None)
            }
            Verdict::Closed {
                trigger_seq,
                by_seq,
                late,
            } => {
                let code = if *late { "closed_late" } else { "closed" };
                line(code, Some(*trigger_seq), Some(*by_seq), None)
            }
            Verdict::Ended {
                trigger_seq,
                by_seq,
            } => line("ended", Some(*trigger_seq), Some(*by_seq), None),
            Verdict::Prompts(prompt) => line("prompts", Some(prompt.trigger_seq), None, None),
            Verdict::Passed(prompt) => line("passed", Some(prompt.trigger_seq), None, None),
        }));
    }
    all
}

/// The last day of the bare count, if a rest day moved it on.
fn moved_from(prompt: &DutyPrompt<'_>) -> Option<Date> {
    let due = prompt.due?.date();
    let length = (prompt.deadline.n?, prompt.deadline.unit?);
    if !prompt.pauses.is_empty() || matches!(length.1, Unit::Hour | Unit::WorkingDay) {
        return None;
    }
    let rolls = matches!(
        prompt.deadline.kind,
        DeadlineKind::WithinAfter | DeadlineKind::AsStatedInOrder | DeadlineKind::AsStatedInNotice
    );
    // A grace is counted in the same way and never rolled, so no calendar is asked.
    let bare = Deadline::new(DeadlineKind::Grace, length.0, length.1)
        .count(
            prompt.counted_from,
            &[],
            super::calendar::Calendar::bundled(),
        )
        .ok()?;
    match bare {
        Counted::LastDay(bare) if rolls && bare != due => Some(bare),
        _ => None,
    }
}
