//! The money of a case on the device: what is there, and claiming, asking and deciding, offline.

use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::case::CaseFunds;
use zhixing_protocol::event::{Effect, preview_funds};
use zhixing_protocol::hash::StatementHash;
use zhixing_protocol::ids::{CaseId, FundsRequestId, PartyId, PaymentId};
use zhixing_protocol::rules::moment::Moment;
use zhixing_protocol::statement::{
    Body, FundsClaim, FundsClaimed, FundsDecide, FundsDecided, FundsDecision, FundsPurpose,
    FundsRequest, FundsRequested, TypedBody,
};

use crate::engine::{Engine, require_granted};
use crate::error::{EngineError, ErrorKind, Result};

/// A wish that money be paid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundsOrder {
    /// How much, in fen.
    pub amount_fen: i64,
    /// To which party; none where it is no party of the case.
    pub payee: Option<PartyId>,
    /// The payee's name; hidden in the statement.
    pub payee_name: Option<String>,
    /// The payee's account; hidden.
    pub account: Option<String>,
    /// What for.
    pub purpose: FundsPurpose,
    /// Anything else; hidden.
    pub text: Option<String>,
}

fn hidden(members: &[(&str, Option<&str>)]) -> Object {
    let given = members.iter().filter_map(|(name, words)| {
        let words = words.filter(|words| !words.trim().is_empty())?;
        Some(((*name).to_owned(), Value::from(words)))
    });
    given.collect()
}

fn nothing_against(effect: Effect) -> Result<()> {
    let rejected = |detail: &str| Err(EngineError::new(ErrorKind::Rejected, detail.to_owned()));
    match effect {
        Effect::Applied => Ok(()),
        Effect::Duplicate => rejected("the ledger says this already"),
        Effect::Conflict { current } => rejected(match current.as_str() {
            "funds_too_little" => {
                "funds_too_little: the case has less free money than that; see `funds`"
            }
            "no_such_payment" => "no_such_payment: see `funds` for the sums that came in",
            "no_such_request" => "no_such_request: see `funds` for the requests",
            "no_such_party" => "no_such_party: the payee is no party of this case",
            "request_decided" => "request_decided: it was decided before; see `funds`",
            _ => "the ledger stands in another way; see `funds`",
        }),
        Effect::Rejected { reason } if reason == "own_request" => rejected(
            "own_request: somebody else decides on what you asked for, on their own device",
        ),
        Effect::Rejected { reason } => rejected(&reason),
        Effect::Held { reason } => Err(EngineError::invalid(format!(
            "{reason}: amounts are above 0 and below 2^53 fen; a disbursement names its payee; grounds are codes, words go into the text"
        ))),
    }
}

impl Engine {
    /// The money of a case with what is on the way to the court. *Errors*: `Locked`; `NotFound`.
    pub fn funds(&self, case: CaseId) -> Result<CaseFunds> {
        Ok(self.case_view(case)?.state.funds().clone())
    }

    /// Says that a sum belongs to this case. Durable when it returns.
    ///
    /// *Errors*: `Rejected` with what stands against it; `Locked`; `NotFound`.
    pub fn claim_funds(
        &self,
        case: CaseId,
        payment: PaymentId,
        text: Option<&str>,
    ) -> Result<StatementHash> {
        let fact = FundsClaimed {
            at: Moment::Day(self.law_time(None)?.shanghai_date()),
            payment,
        };
        let body = FundsClaim { fact };
        self.say_of_funds(
            case,
            &body,
            Body::FundsClaim(body.clone()),
            hidden(&[("text", text)]),
        )
    }

    /// Asks that money be paid out; gives the request's id. Durable when it returns.
    ///
    /// *Errors*: `InvalidInput` for an amount that cannot be; `Rejected` with what stands against it; `Locked`; `NotFound`.
    pub fn request_funds(
        &self,
        case: CaseId,
        order: &FundsOrder,
    ) -> Result<(FundsRequestId, StatementHash)> {
        let ports = &self.holdings.ports;
        let request = FundsRequestId::make(ports.clock.wall_ms(), ports.random()?);
        let fact = FundsRequested {
            amount_fen: order.amount_fen,
            at: Moment::Day(self.law_time(None)?.shanghai_date()),
            payee: order.payee,
            purpose: order.purpose,
            request,
        };
        let body = FundsRequest { fact };
        let words = hidden(&[
            ("account", order.account.as_deref()),
            ("payee", order.payee_name.as_deref()),
            ("text", order.text.as_deref()),
        ]);
        let statement = self.say_of_funds(case, &body, Body::FundsRequest(body.clone()), words)?;
        Ok((request, statement))
    }

    /// Decides on a request: never on one of one's own, apart from taking it back. Durable when it returns.
    ///
    /// *Errors*: as [`Self::request_funds`].
    pub fn decide_funds(
        &self,
        case: CaseId,
        request: FundsRequestId,
        decision: FundsDecision,
        reason: &str,
        text: Option<&str>,
    ) -> Result<StatementHash> {
        let fact = FundsDecided {
            at: Moment::Day(self.law_time(None)?.shanghai_date()),
            decision,
            reason: reason.to_owned(),
            request,
        };
        let body = FundsDecide { fact };
        self.say_of_funds(
            case,
            &body,
            Body::FundsDecide(body.clone()),
            hidden(&[("text", text)]),
        )
    }

    fn say_of_funds<B: TypedBody>(
        &self,
        case: CaseId,
        typed: &B,
        body: Body,
        words: Object,
    ) -> Result<StatementHash> {
        let state = self.case_view(case)?.state;
        let mut queue = self.holdings.queue();
        let device = queue.enrolled()?.device;
        nothing_against(preview_funds(&body, device, &state))?;
        require_granted(&queue, case)?;
        Ok(queue
            .make_statement(typed, Some(case), words, |_, _| Ok(()))?
            .0
            .hash)
    }
}
