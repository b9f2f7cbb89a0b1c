//! Rules of law as pure arithmetic: which days are working days, when a period ends, what a late debtor owes.
//!
//! Every convention is fixed by the files in `vectors/`; points that the texts leave open are marked there as a choice.

pub mod calendar;
pub mod checklist;
pub mod deadline;
pub mod delay_interest;
pub mod evaluate;
pub mod law;
pub mod moment;
pub mod norms;
pub mod pack;
pub mod span;
pub mod view;

use crate::time::Date;

/// A date outside the years 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the result lies outside the years 1 to 9999; check the dates and the length of the period"
)]
pub struct DateOutOfRange;

/// The date `days` later (earlier if negative), never silently held at the ends of the range.
fn plus_days(date: Date, days: i64) -> Result<Date, DateOutOfRange> {
    let wanted = date.to_days().checked_add(days).ok_or(DateOutOfRange)?;
    let reached = Date::from_days(wanted);
    if reached.to_days() == wanted {
        Ok(reached)
    } else {
        Err(DateOutOfRange)
    }
}

/// The date `months` later (earlier if negative): the same day number, or the last day of a month that has no such day.
///
/// *Source*: Civil Code, article 202.
fn plus_months(date: Date, months: i64) -> Result<Date, DateOutOfRange> {
    let month_count = i64::from(date.year())
        .checked_mul(12)
        .and_then(|count| count.checked_add(i64::from(date.month())))
        .and_then(|count| count.checked_sub(1))
        .and_then(|count| count.checked_add(months))
        .ok_or(DateOutOfRange)?;
    let year = i32::try_from(month_count.div_euclid(12)).map_err(|_| DateOutOfRange)?;
    let month =
        u8::try_from(month_count.rem_euclid(12).saturating_add(1)).map_err(|_| DateOutOfRange)?;
    let day = date.day().min(crate::time::days_in_month(year, month));
    Date::new(year, month, day).map_err(|_| DateOutOfRange)
}
