//! Devices and people of the courts, enrolment tickets and revocation.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};
use zhixing_protocol::ids::DeviceId;
use zhixing_protocol::statement::BROWSER_STORAGE;

use super::refusal::{Refusal, Reply};
use super::session::Person;
use crate::court::Court;
use crate::http::read_json;
use crate::problem::Failure;
use crate::{devices, norms, tickets};

/// Most bytes of a request.
const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// `GET devices`
pub async fn list(State(court): State<Arc<Court>>, person: Person) -> Reply<Json<Value>> {
    let mut tx = court.db.begin_read().await?;
    let rows = tx
        .rows(
            "SELECT d.device, d.label, p.staff, p.name, p.court, d.enrolled_ms, d.seen_ms, d.status, d.forked, d.tip_seq, d.storage, \
             (SELECT COUNT(*) FROM statements s WHERE s.key_id = d.key_id \
              AND s.type IN ('evidence.capture/1', 'evidence.segment/1', 'evidence.import/1', 'evidence.derivative/1') \
              AND NOT EXISTS (SELECT 1 FROM stored_items i WHERE i.statement = s.hash)), d.key_id, d.norms \
             FROM devices d JOIN staff p ON p.staff = d.staff ORDER BY d.seen_ms DESC, d.device",
            &[],
        )
        .await?;
    // The newest device of a person takes over from those before it; their chains are open until closed.
    let mut newest: std::collections::HashMap<String, i64> = std::collections::HashMap::new();
    for row in &rows {
        if row.text(10)? != BROWSER_STORAGE {
            let at = newest.entry(row.text(2)?).or_default();
            *at = row.int(5)?.max(*at);
        }
    }
    let mut shown = Vec::new();
    for row in &rows {
        let (staff, word) = (row.text(2)?, row.text(4)?);
        if !person.oversees(&word) {
            continue;
        }
        let forked = row.int(8)? != 0;
        let enrolled = row.int(5)?;
        let storage = row.text(10)?;
        let browser = storage == BROWSER_STORAGE;
        let followed = !browser && newest.get(&staff).is_some_and(|at| *at > enrolled);
        let revoked = row.text(7)? != "active";
        let status = match (revoked, forked, followed) {
            (true, ..) => "revoked",
            (_, true, _) => "forked",
            (_, _, true) => "chain_open",
            _ => "active",
        };
        let mut flags = Vec::new();
        if forked {
            flags.push("forked");
        }
        if followed && !revoked {
            flags.push("chain_open");
        }
        shown.push(json!({
            "device": row.text(0)?,
            "label": row.text(1)?,
            "officer": {"id": staff, "name": row.text(3)?},
            "court": word,
            "enrolled_at_ms": enrolled,
            "last_seen_ms": row.int(6)?,
            "status": status,
            "seq": row.int(9)?,
            "assurance": if browser || storage == "software" { "A1" } else { "A2" },
            "browser": browser,
            "pending_items": row.int(11)?,
            "flags": flags,
            "norms": norms_of(&row.text(13)?),
        }));
    }
    let published = norms::published(&court, &mut tx).await?;
    Ok(Json(
        json!({ "devices": shown, "norms_published": published.version }),
    ))
}

/// By which norms a device said it works; null before it said anything.
fn norms_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

#[derive(Deserialize)]
pub struct Revocation {
    reason: String,
    #[serde(default)]
    text: String,
}

/// `POST devices/{device}/revoke`: by those who manage devices, or by the officer whose device it is.
pub async fn revoke(
    State(court): State<Arc<Court>>,
    person: Person,
    Path(device): Path<String>,
    body: Body,
) -> Reply<Json<Value>> {
    let device: DeviceId = device.parse().map_err(|_| Failure::not_found())?;
    let request: Revocation = read_json(&court, body, MAX_REQUEST_BYTES).await?;
    if !["lost", "stolen", "returned", "compromised"].contains(&request.reason.as_str()) {
        return Err(
            Failure::invalid("The reason is lost, stolen, returned or compromised.").into(),
        );
    }
    let mut tx = court.db.begin_read().await?;
    let row = tx
        .row(
            "SELECT p.staff, p.court FROM devices d JOIN staff p ON p.staff = d.staff WHERE d.device = $1",
            &[device.into()],
        )
        .await?
        .ok_or_else(Failure::not_found)?;
    let own = row.text(0)? == person.staff.to_string();
    if !own && !person.oversees(&row.text(1)?) {
        return Err(Failure::not_found().into());
    }
    if !own && !person.manages() {
        return Err(Refusal::forbidden(
            "Ask the duty officer or an administrator.",
        ));
    }
    drop(tx);
    devices::revoke(&court, device, &request.reason, &request.text).await?;
    Ok(Json(json!({})))
}

/// `GET staff`
pub async fn staff(State(court): State<Arc<Court>>, person: Person) -> Reply<Json<Value>> {
    let mut tx = court.db.begin_read().await?;
    let rows = tx
        .rows(
            "SELECT staff, login, name, role, court, badge FROM staff ORDER BY court, login",
            &[],
        )
        .await?;
    let mut shown = Vec::new();
    for row in &rows {
        let word = row.text(4)?;
        if person.oversees(&word) {
            shown.push(json!({
                "id": row.text(0)?,
                "login": row.text(1)?,
                "name": row.text(2)?,
                "role": row.text(3)?,
                "court": word,
                "badge": row.text(5)?,
            }));
        }
    }
    Ok(Json(json!({ "staff": shown })))
}

#[derive(Deserialize)]
pub struct TicketRequest {
    staff: String,
    #[serde(default)]
    label: String,
    /// What the page calls this request, the same when it sends it again.
    request: Option<String>,
}

/// `POST enrol-tickets`
pub async fn make_ticket(
    State(court): State<Arc<Court>>,
    person: Person,
    body: Body,
) -> Reply<Json<Value>> {
    let request: TicketRequest = read_json(&court, body, MAX_REQUEST_BYTES).await?;
    if !person.manages() {
        return Err(Refusal::forbidden(
            "Ask the duty officer or an administrator.",
        ));
    }
    tickets::check_request(request.request.as_deref(), &request.label)?;
    let mut tx = court.db.begin_read().await?;
    let row = tx
        .row(
            "SELECT login, court FROM staff WHERE staff = $1",
            &[request.staff.as_str().into()],
        )
        .await?
        .ok_or_else(Failure::not_found)?;
    if !person.oversees(&row.text(1)?) {
        return Err(Failure::not_found().into());
    }
    let login = row.text(0)?;
    drop(tx);
    let ticket = tickets::make(&court, &login, &request.label, request.request.as_deref()).await?;
    let text = ticket.to_string();
    let code = qrcode::QrCode::new(text.as_bytes()).map_err(Failure::internal)?;
    let qr_svg = code
        .render::<qrcode::render::svg::Color<'_>>()
        .min_dimensions(320, 320)
        .build();
    Ok(Json(json!({
        "ticket": text,
        "expires_at_ms": ticket.expires_ms.0,
        "qr_svg": qr_svg,
    })))
}
