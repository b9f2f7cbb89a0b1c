//! Working days and rest days, from the yearly notices of the State Council.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::{DateOutOfRange, plus_days};
use crate::time::Date;

/// The holiday calendar that this version carries, as JSON.
pub const BUNDLED: &str = include_str!("../../vectors/holidays-cn.json");

static BUNDLED_CALENDAR: LazyLock<Calendar> = LazyLock::new(|| {
    Calendar::from_json(BUNDLED)
        .expect("the bundled file is part of this crate and read by its tests")
});

/// Which days are working days. A day outside the published years is neither.
///
/// *Shape*: JSON with `coverage {from, to, complete_years}` and `years`, a map from year to `{complete, rest, work}`: dates of that year
/// that are rest days, and Saturdays or Sundays that are working days.
///
/// *Source*: CPL 85 leaves rest days to the State Council, whose notices the file lists under `papers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    from: Date,
    to: Date,
    years: BTreeSet<i32>,
    /// Days that differ from their weekday or are listed all the same; true for a working day.
    listed: BTreeMap<Date, bool>,
    /// Days that nobody has published go by their weekday.
    guesses: bool,
}

/// Nobody has published whether a day is a working day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "whether {date} is a working day is not in this holiday calendar ({from} to {to}); load the calendar of that year"
)]
pub struct Unpublished {
    /// The day asked for.
    pub date: Date,
    /// First day of the calendar.
    pub from: Date,
    /// Last day of the calendar.
    pub to: Date,
}

/// Why a holiday calendar cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalendarError {
    /// No JSON, or not of this shape.
    #[error("the holiday calendar is not readable: {0}")]
    Shape(#[from] serde_json::Error),
    /// Its coverage ends before it begins.
    #[error("the holiday calendar ends on {to}, before it begins on {from}")]
    Coverage {
        /// First day.
        from: Date,
        /// Last day.
        to: Date,
    },
    /// A year is called complete and not given, or marked incomplete.
    #[error(
        "the holiday calendar calls {0} complete, but its days are missing or marked incomplete"
    )]
    YearMissing(i32),
    /// A date stands under another year.
    #[error("the holiday calendar lists {date} under the year {year}; file it under its own year")]
    WrongYear {
        /// The date.
        date: Date,
        /// The year it stands under.
        year: i32,
    },
    /// A day is both.
    #[error("the holiday calendar lists {0} both as a rest day and as a working day")]
    Both(Date),
    /// No year has no holiday at all.
    #[error("the holidays of {0} name no rest day; copy them from the State Council's notice")]
    NoRestDay(i32),
}

/// Why no working day could be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoWorkingDay {
    /// The search left the published years.
    #[error(transparent)]
    Unpublished(#[from] Unpublished),
    /// The search left the years that dates have.
    #[error(transparent)]
    OutOfRange(#[from] DateOutOfRange),
}

#[derive(Deserialize)]
struct CalendarFile {
    coverage: Coverage,
    years: BTreeMap<String, Year>,
}

#[derive(Deserialize)]
struct Coverage {
    from: Date,
    to: Date,
    complete_years: Vec<i32>,
}

#[derive(Deserialize)]
struct Year {
    complete: bool,
    rest: Vec<Date>,
    work: Vec<Date>,
}

/// The State Council's notice for one year.
///
/// Valid: dates of the year, and of the December before, whose last days a notice may move. Invalid: a date of any other month, one that is in both
/// lists, no rest day at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HolidayYear {
    /// Where the notice is.
    #[serde(default)]
    pub papers: Vec<String>,
    /// Rest days.
    pub rest: Vec<Date>,
    /// Saturdays and Sundays that are working days.
    pub work: Vec<Date>,
    /// The year.
    pub year: i32,
}

impl HolidayYear {
    /// Reads and checks a notice. *Errors*: [`CalendarError`].
    pub fn from_json(text: &str) -> Result<Self, CalendarError> {
        let year: Self = serde_json::from_str(text)?;
        year.check()?;
        Ok(year)
    }

    /// Looks for contradictions. *Errors*: [`CalendarError`].
    pub fn check(&self) -> Result<(), CalendarError> {
        let year = self.year;
        if let Some(both) = self.rest.iter().find(|date| self.work.contains(date)) {
            return Err(CalendarError::Both(*both));
        }
        if self.rest.is_empty() {
            return Err(CalendarError::NoRestDay(year));
        }
        let belongs = |date: &Date| {
            date.year() == year || (date.year().saturating_add(1), date.month()) == (year, 12)
        };
        let mut all = self.rest.iter().chain(&self.work);
        match all.find(|date| !belongs(date)) {
            Some(&date) => Err(CalendarError::WrongYear { date, year }),
            None => Ok(()),
        }
    }
}

impl Calendar {
    /// The calendar that this version carries.
    pub fn bundled() -> &'static Self {
        &BUNDLED_CALENDAR
    }

    /// Reads a calendar. *Errors*: [`CalendarError`] for another shape or a contradiction in the data.
    pub fn from_json(text: &str) -> Result<Self, CalendarError> {
        Self::check(serde_json::from_str(text)?)
    }

    /// Reads a calendar that is part of a larger document. *Errors*: as [`Calendar::from_json`].
    pub fn from_value(value: &serde_json::Value) -> Result<Self, CalendarError> {
        Self::check(CalendarFile::deserialize(value)?)
    }

    fn check(file: CalendarFile) -> Result<Self, CalendarError> {
        let Coverage {
            from,
            to,
            complete_years,
        } = file.coverage;
        if from > to {
            return Err(CalendarError::Coverage { from, to });
        }
        let mut listed = BTreeMap::new();
        for &year in &complete_years {
            let days = file
                .years
                .get(&year.to_string())
                .filter(|days| days.complete)
                .ok_or(CalendarError::YearMissing(year))?;
            let rest = days.rest.iter().map(|date| (*date, false));
            let work = days.work.iter().map(|date| (*date, true));
            for (date, is_working) in rest.chain(work) {
                if date.year() != year {
                    return Err(CalendarError::WrongYear { date, year });
                }
                if listed.insert(date, is_working) == Some(!is_working) {
                    return Err(CalendarError::Both(date));
                }
            }
        }
        Ok(Self {
            from,
            to,
            years: complete_years.into_iter().collect(),
            listed,
            guesses: false,
        })
    }

    /// This calendar with a published year in the place of what it said of that year.
    #[must_use]
    pub fn with_year(&self, published: &HolidayYear) -> Self {
        let year = published.year;
        let mut calendar = self.clone();
        calendar.listed.retain(|date, _| date.year() != year);
        let rest = published.rest.iter().map(|date| (*date, false));
        let work = published.work.iter().map(|date| (*date, true));
        calendar.listed.extend(rest.chain(work));
        calendar.years.insert(year);
        let ends = (Date::new(year, 1, 1), Date::new(year, 12, 31));
        if let (Ok(first), Ok(last)) = ends {
            calendar.from = calendar.from.min(first);
            calendar.to = calendar.to.max(last);
        }
        calendar
    }

    /// This calendar with a guess for unpublished days: Monday to Friday are working days. What it gives there is provisional and must be shown so.
    #[must_use]
    pub fn guessing(&self) -> Self {
        Self {
            guesses: true,
            ..self.clone()
        }
    }

    /// Whether `date` is a working day. *Errors*: [`Unpublished`] outside the complete years of the calendar; never a guess.
    pub fn is_working_day(&self, date: Date) -> Result<bool, Unpublished> {
        let covered = self.from <= date && date <= self.to && self.years.contains(&date.year());
        if !covered && self.guesses {
            return Ok(!is_weekend(date));
        }
        if !covered {
            return Err(Unpublished {
                date,
                from: self.from,
                to: self.to,
            });
        }
        Ok(match self.listed.get(&date) {
            Some(is_working) => *is_working,
            None => !is_weekend(date),
        })
    }

    /// `date` if it is a working day, else the next one. *Errors*: [`NoWorkingDay`].
    pub fn working_day_from(&self, date: Date) -> Result<Date, NoWorkingDay> {
        self.search(date, 1)
    }

    /// `date` if it is a working day, else the last one before it. *Errors*: [`NoWorkingDay`].
    pub fn working_day_until(&self, date: Date) -> Result<Date, NoWorkingDay> {
        self.search(date, -1)
    }

    fn search(&self, mut date: Date, step: i64) -> Result<Date, NoWorkingDay> {
        while !self.is_working_day(date)? {
            date = plus_days(date, step)?;
        }
        Ok(date)
    }
}

fn is_weekend(date: Date) -> bool {
    // 1970-01-01 was a Thursday, so Saturday leaves 2 and Sunday 3.
    matches!(date.to_days().rem_euclid(7), 2 | 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().expect("the test wrote a valid date")
    }

    fn changed(from: &str, to: &str) -> Result<Calendar, CalendarError> {
        assert_eq!(BUNDLED.matches(from).count(), 1, "{from}");
        Calendar::from_json(&BUNDLED.replace(from, to))
    }

    #[test]
    fn listed_days_go_before_weekdays() {
        let calendar = Calendar::bundled();
        for (day, working) in [
            ("2020-04-24", true),  // Friday
            ("2020-04-25", false), // Saturday
            ("2020-04-26", true),  // Sunday, make-up working day
            ("2020-05-01", false), // Friday, Labour Day
            ("2019-01-01", false),
            ("2026-12-31", true), // the last day covered, a Thursday
        ] {
            assert_eq!(calendar.is_working_day(date(day)), Ok(working), "{day}");
        }
        assert_eq!(
            calendar.working_day_from(date("2020-05-01")),
            Ok(date("2020-05-06"))
        );
        assert_eq!(
            calendar.working_day_until(date("2020-05-05")),
            Ok(date("2020-04-30"))
        );
    }

    #[test]
    fn outside_the_published_years_there_is_no_answer() {
        let calendar = Calendar::bundled();
        for day in ["2018-12-31", "2027-01-01", "2027-01-02"] {
            let day = date(day);
            let answer = calendar.is_working_day(day);
            assert_eq!(answer.map_err(|unpublished| unpublished.date), Err(day));
        }
    }

    #[test]
    fn a_year_that_is_not_complete_has_no_answers() {
        let calendar = changed("2021, 2022,", "2022,").expect("2021 is not called complete");
        assert!(calendar.is_working_day(date("2021-06-01")).is_err());
        assert_eq!(calendar.is_working_day(date("2022-06-01")), Ok(true));
    }

    #[test]
    fn days_of_a_complete_year_outside_the_coverage_have_no_answers() {
        let coverage = |from: &str, to: &str| format!("\"from\": \"{from}\",\n  \"to\": \"{to}\"");
        let calendar = changed(
            &coverage("2019-01-01", "2026-12-31"),
            &coverage("2019-01-10", "2026-12-20"),
        )
        .expect("a shorter coverage");
        assert!(calendar.is_working_day(date("2019-01-09")).is_err());
        assert_eq!(calendar.is_working_day(date("2019-01-10")), Ok(true));
        assert_eq!(calendar.is_working_day(date("2026-12-20")), Ok(false));
        assert!(calendar.is_working_day(date("2026-12-21")).is_err());
    }

    #[test]
    fn contradictions_are_refused() {
        assert!(matches!(
            changed(
                "\"work\": [\"2019-02-02\"",
                "\"work\": [\"2019-01-01\", \"2019-02-02\""
            ),
            Err(CalendarError::Both(_))
        ));
        assert!(matches!(
            changed(
                "\"work\": [\"2019-02-02\"",
                "\"work\": [\"2018-12-29\", \"2019-02-02\""
            ),
            Err(CalendarError::WrongYear { year: 2019, .. })
        ));
        assert!(matches!(
            changed("2025, 2026 ]", "2025, 2026, 2027 ]"),
            Err(CalendarError::YearMissing(2027))
        ));
        assert!(matches!(
            changed("\"to\": \"2026-12-31\"", "\"to\": \"2018-12-31\""),
            Err(CalendarError::Coverage { .. })
        ));
        assert!(matches!(
            Calendar::from_json("{}"),
            Err(CalendarError::Shape(_))
        ));
    }
}
