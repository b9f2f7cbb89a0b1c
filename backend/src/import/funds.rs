//! What an inner system says of the money of a case.

use serde::Deserialize;
use zhixing_protocol::ids::{FundsRequestId, PartyId, PaymentId};
use zhixing_protocol::rules::moment::Moment;
use zhixing_protocol::statement::{
    FactContent, FundsClaimed, FundsConfirmed, FundsFailed, FundsPaid, FundsReceived,
    FundsReturned, is_amount, is_code,
};

use super::look_up;
use super::records::{
    Before, Gathered, LineFailure, LineKind, LineResult, Place, Source, before,
    case_by_external_id, changed, derived_part, issue, parse,
};
use crate::court::Court;
use crate::store::Tx;

/// A line of `funds.jsonl`.
#[derive(Debug, Deserialize)]
struct FundsLine {
    external_id: String,
    case: String,
    at: Moment,
    #[serde(flatten)]
    what: What,
    text: Option<String>,
}

/// What happened. Sums are called by the inner system's names, requests by ours.
#[derive(Debug, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
enum What {
    Received {
        payment: String,
        amount_fen: i64,
        /// `external_id` of the party that paid.
        from: Option<String>,
        method: String,
        payer: Option<String>,
    },
    Confirmed {
        payment: String,
    },
    Claimed {
        payment: String,
    },
    Returned {
        payment: String,
        reason: String,
    },
    Paid {
        request: FundsRequestId,
    },
    Failed {
        request: FundsRequestId,
        reason: String,
    },
}

/// Takes one line inside the transaction, which is to be dropped if it fails.
pub(super) async fn take(
    court: &Court,
    tx: &mut Tx,
    source: &mut Source<'_>,
    text: &str,
) -> LineResult {
    let line: FundsLine = parse(text)?;
    let key = look_up::key(LineKind::Funds, &line.case, &line.external_id);
    match before(tx, source, &key, text).await? {
        Before::Same => return Ok(false),
        Before::Changed => return Err(changed()),
        Before::New => {}
    }
    let case = case_by_external_id(court, tx, source, &line.case).await?;
    let at = line.at;
    let sum = |name: &str| {
        let (random, made) = derived_part(court, &case, name);
        PaymentId::make(made, random)
    };
    let code = |reason: String| {
        if is_code(&reason) {
            Ok(reason)
        } else {
            Err(LineFailure::bad(
                "reason and method are codes of ASCII letters, digits, - and _; words go into text",
            ))
        }
    };
    let mut payer = None;
    let content = match line.what {
        What::Received {
            payment,
            amount_fen,
            from,
            method,
            payer: name,
        } => {
            if !is_amount(amount_fen) {
                return Err(LineFailure::bad(
                    "amount_fen must be between 1 and 9007199254740991",
                ));
            }
            payer = name;
            FactContent::FundsReceived(FundsReceived {
                amount_fen,
                at,
                from: from.map(|name| {
                    let (random, made) = derived_part(court, &case, &name);
                    PartyId::make(made, random)
                }),
                method: code(method)?,
                payment: sum(&payment),
            })
        }
        What::Confirmed { payment } => FactContent::FundsConfirmed(FundsConfirmed {
            at,
            payment: sum(&payment),
        }),
        What::Claimed { payment } => FactContent::FundsClaimed(FundsClaimed {
            at,
            payment: sum(&payment),
        }),
        What::Returned { payment, reason } => FactContent::FundsReturned(FundsReturned {
            at,
            payment: sum(&payment),
            reason: code(reason)?,
        }),
        What::Paid { request } => FactContent::FundsPaid(FundsPaid { at, request }),
        What::Failed { request, reason } => FactContent::FundsFailed(FundsFailed {
            at,
            reason: code(reason)?,
            request,
        }),
    };
    let mut gathered = Gathered::default();
    gathered.add(
        content,
        at.date(),
        &[("payer", payer.as_deref()), ("text", line.text.as_deref())],
    );
    let place = Place::In(case.row.court.as_str(), case.row.case);
    issue(court, tx, source, (&key, text), place, gathered).await
}
