//! What the law asks of a case now: facts and rules in, duty prompts (规范提示) out. Pure, so a phone without signal and the server give the same.

use std::collections::BTreeMap;

use serde::Serialize;

use super::calendar::Calendar;
use super::deadline::{Counted, Deadline, DeadlineError, DeadlineKind};
use super::moment::Moment;
use super::pack::{Condition, Per, Rule, RulePack, Scope, Selector};
use super::span::Span;
use crate::case::{CaseState, LegalFact};
use crate::time::{Date, UtcMillis};

/// How a prompt stands today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The date has passed and nothing closed the duty; a measure whose term has run out has lapsed.
    Overdue,
    /// To be done.
    Open,
    /// Its date is further away than its reminder.
    Later,
    /// Nothing can be done yet; it says from when, or until when it holds.
    Waiting,
}

/// One duty prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyPrompt<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// What it is about, if it is not about the case.
    pub subject: Option<String>,
    /// Number of the event that brought it about.
    pub trigger_seq: u64,
    /// The limit as it was counted for this trigger.
    pub deadline: Deadline,
    /// The day or time from which is counted.
    pub counted_from: Moment,
    /// What counting gave; none if it could not be counted.
    pub counted: Option<Counted>,
    /// Why it could not be counted.
    pub problem: Option<DeadlineError>,
    /// Days that did not count.
    pub pauses: Vec<Span>,
    /// A pause goes on, so the date moves with every day.
    pub pause_runs: bool,
    /// The law says "promptly"; the date is the court's own soft limit.
    pub soft_limit: bool,
    /// A year without a published calendar decides: the date takes every Monday to Friday for a working day and may move.
    pub provisional: bool,
    /// For repeated duties: which repetition, from 1.
    pub occurrence: Option<u32>,
    /// How it stands.
    pub standing: Standing,
    /// The date by which it is ordered; none without a date.
    pub due: Option<Moment>,
}

impl DutyPrompt<'_> {
    /// A breach has legal effect: the rule is hard, and the date is the law's own.
    pub fn is_hard(&self) -> bool {
        self.rule.hard && !self.soft_limit
    }

    /// Days from `today` to its date; negative once it has passed.
    pub fn days_left(&self, today: Date) -> Option<i64> {
        Some(self.due?.date().to_days().saturating_sub(today.to_days()))
    }
}

/// What became of one trigger of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// A condition does not hold.
    ConditionFails {
        /// Event of the trigger.
        trigger_seq: u64,
        /// The first condition that fails.
        condition: &'a Condition,
    },
    /// The trigger is under older or newer law.
    NotInForce {
        /// Event of the trigger.
        trigger_seq: u64,
    },
    /// The duty was done, or the right used.
    Closed {
        /// Event of the trigger.
        trigger_seq: u64,
        /// Event that closed it.
        by_seq: u64,
        /// It came after its date.
        late: bool,
    },
    /// The duty fell away.
    Ended {
        /// Event of the trigger.
        trigger_seq: u64,
        /// Event that ended it.
        by_seq: u64,
    },
    /// It prompts.
    Prompts(Box<DutyPrompt<'a>>),
    /// Its time is over and nothing is left to do.
    Passed(Box<DutyPrompt<'a>>),
}

/// Why a rule does or does not prompt. No verdict: nothing brought it about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// One for each trigger that counts.
    pub verdicts: Vec<Verdict<'a>>,
}

/// A pack and a calendar made ready for many cases.
pub struct Evaluator<'a> {
    pack: &'a RulePack,
    calendar: &'a Calendar,
    /// The calendar with a guess for years that nobody has published.
    guessing: Calendar,
    /// Rules of cases by the codes that bring them about.
    by_code: BTreeMap<&'a str, Vec<usize>>,
}

type Index<'s> = BTreeMap<&'s str, Vec<&'s LegalFact>>;

struct Case<'s> {
    state: &'s CaseState,
    index: Index<'s>,
    pauses: Vec<Span>,
    pause_runs: bool,
    closed: Option<&'s LegalFact>,
    now: UtcMillis,
    today: Date,
}

impl<'a> Evaluator<'a> {
    /// Makes a pack ready.
    pub fn new(pack: &'a RulePack, calendar: &'a Calendar) -> Self {
        let mut by_code: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, rule) in pack.rules.iter().enumerate() {
            for selector in &rule.trigger.on {
                let places = by_code.entry(selector.code()).or_default();
                if rule.scope == Scope::Case && places.last() != Some(&place) {
                    places.push(place);
                }
            }
        }
        Self {
            pack,
            calendar,
            guessing: calendar.guessing(),
            by_code,
        }
    }

    /// All prompts of a case, what is due first at the top: by standing, then date, hard before soft, then rule.
    pub fn evaluate(&self, state: &CaseState, now: UtcMillis) -> Vec<DutyPrompt<'a>> {
        let case = Case::new(state, now);
        let mut places: Vec<usize> = case
            .index
            .keys()
            .filter_map(|code| self.by_code.get(code))
            .flatten()
            .copied()
            .collect();
        places.sort_unstable();
        places.dedup();
        let mut prompts: Vec<DutyPrompt<'a>> = Vec::new();
        for rule in places
            .iter()
            .filter_map(|place| self.pack.rules.get(*place))
        {
            for verdict in self.judge(rule, &case) {
                if let Verdict::Prompts(prompt) = verdict {
                    prompts.push(*prompt);
                }
            }
        }
        prompts.sort_by(|one, other| order(one).cmp(&order(other)));
        prompts
    }

    /// Why each rule does or does not prompt, court rules left out.
    pub fn explain(&self, state: &CaseState, now: UtcMillis) -> Vec<Explanation<'a>> {
        let case = Case::new(state, now);
        let rules = self.pack.rules.iter();
        rules
            .filter(|rule| rule.scope == Scope::Case)
            .map(|rule| Explanation {
                rule,
                verdicts: self.judge(rule, &case),
            })
            .collect()
    }

    /// The verdicts of one rule of any scope.
    pub fn explain_rule(
        &self,
        rule: &'a Rule,
        state: &CaseState,
        now: UtcMillis,
    ) -> Vec<Verdict<'a>> {
        self.judge(rule, &Case::new(state, now))
    }

    fn judge(&self, rule: &'a Rule, case: &Case<'_>) -> Vec<Verdict<'a>> {
        let triggers = triggers(rule, case);
        triggers
            .into_iter()
            .map(|trigger| self.judge_trigger(rule, trigger, case))
            .collect()
    }

    fn judge_trigger(&self, rule: &'a Rule, trigger: &LegalFact, case: &Case<'_>) -> Verdict<'a> {
        let trigger_seq = trigger.seq;
        let day = trigger.at.date();
        let too_old = rule.valid_from.is_some_and(|from| day < from);
        let too_new = rule.valid_to.is_some_and(|to| day > to);
        if too_old || too_new {
            return Verdict::NotInForce { trigger_seq };
        }
        let conditions = rule.trigger.conditions.iter();
        for condition in conditions {
            if !holds(condition, trigger, case) {
                return Verdict::ConditionFails {
                    trigger_seq,
                    condition,
                };
            }
        }
        let closers = closers(rule, trigger, case);
        let prompt = self.count(rule, trigger, &closers, case);
        if rule.deadline.kind != DeadlineKind::Periodic {
            if let Some(by) = closers.first() {
                let late = prompt.due.is_some_and(|due| {
                    is_deadline(rule.deadline.kind) && by.at.date() > due.date()
                });
                return Verdict::Closed {
                    trigger_seq,
                    by_seq: by.seq,
                    late,
                };
            }
        } else if prompt.occurrence.is_none() {
            let by_seq = closers.last().map_or(trigger_seq, |by| by.seq);
            return Verdict::Closed {
                trigger_seq,
                by_seq,
                late: false,
            };
        }
        let ended = case
            .first(&rule.ended_by, |fact| fact.at.date() >= day)
            .or(case.closed.filter(|_| !rule.survives_closing));
        if let Some(by) = ended {
            return Verdict::Ended {
                trigger_seq,
                by_seq: by.seq,
            };
        }
        if passed(&prompt, case) {
            Verdict::Passed(Box::new(prompt))
        } else {
            Verdict::Prompts(Box::new(prompt))
        }
    }

    fn count(
        &self,
        rule: &'a Rule,
        trigger: &LegalFact,
        closers: &[&LegalFact],
        case: &Case<'_>,
    ) -> DutyPrompt<'a> {
        let anchor = rule.trigger.anchor.as_deref();
        let counted_from = anchor
            .and_then(|field| trigger.date(field))
            .map_or(trigger.at, Moment::Day);
        let (mut deadline, soft_limit) = self.deadline(rule, trigger);
        let pauses: &[Span] = if rule.pauses { &case.pauses } else { &[] };
        let mut provisional = false;
        let mut count =
            |deadline: &Deadline| match deadline.count(counted_from, pauses, self.calendar) {
                Err(DeadlineError::Unpublished(_)) => {
                    provisional = true;
                    deadline.count(counted_from, pauses, &self.guessing)
                }
                other => other,
            };
        let mut occurrence = None;
        let counted = if rule.deadline.kind == DeadlineKind::Periodic {
            let last = rule.deadline.occurrences.unwrap_or(0);
            occurrence = next_occurrence(closers, last, |number| {
                deadline.occurrence = Some(number);
                count(&deadline).ok().and_then(due_of).map(Moment::date)
            });
            deadline.occurrence = Some(occurrence.unwrap_or(last.max(1)));
            count(&deadline)
        } else {
            count(&deadline)
        };
        let missing_anchor = anchor.is_some_and(|field| trigger.date(field).is_none());
        let counted = if missing_anchor {
            Err(DeadlineError::LengthMissing)
        } else {
            counted
        };
        let (counted, problem) = match counted {
            Ok(counted) => (Some(counted), None),
            Err(problem) => (None, Some(problem)),
        };
        let due = counted.and_then(due_of);
        DutyPrompt {
            rule,
            subject: trigger.subject.clone(),
            trigger_seq: trigger.seq,
            deadline,
            counted_from,
            counted,
            problem,
            pauses: pauses.to_vec(),
            pause_runs: rule.pauses && case.pause_runs,
            soft_limit,
            provisional,
            occurrence,
            standing: standing(rule, counted, case),
            due,
        }
    }

    /// The limit of a trigger, and whether it is the court's own soft one.
    fn deadline(&self, rule: &Rule, trigger: &LegalFact) -> (Deadline, bool) {
        let mut deadline = rule.deadline.deadline();
        if let Some(days) = rule.trigger.length.as_deref() {
            deadline.n = trigger.field(days).and_then(|days| days.parse().ok());
            deadline.unit = Some(super::deadline::Unit::Day);
        }
        let alternative = rule.trigger.alternatives.iter().find(|alternative| {
            alternative
                .field_is
                .split_once('=')
                .is_some_and(|(name, value)| trigger.field(name) == Some(value))
        });
        if let Some(alternative) = alternative {
            deadline.n = Some(alternative.n);
            deadline.unit = Some(alternative.unit);
        }
        let soft_limit = deadline.kind == DeadlineKind::Promptly;
        if soft_limit {
            deadline.kind = DeadlineKind::WithinAfter;
            deadline.n = deadline.n.or(Some(self.pack.promptly.n));
            deadline.unit = deadline.unit.or(Some(self.pack.promptly.unit));
        }
        (deadline, soft_limit)
    }
}

impl<'s> Case<'s> {
    fn new(state: &'s CaseState, now: UtcMillis) -> Self {
        let today = now.shanghai_date();
        let mut index: Index<'s> = BTreeMap::new();
        for fact in state.facts().iter() {
            index.entry(fact.code.as_str()).or_default().push(fact);
        }
        let (mut pauses, mut pause_runs) = (Vec::new(), false);
        if index.contains_key("pause.begun") {
            for pause in state.facts().pauses() {
                pause_runs |= pause.to.is_none() && pause.from <= today;
                pauses.extend(pause.span(today));
            }
        }
        let closed = index
            .get("case.closed")
            .and_then(|facts| facts.last().copied());
        Self {
            state,
            index,
            pauses,
            pause_runs,
            closed,
            now,
            today,
        }
    }

    fn all<'c>(&'c self, selectors: &'c [Selector]) -> impl Iterator<Item = &'s LegalFact> + 'c {
        selectors.iter().flat_map(move |selector| {
            let facts = self.index.get(selector.code()).into_iter().flatten();
            facts.copied().filter(|fact| selector.fits_fields(fact))
        })
    }

    fn first(
        &self,
        selectors: &[Selector],
        wanted: impl Fn(&LegalFact) -> bool,
    ) -> Option<&'s LegalFact> {
        self.all(selectors)
            .filter(|fact| wanted(fact))
            .min_by_key(|fact| key(fact))
    }
}

fn key(fact: &LegalFact) -> (Date, u64) {
    (fact.at.date(), fact.seq)
}

/// The triggers that count, by `per` and `latest`.
fn triggers<'s>(rule: &Rule, case: &Case<'s>) -> Vec<&'s LegalFact> {
    // What was written down ahead of its day has not happened yet.
    let mut facts: Vec<&LegalFact> = case
        .all(&rule.trigger.on)
        .filter(|fact| fact.at.date() <= case.today)
        .collect();
    facts.sort_by_key(|fact| key(fact));
    facts.dedup_by_key(|fact| fact.seq);
    if rule.trigger.latest {
        facts.reverse();
    }
    match rule.trigger.per {
        Per::Each => {}
        Per::Case => facts.truncate(1),
        Per::Subject => {
            let mut seen: Vec<Option<&str>> = Vec::new();
            facts.retain(|fact| {
                let subject = fact.subject.as_deref();
                let is_new = !seen.contains(&subject);
                if is_new {
                    seen.push(subject);
                }
                is_new
            });
        }
    }
    facts
}

/// The facts that close the duty of a trigger, earliest first.
fn closers<'s>(rule: &Rule, trigger: &LegalFact, case: &Case<'s>) -> Vec<&'s LegalFact> {
    let day = trigger.at.date();
    let periodic = rule.deadline.kind == DeadlineKind::Periodic;
    let mut facts: Vec<&LegalFact> = case
        .all(&rule.closed_by)
        .filter(|fact| fact.seq != trigger.seq)
        .filter(|fact| match rule.trigger.per {
            Per::Case => !(rule.trigger.latest || periodic) || fact.at.date() >= day,
            // What closes a duty about a thing names the thing; facts about the whole case close it from their day on.
            Per::Subject => match (&fact.subject, &trigger.subject) {
                (Some(closes), Some(wanted)) => {
                    closes == wanted && (!rule.trigger.latest || fact.at.date() >= day)
                }
                (Some(_), None) | (None, _) => fact.at.date() >= day,
            },
            Per::Each => fact.at.date() >= day,
        })
        .collect();
    facts.sort_by_key(|fact| key(fact));
    facts.dedup_by_key(|fact| fact.seq);
    facts
}

/// The first repetition that nothing has met yet. What was done after one date and up to the next meets the next.
fn next_occurrence(
    closers: &[&LegalFact],
    last: u32,
    mut date_of: impl FnMut(u32) -> Option<Date>,
) -> Option<u32> {
    let mut closers = closers.iter().map(|fact| fact.at.date()).peekable();
    let mut after: Option<Date> = None;
    for number in 1..=last {
        while closers
            .next_if(|date| after.is_some_and(|after| *date <= after))
            .is_some()
        {}
        if closers.next().is_none() {
            return Some(number);
        }
        after = date_of(number);
        if after.is_none() {
            return Some(number);
        }
    }
    None
}

fn holds(condition: &Condition, trigger: &LegalFact, case: &Case<'_>) -> bool {
    let filed = case.state.filed();
    let bears = |word: &str| filed.is_some_and(|filed| filed.number.kind().word() == word);
    match condition {
        Condition::Money => filed.is_some_and(|filed| filed.amount_fen.is_some()),
        Condition::Type(word) => bears(word),
        Condition::NotType(word) => !bears(word),
        Condition::Respondent(kind) => case.state.parties().any(|party| {
            party.body.role == crate::statement::PartyRole::Respondent
                && party.body.person_kind == *kind
        }),
        Condition::FieldIsNot(name, value) => trigger.field(name) != Some(value),
        Condition::Exists(selector) => case
            .first(core::slice::from_ref(selector), |_| true)
            .is_some(),
        Condition::MissingBefore(selector) => case
            .first(core::slice::from_ref(selector), |fact| {
                fact.at.date() < trigger.at.date()
            })
            .is_none(),
    }
}

fn is_deadline(kind: DeadlineKind) -> bool {
    !matches!(
        kind,
        DeadlineKind::NotBefore
            | DeadlineKind::RightAccrues
            | DeadlineKind::DeemedAfter
            | DeadlineKind::MinimumDuration
            | DeadlineKind::Grace
            | DeadlineKind::RetentionMin
            | DeadlineKind::RightLasts
            | DeadlineKind::ValidityMax
    )
}

fn due_of(counted: Counted) -> Option<Moment> {
    match counted {
        Counted::Due(moment) | Counted::Earliest(moment) => Some(moment),
        Counted::LastDay(date) | Counted::ActBy(date) => Some(Moment::Day(date)),
        Counted::Window { act_by, .. } => Some(Moment::Day(act_by)),
        Counted::NoDate => None,
    }
}

fn is_over(moment: Moment, case: &Case<'_>) -> bool {
    match moment {
        Moment::Day(date) => case.today > date,
        Moment::Instant(at) => case.now > at,
    }
}

fn standing(rule: &Rule, counted: Option<Counted>, case: &Case<'_>) -> Standing {
    use DeadlineKind as Kind;
    let Some(counted) = counted else {
        return Standing::Open;
    };
    let waits = matches!(
        rule.deadline.kind,
        Kind::Grace
            | Kind::RightLasts
            | Kind::RetentionMin
            | Kind::NotBefore
            | Kind::DeemedAfter
            | Kind::MinimumDuration
    );
    let not_yet = match counted {
        Counted::Earliest(moment) => !reached(moment, case),
        Counted::Window { earliest, .. } => case.today < earliest,
        _ => false,
    };
    if waits || not_yet {
        return Standing::Waiting;
    }
    if matches!(counted, Counted::Earliest(_)) {
        return Standing::Open;
    }
    let Some(due) = due_of(counted) else {
        return Standing::Open;
    };
    if is_over(due, case) {
        return Standing::Overdue;
    }
    let days_left = due.date().to_days().saturating_sub(case.today.to_days());
    match rule.remind_days {
        Some(days) if days_left > i64::from(days) => Standing::Later,
        _ => Standing::Open,
    }
}

fn reached(moment: Moment, case: &Case<'_>) -> bool {
    match moment {
        Moment::Day(date) => case.today >= date,
        Moment::Instant(at) => case.now >= at,
    }
}

/// Whether nothing is left to say: a waiting time is over, a window has closed.
fn passed(prompt: &DutyPrompt<'_>, case: &Case<'_>) -> bool {
    use DeadlineKind as Kind;
    let Some(counted) = prompt.counted else {
        return false;
    };
    match (prompt.rule.deadline.kind, counted) {
        (Kind::NotBefore | Kind::DeemedAfter | Kind::MinimumDuration, Counted::Earliest(from)) => {
            reached(from, case)
        }
        (
            Kind::Grace | Kind::RightLasts | Kind::RetentionMin | Kind::WindowAfter,
            Counted::LastDay(last),
        ) => case.today > last,
        _ => false,
    }
}

type Order<'p> = (Standing, bool, i64, bool, &'p str, u64);

fn order<'p>(prompt: &'p DutyPrompt<'_>) -> Order<'p> {
    let date = prompt.due.map(|due| due.date().to_days());
    (
        prompt.standing,
        date.is_none(),
        date.unwrap_or(0),
        !prompt.is_hard(),
        &prompt.rule.id,
        prompt.trigger_seq,
    )
}
