//! The key with which a person signs in this browser: it is enrolled like a device, with a ticket for oneself.
//!
//! What is signed goes to the court like the statements of any device (`POST /device/v1/statements`).

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use zhixing_protocol::statement::BROWSER_STORAGE;

use super::refusal::{Refusal, Reply};
use super::session::Person;
use crate::court::Court;
use crate::http::read_json;
use crate::problem::Failure;
use crate::{auth, tickets};

/// Most bytes of a request.
const MAX_REQUEST_BYTES: usize = 4096;

/// `GET signing`: the deployment, the person's own court, and the browsers that sign for the person.
pub async fn state(State(court): State<Arc<Court>>, person: Person) -> Reply<Json<Value>> {
    let mut tx = court.db.begin_read().await?;
    let rows = tx
        .rows(
            "SELECT device, label, status, enrolled_ms, seen_ms, tip_seq FROM devices WHERE staff = $1 AND storage = $2 ORDER BY enrolled_ms DESC, device",
            &[person.staff.into(), BROWSER_STORAGE.into()],
        )
        .await?;
    let mut browsers = Vec::new();
    for row in &rows {
        browsers.push(json!({
            "device": row.text(0)?,
            "label": row.text(1)?,
            "active": row.text(2)? == "active",
            "enrolled_at_ms": row.int(3)?,
            "last_seen_ms": row.int(4)?,
            "seq": row.int(5)?,
        }));
    }
    Ok(Json(json!({
        "realm": court.realm.to_string(),
        "court": person.courts.first(),
        "browsers": browsers,
    })))
}

#[derive(Deserialize)]
pub struct TicketRequest {
    password: String,
    totp: Option<String>,
    label: String,
    /// What the page calls this request, the same when it sends it again.
    request: String,
}

/// `POST signing/tickets`: a ticket for oneself. A session alone is not enough for a key that signs for the person, so the
/// password is asked for again; wrong ones count as they do at login.
pub async fn make_ticket(
    State(court): State<Arc<Court>>,
    person: Person,
    body: Body,
) -> Reply<Json<Value>> {
    let request: TicketRequest = read_json(&court, body, MAX_REQUEST_BYTES).await?;
    tickets::check_request(Some(&request.request), &request.label)?;
    let mut tx = court.db.begin_read().await?;
    let login = tx
        .row(
            "SELECT login FROM staff WHERE staff = $1",
            &[person.staff.into()],
        )
        .await?
        .ok_or_else(Failure::not_found)?
        .text(0)?;
    drop(tx);
    match auth::log_in(&court, &login, request.password, request.totp.as_deref()).await? {
        auth::LogIn::Accepted(staff) if staff == person.staff => {}
        auth::LogIn::Accepted(_) | auth::LogIn::Refused => {
            return Err(Refusal::password_refused());
        }
        auth::LogIn::TotpRequired => return Err(Refusal::totp_wanted()),
        auth::LogIn::LockedOut { retry_after_ms } => {
            return Err(Refusal::locked_out(retry_after_ms));
        }
    }
    let ticket = tickets::make(&court, &login, &request.label, Some(&request.request)).await?;
    Ok(Json(json!({
        "court": ticket.court.as_str(),
        "expires_at_ms": ticket.expires_ms.0,
        "realm": ticket.realm.to_string(),
        "root": ticket.root.to_string(),
        "secret": ticket.secret.to_string(),
    })))
}
