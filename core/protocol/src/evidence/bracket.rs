//! When a statement can have been made: never one true time, but a bracket, an estimate and a claim.
//!
//! *Not before*: the newest trusted time over a checkpoint no larger than the one the signer had seen.
//! *Not after*: the first trusted time over a checkpoint that includes the statement.
//! Neither depends on the device's clock (I10); contradictions are flagged and nothing is refused.

use serde::{Deserialize, Serialize};

use crate::statement::ClockReading;
use crate::time::UtcMillis;

/// A wall clock this far from the estimate is flagged: 2 minutes.
pub const SKEW_FLAG_MS: i64 = 2 * 60 * 1000;

/// Who vouches for a trusted time. The weaker source of a bracket's two ends is that of the bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeSource {
    /// The court's own clock key.
    Court,
    /// An outside time-stamping authority (RFC 3161).
    Tsa,
}

/// A trusted time over a checkpoint of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustedTime {
    /// Size of the log that the time covers.
    pub size: u64,
    /// The time.
    pub at_ms: UtcMillis,
    /// Who vouches for it.
    pub source: TimeSource,
}

/// A contradiction between clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BracketFlag {
    /// The wall clock differs from the estimate by more than [`SKEW_FLAG_MS`].
    ClockSkew,
    /// The estimate lies outside the bracket.
    EstimateOutside,
    /// The claimed wall time lies outside the bracket.
    WallOutside,
}

/// What is known of the time of one statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeBracket {
    /// It was made after this.
    pub not_before_ms: Option<UtcMillis>,
    /// It was made before this.
    pub not_after_ms: Option<UtcMillis>,
    /// Best estimate: anchor and monotonic difference of the same boot.
    pub estimate_ms: Option<UtcMillis>,
    /// What the wall clock claimed.
    pub wall_ms: UtcMillis,
    /// The weaker of the sources; none without any end.
    pub source: Option<TimeSource>,
    /// Contradictions, in order.
    pub flags: Vec<BracketFlag>,
}

impl TimeBracket {
    /// Distance of the two ends, if both are known.
    pub fn width_ms(&self) -> Option<i64> {
        self.not_after_ms?.0.checked_sub(self.not_before_ms?.0)
    }
}

/// Derives the bracket of a statement.
///
/// `seen_size` is the size of the checkpoint in the statement's `seen`, once that root was found to be the log's own;
/// `leaf_index` its place in the log, once it has one; `times` are trusted times in any order.
pub fn derive_bracket(
    clock: &ClockReading,
    seen_size: Option<u64>,
    leaf_index: Option<u64>,
    times: &[TrustedTime],
) -> TimeBracket {
    let before = seen_size.and_then(|seen| {
        times
            .iter()
            .filter(|time| time.size <= seen)
            .max_by_key(|time| time.at_ms)
    });
    let after = leaf_index.and_then(|index| {
        times
            .iter()
            .filter(|time| time.size > index)
            .min_by_key(|time| time.at_ms)
    });
    let estimate = clock.estimate();
    let outside = |moment: UtcMillis| {
        before.is_some_and(|time| moment < time.at_ms)
            || after.is_some_and(|time| moment > time.at_ms)
    };
    let mut flags = Vec::new();
    if estimate
        .is_some_and(|moment| moment.0.abs_diff(clock.wall_ms.0) > SKEW_FLAG_MS.unsigned_abs())
    {
        flags.push(BracketFlag::ClockSkew);
    }
    if estimate.is_some_and(outside) {
        flags.push(BracketFlag::EstimateOutside);
    }
    if outside(clock.wall_ms) {
        flags.push(BracketFlag::WallOutside);
    }
    TimeBracket {
        not_before_ms: before.map(|time| time.at_ms),
        not_after_ms: after.map(|time| time.at_ms),
        estimate_ms: estimate,
        wall_ms: clock.wall_ms,
        source: [before, after]
            .into_iter()
            .flatten()
            .map(|time| time.source)
            .min(),
        flags,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Sha256Digest;
    use crate::statement::AnchorReading;

    fn clock(wall: i64, anchor: Option<(i64, i64)>) -> ClockReading {
        ClockReading {
            anchor: anchor.map(|(elapsed_ms, server)| AnchorReading {
                elapsed_ms,
                server_ms: UtcMillis(server),
                sha256: Sha256Digest([0; 32]),
            }),
            boot: "b".into(),
            elapsed_ms: 5_000,
            gnss_ms: None,
            wall_ms: UtcMillis(wall),
        }
    }

    fn time(size: u64, at: i64) -> TrustedTime {
        TrustedTime {
            size,
            at_ms: UtcMillis(at),
            source: TimeSource::Court,
        }
    }

    #[test]
    fn the_bracket_comes_from_the_log_alone_and_a_lying_clock_is_flagged() {
        let times = [
            time(10, 1_000_000),
            time(20, 2_000_000),
            time(30, 3_000_000),
        ];
        let ten_years = 10 * 365 * 86_400_000;
        for wall in [2_500_000, 2_500_000 - ten_years, 2_500_000 + ten_years] {
            let bracket = derive_bracket(
                &clock(wall, Some((1_000, 2_496_000))),
                Some(20),
                Some(25),
                &times,
            );
            assert_eq!(bracket.not_before_ms, Some(UtcMillis(2_000_000)));
            assert_eq!(bracket.not_after_ms, Some(UtcMillis(3_000_000)));
            assert_eq!(bracket.estimate_ms, Some(UtcMillis(2_500_000)));
            let expected: &[BracketFlag] = if wall == 2_500_000 {
                &[]
            } else {
                &[BracketFlag::ClockSkew, BracketFlag::WallOutside]
            };
            assert_eq!(bracket.flags, expected);
        }
    }

    #[test]
    fn an_anchor_of_the_future_gives_an_estimate_outside() {
        let times = [time(10, 1_000_000), time(30, 3_000_000)];
        let bracket = derive_bracket(
            &clock(2_000_000, Some((0, 9_000_000))),
            Some(10),
            Some(20),
            &times,
        );
        assert!(bracket.flags.contains(&BracketFlag::EstimateOutside));
    }

    #[test]
    fn without_checkpoints_there_is_no_bracket_and_no_invented_end() {
        let bracket = derive_bracket(&clock(1, None), None, None, &[time(1, 5)]);
        assert_eq!(
            (
                bracket.not_before_ms,
                bracket.not_after_ms,
                bracket.estimate_ms
            ),
            (None, None, None)
        );
        assert_eq!(bracket.source, None);
        assert_eq!(bracket.width_ms(), None);
    }

    #[test]
    fn an_anchor_read_after_the_statement_is_no_anchor() {
        assert_eq!(clock(1, Some((6_000, 1))).estimate(), None);
    }
}
