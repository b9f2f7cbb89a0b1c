//! Times: integer milliseconds UTC for machines, calendar dates in Asia/Shanghai for law.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds in a day.
pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// China has had one offset and no summer time since 1991: UTC+8.
pub const SHANGHAI_OFFSET_MS: i64 = 8 * 60 * 60 * 1000;

/// A point of time. *Units*: milliseconds since 1970-01-01T00:00:00Z; may be negative.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UtcMillis(pub i64);

impl UtcMillis {
    /// The calendar date in Asia/Shanghai at this moment, on which law counts.
    pub fn shanghai_date(self) -> Date {
        Date::from_days(self.0.saturating_add(SHANGHAI_OFFSET_MS).div_euclid(DAY_MS))
    }

    /// This moment moved by `ms`, stopping at the ends of the range instead of wrapping.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

/// A calendar date of the proleptic Gregorian calendar, years 1 to 9999; written `2020-03-10`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: i32,
    month: u8,
    day: u8,
}

/// A text or triple that is no calendar date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a calendar date such as 2020-03-10")]
pub struct DateError;

/// Number of days of a month; 0 for a month that does not exist.
pub const fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 0,
    }
}

impl Date {
    /// A date from its parts. *Errors*: [`DateError`] if there is no such day.
    pub const fn new(year: i32, month: u8, day: u8) -> Result<Self, DateError> {
        if year < 1 || year > 9999 || day < 1 || day > days_in_month(year, month) {
            return Err(DateError);
        }
        Ok(Self { year, month, day })
    }

    /// Year, 1 to 9999.
    pub const fn year(self) -> i32 {
        self.year
    }

    /// Month, 1 to 12.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// Day of the month, 1 to 31.
    pub const fn day(self) -> u8 {
        self.day
    }

    /// Days since 1970-01-01; the inverse of [`Date::from_days`].
    ///
    /// *Source*: counting in 400-year eras from 1 March, as in H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    #[allow(clippy::arithmetic_side_effects)] // years 1..=9999 keep every term below 2^32
    pub fn to_days(self) -> i64 {
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month_from_march = (i64::from(self.month) + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    /// The date so many days after 1970-01-01, held inside years 1 to 9999.
    #[allow(clippy::arithmetic_side_effects)] // the clamp keeps every term below 2^32
    pub fn from_days(days: i64) -> Self {
        /// 0001-01-01 and 9999-12-31 in days since 1970-01-01.
        const RANGE: (i64, i64) = (-719_162, 2_932_896);
        let shifted = days.clamp(RANGE.0, RANGE.1) + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self {
            year: i32::try_from(year).unwrap_or(9999),
            month: u8::try_from(month).unwrap_or(12),
            day: u8::try_from(day).unwrap_or(31),
        }
    }

    /// The date `days` later (earlier if negative).
    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        Self::from_days(self.to_days().saturating_add(days))
    }

    /// Noon of this date in Asia/Shanghai: the time that stands for the day where a person gives a day alone.
    pub fn shanghai_noon(self) -> UtcMillis {
        self.shanghai_start().plus_ms(DAY_MS / 2)
    }

    /// The first moment of this date in Asia/Shanghai.
    pub fn shanghai_start(self) -> UtcMillis {
        UtcMillis(
            self.to_days()
                .saturating_mul(DAY_MS)
                .saturating_sub(SHANGHAI_OFFSET_MS),
        )
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Date({self})")
    }
}

impl FromStr for Date {
    type Err = DateError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '-');
        let mut next = |length: usize| -> Result<i32, DateError> {
            let part = parts.next().ok_or(DateError)?;
            if part.len() != length || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(DateError);
            }
            part.parse().map_err(|_| DateError)
        };
        let (year, month, day) = (next(4)?, next(2)?, next(2)?);
        Self::new(
            year,
            u8::try_from(month).map_err(|_| DateError)?,
            u8::try_from(day).map_err(|_| DateError)?,
        )
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().expect("the test wrote a valid date")
    }

    #[test]
    fn every_day_of_eight_centuries_counts_one_further() {
        let mut day = date("1600-01-01");
        let end = date("2400-12-31");
        let mut count = day.to_days();
        while day < end {
            let next = day.plus_days(1);
            count += 1;
            assert_eq!(next.to_days(), count);
            assert!(next > day);
            assert_eq!(date(&next.to_string()), next);
            day = next;
        }
    }

    #[test]
    fn a_case_changes_its_date_at_midnight_in_shanghai() {
        let midnight = date("2020-03-10").shanghai_start();
        assert_eq!(midnight.shanghai_date(), date("2020-03-10"));
        assert_eq!(midnight.plus_ms(-1).shanghai_date(), date("2020-03-09"));
        assert_eq!(UtcMillis(0).shanghai_date(), date("1970-01-01"));
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in [
            "2021-02-29",
            "2020-13-01",
            "2020-1-01",
            "2020-01-01x",
            "+020-01-01",
            "",
        ] {
            assert_eq!(text.parse::<Date>(), Err(DateError), "{text}");
        }
    }

    #[test]
    fn any_millisecond_has_a_date() {
        assert_eq!(
            UtcMillis(i64::MIN).shanghai_date().to_string(),
            "0001-01-01"
        );
        assert_eq!(
            UtcMillis(i64::MAX).shanghai_date().to_string(),
            "9999-12-31"
        );
    }
}
