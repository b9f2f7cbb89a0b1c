//! Events of the money of a case.

use super::act::ByDevice;
use super::draft::{Outcome, one};
use super::{Effect, EventBody};
use crate::case::CaseState;
use crate::ids::DeviceId;
use crate::statement::{Body, FactContent, Statement, is_code};
use crate::time::Date;

const HIDDEN: &[&str] = &["account", "payee", "payer", "text"];

/// The event of what the inner system says of money; none for other facts.
pub(super) fn event_of(content: &FactContent) -> Option<EventBody> {
    Some(match content.clone() {
        FactContent::FundsReceived(fact) => EventBody::FundsReceived(fact),
        FactContent::FundsConfirmed(fact) => EventBody::FundsConfirmed(fact),
        FactContent::FundsClaimed(fact) => EventBody::FundsClaimed(fact),
        FactContent::FundsReturned(fact) => EventBody::FundsReturned(fact),
        FactContent::FundsPaid(fact) => EventBody::FundsPaid(fact),
        FactContent::FundsFailed(fact) => EventBody::FundsFailed(fact),
        _ => return None,
    })
}

/// What an event of money would do in a case: the ledger must still balance after it, and no sum is spent twice.
pub(super) fn preview(event: &EventBody, state: &CaseState) -> Effect {
    if !is_well_formed(event) {
        return Effect::held("malformed_body");
    }
    let payee = match event {
        EventBody::FundsRequested(asked) => asked.fact.payee,
        EventBody::FundsReceived(received) => received.from,
        _ => None,
    };
    if payee.is_some_and(|party| state.party(party).is_none()) {
        return Effect::Conflict {
            current: "no_such_party".to_owned(),
        };
    }
    match state.funds().judge(event) {
        Ok(()) => Effect::Applied,
        Err(refusal) => refusal.effect(),
    }
}

/// What a statement about money would do: for a device that wants to know before it signs.
///
/// Bodies that are not about money give `Held`. That nobody decides on a request of their own is judged by the device here,
/// and by the person at the court.
pub fn preview_funds(body: &Body, device: DeviceId, state: &CaseState) -> Effect {
    match event_by(body, device) {
        Some(event) => preview(&event, state),
        None => Effect::held("unknown_type"),
    }
}

/// Drafts the event of a statement about money.
pub(super) fn record(statement: &Statement, body: &Body, state: &CaseState) -> Outcome {
    let Some(device) = statement.device else {
        return Ok((Effect::rejected("no_device"), Vec::new()));
    };
    let Some(event) = event_by(body, device) else {
        return Ok((Effect::held("unknown_type"), Vec::new()));
    };
    match (preview(&event, state), date_of(body)) {
        (Effect::Applied, Some(date)) => one(statement, &event, date, None, HIDDEN),
        (effect, _) => Ok((effect, Vec::new())),
    }
}

fn event_by(body: &Body, device: DeviceId) -> Option<EventBody> {
    Some(match body.clone() {
        Body::FundsClaim(claim) => EventBody::FundsClaimed(claim.fact),
        Body::FundsRequest(request) => EventBody::FundsRequested(ByDevice {
            device,
            fact: request.fact,
        }),
        Body::FundsDecide(decide) => EventBody::FundsDecided(ByDevice {
            device,
            fact: decide.fact,
        }),
        _ => return None,
    })
}

fn date_of(body: &Body) -> Option<Date> {
    Some(match body {
        Body::FundsClaim(claim) => claim.fact.at.date(),
        Body::FundsRequest(request) => request.fact.at.date(),
        Body::FundsDecide(decide) => decide.fact.at.date(),
        _ => return None,
    })
}

fn is_well_formed(event: &EventBody) -> bool {
    match event {
        EventBody::FundsReceived(fact) => fact.is_well_formed(),
        EventBody::FundsRequested(asked) => asked.fact.is_well_formed(),
        EventBody::FundsReturned(fact) => is_code(&fact.reason),
        EventBody::FundsDecided(decided) => is_code(&decided.fact.reason),
        EventBody::FundsFailed(fact) => is_code(&fact.reason),
        _ => true,
    }
}
