//! Who is at the console: login, the session cookie, and what a person may see.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, header};
use serde::Deserialize;
use serde_json::{Value, json};
use zhixing_protocol::hash::{Sha256Digest, to_hex};
use zhixing_protocol::ids::{CaseId, StaffId};

use super::refusal::{Refusal, Reply};
use crate::auth;
use crate::cases::{self, CaseRow};
use crate::court::Court;
use crate::http::read_json;
use crate::problem::Failure;
use crate::store::Tx;

const COOKIE: &str = "zx_session";
const CSRF: &str = "x-zx-csrf";
/// A session that was not used for this long is over: 30 minutes.
const IDLE_MS: i64 = 30 * 60_000;
/// No session lasts longer: 12 hours, a long day.
const LIFETIME_MS: i64 = 12 * 3_600_000;
/// Use is noted at most this often: every minute.
const TOUCH_MS: i64 = 60_000;

/// The person a request comes from. Reading one checks cookie, idle time and, for changes, the CSRF value.
pub struct Person {
    /// The person.
    pub staff: StaffId,
    /// Name.
    pub name: String,
    /// Role.
    pub role: String,
    /// Own court first, then those below it.
    pub courts: Vec<String>,
    csrf: String,
    token: Sha256Digest,
}

impl Person {
    fn answer(&self) -> Value {
        json!({
            "user": {"id": self.staff.to_string(), "name": self.name, "role": self.role, "courts": self.courts},
            "csrf": self.csrf,
        })
    }

    /// Judges and clerks see the cases they are on; the others supervise those of their courts.
    pub fn supervises(&self) -> bool {
        matches!(self.role.as_str(), "duty" | "admin" | "auditor")
    }

    /// Whether the person may give out tickets and take devices' rights away.
    pub fn manages(&self) -> bool {
        matches!(self.role.as_str(), "duty" | "admin")
    }

    /// Whether the court is the person's own or below it.
    pub fn oversees(&self, court: &str) -> bool {
        self.courts.iter().any(|word| word == court)
    }

    /// Reads a case this person may see. The same answer for a foreign one as for none (I8). *Errors*: `not_found`.
    pub async fn case(&self, tx: &mut Tx, case: CaseId) -> Reply<CaseRow> {
        let row = cases::row(tx, case).await?.ok_or_else(Failure::not_found)?;
        let seen = if self.supervises() {
            self.oversees(&row.court)
        } else {
            cases::is_granted(tx, case, self.staff).await?
        };
        if seen {
            Ok(row)
        } else {
            Err(Failure::not_found().into())
        }
    }
}

fn cookie(headers: &HeaderMap) -> Option<Sha256Digest> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
        .map(|token| Sha256Digest::of(token.as_bytes()))
}

/// The person's court and all below it.
async fn courts_under(tx: &mut Tx, own: String) -> Reply<Vec<String>> {
    let rows = tx
        .rows("SELECT word, parent FROM courts ORDER BY word", &[])
        .await?;
    let mut found = vec![own];
    let mut at = 0;
    while let Some(above) = found.get(at).cloned() {
        for row in &rows {
            let word = row.text(0)?;
            if row.optional_text(1)?.as_deref() == Some(&above) && !found.contains(&word) {
                found.push(word);
            }
        }
        at += 1;
    }
    Ok(found)
}

async fn person(court: &Court, token: Sha256Digest) -> Reply<Person> {
    let now = court.now().0;
    let mut tx = court.db.begin_read().await?;
    let row = tx
        .row(
            "SELECT p.staff, p.name, p.role, p.court, s.csrf, s.used_ms FROM staff_sessions s JOIN staff p ON p.staff = s.staff \
             WHERE s.token_sha256 = $1 AND s.used_ms > $2 AND s.created_ms > $3",
            &[token.into(), (now - IDLE_MS).into(), (now - LIFETIME_MS).into()],
        )
        .await?
        .ok_or_else(Refusal::unauthenticated)?;
    let person = Person {
        staff: row.parse(0)?,
        name: row.text(1)?,
        role: row.text(2)?,
        courts: courts_under(&mut tx, row.text(3)?).await?,
        csrf: row.text(4)?,
        token,
    };
    drop(tx);
    if row.int(5)? < now - TOUCH_MS {
        let mut tx = court.db.begin_write().await?;
        tx.execute(
            "UPDATE staff_sessions SET used_ms = $2 WHERE token_sha256 = $1",
            &[token.into(), now.into()],
        )
        .await?;
        tx.commit().await?;
    }
    Ok(person)
}

impl FromRequestParts<Arc<Court>> for Person {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, court: &Arc<Court>) -> Reply<Self> {
        let token = cookie(&parts.headers).ok_or_else(Refusal::unauthenticated)?;
        let person = person(court, token).await?;
        let reads = parts.method == Method::GET || parts.method == Method::HEAD;
        let sent = parts.headers.get(CSRF).map(HeaderValue::as_bytes);
        // Digests are compared, so the time tells nothing of the value.
        let fits = sent
            .is_some_and(|sent| Sha256Digest::of(sent) == Sha256Digest::of(person.csrf.as_bytes()));
        if reads || fits {
            Ok(person)
        } else {
            Err(Refusal::forbidden(
                "The page is out of date. Load it again.",
            ))
        }
    }
}

#[derive(Deserialize)]
pub struct Login {
    login: String,
    password: String,
    totp: Option<String>,
}

fn set_cookie(court: &Court, value: &str, max_age_s: i64) -> Reply<HeaderValue> {
    let secure = if court.config.public_url.starts_with("https://") {
        "; Secure"
    } else {
        ""
    };
    let text = format!(
        "{COOKIE}={value}; HttpOnly; SameSite=Strict; Path=/console; Max-Age={max_age_s}{secure}"
    );
    HeaderValue::try_from(text).map_err(|error| Failure::internal(error).into())
}

/// `POST login`. A new session each time; the one the browser had ends.
pub async fn login(
    State(court): State<Arc<Court>>,
    headers: HeaderMap,
    body: Body,
) -> Reply<Response> {
    let request: Login = read_json(&court, body, 4096).await?;
    let staff = match auth::log_in(
        &court,
        &request.login,
        request.password,
        request.totp.as_deref(),
    )
    .await?
    {
        auth::LogIn::Accepted(staff) => staff,
        auth::LogIn::Refused => return Err(Refusal::login_refused()),
        auth::LogIn::TotpRequired => return Err(Refusal::totp_required()),
        auth::LogIn::LockedOut { retry_after_ms } => {
            return Err(Refusal::locked_out(retry_after_ms));
        }
    };
    let token = to_hex(&crate::random::<32>());
    let digest = Sha256Digest::of(token.as_bytes());
    let now = court.now().0;
    let mut tx = court.db.begin_write().await?;
    tx.execute(
        "DELETE FROM staff_sessions WHERE used_ms <= $1 OR created_ms <= $2",
        &[(now - IDLE_MS).into(), (now - LIFETIME_MS).into()],
    )
    .await?;
    if let Some(former) = cookie(&headers) {
        tx.execute(
            "DELETE FROM staff_sessions WHERE token_sha256 = $1",
            &[former.into()],
        )
        .await?;
    }
    tx.execute(
        "INSERT INTO staff_sessions (token_sha256, staff, csrf, created_ms, used_ms) VALUES ($1, $2, $3, $4, $4)",
        &[
            digest.into(),
            staff.into(),
            to_hex(&crate::random::<16>()).into(),
            now.into(),
        ],
    )
    .await?;
    tx.commit().await?;
    let mut response = Json(person(&court, digest).await?.answer()).into_response();
    response.headers_mut().insert(
        header::SET_COOKIE,
        set_cookie(&court, &token, LIFETIME_MS / 1000)?,
    );
    Ok(response)
}

/// `POST logout`. Of a session that has ended it is done already, so a lost answer costs nothing (I3).
pub async fn logout(
    State(court): State<Arc<Court>>,
    person: Result<Person, Refusal>,
) -> Reply<Response> {
    match person {
        Ok(person) => end_session(&court, &person).await?,
        Err(refusal) if refusal.is_unauthenticated() => {}
        Err(refusal) => return Err(refusal),
    }
    let mut response = Json(json!({})).into_response();
    response
        .headers_mut()
        .insert(header::SET_COOKIE, set_cookie(&court, "", 0)?);
    Ok(response)
}

async fn end_session(court: &Court, person: &Person) -> Reply<()> {
    let mut tx = court.db.begin_write().await?;
    tx.execute(
        "DELETE FROM staff_sessions WHERE token_sha256 = $1",
        &[person.token.into()],
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

/// `GET me`
pub async fn me(person: Person) -> Json<Value> {
    Json(person.answer())
}
