//! What a debtor owes who does not pay in time: ordinary interest and the doubled part, with every step.

mod ledger;
mod owed;
#[cfg(test)]
mod tests;

use core::fmt;

use serde::{Deserialize, Serialize};

use self::ledger::Ledger;
pub use self::owed::{Accrued, DelayInterest, DoubledSegment, OrdinarySegment, Remaining, SetOff};
use super::span::Span;
use crate::time::Date;

/// A claim for money and what was paid on it.
///
/// *Units*: amounts in integer fen, never negative.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Claim {
    /// The money debt fixed by the instrument; several for instalments.
    pub debts: Vec<Debt>,
    /// Interest that the instrument grants; none if it grants none.
    pub ordinary: Option<OrdinaryInterest>,
    /// Stays and suspensions whose days do not count for the doubled part (法释〔2014〕8号, article 3).
    pub excluded: Vec<Span>,
    /// What was paid or realised, in any order.
    pub payments: Vec<Payment>,
    /// The day up to which to reckon.
    pub as_of: Date,
    /// In which order a payment is set off; [`STATUTORY_ORDER`] unless the parties agreed otherwise.
    pub order: [Share; 3],
}

/// The order without an agreement: ordinary interest, principal, doubled part.
///
/// *Source*: 法释〔2014〕8号, article 4 (the doubled part last); Civil Code 561 (interest before principal).
pub const STATUTORY_ORDER: [Share; 3] = [Share::Ordinary, Share::Principal, Share::Doubled];

/// One debt, or one instalment of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Debt {
    /// Name of the debt in the steps.
    pub id: String,
    /// Amount fixed by the instrument, without ordinary interest.
    pub principal_fen: i64,
    /// Last day of the period for performance; where none is fixed, the day on which the instrument took effect (article 2).
    pub due: Date,
}

/// Interest granted by the instrument.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OrdinaryInterest {
    /// Interest fixed as a sum, owed from the start.
    pub carried_fen: i64,
    /// The day from which it runs.
    pub from: Date,
    /// The day at which it stops, if the instrument says so.
    pub until: Option<Date>,
    /// Daily rates, each from its own day on.
    pub rates: Vec<Rate>,
}

/// A daily rate: `num / den`; 6 % a year on 365 days is 6/36500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Rate {
    /// First day on which it holds.
    pub from: Date,
    /// Numerator, not negative.
    pub num: i64,
    /// Denominator, above zero.
    pub den: i64,
}

/// Money that came in, by the act that stops the doubled part. Other dates, such as that of paying out, do not matter for the amounts.
///
/// *Source*: 法释〔2014〕8号, article 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Payment {
    /// The debtor paid.
    Performance {
        /// The day of payment.
        performed_on: Date,
        /// The amount.
        amount_fen: i64,
    },
    /// The court transferred or withdrew money.
    Transfer {
        /// The day of transfer.
        transferred_on: Date,
        /// The amount.
        amount_fen: i64,
    },
    /// Property was sold.
    Sale {
        /// The day on which the ruling on the deal took effect.
        ruling_effective_on: Date,
        /// The amount.
        amount_fen: i64,
    },
    /// Property was handed over in settlement.
    InKind {
        /// The day on which the ruling took effect.
        ruling_effective_on: Date,
        /// The amount.
        amount_fen: i64,
    },
    /// Anything else.
    OtherRealisation {
        /// The day on which it was completed.
        realised_on: Date,
        /// The amount.
        amount_fen: i64,
    },
}

impl Payment {
    /// The day up to which interest runs on what this pays.
    pub fn stop(&self) -> Date {
        match *self {
            Self::Performance { performed_on, .. } => performed_on,
            Self::Transfer { transferred_on, .. } => transferred_on,
            Self::Sale {
                ruling_effective_on,
                ..
            }
            | Self::InKind {
                ruling_effective_on,
                ..
            } => ruling_effective_on,
            Self::OtherRealisation { realised_on, .. } => realised_on,
        }
    }

    /// The amount.
    pub fn amount_fen(&self) -> i64 {
        match *self {
            Self::Performance { amount_fen, .. }
            | Self::Transfer { amount_fen, .. }
            | Self::Sale { amount_fen, .. }
            | Self::InKind { amount_fen, .. }
            | Self::OtherRealisation { amount_fen, .. } => amount_fen,
        }
    }
}

/// What a payment is set off against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    /// Ordinary interest.
    Ordinary,
    /// The debt itself.
    Principal,
    /// The doubled part.
    Doubled,
}

/// Why a claim cannot be reckoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DelayInterestError {
    /// An amount below zero.
    #[error(
        "amounts of money are never negative; check the debts, the payments, the carried interest and the rates"
    )]
    Negative,
    /// A rate divided by nothing.
    #[error("the denominator of a rate must be above zero, such as 6/36500")]
    RateDenominator,
    /// No rate holds when ordinary interest begins.
    #[error("no rate holds on {from}, when ordinary interest begins; give the rate of that day")]
    RateMissing {
        /// The day.
        from: Date,
    },
    /// Two rates from the same day.
    #[error("two rates begin on {from}; keep one")]
    RateRepeated {
        /// The day.
        from: Date,
    },
    /// A share is missing or stands twice.
    #[error("the order of setting off must name ordinary, principal and doubled once each")]
    Order,
    /// A payment that stops after the day of reckoning.
    #[error(
        "the payment of {stop} lies after the day of reckoning; leave it out or reckon up to a later day"
    )]
    PaymentAfterAsOf {
        /// The stop day.
        stop: Date,
    },
    /// Articles 6 and 7 of 法释〔2014〕8号 have other rules.
    #[error(
        "the delay began before 2014-08-01, for which other rules hold that are not built in; reckon that part by hand"
    )]
    BeforeAugust2014,
    /// How ordinary interest is spread over instalments is not laid down.
    #[error(
        "instalments that bear ordinary interest are not covered; reckon each instalment as a claim of its own"
    )]
    InstalmentsWithInterest,
    /// More fen than fit into 63 bits.
    #[error("the amounts are too large to reckon; check the debts and rates")]
    Overflow,
}

impl DelayInterestError {
    /// Stable code, as in vectors.
    pub fn code(self) -> &'static str {
        match self {
            Self::Negative => "negative",
            Self::RateDenominator => "rate-denominator",
            Self::RateMissing { .. } => "rate-missing",
            Self::RateRepeated { .. } => "rate-repeated",
            Self::Order => "order",
            Self::PaymentAfterAsOf { .. } => "payment-after-as-of",
            Self::BeforeAugust2014 => "before-august-2014",
            Self::InstalmentsWithInterest => "instalments-with-interest",
            Self::Overflow => "overflow",
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

impl Claim {
    /// Reckons what is owed on [`Claim::as_of`].
    ///
    /// A segment is rounded half up to whole fen at its end, never per day and never on the sum. Neither kind of interest bears interest.
    ///
    /// *Errors*: [`DelayInterestError`].
    /// *Source*: CPL 264; 法释〔2014〕8号, articles 1 to 4; Civil Code 560 and 561.
    pub fn reckon(&self) -> Result<DelayInterest, DelayInterestError> {
        self.check()?;
        let mut ledger = Ledger::open(self)?;
        let mut payments: Vec<&Payment> = self.payments.iter().collect();
        payments.sort_by_key(|payment| payment.stop()); // stable: the order listed decides within a day
        for payment in payments {
            ledger.accrue_through(payment.stop())?;
            ledger.set_off(payment)?;
        }
        ledger.accrue_through(self.as_of)?;
        ledger.close()
    }

    fn check(&self) -> Result<(), DelayInterestError> {
        let amounts = self.debts.iter().map(|debt| debt.principal_fen);
        let paid = self.payments.iter().map(Payment::amount_fen);
        let ordinary = self.ordinary.as_ref();
        let carried = ordinary.map(|ordinary| ordinary.carried_fen);
        if amounts.chain(paid).chain(carried).any(|fen| fen < 0) {
            return Err(DelayInterestError::Negative);
        }
        let mut order = self.order;
        order.sort_unstable();
        if order != [Share::Ordinary, Share::Principal, Share::Doubled] {
            return Err(DelayInterestError::Order);
        }
        if let Some(late) = self.payments.iter().find(|paid| paid.stop() > self.as_of) {
            return Err(DelayInterestError::PaymentAfterAsOf { stop: late.stop() });
        }
        // The first day of delay is the day after the due date; 2014-07-31 is 16 282 days after 1970-01-01.
        let last_day_of_old_rules = Date::from_days(16_282);
        if self
            .debts
            .iter()
            .any(|debt| debt.due < last_day_of_old_rules)
        {
            return Err(DelayInterestError::BeforeAugust2014);
        }
        if ordinary.is_some() && self.debts.len() > 1 {
            return Err(DelayInterestError::InstalmentsWithInterest);
        }
        Ok(())
    }
}
