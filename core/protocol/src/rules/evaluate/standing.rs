//! How a prompt stands on a day, and in which order prompts come.

use super::case::Case;
use super::{DutyPrompt, Standing};
use crate::rules::deadline::{Counted, DeadlineKind};
use crate::rules::moment::Moment;
use crate::rules::pack::Rule;

/// Whether being after the date is being late.
pub(super) fn is_deadline(kind: DeadlineKind) -> bool {
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

/// The date by which a count is ordered.
pub(super) fn due_of(counted: Counted) -> Option<Moment> {
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

pub(super) fn standing(rule: &Rule, counted: Option<Counted>, case: &Case<'_>) -> Standing {
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
pub(super) fn passed(prompt: &DutyPrompt<'_>, case: &Case<'_>) -> bool {
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

pub(super) fn order<'p>(prompt: &'p DutyPrompt<'_>) -> Order<'p> {
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
