//! The money of a case: balances, sums that came in, requests and how they stand.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};
use zhixing_protocol::case::{Account, CaseState};
use zhixing_protocol::ids::{DeviceId, PartyId, StaffId};
use zhixing_protocol::rules::moment::Moment;

use super::cases::look;
use super::refusal::Reply;
use super::session::Person;
use crate::cases;
use crate::court::Court;
use crate::store::{StoreResult, Tx};

/// `GET cases/{case}/funds`
pub async fn show(
    State(court): State<Arc<Court>>,
    person: Person,
    Path(case): Path<String>,
) -> Reply<Json<Value>> {
    let row = look(&court, &person, &case, "console.funds").await?;
    let mut tx = court.db.begin_read().await?;
    let state = cases::opened_state(&mut tx, row.case).await?;
    let on_case = cases::is_granted(&mut tx, row.case, person.staff).await?;
    let funds = state.funds();
    let mut people = People::default();
    let mut requests = Vec::new();
    for request in funds.requests() {
        let (asker, name) = people.of(&mut tx, request.device).await?;
        let decided = match &request.decided {
            Some((at, device, reason)) => {
                let (_, name) = people.of(&mut tx, *device).await?;
                json!({"at": at, "by": name, "reason": reason})
            }
            None => Value::Null,
        };
        requests.push(json!({
            "request": request.request,
            "seq": request.seq,
            "amount_fen": request.amount_fen,
            "at": request.at,
            "by": name,
            "own": asker == Some(person.staff),
            "payee": request.payee_name.clone().or_else(|| party_name(&state, request.payee?)),
            "account": request.account,
            "purpose": request.purpose,
            "standing": request.standing,
            "decided": decided,
            "settled": at_of(request.settled),
            "failure": request.failure,
        }));
    }
    drop(tx);
    let payments: Vec<Value> = funds
        .payments()
        .into_iter()
        .map(|payment| {
            json!({
                "payment": payment.payment,
                "seq": payment.seq,
                "amount_fen": payment.amount_fen,
                "at": payment.at,
                "payer": payment.payer.clone().or_else(|| party_name(&state, payment.from?)),
                "method": payment.method,
                "confirmed": at_of(payment.confirmed),
                "claimed": at_of(payment.claimed),
                "returned": at_of(payment.returned),
            })
        })
        .collect();
    let parties: Vec<Value> = state
        .parties()
        .map(|party| {
            json!({
                "party": party.body.party,
                "role": party.body.role,
                "name": party.hidden_text("name"),
            })
        })
        .collect();
    Ok(Json(json!({
        "bank_fen": funds.holds(Account::Bank),
        "unclaimed_fen": funds.holds(Account::Unclaimed),
        "free_fen": funds.holds(Account::Free),
        "asked_fen": funds.holds(Account::Asked),
        "payable_fen": funds.holds(Account::Payable),
        "paid_fen": funds.paid_fen(),
        "payments": payments,
        "requests": requests,
        "parties": parties,
        "may_ask": on_case,
        "may_decide": on_case && matches!(person.role.as_str(), "judge" | "duty"),
    })))
}

fn at_of(settled: Option<(Moment, u64)>) -> Option<Moment> {
    settled.map(|(at, _)| at)
}

fn party_name(state: &CaseState, party: PartyId) -> Option<String> {
    state.party(party)?.hidden_text("name").map(str::to_owned)
}

/// Whose a device is; asked once.
#[derive(Default)]
struct People(BTreeMap<DeviceId, (Option<StaffId>, Option<String>)>);

impl People {
    async fn of(
        &mut self,
        tx: &mut Tx,
        device: DeviceId,
    ) -> StoreResult<(Option<StaffId>, Option<String>)> {
        if let Some(known) = self.0.get(&device) {
            return Ok(known.clone());
        }
        let row = tx
            .row(
                "SELECT p.staff, p.name FROM devices d JOIN staff p ON p.staff = d.staff WHERE d.device = $1",
                &[device.into()],
            )
            .await?;
        let found = match row {
            Some(row) => (Some(row.parse(0)?), Some(row.text(1)?)),
            None => (None, None),
        };
        self.0.insert(device, found.clone());
        Ok(found)
    }
}
