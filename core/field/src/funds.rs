//! The money of a case: the ledger, and what people decide on it.

use serde_json::json;
use zhixing_engine::Engine;
use zhixing_engine::EngineError;
use zhixing_engine::error::Result;
use zhixing_engine::funds::FundsOrder;
use zhixing_protocol::case::{
    Account, CaseFunds, CaseState, FundsPayment, FundsRequestState, FundsStanding,
};
use zhixing_protocol::ids::{CaseId, PartyId};
use zhixing_protocol::statement::{FundsDecision, FundsPurpose};

use crate::arguments::{Decision, FundsAct, Purpose};
use crate::exit;
use crate::law::fen;
use crate::output::{Output, yuan};

const NEXT: &str = "It goes to the court with the next sync.";

/// Runs the command about money.
pub fn run(engine: &Engine, case: CaseId, act: Option<&FundsAct>, output: &Output) -> Result<u8> {
    match act {
        None => show(engine, case, output),
        Some(FundsAct::Claim { payment, text }) => {
            let statement = engine.claim_funds(case, *payment, text.as_deref())?;
            output.show(&json!({"statement": statement.to_string()}), || {
                vec![format!("Claimed. {NEXT}")]
            });
            Ok(exit::DONE)
        }
        Some(FundsAct::Request {
            amount,
            to,
            purpose,
            account,
            text,
        }) => {
            let state = engine.case_view(case)?.state;
            let payee = to.as_deref().map(|to| find_party(&state, to)).transpose()?;
            let order = FundsOrder {
                amount_fen: fen(amount)?,
                payee: payee.as_ref().map(|(party, _)| *party),
                payee_name: payee.map(|(_, name)| name),
                account: account.clone(),
                purpose: match purpose {
                    Purpose::Disbursement => FundsPurpose::Disbursement,
                    Purpose::Fee => FundsPurpose::Fee,
                    Purpose::Surplus => FundsPurpose::Surplus,
                    Purpose::Distribution => FundsPurpose::Distribution,
                    Purpose::Deposit => FundsPurpose::Deposit,
                },
                text: text.clone(),
            };
            let (request, statement) = engine.request_funds(case, &order)?;
            let value = json!({"request": request.to_string(), "statement": statement.to_string()});
            output.show(&value, || {
                vec![
                    format!(
                        "Asked for {}. Somebody else decides. {NEXT}",
                        yuan(order.amount_fen)
                    ),
                    format!("Request   {request}"),
                ]
            });
            Ok(exit::DONE)
        }
        Some(FundsAct::Approve(said)) => decide(engine, case, said, FundsDecision::Approve, output),
        Some(FundsAct::Refuse(said)) => decide(engine, case, said, FundsDecision::Refuse, output),
        Some(FundsAct::Withdraw(said)) => {
            decide(engine, case, said, FundsDecision::Withdraw, output)
        }
    }
}

fn decide(
    engine: &Engine,
    case: CaseId,
    said: &Decision,
    decision: FundsDecision,
    output: &Output,
) -> Result<u8> {
    let statement = engine.decide_funds(
        case,
        said.request,
        decision,
        &said.reason,
        said.text.as_deref(),
    )?;
    output.show(&json!({"statement": statement.to_string()}), || {
        let done = match decision {
            FundsDecision::Approve => "Approved",
            FundsDecision::Refuse => "Refused",
            FundsDecision::Withdraw => "Withdrawn",
        };
        vec![format!("{done}. {NEXT}")]
    });
    Ok(exit::DONE)
}

/// A party by id, or by the whole of a name that only one has.
fn find_party(state: &CaseState, wanted: &str) -> Result<(PartyId, String)> {
    let named = |party: &zhixing_protocol::case::Entry<zhixing_protocol::statement::PartyAdded>| {
        let name = party.hidden_text("name").unwrap_or_default().to_owned();
        (party.body.party, name)
    };
    let mut found: Vec<_> = state
        .parties()
        .map(named)
        .filter(|(party, name)| name == wanted || party.to_string() == wanted)
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(_), false) => Err(EngineError::invalid(format!(
            "several parties are called {wanted}; give the id from `show`"
        ))),
        (None, _) => Err(EngineError::not_found(format!(
            "no party of this case is called {wanted}; see `show`"
        ))),
    }
}

fn show(engine: &Engine, case: CaseId, output: &Output) -> Result<u8> {
    let funds = engine.funds(case)?;
    let balances: serde_json::Map<String, serde_json::Value> = Account::ALL
        .iter()
        .map(|account| {
            let name = format!("{account:?}").to_lowercase();
            (format!("{name}_fen"), json!(funds.holds(*account)))
        })
        .collect();
    let value = json!({
        "balances": balances,
        "paid_fen": funds.paid_fen(),
        "payments": funds.payments(),
        "requests": funds.requests(),
        "entries": funds.entries(),
    });
    output.show(&value, || lines(&funds));
    Ok(exit::DONE)
}

fn lines(funds: &CaseFunds) -> Vec<String> {
    if funds.is_empty() {
        return vec!["No money has reached this case.".to_owned()];
    }
    let mut lines = vec![
        format!(
            "On the account {}: free {}, asked for {}, approved {}, not yet claimed and confirmed {}",
            yuan(funds.holds(Account::Bank)),
            yuan(funds.holds(Account::Free)),
            yuan(funds.holds(Account::Asked)),
            yuan(funds.holds(Account::Payable)),
            yuan(funds.holds(Account::Unclaimed)),
        ),
        format!("Paid out {}", yuan(funds.paid_fen())),
        "Came in".to_owned(),
    ];
    lines.extend(funds.payments().into_iter().map(sum));
    let requests = funds.requests();
    if !requests.is_empty() {
        lines.push("Requests".to_owned());
        lines.extend(requests.into_iter().map(request));
    }
    lines
}

fn sum(payment: &FundsPayment) -> String {
    let standing = match (payment.returned, payment.confirmed, payment.claimed) {
        (Some((at, _)), _, _) => format!("sent back {at}"),
        (None, Some(_), Some(_)) => "of the case".to_owned(),
        (None, Some(_), None) => "TO CLAIM".to_owned(),
        (None, None, Some(_)) => "claimed, not confirmed by finance".to_owned(),
        (None, None, None) => "not confirmed, not claimed".to_owned(),
    };
    format!(
        "  {}  {:>14}  {}  {}  {}",
        payment.at,
        yuan(payment.amount_fen),
        payment.payment,
        payment.payer.as_deref().unwrap_or("payer unknown"),
        standing
    )
}

fn request(request: &FundsRequestState) -> String {
    let standing = match (request.standing, &request.failure, request.settled) {
        (FundsStanding::Open, ..) => "WAITS FOR A DECISION".to_owned(),
        (FundsStanding::Approved, ..) => "approved, with the bank".to_owned(),
        (FundsStanding::Refused, ..) => "refused".to_owned(),
        (FundsStanding::Withdrawn, ..) => "withdrawn".to_owned(),
        (FundsStanding::Paid, _, Some((at, _))) => format!("paid {at}"),
        (FundsStanding::Failed, Some(reason), _) => {
            format!("FAILED ({reason}): ask again with the right account")
        }
        (FundsStanding::Paid | FundsStanding::Failed, ..) => "settled".to_owned(),
    };
    format!(
        "  {}  {:>14}  {}  {}  {}",
        request.at,
        yuan(request.amount_fen),
        request.request,
        request
            .payee_name
            .as_deref()
            .unwrap_or(request.purpose.code()),
        standing
    )
}
