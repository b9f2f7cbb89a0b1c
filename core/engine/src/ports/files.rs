//! Secrets in files with mode 0600: the laptop's store (assurance A1).

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;
use zhixing_protocol::keys::SoftwareSigner;

use super::{SecretStore, Signer};
use crate::error::{EngineError, Result};

const SIGNING_KEY: &str = "signing.pk8";

/// A folder of secret files.
pub struct FileSecrets {
    folder: PathBuf,
}

impl FileSecrets {
    /// Opens or makes the folder (mode 0700).
    pub fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        restrict(folder, 0o700)?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    fn path(&self, name: &str) -> Result<PathBuf> {
        let plain = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        if plain {
            Ok(self.folder.join(format!("{name}.key")))
        } else {
            Err(EngineError::invalid(
                "a secret's name has small letters and hyphens only",
            ))
        }
    }

    /// Part file, sync, rename, sync of the folder: a secret is there whole or not at all.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let part = path.with_extension("part");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&part, path)?;
        File::open(&self.folder)?.sync_all()?;
        Ok(())
    }
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(())
}

#[cfg(not(unix))]
fn restrict(_: &Path, _: u32) -> Result<()> {
    Ok(()) // the user's profile folder is private there
}

fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl SecretStore for FileSecrets {
    fn secret(&self, name: &str) -> Result<Option<Zeroizing<[u8; 32]>>> {
        let Some(bytes) = read(&self.path(name)?)? else {
            return Ok(None);
        };
        let secret = bytes
            .as_slice()
            .try_into()
            .map_err(|_| EngineError::damaged("a secret file has a wrong length"))?;
        Ok(Some(Zeroizing::new(secret)))
    }

    fn put_secret(&self, name: &str, secret: &[u8; 32]) -> Result<()> {
        self.write(&self.path(name)?, secret)
    }

    fn signer(&self) -> Result<Option<Arc<dyn Signer>>> {
        let Some(bytes) = read(&self.folder.join(SIGNING_KEY))? else {
            return Ok(None);
        };
        Ok(Some(Arc::new(SoftwareSigner::from_pkcs8(&bytes)?)))
    }

    fn make_signer(&self) -> Result<Arc<dyn Signer>> {
        let path = self.folder.join(SIGNING_KEY);
        if let Some(older) = self.signer()? {
            let aside = format!("signing-{}.pk8", older.public_key().key_id());
            std::fs::rename(&path, self.folder.join(aside))?;
        }
        let pkcs8 = SoftwareSigner::make_pkcs8()?;
        self.write(&path, &pkcs8)?;
        Ok(Arc::new(SoftwareSigner::from_pkcs8(&pkcs8)?))
    }

    fn storage(&self) -> &str {
        "software"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_the_key_come_back_and_are_private() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = FileSecrets::open(folder.path()).expect("opens");
        assert!(store.secret("transfer").expect("reads").is_none());
        store.put_secret("transfer", &[7; 32]).expect("writes");
        assert_eq!(
            store.secret("transfer").expect("reads").as_deref(),
            Some(&[7; 32])
        );
        assert!(store.secret("../x").is_err());
        let first = store.make_signer().expect("makes");
        let again = store.signer().expect("reads").expect("is there");
        assert_eq!(first.public_key(), again.public_key());
        let second = store.make_signer().expect("makes another");
        assert_ne!(first.public_key(), second.public_key());
        #[cfg(unix)]
        for entry in std::fs::read_dir(folder.path()).expect("lists") {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = entry
                .expect("entry")
                .metadata()
                .expect("metadata")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
