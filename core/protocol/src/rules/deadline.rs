//! Counting of procedural time limits.

use serde::{Deserialize, Serialize};

use super::calendar::{Calendar, NoWorkingDay, Unpublished};
use super::moment::{HOUR_MS, Moment};
use super::span::{DaySet, Span};
use super::{DateOutOfRange, plus_days, plus_months};
use crate::time::{Date, UtcMillis};

/// What a time limit means; decides how it is counted and what the answer is.
///
/// *Source*: the 22 kinds of the rule pack; how each is counted stands in the header of `vectors/deadline-vectors.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadlineKind {
    /// Must happen by n units after the trigger. The only kind whose end rolls to the next working day (CPL 85).
    WithinAfter,
    /// Must happen by n units before the trigger; a rest day moves it to an earlier working day.
    AtLeastBefore,
    /// May only happen inside the n units before the trigger.
    WindowBefore,
    /// Open for n units after the trigger.
    WindowAfter,
    /// May not happen until more than n units after the trigger.
    NotBefore,
    /// Must be done n units before the last day in force, which is the trigger.
    BeforeExpiry,
    /// In force for n units, the trigger day being the first.
    ValidityMax,
    /// Time for which a measure must still wait.
    Grace,
    /// Time for which a measure may be put off at most.
    GraceMax,
    /// Counts as done after n units have passed.
    DeemedAfter,
    /// Must last n hours.
    MinimumDuration,
    /// Must be kept n units.
    RetentionMin,
    /// Repeats every n units.
    Periodic,
    /// A right arises after more than n units.
    RightAccrues,
    /// A right lasts n units.
    RightLasts,
    /// The linked measure, whose last day is the trigger, must have n units left.
    MinRemaining,
    /// On the day of the trigger.
    SameTime,
    /// At once.
    Immediate,
    /// In time, without a number.
    Promptly,
    /// The number is in the order; then as [`DeadlineKind::WithinAfter`].
    AsStatedInOrder,
    /// The number is in the notice; then as [`DeadlineKind::WithinAfter`].
    AsStatedInNotice,
    /// No time element.
    None,
}

/// Unit of a time limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Exact elapsed time; never rolled or paused.
    Hour,
    /// Calendar days.
    Day,
    /// Working days only.
    WorkingDay,
    /// Same day number of another month, or its last day.
    Month,
    /// Twelve months.
    Year,
}

/// A time limit, as a rule states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Deadline {
    /// What it means.
    pub kind: DeadlineKind,
    /// How many units; none where the rule has no number, or the document has it and nobody has entered it.
    #[serde(default)]
    pub n: Option<u32>,
    /// Of which unit; none where there is no number.
    #[serde(default)]
    pub unit: Option<Unit>,
    /// For [`DeadlineKind::Periodic`]: which repetition, 1 being the first after the trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<u32>,
}

/// What counting gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Last day or instant on which the act is in time.
    Due(Moment),
    /// Last day on which the measure, right, window or duty still holds.
    LastDay(Date),
    /// First day or instant on which the act is allowed or the effect exists.
    Earliest(Moment),
    /// Last day on which to act, counted back from an anchor.
    ActBy(Date),
    /// An act that has both a first and a last day.
    Window {
        /// First day.
        earliest: Date,
        /// Last day on which to act.
        act_by: Date,
    },
    /// The rule gives no date.
    NoDate,
}

/// Why a time limit cannot be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeadlineError {
    /// A day decides whose kind nobody has published.
    #[error(transparent)]
    Unpublished(#[from] Unpublished),
    /// The answer is no date.
    #[error(transparent)]
    OutOfRange(#[from] DateOutOfRange),
    /// The rule needs a number and a unit.
    #[error(
        "this time limit has no length yet; enter the number and the unit that the document states"
    )]
    LengthMissing,
    /// A measure in force for no time, or a window of no days.
    #[error("this time limit needs a length of at least 1")]
    LengthZero,
    /// Nothing is laid down for this kind and unit.
    #[error("nothing lays down how {kind:?} is counted in units of {unit:?}; use another unit")]
    UnitNotDefined {
        /// The kind.
        kind: DeadlineKind,
        /// The unit.
        unit: Unit,
    },
    /// Hours run from an instant.
    #[error(
        "a time limit in hours runs from a time, not from a date; give the time of the trigger"
    )]
    TimeMissing,
    /// The fact does not say from which date to count.
    #[error("the fact lacks the date from which this is counted; record it again with that date")]
    AnchorMissing,
    /// A repetition without its number.
    #[error("a repeated time limit needs the number of the repetition, from 1")]
    OccurrenceMissing,
}

impl DeadlineError {
    /// Stable code, as in vectors.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unpublished(_) => "unpublished",
            Self::OutOfRange(_) => "out-of-range",
            Self::LengthMissing => "length-missing",
            Self::LengthZero => "length-zero",
            Self::UnitNotDefined { .. } => "unit-not-defined",
            Self::TimeMissing => "time-missing",
            Self::AnchorMissing => "anchor-missing",
            Self::OccurrenceMissing => "occurrence-missing",
        }
    }
}

impl From<NoWorkingDay> for DeadlineError {
    fn from(error: NoWorkingDay) -> Self {
        match error {
            NoWorkingDay::Unpublished(error) => error.into(),
            NoWorkingDay::OutOfRange(error) => error.into(),
        }
    }
}

impl Deadline {
    /// A time limit of `n` units.
    pub fn new(kind: DeadlineKind, n: u32, unit: Unit) -> Self {
        Self {
            kind,
            n: Some(n),
            unit: Some(unit),
            occurrence: None,
        }
    }

    /// Counts from `trigger` (for the kinds that look back, from the anchor event).
    ///
    /// `pauses` are the days that do not count; in any order, a shared day counts once. They lengthen only [`DeadlineKind::WithinAfter`],
    /// [`DeadlineKind::NotBefore`], [`DeadlineKind::RightAccrues`] and the two kinds stated in a document; a stay does not lengthen a freeze.
    /// `calendar` is asked only where the answer depends on it.
    ///
    /// *Errors*: [`DeadlineError`].
    /// *Source*: CPL 85; JI-CPL 125; Civil Code 201-203.
    pub fn count(
        &self,
        trigger: Moment,
        pauses: &[Span],
        calendar: &Calendar,
    ) -> Result<Counted, DeadlineError> {
        use DeadlineKind as Kind;
        let start = trigger.date();
        let run = Run {
            start,
            calendar,
            pauses: DaySet::default(),
        };
        let length = || self.length();
        Ok(match self.kind {
            Kind::WithinAfter | Kind::AsStatedInOrder | Kind::AsStatedInNotice => {
                match self.length()? {
                    (n, Unit::Hour) => Counted::Due(hours_after(trigger, n)?),
                    length => {
                        let end = run.paused_by(pauses).forward(length, self.kind)?;
                        Counted::Due(Moment::Day(calendar.working_day_from(end)?))
                    }
                }
            }
            Kind::NotBefore | Kind::RightAccrues => {
                let end = run.paused_by(pauses).forward(length()?, self.kind)?;
                Counted::Earliest(Moment::Day(plus_days(end, 1)?))
            }
            Kind::DeemedAfter => {
                let end = run.forward(length()?, self.kind)?;
                Counted::Earliest(Moment::Day(plus_days(end, 1)?))
            }
            Kind::ValidityMax => {
                let anniversary = run.forward(self.length_above_zero()?, self.kind)?;
                Counted::LastDay(plus_days(anniversary, -1)?)
            }
            Kind::WindowAfter
            | Kind::RightLasts
            | Kind::Grace
            | Kind::GraceMax
            | Kind::RetentionMin => Counted::LastDay(run.forward(length()?, self.kind)?),
            Kind::AtLeastBefore | Kind::MinRemaining | Kind::BeforeExpiry => {
                let day = run.backward(length()?, self.kind)?;
                Counted::ActBy(calendar.working_day_until(day)?)
            }
            Kind::WindowBefore => {
                let earliest = run.backward(self.length_above_zero()?, self.kind)?;
                let act_by = last_working_day_in(calendar, earliest, plus_days(start, -1)?)?;
                Counted::Window { earliest, act_by }
            }
            Kind::MinimumDuration => match length()? {
                (n, Unit::Hour) => Counted::Earliest(hours_after(trigger, n)?),
                (_, unit) => return Err(self.not_defined(unit)),
            },
            Kind::Periodic => {
                let occurrence = self
                    .occurrence
                    .filter(|occurrence| *occurrence > 0)
                    .ok_or(DeadlineError::OccurrenceMissing)?;
                let (n, unit) = length()?;
                let n = n.checked_mul(i64::from(occurrence)).ok_or(DateOutOfRange)?;
                Counted::Due(match unit {
                    Unit::Hour => hours_after(trigger, n)?,
                    _ => Moment::Day(run.forward((n, unit), self.kind)?),
                })
            }
            Kind::SameTime => Counted::Due(Moment::Day(start)),
            Kind::Immediate => Counted::Due(trigger),
            Kind::Promptly | Kind::None => Counted::NoDate,
        })
    }

    fn length(&self) -> Result<(i64, Unit), DeadlineError> {
        match (self.n, self.unit) {
            (Some(n), Some(unit)) => Ok((i64::from(n), unit)),
            _ => Err(DeadlineError::LengthMissing),
        }
    }

    fn length_above_zero(&self) -> Result<(i64, Unit), DeadlineError> {
        match self.length()? {
            (0, _) => Err(DeadlineError::LengthZero),
            length => Ok(length),
        }
    }

    fn not_defined(&self, unit: Unit) -> DeadlineError {
        DeadlineError::UnitNotDefined {
            kind: self.kind,
            unit,
        }
    }
}

/// One count from one day.
struct Run<'a> {
    start: Date,
    calendar: &'a Calendar,
    pauses: DaySet,
}

impl Run<'_> {
    fn paused_by(self, pauses: &[Span]) -> Self {
        Self {
            pauses: DaySet::new(pauses),
            ..self
        }
    }

    /// The day `n` units after the start, which is itself not counted; paused days are passed over.
    fn forward(&self, (n, unit): (i64, Unit), kind: DeadlineKind) -> Result<Date, DeadlineError> {
        let end = match unit {
            Unit::Hour => return Err(DeadlineError::UnitNotDefined { kind, unit }),
            Unit::WorkingDay => return self.working_days(n, 1),
            Unit::Day => plus_days(self.start, n)?,
            Unit::Month => plus_months(self.start, n)?,
            Unit::Year => plus_months(self.start, n.checked_mul(12).ok_or(DateOutOfRange)?)?,
        };
        Ok(plus_days(end, self.pauses.count_moving(self.start, end))?)
    }

    /// The day `n` units before the start, which is itself not counted.
    fn backward(&self, (n, unit): (i64, Unit), kind: DeadlineKind) -> Result<Date, DeadlineError> {
        let back = n.saturating_neg();
        Ok(match unit {
            Unit::Hour => return Err(DeadlineError::UnitNotDefined { kind, unit }),
            Unit::WorkingDay => self.working_days(n, -1)?,
            Unit::Day => plus_days(self.start, back)?,
            Unit::Month => plus_months(self.start, back)?,
            Unit::Year => plus_months(self.start, back.checked_mul(12).ok_or(DateOutOfRange)?)?,
        })
    }

    /// The `n`-th working day that is not paused, in steps of one day.
    fn working_days(&self, n: i64, step: i64) -> Result<Date, DeadlineError> {
        let mut day = self.start;
        let mut left = n;
        while left > 0 {
            day = plus_days(day, step)?;
            if !self.pauses.contains(day) && self.calendar.is_working_day(day)? {
                left = left.saturating_sub(1);
            }
        }
        Ok(day)
    }
}

fn hours_after(trigger: Moment, n: i64) -> Result<Moment, DeadlineError> {
    let Moment::Instant(at) = trigger else {
        return Err(DeadlineError::TimeMissing);
    };
    let end = n
        .checked_mul(HOUR_MS)
        .and_then(|ms| at.0.checked_add(ms))
        .map(UtcMillis)
        .ok_or(DateOutOfRange)?;
    // Dates stop at the end of the year 9999; an instant beyond has none.
    if end >= Date::from_days(i64::MAX).shanghai_start() {
        return Err(DateOutOfRange.into());
    }
    Ok(Moment::Instant(end))
}

/// The last working day of the window, or its last day if it has none.
fn last_working_day_in(
    calendar: &Calendar,
    first: Date,
    last: Date,
) -> Result<Date, DeadlineError> {
    let mut day = last;
    while day >= first {
        if calendar.is_working_day(day)? {
            return Ok(day);
        }
        day = plus_days(day, -1)?;
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Moment {
        text.parse().expect("the test wrote a valid date")
    }

    fn count(deadline: Deadline, trigger: &str) -> Result<Counted, DeadlineError> {
        deadline.count(day(trigger), &[], Calendar::bundled())
    }

    fn code(deadline: Deadline, trigger: &str) -> &'static str {
        count(deadline, trigger)
            .expect_err("cannot be counted")
            .code()
    }

    #[test]
    fn beyond_the_calendar_there_is_an_error_where_it_decides_and_an_answer_where_not() {
        let two_weeks = Deadline::new(DeadlineKind::WithinAfter, 14, Unit::Day);
        assert_eq!(code(two_weeks, "2026-12-20"), "unpublished");
        let two_days = Deadline::new(DeadlineKind::WithinAfter, 2, Unit::WorkingDay);
        assert_eq!(code(two_days, "2026-12-30"), "unpublished");
        let freeze = Deadline::new(DeadlineKind::ValidityMax, 3, Unit::Year);
        let last = "2029-12-19".parse().expect("a date");
        assert_eq!(count(freeze, "2026-12-20"), Ok(Counted::LastDay(last)));
    }

    #[test]
    fn a_window_asks_the_calendar_only_for_its_end() {
        let window = Deadline::new(DeadlineKind::WindowBefore, 5, Unit::Day);
        // 3 January 2019 closes on the 2nd, a working day; the window opens before the calendar does.
        assert_eq!(
            count(window, "2019-01-03"),
            Ok(Counted::Window {
                earliest: "2018-12-29".parse().expect("a date"),
                act_by: "2019-01-02".parse().expect("a date"),
            })
        );
        // The whole window up to New Year's Day 2019 would have to be searched, beyond the calendar.
        assert_eq!(code(window, "2019-01-02"), "unpublished");
    }

    #[test]
    fn what_the_rules_leave_open_is_an_error() {
        use DeadlineKind as Kind;
        let hours = |kind| Deadline::new(kind, 8, Unit::Hour);
        assert_eq!(code(hours(Kind::WithinAfter), "2020-03-10"), "time-missing");
        assert_eq!(
            code(hours(Kind::ValidityMax), "2020-03-10T10:00:00"),
            "unit-not-defined"
        );
        assert_eq!(
            code(hours(Kind::AtLeastBefore), "2020-03-10T10:00:00"),
            "unit-not-defined"
        );
        let days = |kind, n| Deadline::new(kind, n, Unit::Day);
        assert_eq!(
            code(days(Kind::MinimumDuration, 1), "2020-03-10"),
            "unit-not-defined"
        );
        assert_eq!(
            code(days(Kind::ValidityMax, 0), "2020-03-10"),
            "length-zero"
        );
        assert_eq!(
            code(days(Kind::WindowBefore, 0), "2020-03-10"),
            "length-zero"
        );
        assert_eq!(
            code(days(Kind::Periodic, 1), "2020-03-10"),
            "occurrence-missing"
        );
        let unstated = Deadline {
            n: None,
            unit: None,
            ..days(Kind::AsStatedInOrder, 0)
        };
        assert_eq!(code(unstated, "2020-03-10"), "length-missing");
        assert_eq!(
            code(
                Deadline::new(Kind::Grace, u32::MAX, Unit::Year),
                "2020-03-10"
            ),
            "out-of-range"
        );
        assert_eq!(
            code(hours(Kind::WithinAfter), "9999-12-31T20:00:00"),
            "out-of-range"
        );
    }

    #[test]
    fn a_number_stated_in_a_document_counts_as_within_after() {
        let stated = Deadline::new(DeadlineKind::AsStatedInNotice, 7, Unit::Day);
        assert_eq!(
            count(stated, "2020-04-24"),
            Ok(Counted::Due(day("2020-05-06")))
        );
    }

    #[test]
    fn rules_without_a_number_give_no_date() {
        for json in [
            r#"{"n":null,"unit":null,"kind":"promptly","calendar":null}"#,
            r#"{"kind":"none"}"#,
        ] {
            let deadline: Deadline = serde_json::from_str(json).expect("as in the rule pack");
            assert_eq!(count(deadline, "2030-01-01"), Ok(Counted::NoDate));
        }
    }

    fn any_unit() -> impl Strategy<Value = Unit> {
        prop_oneof![
            Just(Unit::Day),
            Just(Unit::WorkingDay),
            Just(Unit::Month),
            Just(Unit::Year)
        ]
    }

    /// Days that leave room in the bundled calendar for the lengths below.
    fn any_day() -> impl Strategy<Value = Date> {
        (0..900_i64).prop_map(|days| {
            "2021-06-01"
                .parse::<Date>()
                .expect("a valid date")
                .plus_days(days)
        })
    }

    fn due(n: u32, unit: Unit, start: Date, pauses: &[Span]) -> Date {
        match Deadline::new(DeadlineKind::WithinAfter, n, unit).count(
            Moment::Day(start),
            pauses,
            Calendar::bundled(),
        ) {
            Ok(Counted::Due(Moment::Day(due))) => due,
            other => panic!("within_after has a due day: {other:?}"),
        }
    }

    proptest! {
        #[test]
        fn a_longer_period_or_a_later_trigger_never_ends_earlier(
            start in any_day(), n in 0..2_u32, unit in any_unit(), later in 0..40_i64,
        ) {
            let end = due(n, unit, start, &[]);
            prop_assert!(end >= start);
            prop_assert!(due(n + 1, unit, start, &[]) >= end);
            prop_assert!(due(n, unit, start.plus_days(later), &[]) >= end);
            prop_assert_eq!(Calendar::bundled().is_working_day(end), Ok(true));
        }

        #[test]
        fn a_pause_never_shortens_and_days_outside_the_period_change_nothing(
            start in any_day(), n in 0..60_u32, from in -40..40_i64, length in 0..20_i64,
        ) {
            let pause = Span::new(start.plus_days(from), start.plus_days(from + length)).expect("in order");
            let (without, with) = (due(n, Unit::Day, start, &[]), due(n, Unit::Day, start, &[pause]));
            prop_assert!(with >= without);
            let counted_end = start.plus_days(i64::from(n));
            if pause.to() <= start || pause.from() > counted_end {
                prop_assert_eq!(with, without);
            }
        }

        #[test]
        fn acting_in_time_leaves_at_least_n_days(start in any_day(), n in 0..60_u32) {
            let counted = Deadline::new(DeadlineKind::AtLeastBefore, n, Unit::Day)
                .count(Moment::Day(start), &[], Calendar::bundled());
            let Ok(Counted::ActBy(act_by)) = counted else { panic!("act_by: {counted:?}") };
            prop_assert!(start.to_days() - act_by.to_days() >= i64::from(n));
            prop_assert_eq!(Calendar::bundled().is_working_day(act_by), Ok(true));
        }
    }
}
