//! Where a period starts or ends: a calendar date, or an instant.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::{DAY_MS, Date, SHANGHAI_OFFSET_MS, UtcMillis};

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
/// Milliseconds in an hour.
pub(super) const HOUR_MS: i64 = 60 * MINUTE_MS;

/// A calendar date in Asia/Shanghai, or an instant.
///
/// *Shape*: `2020-03-10`, or ISO 8601 with seconds and milliseconds as needed. An instant is printed in Chinese time with its offset,
/// `2020-10-02T04:15:00+08:00`; read without an offset it is Chinese time.
///
/// Valid: `2021-03-09T16:30:00Z`, `2020-09-30T10:00`. Invalid: `2020-09-30 10:00` (a `T` stands between), `2020-09-30T24:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// A whole day.
    Day(Date),
    /// A point of time.
    Instant(UtcMillis),
}

/// A text that is neither a date nor a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a date such as 2020-03-10 or a time such as 2020-03-10T09:30:00+08:00")]
pub struct MomentError;

impl Moment {
    /// The calendar date in Asia/Shanghai.
    pub fn date(self) -> Date {
        match self {
            Self::Day(date) => date,
            Self::Instant(at) => at.shanghai_date(),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = match self {
            Self::Day(date) => return write!(f, "{date}"),
            Self::Instant(at) => *at,
        };
        let of_day = at.0.saturating_add(SHANGHAI_OFFSET_MS).rem_euclid(DAY_MS);
        let (hour, of_hour) = (of_day / HOUR_MS, of_day % HOUR_MS);
        let (minute, of_minute) = (of_hour / MINUTE_MS, of_hour % MINUTE_MS);
        let (second, ms) = (of_minute / SECOND_MS, of_minute % SECOND_MS);
        write!(
            f,
            "{}T{hour:02}:{minute:02}:{second:02}",
            at.shanghai_date()
        )?;
        if ms != 0 {
            write!(f, ".{ms:03}")?;
        }
        f.write_str("+08:00")
    }
}

impl FromStr for Moment {
    type Err = MomentError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((date, time)) = text.split_once('T') else {
            return text.parse().map(Self::Day).map_err(|_| MomentError);
        };
        let date: Date = date.parse().map_err(|_| MomentError)?;
        let (time, offset_ms) = split_offset(time)?;
        let of_day = read_time_of_day(time)?;
        date.to_days()
            .checked_mul(DAY_MS)
            .and_then(|ms| ms.checked_add(of_day))
            .and_then(|ms| ms.checked_sub(offset_ms))
            .map(|ms| Self::Instant(UtcMillis(ms)))
            .ok_or(MomentError)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The time of day and its distance from UTC in milliseconds.
fn split_offset(text: &str) -> Result<(&str, i64), MomentError> {
    if let Some(time) = text.strip_suffix('Z') {
        return Ok((time, 0));
    }
    let (time, offset, negative) = match (text.split_once('+'), text.split_once('-')) {
        (None, None) => return Ok((text, SHANGHAI_OFFSET_MS)),
        (Some((time, offset)), _) => (time, offset, false),
        (None, Some((time, offset))) => (time, offset, true),
    };
    let (hours, minutes) = offset.split_once(':').unwrap_or((offset, "00"));
    let ms = two_digits(hours, 23)?
        .saturating_mul(HOUR_MS)
        .saturating_add(two_digits(minutes, 59)?.saturating_mul(MINUTE_MS));
    Ok((time, if negative { ms.saturating_neg() } else { ms }))
}

fn read_time_of_day(text: &str) -> Result<i64, MomentError> {
    let (hour, rest) = text.split_once(':').ok_or(MomentError)?;
    let (minute, seconds) = rest.split_once(':').unwrap_or((rest, "00"));
    let (second, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    if fraction.is_empty() || fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return Err(MomentError);
    }
    let ms: i64 = format!("{fraction:0<3}").parse().map_err(|_| MomentError)?;
    Ok(two_digits(hour, 23)?
        .saturating_mul(HOUR_MS)
        .saturating_add(two_digits(minute, 59)?.saturating_mul(MINUTE_MS))
        .saturating_add(two_digits(second, 59)?.saturating_mul(SECOND_MS))
        .saturating_add(ms))
}

fn two_digits(text: &str, highest: i64) -> Result<i64, MomentError> {
    if text.len() != 2 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(MomentError);
    }
    text.parse()
        .ok()
        .filter(|value| *value <= highest)
        .ok_or(MomentError)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_instant_is_printed_in_chinese_time() {
        for (text, printed) in [
            ("2021-03-09T16:30:00Z", "2021-03-10T00:30:00+08:00"),
            ("2020-09-30T10:00", "2020-09-30T10:00:00+08:00"),
            ("2020-09-30T10:00:05.5", "2020-09-30T10:00:05.500+08:00"),
            ("2020-09-30T10:00:00-05:30", "2020-09-30T23:30:00+08:00"),
            ("2020-09-30T10:00:00+08", "2020-09-30T10:00:00+08:00"),
            ("2020-09-30", "2020-09-30"),
        ] {
            let moment: Moment = text.parse().expect("a valid time");
            assert_eq!(moment.to_string(), printed);
        }
    }

    #[test]
    fn times_that_do_not_exist_are_refused() {
        for text in [
            "",
            "2020-02-30",
            "2020-09-30 10:00:00",
            "2020-09-30T24:00:00",
            "2020-09-30T10:60:00",
            "2020-09-30T10:00:60",
            "2020-09-30T10",
            "2020-09-30T10:00:00.",
            "2020-09-30T10:00:00.1234",
            "2020-09-30T10:00:00+8:00",
            "2020-09-30T10:00:00ZZ",
            "2020-09-30T+1:00:00",
        ] {
            assert_eq!(text.parse::<Moment>(), Err(MomentError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back_the_same(ms in -50_000_000_000_000..200_000_000_000_000_i64) {
            let moment = Moment::Instant(UtcMillis(ms));
            prop_assert_eq!(moment.to_string().parse(), Ok(moment));
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "[0-9T:+.Z-]{0,30}|\\PC{0,30}") {
            let _outcome = text.parse::<Moment>();
        }
    }
}
