//! The money of a case (案款): a ledger in double entry, folded from events. Pure and total.
//!
//! Five accounts always add up to zero. `Bank` is what lies on the account of the case; the others say whose it is:
//! `Unclaimed` (not yet confirmed and claimed), `Free` (of the case), `Asked` (bound by a request), `Payable` (approved).

use std::collections::BTreeMap;

use serde::Serialize;

use super::facts::LegalFact;
use super::state::HiddenValues;
use crate::event::{Effect, Event, EventBody};
use crate::ids::{DeviceId, FundsRequestId, PartyId, PaymentId};
use crate::rules::moment::Moment;
use crate::statement::{FundsDecision, FundsPurpose, MAX_FUNDS_FEN};

/// An account of the ledger of one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// Money on the account of the case. Never below zero.
    Bank,
    /// Came in, not yet both confirmed and claimed.
    Unclaimed,
    /// Of the case, not bound.
    Free,
    /// Bound by requests that nobody has decided.
    Asked,
    /// Approved, not yet paid.
    Payable,
}

impl Account {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Bank,
        Self::Unclaimed,
        Self::Free,
        Self::Asked,
        Self::Payable,
    ];
}

/// One line of an entry: debit above zero, credit below, in fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Posting {
    /// The account.
    pub account: Account,
    /// Debit (+) or credit (−), in fen.
    pub fen: i64,
}

/// One entry: its lines add up to zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FundsEntry {
    /// Number of the event.
    pub seq: u64,
    /// Kind of the event, such as `funds.paid`.
    pub kind: String,
    /// When, in law.
    pub at: Moment,
    /// The sum it is about.
    pub payment: Option<PaymentId>,
    /// The request it is about.
    pub request: Option<FundsRequestId>,
    /// The lines; none where nothing moved.
    pub postings: Vec<Posting>,
}

/// A sum that reached the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FundsPayment {
    /// The sum.
    pub payment: PaymentId,
    /// Number of the event that brought it.
    pub seq: u64,
    /// In fen.
    pub amount_fen: i64,
    /// When it came.
    pub at: Moment,
    /// The party that paid.
    pub from: Option<PartyId>,
    /// Who paid, in words, if held.
    pub payer: Option<String>,
    /// How.
    pub method: String,
    /// When the finance office confirmed it, and by which event.
    pub confirmed: Option<(Moment, u64)>,
    /// When it was claimed, and by which event.
    pub claimed: Option<(Moment, u64)>,
    /// When it went back, and by which event.
    pub returned: Option<(Moment, u64)>,
}

impl FundsPayment {
    /// Whether it is money of the case: confirmed, claimed and not sent back.
    pub fn is_of_case(&self) -> bool {
        self.confirmed.is_some() && self.claimed.is_some() && self.returned.is_none()
    }
}

/// How a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FundsStanding {
    /// Waits for a decision.
    Open,
    /// Approved; the bank has not said anything.
    Approved,
    /// Refused.
    Refused,
    /// Taken back.
    Withdrawn,
    /// Paid.
    Paid,
    /// Not paid, or came back; the money is free again.
    Failed,
}

/// A request to pay money out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FundsRequestState {
    /// The request.
    pub request: FundsRequestId,
    /// Number of the event.
    pub seq: u64,
    /// In fen.
    pub amount_fen: i64,
    /// When it was made.
    pub at: Moment,
    /// Device on which it was made.
    pub device: DeviceId,
    /// Payee.
    pub payee: Option<PartyId>,
    /// Payee in words, if held.
    pub payee_name: Option<String>,
    /// The payee's account, if held.
    pub account: Option<String>,
    /// What for.
    pub purpose: FundsPurpose,
    /// How it stands.
    pub standing: FundsStanding,
    /// When it was decided, on which device, with which ground.
    pub decided: Option<(Moment, DeviceId, String)>,
    /// When the bank paid or failed, and by which event.
    pub settled: Option<(Moment, u64)>,
    /// Ground of the failure.
    pub failure: Option<String>,
}

/// Why an event of money cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FundsRefusal {
    /// It was said before.
    #[error("it is known already")]
    Known,
    /// The same name stands for something else.
    #[error("another {0} has this id")]
    Differs(&'static str),
    /// There is no such sum or request.
    #[error("{0}")]
    Missing(&'static str),
    /// It stands in another way than it must.
    #[error("{0}")]
    Standing(&'static str),
    /// There is less money than it needs.
    #[error("the case has less free money than that")]
    TooLittle,
    /// More money than can be written.
    #[error("the amounts are beyond 2^53 fen")]
    TooMuch,
    /// Who asked may not decide.
    #[error("who asked for it may not decide on it")]
    OwnRequest,
}

impl FundsRefusal {
    /// As the court says it.
    pub fn effect(self) -> Effect {
        let conflict = |current: &str| Effect::Conflict {
            current: current.to_owned(),
        };
        match self {
            Self::Known => Effect::Duplicate,
            Self::Differs(code) | Self::Missing(code) | Self::Standing(code) => conflict(code),
            Self::TooLittle => conflict("funds_too_little"),
            Self::TooMuch => Effect::rejected("funds_too_much"),
            Self::OwnRequest => Effect::rejected("own_request"),
        }
    }
}

/// The money of one case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CaseFunds {
    payments: BTreeMap<PaymentId, FundsPayment>,
    requests: BTreeMap<FundsRequestId, FundsRequestState>,
    balances: BTreeMap<Account, i64>,
    entries: Vec<FundsEntry>,
}

type Lines = Vec<Posting>;

fn lines(debit: Account, credit: Account, fen: i64) -> Lines {
    vec![
        Posting {
            account: debit,
            fen,
        },
        Posting {
            account: credit,
            fen: fen.saturating_neg(),
        },
    ]
}

impl CaseFunds {
    /// Sums in the order in which they came.
    pub fn payments(&self) -> Vec<&FundsPayment> {
        let mut all: Vec<_> = self.payments.values().collect();
        all.sort_by_key(|payment| payment.seq);
        all
    }

    /// One sum.
    pub fn payment(&self, payment: PaymentId) -> Option<&FundsPayment> {
        self.payments.get(&payment)
    }

    /// Requests in the order in which they were made.
    pub fn requests(&self) -> Vec<&FundsRequestState> {
        let mut all: Vec<_> = self.requests.values().collect();
        all.sort_by_key(|request| request.seq);
        all
    }

    /// One request.
    pub fn request(&self, request: FundsRequestId) -> Option<&FundsRequestState> {
        self.requests.get(&request)
    }

    /// The ledger, oldest entry first.
    pub fn entries(&self) -> &[FundsEntry] {
        &self.entries
    }

    /// What an account holds, in fen, as people read it: not below zero.
    pub fn holds(&self, account: Account) -> i64 {
        let fen = self.balances.get(&account).copied().unwrap_or_default();
        if account == Account::Bank {
            fen
        } else {
            fen.saturating_neg()
        }
    }

    /// What was paid out, in fen.
    pub fn paid_fen(&self) -> i64 {
        let paid = self
            .requests
            .values()
            .filter(|request| request.standing == FundsStanding::Paid);
        paid.fold(0, |sum, request| sum.saturating_add(request.amount_fen))
    }

    /// Whether nothing ever happened to money in this case.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether an event can be. *Errors*: [`FundsRefusal`]; `Known` for one that says what is known.
    pub fn judge(&self, event: &EventBody) -> Result<(), FundsRefusal> {
        let moved = self.postings(event)?;
        // No account may come to hold less than nothing, and the bank no more than can be written.
        for posting in &moved {
            let after = self
                .balances
                .get(&posting.account)
                .copied()
                .unwrap_or_default()
                .checked_add(posting.fen)
                .ok_or(FundsRefusal::TooMuch)?;
            if after.unsigned_abs() > MAX_FUNDS_FEN.unsigned_abs() {
                return Err(FundsRefusal::TooMuch);
            }
            let below = if posting.account == Account::Bank {
                after < 0
            } else {
                after > 0
            };
            if below {
                return Err(FundsRefusal::TooLittle);
            }
        }
        Ok(())
    }

    fn known(&self, payment: PaymentId) -> Result<&FundsPayment, FundsRefusal> {
        self.payment(payment)
            .ok_or(FundsRefusal::Missing("no_such_payment"))
    }

    fn asked(&self, request: FundsRequestId) -> Result<&FundsRequestState, FundsRefusal> {
        self.request(request)
            .ok_or(FundsRefusal::Missing("no_such_request"))
    }

    /// What an event moves. *Errors*: why it cannot be, apart from balances.
    fn postings(&self, event: &EventBody) -> Result<Lines, FundsRefusal> {
        use Account::{Asked, Bank, Free, Payable, Unclaimed};
        let moves_in = |payment: &FundsPayment, other: bool| {
            if other {
                lines(Unclaimed, Free, payment.amount_fen)
            } else {
                Lines::new()
            }
        };
        Ok(match event {
            EventBody::FundsReceived(fact) => match self.payment(fact.payment) {
                Some(known) if known.amount_fen == fact.amount_fen && known.at == fact.at => {
                    return Err(FundsRefusal::Known);
                }
                Some(_) => return Err(FundsRefusal::Differs("payment_differs")),
                None => lines(Bank, Unclaimed, fact.amount_fen),
            },
            EventBody::FundsConfirmed(fact) => {
                let payment = self.known(fact.payment)?;
                if payment.confirmed.is_some() {
                    return Err(FundsRefusal::Known);
                }
                if payment.returned.is_some() {
                    return Err(FundsRefusal::Standing("payment_returned"));
                }
                moves_in(payment, payment.claimed.is_some())
            }
            EventBody::FundsClaimed(fact) => {
                let payment = self.known(fact.payment)?;
                if payment.claimed.is_some() {
                    return Err(FundsRefusal::Known);
                }
                if payment.returned.is_some() {
                    return Err(FundsRefusal::Standing("payment_returned"));
                }
                moves_in(payment, payment.confirmed.is_some())
            }
            EventBody::FundsReturned(fact) => {
                let payment = self.known(fact.payment)?;
                if payment.returned.is_some() {
                    return Err(FundsRefusal::Known);
                }
                let from = if payment.is_of_case() {
                    Free
                } else {
                    Unclaimed
                };
                lines(from, Bank, payment.amount_fen)
            }
            EventBody::FundsRequested(asked) => match self.request(asked.fact.request) {
                Some(known)
                    if known.amount_fen == asked.fact.amount_fen
                        && known.payee == asked.fact.payee
                        && known.purpose == asked.fact.purpose =>
                {
                    return Err(FundsRefusal::Known);
                }
                Some(_) => return Err(FundsRefusal::Differs("request_differs")),
                None => lines(Free, Asked, asked.fact.amount_fen),
            },
            EventBody::FundsDecided(decided) => {
                let request = self.asked(decided.fact.request)?;
                let fen = request.amount_fen;
                let (becomes, moved) = match decided.fact.decision {
                    FundsDecision::Approve => (FundsStanding::Approved, lines(Asked, Payable, fen)),
                    FundsDecision::Refuse => (FundsStanding::Refused, lines(Asked, Free, fen)),
                    FundsDecision::Withdraw => (FundsStanding::Withdrawn, lines(Asked, Free, fen)),
                };
                if request.standing != FundsStanding::Open {
                    let same = request.standing == becomes;
                    return Err(if same {
                        FundsRefusal::Known
                    } else {
                        FundsRefusal::Standing("request_decided")
                    });
                }
                let own = request.device == decided.device;
                if own && decided.fact.decision != FundsDecision::Withdraw {
                    return Err(FundsRefusal::OwnRequest);
                }
                moved
            }
            EventBody::FundsPaid(fact) => {
                let request = self.asked(fact.request)?;
                match request.standing {
                    FundsStanding::Approved => lines(Payable, Bank, request.amount_fen),
                    FundsStanding::Paid => return Err(FundsRefusal::Known),
                    _ => return Err(FundsRefusal::Standing("request_not_approved")),
                }
            }
            EventBody::FundsFailed(fact) => {
                let request = self.asked(fact.request)?;
                match request.standing {
                    FundsStanding::Approved => lines(Payable, Free, request.amount_fen),
                    FundsStanding::Paid => lines(Bank, Free, request.amount_fen),
                    FundsStanding::Failed => return Err(FundsRefusal::Known),
                    _ => return Err(FundsRefusal::Standing("request_not_approved")),
                }
            }
            _ => return Err(FundsRefusal::Missing("not_about_money")),
        })
    }

    /// Takes in an event. False if it is not about money, or cannot be: then nothing changes, so that the ledger balances whatever
    /// comes (I14).
    pub(super) fn take_in(
        &mut self,
        event: &Event,
        body: &EventBody,
        hidden: &HiddenValues,
    ) -> bool {
        let (Ok(()), Ok(moved)) = (self.judge(body), self.postings(body)) else {
            return false;
        };
        for posting in &moved {
            let balance = self.balances.entry(posting.account).or_default();
            *balance = balance.saturating_add(posting.fen);
        }
        let (at, payment, request) = self.change(event.seq, body, hidden);
        self.entries.push(FundsEntry {
            seq: event.seq,
            kind: event.kind.clone(),
            at: at.unwrap_or(Moment::Day(event.occurred_on)),
            payment,
            request,
            postings: moved,
        });
        true
    }

    fn change(
        &mut self,
        seq: u64,
        body: &EventBody,
        hidden: &HiddenValues,
    ) -> (Option<Moment>, Option<PaymentId>, Option<FundsRequestId>) {
        let words = |name: &str| {
            let value = hidden.get(name)?.as_text()?;
            Some(value.to_owned())
        };
        match body {
            EventBody::FundsReceived(fact) => {
                let payment = FundsPayment {
                    payment: fact.payment,
                    seq,
                    amount_fen: fact.amount_fen,
                    at: fact.at,
                    from: fact.from,
                    payer: words("payer"),
                    method: fact.method.clone(),
                    confirmed: None,
                    claimed: None,
                    returned: None,
                };
                self.payments.insert(fact.payment, payment);
                (Some(fact.at), Some(fact.payment), None)
            }
            EventBody::FundsConfirmed(fact) => {
                if let Some(payment) = self.payments.get_mut(&fact.payment) {
                    payment.confirmed = Some((fact.at, seq));
                }
                (Some(fact.at), Some(fact.payment), None)
            }
            EventBody::FundsClaimed(fact) => {
                if let Some(payment) = self.payments.get_mut(&fact.payment) {
                    payment.claimed = Some((fact.at, seq));
                }
                (Some(fact.at), Some(fact.payment), None)
            }
            EventBody::FundsReturned(fact) => {
                if let Some(payment) = self.payments.get_mut(&fact.payment) {
                    payment.returned = Some((fact.at, seq));
                }
                (Some(fact.at), Some(fact.payment), None)
            }
            EventBody::FundsRequested(asked) => {
                let fact = &asked.fact;
                let request = FundsRequestState {
                    request: fact.request,
                    seq,
                    amount_fen: fact.amount_fen,
                    at: fact.at,
                    device: asked.device,
                    payee: fact.payee,
                    payee_name: words("payee"),
                    account: words("account"),
                    purpose: fact.purpose,
                    standing: FundsStanding::Open,
                    decided: None,
                    settled: None,
                    failure: None,
                };
                self.requests.insert(fact.request, request);
                (Some(fact.at), None, Some(fact.request))
            }
            EventBody::FundsDecided(decided) => {
                let fact = &decided.fact;
                if let Some(request) = self.requests.get_mut(&fact.request) {
                    request.standing = match fact.decision {
                        FundsDecision::Approve => FundsStanding::Approved,
                        FundsDecision::Refuse => FundsStanding::Refused,
                        FundsDecision::Withdraw => FundsStanding::Withdrawn,
                    };
                    request.decided = Some((fact.at, decided.device, fact.reason.clone()));
                }
                (Some(fact.at), None, Some(fact.request))
            }
            EventBody::FundsPaid(fact) => {
                if let Some(request) = self.requests.get_mut(&fact.request) {
                    request.standing = FundsStanding::Paid;
                    request.settled = Some((fact.at, seq));
                }
                (Some(fact.at), None, Some(fact.request))
            }
            EventBody::FundsFailed(fact) => {
                if let Some(request) = self.requests.get_mut(&fact.request) {
                    request.standing = FundsStanding::Failed;
                    request.settled = Some((fact.at, seq));
                    request.failure = Some(fact.reason.clone());
                }
                (Some(fact.at), None, Some(fact.request))
            }
            _ => (None, None, None),
        }
    }

    /// What follows for the rules: each sum came, was confirmed, claimed, sent back; and it is paid out once as much as came up to
    /// it was paid (the first that came is the first that goes).
    pub(super) fn facts(&self) -> Vec<LegalFact> {
        let mut facts = Vec::new();
        let mut fact = |code: &str, payment: &FundsPayment, (at, seq): (Moment, u64)| {
            facts.push(LegalFact {
                seq,
                code: code.to_owned(),
                at,
                subject: Some(payment.payment.to_string()),
                fields: BTreeMap::from([("amount_fen".to_owned(), payment.amount_fen.to_string())]),
            });
        };
        let mut paid: Vec<(&FundsRequestState, (Moment, u64))> = self
            .requests
            .values()
            .filter(|request| request.standing == FundsStanding::Paid)
            .filter_map(|request| Some((request, request.settled?)))
            .collect();
        paid.sort_by_key(|(_, (_, seq))| *seq);
        let mut due = 0_i64;
        for payment in self.payments() {
            fact("funds.received", payment, (payment.at, payment.seq));
            if let Some(when) = payment.confirmed {
                fact("funds.confirmed", payment, when);
            }
            if let Some(when) = payment.claimed {
                fact("funds.claimed", payment, when);
            }
            if let Some(when) = payment.returned {
                fact("funds.returned", payment, when);
            }
            if !payment.is_of_case() {
                continue;
            }
            due = due.saturating_add(payment.amount_fen);
            let mut sum = 0_i64;
            let reached = paid.iter().find_map(|(request, when)| {
                sum = sum.saturating_add(request.amount_fen);
                (sum >= due).then_some(*when)
            });
            if let Some(when) = reached {
                fact("funds.paid_out", payment, when);
            }
        }
        facts
    }
}

#[cfg(test)]
mod tests;
