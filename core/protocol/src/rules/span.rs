//! Spans of days, such as a stay of enforcement, and sets of them in which a shared day counts once.

use serde::{Deserialize, Serialize};

use crate::time::Date;

/// Days from one date to another, both included. *Shape*: as JSON `["2020-04-01","2020-04-30"]`.
///
/// Valid: `["2020-04-01","2020-04-01"]` (one day). Invalid: `["2020-04-02","2020-04-01"]` (ends before it begins).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(Date, Date)", into = "(Date, Date)")]
pub struct Span {
    from: Date,
    to: Date,
}

/// A span that ends before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a span of days ends before it begins; give the first day, then the last, both included")]
pub struct SpanReversed;

impl Span {
    /// The days from `from` to `to`. *Errors*: [`SpanReversed`].
    pub fn new(from: Date, to: Date) -> Result<Self, SpanReversed> {
        if from > to {
            return Err(SpanReversed);
        }
        Ok(Self { from, to })
    }

    /// First day.
    pub fn from(self) -> Date {
        self.from
    }

    /// Last day.
    pub fn to(self) -> Date {
        self.to
    }
}

impl TryFrom<(Date, Date)> for Span {
    type Error = SpanReversed;
    fn try_from((from, to): (Date, Date)) -> Result<Self, Self::Error> {
        Self::new(from, to)
    }
}

impl From<Span> for (Date, Date) {
    fn from(span: Span) -> Self {
        (span.from, span.to)
    }
}

/// A set of days made of spans in any order, overlapping or not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DaySet {
    /// Days since 1970-01-01, both ends included; ascending, and no two share a day.
    runs: Vec<(i64, i64)>,
}

impl DaySet {
    /// The set of all days of `spans`.
    pub fn new(spans: &[Span]) -> Self {
        let mut ascending: Vec<(i64, i64)> = spans
            .iter()
            .map(|span| (span.from.to_days(), span.to.to_days()))
            .collect();
        ascending.sort_unstable();
        let mut runs: Vec<(i64, i64)> = Vec::with_capacity(ascending.len());
        for (from, to) in ascending {
            match runs.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => runs.push((from, to)),
            }
        }
        Self { runs }
    }

    /// Whether `date` is in the set.
    pub fn contains(&self, date: Date) -> bool {
        let day = date.to_days();
        let after = self.runs.partition_point(|run| run.0 <= day);
        after
            .checked_sub(1)
            .and_then(|index| self.runs.get(index))
            .is_some_and(|run| day <= run.1)
    }

    /// How many days of the set come later than `after` and not later than `through`.
    pub fn count(&self, after: Date, through: Date) -> i64 {
        let window = (after.to_days().saturating_add(1), through.to_days());
        self.runs.iter().fold(0_i64, |days, run| {
            days.saturating_add(length(run.0.max(window.0), run.1.min(window.1)))
        })
    }

    /// How many days of the set lie after `after` and not after an end that every such day moves one day further, the end being `end` at first.
    pub fn count_moving(&self, after: Date, end: Date) -> i64 {
        let first = after.to_days().saturating_add(1);
        let mut moved_by = 0_i64;
        for run in &self.runs {
            // A span that begins by the end is counted whole: while it lasts, each day of it moves the end one day on.
            if run.0.max(first) > end.to_days().saturating_add(moved_by) {
                break;
            }
            moved_by = moved_by.saturating_add(length(run.0.max(first), run.1));
        }
        moved_by
    }
}

/// Days from `from` to `to`, both included; 0 if there is none.
fn length(from: i64, to: i64) -> i64 {
    to.saturating_sub(from).saturating_add(1).max(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn date(day: i64) -> Date {
        Date::from_days(18_000 + day)
    }

    fn span((from, length): (i64, i64)) -> Span {
        Span::new(date(from), date(from + length)).expect("in order")
    }

    #[test]
    fn a_span_that_ends_before_it_begins_is_refused() {
        assert_eq!(Span::new(date(1), date(0)), Err(SpanReversed));
        assert!(serde_json::from_str::<Span>(r#"["2020-04-02","2020-04-01"]"#).is_err());
        let json = r#"["2020-04-01","2020-04-01"]"#;
        let one: Span = serde_json::from_str(json).expect("one day");
        assert_eq!(serde_json::to_string(&one).expect("JSON"), json);
    }

    proptest! {
        #[test]
        fn a_shared_day_counts_once(
            spans in proptest::collection::vec((0..60_i64, 0..20_i64), 0..6),
            after in 0..80_i64,
            length in 0..80_i64,
        ) {
            let spans: Vec<Span> = spans.into_iter().map(span).collect();
            let set = DaySet::new(&spans);
            let is_in = |day: Date| spans.iter().any(|span| span.from <= day && day <= span.to);
            for day in 0..90 {
                prop_assert_eq!(set.contains(date(day)), is_in(date(day)));
            }
            let counted = (after + 1..=after + length).filter(|day| is_in(date(*day))).count();
            prop_assert_eq!(usize::try_from(set.count(date(after), date(after + length))), Ok(counted));
        }

        /// The rule as the vectors word it: move the end by the days of the set up to it, until nothing changes.
        #[test]
        fn a_moving_end_comes_to_rest_where_repetition_does(
            spans in proptest::collection::vec((0..60_i64, 0..20_i64), 0..6),
            after in 0..40_i64,
            length in 0..40_i64,
        ) {
            let set = DaySet::new(&spans.into_iter().map(span).collect::<Vec<_>>());
            let (trigger, counted_end) = (date(after), date(after + length));
            let mut end = counted_end;
            loop {
                let next = counted_end.plus_days(set.count(trigger, end));
                if next == end {
                    break;
                }
                end = next;
            }
            prop_assert_eq!(counted_end.plus_days(set.count_moving(trigger, counted_end)), end);
        }
    }
}
