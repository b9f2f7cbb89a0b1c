//! Passwords of the court's people: argon2id, and a growing lock-out that survives restarts.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};

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
