//! The work on a claim from stop day to stop day.

use super::{
    Accrued, Claim, DelayInterest, DelayInterestError, DoubledSegment, OrdinaryInterest,
    OrdinarySegment, Payment, Rate, Remaining, SetOff, Share,
};
use crate::rules::span::DaySet;
use crate::time::Date;

/// The doubled part per day, 0.0175 % = 175 / 1 000 000. *Source*: 法释〔2014〕8号, article 1.
pub(super) const DOUBLED_RATE: (i64, i64) = (175, 1_000_000);

/// Rates by their first day, checked. *Errors*: no rate on the first day, two on one day, an impossible one.
fn checked_rates(ordinary: &OrdinaryInterest) -> Result<Vec<Rate>, DelayInterestError> {
    let mut rates = ordinary.rates.clone();
    rates.sort_by_key(|rate| rate.from);
    if rates.iter().any(|rate| rate.num < 0) {
        return Err(DelayInterestError::Negative);
    }
    if rates.iter().any(|rate| rate.den <= 0) {
        return Err(DelayInterestError::RateDenominator);
    }
    for (rate, next) in rates.iter().zip(rates.iter().skip(1)) {
        if rate.from == next.from {
            return Err(DelayInterestError::RateRepeated { from: rate.from });
        }
    }
    if rates.first().is_none_or(|rate| rate.from > ordinary.from) {
        return Err(DelayInterestError::RateMissing {
            from: ordinary.from,
        });
    }
    Ok(rates)
}

/// The claim while it is worked through from stop day to stop day.
pub(super) struct Ledger<'a> {
    claim: &'a Claim,
    excluded: DaySet,
    rates: Vec<Rate>,
    /// Unpaid principal, in the order of the debts.
    unpaid_fen: Vec<i64>,
    ordinary_fen: i64,
    doubled_fen: i64,
    /// The day through which interest has been reckoned.
    reached: Option<Date>,
    result: DelayInterest,
}

impl<'a> Ledger<'a> {
    pub(super) fn open(claim: &'a Claim) -> Result<Self, DelayInterestError> {
        let carried_fen = claim.ordinary.as_ref().map_or(0, |own| own.carried_fen);
        Ok(Self {
            claim,
            excluded: DaySet::new(&claim.excluded),
            rates: claim
                .ordinary
                .as_ref()
                .map_or(Ok(Vec::new()), checked_rates)?,
            unpaid_fen: claim.debts.iter().map(|debt| debt.principal_fen).collect(),
            ordinary_fen: carried_fen,
            doubled_fen: 0,
            reached: None,
            result: DelayInterest {
                doubled_segments: Vec::new(),
                ordinary_segments: Vec::new(),
                accrued: Accrued {
                    ordinary_fen: carried_fen,
                    doubled_fen: 0,
                },
                payments: Vec::new(),
                remaining: Remaining {
                    principal_fen: 0,
                    ordinary_fen: 0,
                    doubled_fen: 0,
                    total_fen: 0,
                },
            },
        })
    }

    pub(super) fn accrue_through(&mut self, stop: Date) -> Result<(), DelayInterestError> {
        self.accrue_doubled(stop)?;
        self.accrue_ordinary(stop)?;
        self.reached = self.reached.max(Some(stop));
        Ok(())
    }

    fn accrue_doubled(&mut self, through: Date) -> Result<(), DelayInterestError> {
        for (debt, &principal_fen) in self.claim.debts.iter().zip(&self.unpaid_fen) {
            let after = self.reached.map_or(debt.due, |day| day.max(debt.due));
            if after >= through || principal_fen == 0 {
                continue;
            }
            let excluded_days = self.excluded.count(after, through);
            let days = days_between(after, through).saturating_sub(excluded_days);
            let fen = interest_fen(principal_fen, days, DOUBLED_RATE)?;
            self.doubled_fen = add(self.doubled_fen, fen)?;
            let accrued = &mut self.result.accrued;
            accrued.doubled_fen = add(accrued.doubled_fen, fen)?;
            self.result.doubled_segments.push(DoubledSegment {
                debt: debt.id.clone(),
                after,
                through,
                excluded_days,
                days,
                principal_fen,
                fen,
            });
        }
        Ok(())
    }

    fn accrue_ordinary(&mut self, stop: Date) -> Result<(), DelayInterestError> {
        let Some(ordinary) = &self.claim.ordinary else {
            return Ok(());
        };
        let principal_fen = sum(&self.unpaid_fen)?;
        let start = self
            .reached
            .map_or(ordinary.from, |day| day.max(ordinary.from));
        let end = ordinary.until.map_or(stop, |until| until.min(stop));
        if principal_fen == 0 {
            return Ok(());
        }
        let rate_ends = self.rates.iter().skip(1).map(|next| next.from);
        for (&rate, rate_end) in self.rates.iter().zip(rate_ends.chain([end])) {
            let (from, to) = (start.max(rate.from), end.min(rate_end));
            if from >= to {
                continue;
            }
            let days = days_between(from, to);
            let fen = interest_fen(principal_fen, days, (rate.num, rate.den))?;
            self.ordinary_fen = add(self.ordinary_fen, fen)?;
            let accrued = &mut self.result.accrued;
            accrued.ordinary_fen = add(accrued.ordinary_fen, fen)?;
            self.result.ordinary_segments.push(OrdinarySegment {
                from,
                to,
                days,
                principal_fen,
                rate,
                fen,
            });
        }
        Ok(())
    }

    pub(super) fn set_off(&mut self, payment: &Payment) -> Result<(), DelayInterestError> {
        let mut left = payment.amount_fen();
        let mut used = SetOff {
            stop: payment.stop(),
            ordinary_fen: 0,
            principal_fen: 0,
            doubled_fen: 0,
            surplus_fen: 0,
        };
        for share in self.claim.order {
            match share {
                Share::Ordinary => used.ordinary_fen = pay(&mut self.ordinary_fen, &mut left),
                Share::Doubled => used.doubled_fen = pay(&mut self.doubled_fen, &mut left),
                Share::Principal => {
                    let mut debts: Vec<_> =
                        self.claim.debts.iter().zip(&mut self.unpaid_fen).collect();
                    debts.sort_by_key(|(debt, _)| debt.due);
                    for (_, unpaid_fen) in debts {
                        used.principal_fen = add(used.principal_fen, pay(unpaid_fen, &mut left))?;
                    }
                }
            }
        }
        used.surplus_fen = left;
        self.result.payments.push(used);
        Ok(())
    }

    pub(super) fn close(mut self) -> Result<DelayInterest, DelayInterestError> {
        let principal_fen = sum(&self.unpaid_fen)?;
        self.result.remaining = Remaining {
            principal_fen,
            ordinary_fen: self.ordinary_fen,
            doubled_fen: self.doubled_fen,
            total_fen: sum(&[principal_fen, self.ordinary_fen, self.doubled_fen])?,
        };
        Ok(self.result)
    }
}

/// Takes as much of `owed` as `left` covers from both, and returns it.
fn pay(owed: &mut i64, left: &mut i64) -> i64 {
    let paid = (*owed).min(*left);
    *owed = owed.saturating_sub(paid);
    *left = left.saturating_sub(paid);
    paid
}

/// `principal × num × days / den`, rounded half up; all arguments not negative, `den` above zero.
pub(super) fn interest_fen(
    principal_fen: i64,
    days: i64,
    (num, den): (i64, i64),
) -> Result<i64, DelayInterestError> {
    let den = i128::from(den);
    i128::from(principal_fen)
        .checked_mul(i128::from(num))
        .and_then(|product| product.checked_mul(i128::from(days)))
        .and_then(|product| product.checked_mul(2))
        .and_then(|twice| twice.checked_add(den))
        .and_then(|twice| twice.checked_div(den.checked_mul(2)?))
        .and_then(|fen| i64::try_from(fen).ok())
        .ok_or(DelayInterestError::Overflow)
}

fn add(left: i64, right: i64) -> Result<i64, DelayInterestError> {
    left.checked_add(right).ok_or(DelayInterestError::Overflow)
}

fn sum(amounts: &[i64]) -> Result<i64, DelayInterestError> {
    amounts
        .iter()
        .try_fold(0, |total, amount| add(total, *amount))
}

fn days_between(from: Date, to: Date) -> i64 {
    to.to_days().saturating_sub(from.to_days())
}
