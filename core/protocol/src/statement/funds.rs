//! Money of a case (案款): what reached its account, whose it is, and how it is paid out.
//!
//! What happens at the bank comes from the court's inner system; what people decide are their own statements. Amounts are in
//! fen. A request names one payee, so that each applicant can be told of theirs and of no other.

use serde::{Deserialize, Serialize};

use super::law::is_code;
use crate::ids::{FundsRequestId, PartyId, PaymentId};
use crate::rules::moment::Moment;

/// Largest amount: numbers in signed data are below 2^53.
pub const MAX_FUNDS_FEN: i64 = (1 << 53) - 1;

/// Whether an amount of money can be one.
pub const fn is_amount(fen: i64) -> bool {
    fen > 0 && fen <= MAX_FUNDS_FEN
}

/// Money reached the account of the case (到账). Hidden: `payer`, `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundsReceived {
    /// How much, in fen.
    pub amount_fen: i64,
    /// When.
    pub at: Moment,
    /// The party that paid, where it is one of the case.
    pub from: Option<PartyId>,
    /// How: `transfer`, `deduction` (扣划), `cash`, `sale` or another code.
    pub method: String,
    /// The sum.
    pub payment: PaymentId,
}

/// The finance office found the money on the account (财务确认).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundsConfirmed {
    /// When.
    pub at: Moment,
    /// The sum.
    pub payment: PaymentId,
}

/// The officer in charge says that it belongs to this case (认领). Hidden: `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundsClaimed {
    /// When.
    pub at: Moment,
    /// The sum.
    pub payment: PaymentId,
}

/// The whole sum went back to who had paid it (款项退回). Hidden: `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundsReturned {
    /// When.
    pub at: Moment,
    /// The sum.
    pub payment: PaymentId,
    /// Code of the ground, such as `wrong_account`.
    pub reason: String,
}

/// What money is paid out for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FundsPurpose {
    /// 发放 to an applicant.
    Disbursement,
    /// 执行费 and other costs, to the court.
    Fee,
    /// 退还余款 to who had paid too much.
    Surplus,
    /// 参与分配: to a creditor of another case.
    Distribution,
    /// 提存: kept for a payee who cannot be found or refuses.
    Deposit,
}

impl FundsPurpose {
    /// Whether a party must be named as payee.
    pub const fn needs_payee(self) -> bool {
        matches!(self, Self::Disbursement | Self::Surplus | Self::Deposit)
    }

    /// As it stands in statements.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Disbursement => "disbursement",
            Self::Fee => "fee",
            Self::Surplus => "surplus",
            Self::Distribution => "distribution",
            Self::Deposit => "deposit",
        }
    }
}

/// Somebody asks that money be paid out (发放审批). Hidden: `account` (of the payee), `payee` (name), `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundsRequested {
    /// How much, in fen.
    pub amount_fen: i64,
    /// When.
    pub at: Moment,
    /// To whom; none where it is no party of the case.
    pub payee: Option<PartyId>,
    /// What for.
    pub purpose: FundsPurpose,
    /// The request.
    pub request: FundsRequestId,
}

/// What was decided on a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FundsDecision {
    /// It is to be paid; never by who asked.
    Approve,
    /// It is not; never by who asked.
    Refuse,
    /// Who asked takes it back.
    Withdraw,
}

/// A decision on a request (审批). Hidden: `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundsDecided {
    /// When.
    pub at: Moment,
    /// What was decided.
    pub decision: FundsDecision,
    /// Code of the ground, such as `complete` or `account_unclear`.
    pub reason: String,
    /// The request.
    pub request: FundsRequestId,
}

/// The bank paid (已发放). Hidden: `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundsPaid {
    /// When.
    pub at: Moment,
    /// The request.
    pub request: FundsRequestId,
}

/// The bank did not pay, or what it paid came back (退汇). Hidden: `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundsFailed {
    /// When.
    pub at: Moment,
    /// Code of the ground, such as `account_closed`.
    pub reason: String,
    /// The request.
    pub request: FundsRequestId,
}

/// `funds.claim/1`: hidden members as for the fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundsClaim {
    /// The fact.
    pub fact: FundsClaimed,
}

/// `funds.request/1`: hidden members as for the fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundsRequest {
    /// The fact.
    pub fact: FundsRequested,
}

/// `funds.decide/1`: hidden members as for the fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundsDecide {
    /// The fact.
    pub fact: FundsDecided,
}

impl FundsReceived {
    /// Whether the amount can be one and the open part holds codes only.
    pub fn is_well_formed(&self) -> bool {
        is_amount(self.amount_fen) && is_code(&self.method)
    }
}

impl FundsRequested {
    /// Whether the amount can be one and a payee is named where one must be.
    pub fn is_well_formed(&self) -> bool {
        is_amount(self.amount_fen) && (self.payee.is_some() || !self.purpose.needs_payee())
    }
}
