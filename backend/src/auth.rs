//! Passwords of the court's people: argon2id, one-time passwords, and a growing lock-out that survives restarts.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;
use zhixing_protocol::hash::{Sha256Digest, from_hex};
use zhixing_protocol::ids::StaffId;

use crate::court::Court;
use crate::problem::{Answer, Failure};

/// Wrong attempts that cost nothing but time.
const FREE_FAILURES: i64 = 5;
/// Lock-out after the first attempt too many: 30 s; it doubles with each further one.
const FIRST_LOCK_MS: i64 = 30_000;
/// It never grows beyond an hour.
const LONGEST_LOCK_MS: i64 = 3_600_000;
/// Argon2 takes 19 MiB; only two passwords are checked at a time (I11).
static CHECKS: Semaphore = Semaphore::const_new(2);
/// Seconds of a one-time password (RFC 6238 §5.2).
const TOTP_STEP_MS: i64 = 30_000;

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogIn {
    /// This person is in.
    Accepted(StaffId),
    /// Something is wrong; what it is is not said.
    Refused,
    /// The password is right; the one-time password is missing.
    TotpRequired,
    /// Too many attempts with this login, whether it exists or not.
    LockedOut {
        /// How long to wait.
        retry_after_ms: i64,
    },
}

/// Checks an attempt to log in. Unknown logins take the same time and are locked out alike (I8).
///
/// The attempt is counted before the password is looked at, so that many at once gain nothing.
pub async fn log_in(
    court: &Court,
    login: &str,
    password: String,
    totp: Option<&str>,
) -> Answer<LogIn> {
    let name = Sha256Digest::of(login.as_bytes());
    let now = court.now().0;
    let mut tx = court.db.begin_write().await?;
    let known = tx
        .row(
            "SELECT failures, locked_until_ms FROM login_failures WHERE login_sha256 = $1",
            &[name.into()],
        )
        .await?;
    let (failures, locked_until) = match known {
        Some(row) => (row.int(0)?, row.int(1)?),
        None => (0, 0),
    };
    if locked_until > now {
        return Ok(LogIn::LockedOut {
            retry_after_ms: locked_until - now,
        });
    }
    let over = failures + 1 - FREE_FAILURES;
    let lock_ms = if over > 0 {
        FIRST_LOCK_MS
            .saturating_mul(1 << (over - 1).min(20))
            .min(LONGEST_LOCK_MS)
    } else {
        0
    };
    tx.execute(
        "INSERT INTO login_failures (login_sha256, failures, locked_until_ms) VALUES ($1, $2, $3) \
         ON CONFLICT (login_sha256) DO UPDATE SET failures = excluded.failures, locked_until_ms = excluded.locked_until_ms",
        &[name.into(), (failures + 1).into(), (now + lock_ms).into()],
    )
    .await?;
    let row = tx
        .row(
            "SELECT staff, password_hash, totp_secret, totp_step FROM staff WHERE login = $1",
            &[login.into()],
        )
        .await?;
    tx.commit().await?;
    let stored = match &row {
        Some(row) => row.text(1)?,
        None => String::new(),
    };
    let permit = CHECKS.acquire().await.map_err(Failure::internal)?;
    let fits = tokio::task::spawn_blocking(move || password_fits(&password, &stored))
        .await
        .map_err(Failure::internal)?;
    drop(permit);
    let Some(row) = row.filter(|_| fits) else {
        return Ok(LogIn::Refused);
    };
    let staff: StaffId = row.parse(0)?;
    let (secret, last_step) = (from_hex(&row.text(2)?).unwrap_or_default(), row.int(3)?);
    let mut step = last_step;
    if !row.text(2)?.is_empty() {
        match totp {
            None | Some("") => step = -1,
            Some(code) => match accepted_step(&secret, code, now / TOTP_STEP_MS, last_step) {
                Some(accepted) => step = accepted,
                None => return Ok(LogIn::Refused),
            },
        }
    }
    let mut tx = court.db.begin_write().await?;
    if step == -1 {
        // The password was right: this attempt is not counted.
        tx.execute(
            "UPDATE login_failures SET failures = $2, locked_until_ms = $3 WHERE login_sha256 = $1",
            &[name.into(), failures.into(), locked_until.into()],
        )
        .await?;
        tx.commit().await?;
        return Ok(LogIn::TotpRequired);
    }
    // Compare and swap: of two attempts with the same one-time password one is refused.
    let moved = tx
        .execute(
            "UPDATE staff SET totp_step = $2 WHERE staff = $1 AND totp_step = $3",
            &[staff.into(), step.into(), last_step.into()],
        )
        .await?;
    if moved == 0 {
        return Ok(LogIn::Refused);
    }
    tx.execute(
        "DELETE FROM login_failures WHERE login_sha256 = $1",
        &[name.into()],
    )
    .await?;
    tx.commit().await?;
    Ok(LogIn::Accepted(staff))
}

/// The step whose one-time password `code` is: this one, or its neighbours for clocks that differ, if later than the
/// last one accepted.
fn accepted_step(secret: &[u8], code: &str, now_step: i64, last_step: i64) -> Option<i64> {
    (now_step - 1..=now_step + 1)
        .filter(|step| *step > last_step)
        .find(|step| totp(secret, *step) == code)
}

/// The six digits of a step (RFC 6238 with the HMAC-SHA-1 that every authenticator speaks; RFC 4226 §5.3).
pub(crate) fn totp(secret: &[u8], step: i64) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = ring::hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let at = usize::from(bytes.last().copied().unwrap_or_default() & 0x0f);
    let four = bytes
        .get(at..at + 4)
        .and_then(|four| <[u8; 4]>::try_from(four).ok())
        .unwrap_or_default();
    format!(
        "{:06}",
        (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000
    )
}

/// A password that cannot be hashed.
#[derive(Debug, thiserror::Error)]
#[error("the password cannot be used: {0}")]
pub struct PasswordError(String);

/// Hashes a password (argon2id, PHC string). *Errors*: [`PasswordError`].
pub fn hash_password(password: &str) -> Result<String, PasswordError> {
    let hash = Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &crate::random::<16>())
        .map_err(|error| PasswordError(error.to_string()))?;
    Ok(hash.to_string())
}

/// Whether the password fits. An empty or damaged hash fits nothing, in the same time as a wrong password.
pub fn password_fits(password: &str, stored: &str) -> bool {
    /// Hash of no password anybody has.
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let known = PasswordHash::new(stored).ok();
    let Some(hash) = known.or_else(|| PasswordHash::new(NOBODY).ok()) else {
        return false;
    };
    Argon2::default()
        .verify_password(password.as_bytes(), &hash)
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_time_passwords_are_those_of_rfc_6238() {
        // Appendix B, SHA-1, the last six of eight digits.
        let secret = b"12345678901234567890";
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(totp(secret, seconds / 30), code);
        }
        assert_eq!(
            accepted_step(secret, "287082", 2, 0),
            Some(1),
            "a clock 30 s behind"
        );
        assert_eq!(accepted_step(secret, "287082", 2, 1), None, "not twice");
        assert_eq!(accepted_step(secret, "287082", 3, 0), None, "too late");
    }

    #[test]
    fn a_password_fits_only_its_own_hash() {
        let hash = hash_password("正确的密码").expect("hashes");
        assert!(password_fits("正确的密码", &hash));
        assert!(!password_fits("错误的密码", &hash));
        assert!(!password_fits("", ""));
        assert_ne!(
            hash,
            hash_password("正确的密码").expect("hashes"),
            "salts differ"
        );
    }
}
