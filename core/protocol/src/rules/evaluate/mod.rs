//! What the law asks of a case now: facts and rules in, duty prompts (规范提示) out. Pure, so a phone without signal and the server give the same.

mod case;
mod standing;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use self::case::{Case, closers, closing, holds, next_occurrence, triggers};
use self::standing::{due_of, is_deadline, order, passed, standing};
use super::calendar::Calendar;
use super::deadline::{Counted, Deadline, DeadlineError, DeadlineKind};
use super::law::{Law, Period};
use super::moment::Moment;
use super::pack::{Condition, Rule, RulePack, Scope};
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
    /// Place of its period in the law: the law of the trigger's day.
    pub period: usize,
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

    /// Its rule has a reminder, and the reminder's day has come.
    pub fn reminds(&self) -> bool {
        self.rule.remind_days.is_some() && self.standing == Standing::Open
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
    /// Place of its period in the law.
    pub period: usize,
    /// One for each trigger that counts.
    pub verdicts: Vec<Verdict<'a>>,
}

/// What somebody wants to know of a trigger.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// The prompts alone.
    Prompts,
    /// Every verdict.
    Everything,
}

/// The rules of a period by the codes that bring them about.
struct Prepared<'a> {
    number: usize,
    /// Its days; none for all time.
    days: Option<&'a Period>,
    pack: &'a RulePack,
    /// Places of rules of cases by code.
    by_code: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Prepared<'a> {
    fn new(number: usize, days: Option<&'a Period>, pack: &'a RulePack) -> Self {
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
            number,
            days,
            pack,
            by_code,
        }
    }

    fn covers(&self, day: Date) -> bool {
        self.days.is_none_or(|days| days.covers(day))
    }

    /// Rules of cases that some fact of the case may bring about, in the order of the pack.
    fn rules(&self, case: &Case<'_>) -> impl Iterator<Item = &'a Rule> {
        let mut places: Vec<usize> = case
            .index
            .keys()
            .filter_map(|code| self.by_code.get(code))
            .flatten()
            .copied()
            .collect();
        places.sort_unstable();
        places.dedup();
        let rules: &'a [Rule] = &self.pack.rules;
        places.into_iter().filter_map(|place| rules.get(place))
    }
}

/// A law made ready for many cases. Each trigger is judged by the rules of its own day.
pub struct Evaluator<'a> {
    calendar: &'a Calendar,
    /// The calendar with a guess for years that nobody has published.
    guessing: Calendar,
    periods: Vec<Prepared<'a>>,
}

impl<'a> Evaluator<'a> {
    /// Makes one pack ready, for all time.
    pub fn new(pack: &'a RulePack, calendar: &'a Calendar) -> Self {
        Self {
            calendar,
            guessing: calendar.guessing(),
            periods: vec![Prepared::new(0, None, pack)],
        }
    }

    /// Makes a law ready.
    pub fn of(law: &'a Law) -> Self {
        let periods = law.periods().iter().enumerate();
        Self {
            calendar: law.calendar(),
            guessing: law.calendar().guessing(),
            periods: periods
                .map(|(number, period)| Prepared::new(number, Some(period), &period.pack))
                .collect(),
        }
    }

    /// All prompts of a case, what is due first at the top: by standing, then date, hard before soft, then rule.
    pub fn evaluate(&self, state: &CaseState, now: UtcMillis) -> Vec<DutyPrompt<'a>> {
        let case = Case::new(state, now);
        let mut prompts: Vec<DutyPrompt<'a>> = Vec::new();
        for period in self.touched(&case) {
            for rule in period.rules(&case) {
                for trigger in triggers(rule, &case) {
                    if !period.covers(trigger.at.date()) {
                        continue;
                    }
                    let verdict = self.judge_trigger(period, rule, trigger, &case, Wanted::Prompts);
                    if let Some(Verdict::Prompts(prompt)) = verdict {
                        prompts.push(*prompt);
                    }
                }
            }
        }
        prompts.sort_by(|one, other| order(one).cmp(&order(other)));
        prompts
    }

    /// Why each rule does or does not prompt, court rules left out: the rules of today, and those of another time that a trigger of that time met.
    pub fn explain(&self, state: &CaseState, now: UtcMillis) -> Vec<Explanation<'a>> {
        let case = Case::new(state, now);
        let mut met: Vec<Explanation<'a>> = Vec::new();
        let mut not_met: Vec<Explanation<'a>> = Vec::new();
        for period in &self.periods {
            let rules = period.pack.rules.iter();
            for rule in rules.filter(|rule| rule.scope == Scope::Case) {
                let explanation = Explanation {
                    rule,
                    period: period.number,
                    verdicts: self.judge(period, rule, &case),
                };
                if !explanation.verdicts.is_empty() {
                    met.push(explanation);
                } else if period.covers(case.today) {
                    not_met.push(explanation);
                }
            }
        }
        let known: BTreeSet<&str> = met.iter().map(|met| met.rule.id.as_str()).collect();
        not_met.retain(|explanation| !known.contains(explanation.rule.id.as_str()));
        met.extend(not_met);
        met.sort_by(|one, other| one.rule.id.cmp(&other.rule.id));
        met
    }

    /// The verdicts of one rule of any scope, as if it had always been in force.
    pub fn explain_rule(
        &self,
        rule: &'a Rule,
        state: &CaseState,
        now: UtcMillis,
    ) -> Vec<Verdict<'a>> {
        let case = Case::new(state, now);
        let Some(period) = self.periods.last() else {
            return Vec::new();
        };
        let triggers = triggers(rule, &case).into_iter();
        triggers
            .filter_map(|trigger| {
                self.judge_trigger(period, rule, trigger, &case, Wanted::Everything)
            })
            .collect()
    }

    /// Periods in which something of the case happened.
    fn touched<'s>(&'s self, case: &Case<'_>) -> impl Iterator<Item = &'s Prepared<'a>> {
        let span = case.span;
        self.periods.iter().filter(move |period| {
            let missed = |(first, last)| period.days.is_some_and(|days| days.misses(first, last));
            span.is_some_and(|span| !missed(span))
        })
    }

    fn judge(&self, period: &Prepared<'a>, rule: &'a Rule, case: &Case<'_>) -> Vec<Verdict<'a>> {
        let triggers = triggers(rule, case).into_iter();
        triggers
            .filter(|trigger| period.covers(trigger.at.date()))
            .filter_map(|trigger| {
                self.judge_trigger(period, rule, trigger, case, Wanted::Everything)
            })
            .collect()
    }

    /// What became of a trigger; none only where a prompt is wanted and there is none.
    fn judge_trigger(
        &self,
        period: &Prepared<'a>,
        rule: &'a Rule,
        trigger: &LegalFact,
        case: &Case<'_>,
        wanted: Wanted,
    ) -> Option<Verdict<'a>> {
        let trigger_seq = trigger.seq;
        let day = trigger.at.date();
        let too_old = rule.valid_from.is_some_and(|from| day < from);
        let too_new = rule.valid_to.is_some_and(|to| day > to);
        if too_old || too_new {
            return Some(Verdict::NotInForce { trigger_seq });
        }
        let conditions = rule.trigger.conditions.iter();
        for condition in conditions {
            if !holds(condition, trigger, case) {
                return Some(Verdict::ConditionFails {
                    trigger_seq,
                    condition,
                });
            }
        }
        let is_periodic = rule.deadline.kind == DeadlineKind::Periodic;
        let only_prompts = wanted == Wanted::Prompts && !is_periodic;
        if only_prompts && closing(rule, trigger, case).next().is_some() {
            return None; // only an explanation says whether it was closed in time
        }
        let closers = match only_prompts {
            true => Vec::new(),
            false => closers(rule, trigger, case),
        };
        let prompt = self.count(period, rule, trigger, &closers, case);
        if !is_periodic {
            if let Some(by) = closers.first() {
                let late = prompt.due.is_some_and(|due| {
                    is_deadline(rule.deadline.kind) && by.at.date() > due.date()
                });
                return Some(Verdict::Closed {
                    trigger_seq,
                    by_seq: by.seq,
                    late,
                });
            }
        } else if prompt.occurrence.is_none() {
            let by_seq = closers.last().map_or(trigger_seq, |by| by.seq);
            return Some(Verdict::Closed {
                trigger_seq,
                by_seq,
                late: false,
            });
        }
        let ended = case
            .first(&rule.ended_by, |fact| fact.at.date() >= day)
            .or(case.closed.filter(|_| !rule.survives_closing));
        if let Some(by) = ended {
            return Some(Verdict::Ended {
                trigger_seq,
                by_seq: by.seq,
            });
        }
        Some(if passed(&prompt, case) {
            Verdict::Passed(Box::new(prompt))
        } else {
            Verdict::Prompts(Box::new(prompt))
        })
    }

    fn count(
        &self,
        period: &Prepared<'a>,
        rule: &'a Rule,
        trigger: &LegalFact,
        closers: &[&LegalFact],
        case: &Case<'_>,
    ) -> DutyPrompt<'a> {
        let anchor = rule.trigger.anchor.as_deref();
        let counted_from = anchor
            .and_then(|field| trigger.date(field))
            .map_or(trigger.at, Moment::Day);
        let (mut deadline, soft_limit) = length(period.pack, rule, trigger);
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
        let anchor_missing = anchor.is_some_and(|field| trigger.date(field).is_none());
        let counted = if anchor_missing {
            Err(DeadlineError::AnchorMissing)
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
            period: period.number,
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
}

/// The limit of a trigger, and whether it is the court's own soft one.
fn length(pack: &RulePack, rule: &Rule, trigger: &LegalFact) -> (Deadline, bool) {
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
        deadline.n = deadline.n.or(Some(pack.promptly.n));
        deadline.unit = deadline.unit.or(Some(pack.promptly.unit));
    }
    (deadline, soft_limit)
}
