//! Clocks that run during an act: eight or twenty-four hours of a compelled attendance, the days of a detention.

use serde::Serialize;

use super::book::{ActBook, TimerRule};
use super::standing::{Standing, instant_of};
use crate::rules::pack::Basis;
use crate::statement::NodeValue;
use crate::time::UtcMillis;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// One clock as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Timer {
    /// Code.
    pub timer: String,
    /// Its name.
    pub name_zh: String,
    /// When it began to run.
    pub begun_ms: UtcMillis,
    /// When it runs out.
    pub due_ms: UtcMillis,
    /// When it was stopped.
    pub stopped_ms: Option<UtcMillis>,
    /// What is left; below zero once it has run over.
    pub left_ms: i64,
    /// It is near its end and still runs.
    pub warns: bool,
    /// It has run over, stopped or not.
    pub over: bool,
    /// Running over breaks the law.
    pub hard: bool,
    /// What to do.
    pub do_zh: String,
    /// The law.
    pub basis: Vec<Basis>,
}

/// The clocks of an act that have begun to run, the one that runs out first at the top.
pub fn timers(standing: &Standing<'_>, now: UtcMillis) -> Vec<Timer> {
    let rules = ActBook::bundled().timers.iter();
    let mut timers: Vec<Timer> = rules
        .filter(|(_, rule)| Some(rule.kind) == standing.kind)
        .filter_map(|(code, rule)| timer(standing, code, rule, now))
        .collect();
    timers.sort_by_key(|timer| (timer.stopped_ms.is_some(), timer.due_ms));
    timers
}

/// Whether a clock of the act ran over; one that did not begin has not.
pub(super) fn is_over(standing: &Standing<'_>, code: &str, now: UtcMillis) -> bool {
    let rule = ActBook::bundled().timers.get(code);
    rule.and_then(|rule| timer(standing, code, rule, now))
        .is_some_and(|timer| timer.over)
}

fn timer(standing: &Standing<'_>, code: &str, rule: &TimerRule, now: UtcMillis) -> Option<Timer> {
    let begun = instant_of(standing.answered_at(&rule.from)?);
    let other = rule.or_until.as_deref();
    let stopped = standing
        .answered_at(&rule.until)
        .or_else(|| other.and_then(|field| standing.answered_at(field)))
        .map(instant_of);
    let longer = rule
        .longer
        .as_ref()
        .filter(|longer| standing.says_yes(&longer.field));
    let days = rule
        .days_field
        .as_deref()
        .and_then(|field| standing.answer(field));
    let hours = match (longer, days) {
        (Some(longer), _) => longer.limit_hours,
        (None, Some(NodeValue::Number(days))) if *days > 0 => {
            days.saturating_mul(24).min(rule.limit_hours)
        }
        _ => rule.limit_hours,
    };
    let due = begun.plus_ms(hours.saturating_mul(HOUR_MS));
    let measured = stopped.unwrap_or(now);
    let left_ms = due.0.saturating_sub(measured.0);
    Some(Timer {
        timer: code.to_owned(),
        name_zh: rule.name_zh.clone(),
        begun_ms: begun,
        due_ms: due,
        stopped_ms: stopped,
        left_ms,
        warns: stopped.is_none() && left_ms <= rule.warn_hours.saturating_mul(HOUR_MS),
        over: left_ms < 0,
        hard: rule.hard,
        do_zh: rule.do_zh.clone(),
        basis: rule.basis.clone(),
    })
}
