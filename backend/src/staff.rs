//! How people of the court get in: passwords, one-time passwords, lock-outs. Each change is recorded in the access chain of their court (I13).

use data_encoding::BASE32_NOPAD;
use serde::Serialize;
use zhixing_protocol::hash::{Sha256Digest, to_hex};
use zhixing_protocol::ids::StaffId;

use crate::court::Court;
use crate::problem::{Answer, Failure};
use crate::store::Tx;
use crate::{access, auth};

/// Fewest characters of a password.
pub const FEWEST_CHARACTERS: usize = 10;
/// Bytes of a one-time password secret (RFC 4226 §4 R6).
const SECRET_BYTES: usize = 20;
/// Characters of a password made here: 5 bits each, without those that look alike.
const MADE_CHARACTERS: usize = 20;
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A person as the list shows one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StaffLine {
    /// Login.
    pub login: String,
    /// Name.
    pub name: String,
    /// `judge`, `clerk`, `duty`, `admin` or `auditor`.
    pub role: String,
    /// Court word.
    pub court: String,
    /// May log in to the console.
    pub has_password: bool,
    /// Needs a one-time password too.
    pub has_totp: bool,
    /// Sessions of the console that are open.
    pub sessions: u64,
    /// Devices that may send and read.
    pub devices: u64,
}

/// Everybody, by court and login. *Errors*: a fault of the store.
pub async fn list(court: &Court) -> Answer<Vec<StaffLine>> {
    let mut tx = court.db.begin_read().await?;
    let rows = tx
        .rows(
            "SELECT login, name, role, court, password_hash, totp_secret, \
             (SELECT COUNT(*) FROM staff_sessions s WHERE s.staff = p.staff), \
             (SELECT COUNT(*) FROM devices d WHERE d.staff = p.staff AND d.status = 'active') \
             FROM staff p ORDER BY court, login",
            &[],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(StaffLine {
                login: row.text(0)?,
                name: row.text(1)?,
                role: row.text(2)?,
                court: row.text(3)?,
                has_password: !row.text(4)?.is_empty(),
                has_totp: !row.text(5)?.is_empty(),
                sessions: row.count(6)?,
                devices: row.count(7)?,
            })
        })
        .collect()
}

/// Gives a person a password, or takes it away. All sessions of the console end, and a lock-out too.
///
/// *Errors*: `invalid_input` for one that is too short; `not_found` for an unknown login.
pub async fn set_password(court: &Court, login: &str, password: Option<&str>) -> Answer<()> {
    let hash = match password {
        Some(password) if password.chars().count() < FEWEST_CHARACTERS => {
            return Err(Failure::invalid(
                "A password needs at least ten characters; take a longer one.",
            ));
        }
        Some(password) => auth::hash_password(password).map_err(Failure::internal)?,
        None => String::new(),
    };
    let mut tx = court.db.begin_write().await?;
    let what = if password.is_some() {
        "staff.password"
    } else {
        "staff.password_off"
    };
    let staff = change(court, &mut tx, login, what).await?;
    tx.execute(
        "UPDATE staff SET password_hash = $2 WHERE staff = $1",
        &[staff.into(), hash.into()],
    )
    .await?;
    end_sessions(&mut tx, staff, login).await?;
    Ok(tx.commit().await?)
}

/// Makes a one-time password secret for a person and gives the address for an authenticator app, which is shown once; or takes the secret away.
/// All sessions of the console end.
///
/// *Errors*: `not_found` for an unknown login.
pub async fn set_totp(court: &Court, login: &str, on: bool) -> Answer<Option<String>> {
    let secret: [u8; SECRET_BYTES] = crate::random();
    let (kept, what) = if on {
        (to_hex(&secret), "staff.totp")
    } else {
        (String::new(), "staff.totp_off")
    };
    let mut tx = court.db.begin_write().await?;
    let staff = change(court, &mut tx, login, what).await?;
    tx.execute(
        "UPDATE staff SET totp_secret = $2, totp_step = 0 WHERE staff = $1",
        &[staff.into(), kept.into()],
    )
    .await?;
    end_sessions(&mut tx, staff, login).await?;
    tx.commit().await?;
    Ok(on.then(|| {
        let secret = BASE32_NOPAD.encode(&secret);
        let label = percent(login);
        format!("otpauth://totp/Zhixing:{label}?secret={secret}&issuer=Zhixing")
    }))
}

/// Lets somebody try again at once after too many wrong attempts. *Errors*: `not_found` for an unknown login.
pub async fn unlock(court: &Court, login: &str) -> Answer<()> {
    let mut tx = court.db.begin_write().await?;
    change(court, &mut tx, login, "staff.unlock").await?;
    forget_failures(&mut tx, login).await?;
    Ok(tx.commit().await?)
}

/// A password that nobody chose: 100 bits.
pub fn make_password() -> String {
    let random: [u8; MADE_CHARACTERS] = crate::random();
    random
        .iter()
        .map(|byte| {
            let place = usize::from(byte % 32);
            char::from(ALPHABET.get(place).copied().unwrap_or(b'a'))
        })
        .collect()
}

/// Finds a person and records the change.
async fn change(court: &Court, tx: &mut Tx, login: &str, what: &str) -> Answer<StaffId> {
    let row = tx
        .row(
            "SELECT staff, court FROM staff WHERE login = $1",
            &[login.into()],
        )
        .await?
        .ok_or_else(Failure::not_found)?;
    let staff = row.parse(0)?;
    access::record_change(court, tx, &row.text(1)?, staff, what).await?;
    Ok(staff)
}

async fn end_sessions(tx: &mut Tx, staff: StaffId, login: &str) -> Answer<()> {
    tx.execute(
        "DELETE FROM staff_sessions WHERE staff = $1",
        &[staff.into()],
    )
    .await?;
    forget_failures(tx, login).await
}

async fn forget_failures(tx: &mut Tx, login: &str) -> Answer<()> {
    tx.execute(
        "DELETE FROM login_failures WHERE login_sha256 = $1",
        &[Sha256Digest::of(login.as_bytes()).into()],
    )
    .await?;
    Ok(())
}

/// Everything but letters and digits as `%XX`.
fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{LogIn, log_in};
    use crate::store::testing::on_both_engines;
    use crate::testing::{TestClock, WORD, open_court};

    const LOGIN: &str = "何 wei";

    async fn add_person(court: &Court, clock: &TestClock) {
        let mut tx = court.db.begin_write().await.expect("begins");
        let id = StaffId::make(clock.server()(), crate::random());
        tx.execute(
            "INSERT INTO staff (staff, login, name, role, court, badge) VALUES ($1, $2, '何伟', 'judge', $3, '1')",
            &[id.into(), LOGIN.into(), WORD.into()],
        )
        .await
        .expect("inserts");
        tx.commit().await.expect("commits");
    }

    async fn enter(court: &Court, password: &str, code: Option<&str>) -> LogIn {
        log_in(court, LOGIN, password.to_owned(), code)
            .await
            .expect("the store works")
    }

    async fn records(court: &Court) -> Vec<String> {
        let mut tx = court.db.begin_read().await.expect("begins");
        let rows = tx
            .rows("SELECT entry FROM access_log ORDER BY seq", &[])
            .await
            .expect("reads");
        let read = |row: &crate::store::Row| {
            let entry: serde_json::Value =
                serde_json::from_str(&row.text(0).expect("text")).expect("JSON");
            assert!(entry["case"].is_null());
            entry["what"].as_str().expect("a text").to_owned()
        };
        rows.iter().map(read).collect()
    }

    on_both_engines! {
        async fn i13_passwords_and_secrets_come_and_go_and_each_change_is_recorded(scratch: Scratch) {
            let clock = TestClock::new();
            let court = open_court(scratch.config(), &clock).await;
            add_person(&court, &clock).await;
            assert_eq!(enter(&court, "", None).await, LogIn::Refused);

            let short = set_password(&court, LOGIN, Some("九个字符还是太短了")).await;
            assert!(short.is_err(), "nine characters");
            let password = make_password();
            set_password(&court, LOGIN, Some(&password)).await.expect("sets");
            assert!(matches!(enter(&court, &password, None).await, LogIn::Accepted(_)));

            let address = set_totp(&court, LOGIN, true).await.expect("sets").expect("an address");
            let secret = address
                .strip_prefix("otpauth://totp/Zhixing:%E4%BD%95%20wei?secret=")
                .and_then(|rest| rest.strip_suffix("&issuer=Zhixing"))
                .expect("the form that apps read");
            let secret = BASE32_NOPAD.decode(secret.as_bytes()).expect("base32");
            assert_eq!(enter(&court, &password, None).await, LogIn::TotpRequired);
            let code = auth::totp(&secret, clock.server()().0 / 30_000);
            assert!(matches!(enter(&court, &password, Some(&code)).await, LogIn::Accepted(_)));
            assert_eq!(set_totp(&court, LOGIN, false).await.expect("sets"), None);
            assert!(matches!(enter(&court, &password, None).await, LogIn::Accepted(_)));

            for _ in 0..6 {
                enter(&court, "falsch", None).await;
            }
            assert!(matches!(enter(&court, &password, None).await, LogIn::LockedOut { .. }));
            unlock(&court, LOGIN).await.expect("unlocks");
            assert!(matches!(enter(&court, &password, None).await, LogIn::Accepted(_)));
            let line = list(&court).await.expect("lists").remove(0);
            assert!(line.has_password && !line.has_totp, "{line:?}");

            set_password(&court, LOGIN, None).await.expect("takes it away");
            assert_eq!(enter(&court, &password, None).await, LogIn::Refused);
            assert_eq!(
                records(&court).await,
                ["staff.password", "staff.totp", "staff.totp_off", "staff.unlock", "staff.password_off"]
            );
            assert!(set_password(&court, "nobody", Some(&password)).await.is_err());
            assert_eq!(records(&court).await.len(), 5, "what did not happen is not recorded");
        }
    }

    #[test]
    fn made_passwords_are_long_and_differ() {
        let (one, other) = (make_password(), make_password());
        assert_ne!(one, other);
        assert!(one.len() >= FEWEST_CHARACTERS && one.bytes().all(|byte| ALPHABET.contains(&byte)));
    }
}
