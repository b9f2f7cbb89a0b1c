//! Enrolment tickets: one-time, for one person, good for a day.

use ring::hmac;
use zhixing_protocol::hash::{Sha256Digest, from_hex, to_hex};
use zhixing_protocol::ids::{Nonce, StaffId};
use zhixing_protocol::wire::{EnrolmentTicket, ProblemKind};

use crate::court::Court;
use crate::problem::{Answer, Failure};

/// How long a ticket can be used: one day.
const TICKET_MS: i64 = 24 * 3_600_000;

/// Characters of a request's name: too many to guess, too few to burden.
const REQUEST_CHARS: std::ops::RangeInclusive<usize> = 16..=100;
/// Longest name of a device.
const MAX_LABEL_CHARS: usize = 100;

/// Checks what a page sends to ask for a ticket. *Errors*: `invalid_input`.
pub fn check_request(request: Option<&str>, label: &str) -> Answer<()> {
    if request.is_some_and(|name| !REQUEST_CHARS.contains(&name.len())) {
        return Err(Failure::invalid(
            "A request's name has 16 to 100 characters.",
        ));
    }
    if label.chars().count() > MAX_LABEL_CHARS {
        return Err(Failure::invalid(
            "The name of a device has at most 100 characters.",
        ));
    }
    Ok(())
}

/// Makes a one-time ticket for a person of the court. The same `request` again, a name that only the asker knows, gives
/// the same ticket, so a lost answer leaves no second one behind.
///
/// *Errors*: `not_found` for an unknown login; `conflict` for a request that asked for something else.
pub async fn make(
    court: &Court,
    login: &str,
    label: &str,
    request: Option<&str>,
) -> Answer<EnrolmentTicket> {
    let mut tx = court.db.begin_write().await?;
    let row = tx
        .row(
            "SELECT staff, court FROM staff WHERE login = $1",
            &[login.into()],
        )
        .await?;
    let Some(row) = row else {
        return Err(Failure::new(
            ProblemKind::NotFound,
            "There is no person with this login. Import the staff first.",
        ));
    };
    let (staff, word) = (row.parse::<StaffId>(0)?, row.parse(1)?);
    let name = request.map(|request| Sha256Digest::of(request.as_bytes()));
    let known = match name {
        Some(name) => {
            tx.row(
                "SELECT staff, label, expires_ms, salt FROM tickets WHERE request_sha256 = $1",
                &[name.into()],
            )
            .await?
        }
        None => None,
    };
    let (salt, expires_ms) = match &known {
        Some(row) if row.parse::<StaffId>(0)? == staff && row.text(1)? == label => {
            let salt = from_hex(&row.text(3)?).unwrap_or_default();
            (salt, zhixing_protocol::time::UtcMillis(row.int(2)?))
        }
        Some(_) => {
            return Err(Failure::new(
                ProblemKind::Conflict,
                "This request asked for another ticket before. Begin anew.",
            ));
        }
        None => (
            crate::random::<32>().to_vec(),
            court.now().plus_ms(TICKET_MS),
        ),
    };
    let ticket = EnrolmentTicket {
        court: word,
        expires_ms,
        realm: court.realm,
        root: court.keys.root_fingerprint(),
        secret: derive_secret(&salt, request.unwrap_or_default()),
        url: court.config.public_url.clone(),
    };
    if known.is_none() {
        tx.execute(
            "INSERT INTO tickets (secret_sha256, staff, label, expires_ms, request_sha256, salt) VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                ticket.secret_digest().into(),
                staff.into(),
                label.into(),
                expires_ms.0.into(),
                name.map(|name| name.to_string()).into(),
                // Without a name the salt alone would give the secret away.
                name.map_or(String::new(), |_| to_hex(&salt)).into(),
            ],
        )
        .await?;
        tx.commit().await?;
    }
    Ok(ticket)
}

fn derive_secret(salt: &[u8], request: &str) -> Nonce {
    let key = hmac::Key::new(hmac::HMAC_SHA256, salt);
    let text = [b"zx-ticket/1\0", request.as_bytes()].concat();
    let tag = hmac::sign(&key, &text);
    let mut secret = Nonce([0; 16]);
    secret
        .0
        .iter_mut()
        .zip(tag.as_ref())
        .for_each(|(to, from)| *to = *from);
    secret
}
