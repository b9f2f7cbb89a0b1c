//! What the law asks of the judge's cases, offline; and recording what was done.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::case::CaseState;
use zhixing_protocol::event::{Effect, preview_record};
use zhixing_protocol::hash::StatementHash;
use zhixing_protocol::ids::{CaseId, MeasureId, PauseId, SubjectId};
use zhixing_protocol::rules::checklist::{Checklist, Step};
use zhixing_protocol::rules::evaluate::{DutyPrompt, Evaluator, Standing};
use zhixing_protocol::rules::law::Law;
use zhixing_protocol::rules::pack::RulePack;
use zhixing_protocol::rules::view::{PromptView, RuleVerdict, rule_verdicts};
use zhixing_protocol::statement::{
    Body, MeasureRelease, MeasureRenew, MeasureTake, NodeRecord, PauseBegin, PauseEnd, TypedBody,
};
use zhixing_protocol::time::UtcMillis;

use crate::engine::{Engine, require_granted};
use crate::error::{EngineError, ErrorKind, Result};

/// A fact that a person records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LegalRecord {
    /// A node of the procedure.
    Node(NodeRecord),
    /// A control measure taken.
    MeasureTake(MeasureTake),
    /// Renewed.
    MeasureRenew(MeasureRenew),
    /// Released.
    MeasureRelease(MeasureRelease),
    /// Clocks stop.
    PauseBegin(PauseBegin),
    /// Clocks run again.
    PauseEnd(PauseEnd),
}

/// Words that go with a fact; they are hidden members, not part of the open statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// Name of the thing or person.
    pub name: Option<String>,
    /// Where.
    pub place: Option<String>,
    /// Anything else.
    pub text: Option<String>,
}

/// The prompts of one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CasePrompts {
    /// The case, as text.
    pub case: String,
    /// Its number.
    pub number: String,
    /// What is due first at the top.
    pub prompts: Vec<PromptView>,
}

impl LegalRecord {
    /// As the body of a statement.
    pub fn body(&self) -> Body {
        match self.clone() {
            Self::Node(body) => Body::NodeRecord(body),
            Self::MeasureTake(body) => Body::MeasureTake(body),
            Self::MeasureRenew(body) => Body::MeasureRenew(body),
            Self::MeasureRelease(body) => Body::MeasureRelease(body),
            Self::PauseBegin(body) => Body::PauseBegin(body),
            Self::PauseEnd(body) => Body::PauseEnd(body),
        }
    }
}

fn nothing_against(effect: Effect) -> Result<()> {
    let rejected = |detail: String| Err(EngineError::new(ErrorKind::Rejected, detail));
    match effect {
        Effect::Applied => Ok(()),
        Effect::Duplicate => rejected("the case file says this already".to_owned()),
        Effect::Conflict { current } => rejected(format!("{current}: look at the case file again")),
        Effect::Rejected { reason } => rejected(reason),
        Effect::Held { reason } => Err(EngineError::invalid(format!(
            "{reason}: a fact holds codes, dates and numbers; words go into its text"
        ))),
    }
}

/// A step whose checklist has open items is not recorded: the list says what to do first.
fn nothing_in_the_way(list: &Checklist) -> Result<()> {
    let open: Vec<String> = list
        .in_the_way()
        .map(|item| format!("{} {}", item.rule, item.asked_zh))
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    Err(EngineError::invalid(format!(
        "{} is not possible yet; first record: {}",
        list.name_zh,
        open.join("; ")
    )))
}

impl Engine {
    /// The law by which cases of a court are judged on this device. *Errors*: those of the store.
    pub fn law(&self, court: &str) -> Result<Arc<Law>> {
        Ok(self.holdings.norms()?.law(court))
    }

    /// The rule pack that is in force today at the officer's court. *Errors*: those of the store.
    pub fn rule_pack(&self) -> Result<Arc<RulePack>> {
        let court = self.holdings.queue().identity()?;
        let court = court.map_or_else(String::new, |identity| identity.court.to_string());
        let today = self.law_time(None)?.shanghai_date();
        Ok(Arc::clone(&self.law(&court)?.on(today).pack))
    }

    fn law_of(&self, case: CaseId) -> Result<Arc<Law>> {
        let known = self.holdings.queue().known_case(case)?;
        let court = known.map_or_else(String::new, |known| known.court.to_string());
        self.law(&court)
    }

    /// The prompts of a case at a time, or now; acts that are on the way count. *Errors*: `Locked`; `NotFound`.
    pub fn prompts(&self, case: CaseId, at: Option<UtcMillis>) -> Result<Vec<PromptView>> {
        let law = self.law_of(case)?;
        let evaluator = Evaluator::of(&law);
        let view = self.case_view(case)?;
        Ok(prompts_of(
            &law,
            &evaluator,
            &view.state,
            self.law_time(at)?,
            |_| true,
        ))
    }

    /// What is overdue, or due within so many days, in all cases; the case with the most urgent first. What has a reminder of its own is in the
    /// list from that day on. *Errors*: `Locked`.
    pub fn today(&self, at: Option<UtcMillis>, within_days: u32) -> Result<Vec<CasePrompts>> {
        let now = self.law_time(at)?;
        let states = self.shelf.current_states()?;
        let mut laws: BTreeMap<String, Arc<Law>> = BTreeMap::new();
        for (known, _) in &states {
            let court = known.court.as_str();
            if !laws.contains_key(court) {
                laws.insert(court.to_owned(), self.law(court)?);
            }
        }
        let evaluators: BTreeMap<&str, (&Law, Evaluator<'_>)> = laws
            .iter()
            .map(|(court, law)| (court.as_str(), (law.as_ref(), Evaluator::of(law))))
            .collect();
        let mut all = Vec::new();
        let today = now.shanghai_date();
        let is_near = |prompt: &DutyPrompt<'_>| match prompt.standing {
            Standing::Overdue => true,
            Standing::Open => prompt
                .days_left(today)
                .is_some_and(|days| days <= i64::from(within_days) || prompt.reminds()),
            _ => false,
        };
        for (known, state) in states {
            let Some((law, evaluator)) = evaluators.get(known.court.as_str()) else {
                continue;
            };
            let prompts = prompts_of(law, evaluator, &state, now, is_near);
            if !prompts.is_empty() {
                all.push(CasePrompts {
                    case: known.case.to_string(),
                    number: known.number,
                    prompts,
                });
            }
        }
        all.sort_by_key(|case| {
            let first = case.prompts.first();
            let days_left = first.and_then(|prompt| prompt.days_left);
            (days_left.unwrap_or(i64::MAX), case.number.clone())
        });
        Ok(all)
    }

    /// Why each rule does or does not prompt. *Errors*: `Locked`; `NotFound`.
    pub fn explain(&self, case: CaseId, at: Option<UtcMillis>) -> Result<Vec<RuleVerdict>> {
        let now = self.law_time(at)?;
        let law = self.law_of(case)?;
        let view = self.case_view(case)?;
        let explanations = Evaluator::of(&law).explain(&view.state, now);
        Ok(rule_verdicts(&explanations, &law))
    }

    /// Records a fact in a case; durable when it returns.
    ///
    /// *Errors*: `InvalidInput` for a node the rule pack does not know or words in place of codes; `Rejected` with the code of what stands against
    /// it in the case; `NotFound` if the case is not granted.
    pub fn record(
        &self,
        case: CaseId,
        record: &LegalRecord,
        words: &Words,
    ) -> Result<StatementHash> {
        let law = self.law_of(case)?;
        let today = self.law_time(None)?.shanghai_date();
        match record {
            LegalRecord::Node(body) if law.node(&body.fact.node, today).is_none() => {
                return Err(EngineError::invalid(format!(
                    "the rule pack knows no node {}; see the list of nodes",
                    body.fact.node
                )));
            }
            LegalRecord::PauseBegin(body)
                if law.pause_reason(&body.fact.reason, today).is_none() =>
            {
                let pack = &law.on(today).pack;
                let known: Vec<&str> = pack.pause_reasons.keys().map(String::as_str).collect();
                return Err(EngineError::invalid(format!(
                    "{} is no ground of a pause; grounds are {}",
                    body.fact.reason,
                    known.join(", ")
                )));
            }
            _ => {}
        }
        // While the case file is locked nobody can look what stands against it; the court will say.
        match self.case_view(case) {
            Ok(view) => {
                if let LegalRecord::Node(body) = record
                    && let Some(step) = Step::of_node(&body.fact.node)
                    && body.corrects.is_none()
                {
                    let day = body.fact.at.date().shanghai_noon();
                    nothing_in_the_way(&Checklist::new(step, &view.state, &law, day))?;
                }
                nothing_against(preview_record(&record.body(), &view.state))?;
            }
            Err(error) if error.kind == ErrorKind::Locked => {}
            Err(error) => return Err(error),
        }
        match record {
            LegalRecord::Node(body) => self.record_body(case, body, words),
            LegalRecord::MeasureTake(body) => self.record_body(case, body, words),
            LegalRecord::MeasureRenew(body) => self.record_body(case, body, words),
            LegalRecord::MeasureRelease(body) => self.record_body(case, body, words),
            LegalRecord::PauseBegin(body) => self.record_body(case, body, words),
            LegalRecord::PauseEnd(body) => self.record_body(case, body, words),
        }
    }

    /// What must be done before a step that ends something, and what proves it. *Errors*: `Locked`; `NotFound`.
    pub fn checklist(&self, case: CaseId, step: Step, at: Option<UtcMillis>) -> Result<Checklist> {
        let law = self.law_of(case)?;
        let view = self.case_view(case)?;
        Ok(Checklist::new(step, &view.state, &law, self.law_time(at)?))
    }

    /// An id for a thing, clue, payment or act that nodes will be about. *Errors*: `Internal` without randomness.
    pub fn new_subject(&self) -> Result<SubjectId> {
        let ports = &self.holdings.ports;
        Ok(SubjectId::make(ports.clock.wall_ms(), ports.random()?))
    }

    /// An id for a control measure. *Errors*: as [`Engine::new_subject`].
    pub fn new_measure(&self) -> Result<MeasureId> {
        let ports = &self.holdings.ports;
        Ok(MeasureId::make(ports.clock.wall_ms(), ports.random()?))
    }

    /// An id for a pause. *Errors*: as [`Engine::new_subject`].
    pub fn new_pause(&self) -> Result<PauseId> {
        let ports = &self.holdings.ports;
        Ok(PauseId::make(ports.clock.wall_ms(), ports.random()?))
    }

    fn record_body<B: TypedBody>(
        &self,
        case: CaseId,
        body: &B,
        words: &Words,
    ) -> Result<StatementHash> {
        let mut hidden = Object::new();
        let members = [
            ("name", &words.name),
            ("place", &words.place),
            ("text", &words.text),
        ];
        for (member, words) in members {
            if let Some(words) = words.as_deref().filter(|words| !words.trim().is_empty()) {
                hidden.insert(member.to_owned(), Value::from(words));
            }
        }
        let mut queue = self.holdings.queue();
        require_granted(&queue, case)?;
        Ok(queue
            .make_statement(body, Some(case), hidden, |_, _| Ok(()))?
            .0
            .hash)
    }

    pub(crate) fn law_time(&self, at: Option<UtcMillis>) -> Result<UtcMillis> {
        match at {
            Some(at) => Ok(at),
            None => {
                let now = self.holdings.queue().clock_reading()?;
                Ok(now.estimate().unwrap_or(now.wall_ms))
            }
        }
    }
}

/// The prompts of a case that `keep` keeps, ready to be shown.
fn prompts_of(
    law: &Law,
    evaluator: &Evaluator<'_>,
    state: &CaseState,
    now: UtcMillis,
    keep: impl Fn(&DutyPrompt<'_>) -> bool,
) -> Vec<PromptView> {
    let today = now.shanghai_date();
    let prompts = evaluator.evaluate(state, now);
    prompts
        .iter()
        .filter(|prompt| keep(prompt))
        .map(|prompt| PromptView::new(prompt, law, today))
        .collect()
}
