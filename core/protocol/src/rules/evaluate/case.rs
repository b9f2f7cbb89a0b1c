//! One case as rules look at it: its facts by code, and which of them bring a duty about, close it, or stand against it.

use std::collections::BTreeMap;

use crate::case::{CaseState, LegalFact};
use crate::rules::deadline::DeadlineKind;
use crate::rules::pack::{Condition, Per, Rule, Selector};
use crate::rules::span::Span;
use crate::statement::PartyRole;
use crate::time::{Date, UtcMillis};

type Index<'s> = BTreeMap<&'s str, Vec<&'s LegalFact>>;

/// A case at a time.
pub(super) struct Case<'s> {
    state: &'s CaseState,
    pub(super) index: Index<'s>,
    pub(super) pauses: Vec<Span>,
    pub(super) pause_runs: bool,
    pub(super) closed: Option<&'s LegalFact>,
    /// First and last day of its facts; none if it has none.
    pub(super) span: Option<(Date, Date)>,
    pub(super) now: UtcMillis,
    pub(super) today: Date,
}

impl<'s> Case<'s> {
    pub(super) fn new(state: &'s CaseState, now: UtcMillis) -> Self {
        let today = now.shanghai_date();
        let mut index: Index<'s> = BTreeMap::new();
        let mut span: Option<(Date, Date)> = None;
        for fact in state.facts().iter() {
            let day = fact.at.date();
            span = Some(span.map_or((day, day), |(first, last)| (first.min(day), last.max(day))));
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
            span,
            now,
            today,
        }
    }

    pub(super) fn all<'c>(
        &'c self,
        selectors: &'c [Selector],
    ) -> impl Iterator<Item = &'s LegalFact> + 'c {
        selectors.iter().flat_map(move |selector| {
            let facts = self.index.get(selector.code()).into_iter().flatten();
            facts.copied().filter(|fact| selector.fits_fields(fact))
        })
    }

    pub(super) fn first(
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
pub(super) fn triggers<'s>(rule: &Rule, case: &Case<'s>) -> Vec<&'s LegalFact> {
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
pub(super) fn closers<'s>(rule: &Rule, trigger: &LegalFact, case: &Case<'s>) -> Vec<&'s LegalFact> {
    let mut facts: Vec<&LegalFact> = closing(rule, trigger, case).collect();
    facts.sort_by_key(|fact| key(fact));
    facts.dedup_by_key(|fact| fact.seq);
    facts
}

/// The facts that close the duty of a trigger, in no order; one may come twice.
pub(super) fn closing<'c, 's>(
    rule: &'c Rule,
    trigger: &'c LegalFact,
    case: &'c Case<'s>,
) -> impl Iterator<Item = &'s LegalFact> + 'c {
    let day = trigger.at.date();
    let periodic = rule.deadline.kind == DeadlineKind::Periodic;
    case.all(&rule.closed_by)
        .filter(|fact| fact.seq != trigger.seq)
        .filter(move |fact| match rule.trigger.per {
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
}

/// The first repetition that nothing has met yet. What was done after one date and up to the next meets the next.
pub(super) fn next_occurrence(
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

pub(super) fn holds(condition: &Condition, trigger: &LegalFact, case: &Case<'_>) -> bool {
    let filed = case.state.filed();
    let bears = |word: &str| filed.is_some_and(|filed| filed.number.kind().word() == word);
    match condition {
        Condition::Money => filed.is_some_and(|filed| filed.amount_fen.is_some()),
        Condition::Type(word) => bears(word),
        Condition::NotType(word) => !bears(word),
        Condition::Respondent(kind) => case.state.parties().any(|party| {
            party.body.role == PartyRole::Respondent && party.body.person_kind == *kind
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
