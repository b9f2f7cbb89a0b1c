//! Opening SQLCipher databases: raw key, WAL, full sync, checked, migrated, one process at a time.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use zeroize::Zeroizing;
use zhixing_protocol::hash::{sha256, to_hex};
use zhixing_protocol::time::UtcMillis;

use crate::error::{EngineError, ErrorKind, Result};

/// A folder that this process alone may use; the lock goes with the value.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Locks `folder`. *Errors*: `Rejected` if another process has it.
    pub fn take(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join("lock"))?;
        file.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => EngineError::new(
                ErrorKind::Rejected,
                "another program is using this folder; close it first",
            ),
            std::fs::TryLockError::Error(error) => error.into(),
        })?;
        Ok(Self { _file: file })
    }
}

/// Before the key when its check is made.
const CHECK_DOMAIN: &[u8] = b"zx-key-check/1\0";

/// What lies beside a database so that damage in its first page is told from a wrong key: a digest of the key, which is
/// 32 random bytes and cannot be guessed from it.
fn key_check(key: &[u8; 32]) -> String {
    let mut bytes = Zeroizing::new(CHECK_DOMAIN.to_vec());
    bytes.extend_from_slice(key);
    to_hex(&sha256(&bytes))
}

/// Opens or makes a database and brings it to the newest schema.
///
/// *Errors*: `Locked` if the key does not fit (the file is left alone); `Damaged` if the content is broken, or gone
/// where there was one: the file is then renamed, never deleted, and the next opening starts a new one.
pub fn open(
    path: &Path,
    key: &[u8; 32],
    migrations: &[&str],
    now: UtcMillis,
) -> Result<Connection> {
    let check_path = with_suffix(path, ".check");
    let check = std::fs::read_to_string(&check_path).ok();
    let known_key = check.as_ref().map(|check| *check == key_check(key));
    let empty = !std::fs::metadata(path).is_ok_and(|file| file.len() > 0);
    if known_key == Some(true) && empty {
        return Err(broken(path, now)?);
    }
    let connection = match prepare(path, key, migrations) {
        Ok(connection) => connection,
        Err(error) if error.kind == ErrorKind::Damaged => return Err(broken(path, now)?),
        Err(error) if error.kind == ErrorKind::Locked && known_key == Some(true) => {
            return Err(broken(path, now)?);
        }
        Err(error) => return Err(error),
    };
    if check.is_none() {
        write_whole(&check_path, key_check(key).as_bytes())?;
    }
    Ok(connection)
}

/// Opens, checks and migrates. *Errors*: `Locked` where nothing can be read with the key; `Damaged`.
fn prepare(path: &Path, key: &[u8; 32], migrations: &[&str]) -> Result<Connection> {
    let mut connection = Connection::open(path)?;
    // Only the hexadecimal key goes into this text.
    let pragma = Zeroizing::new(format!("PRAGMA key = \"x'{}'\";", to_hex(key)));
    connection.execute_batch(&pragma)?;
    let read = connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| {
        row.get::<_, i64>(0)
    });
    if let Err(error) = read {
        return Err(match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => {
                EngineError::locked("the key does not open this database; it was left as it is")
            }
            _ => error.into(),
        });
    }
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;
         PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;",
    )?;
    let answer =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))?;
    if answer != "ok" {
        return Err(EngineError::damaged("the database does not pass its check"));
    }
    migrate(&mut connection, migrations)?;
    Ok(connection)
}

/// Part file, sync, rename: there whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let part = with_suffix(path, ".part");
    let mut file = File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(std::fs::rename(part, path)?)
}

/// Puts a broken database aside; gives what to say.
fn broken(path: &Path, now: UtcMillis) -> Result<EngineError> {
    quarantine(path, now)?;
    let casebook = path.file_stem().is_some_and(|name| name == "casebook");
    Ok(EngineError::damaged(if casebook {
        "the case files' database was broken; it was kept under another name. Nothing of the evidence is lost: do it again, then synchronise, and the court sends the case files anew"
    } else {
        "the device's database was broken; it was kept under another name, and every file of evidence is kept too. Do it again, enrol this folder with a new ticket, then adopt the files that were put aside"
    }))
}

/// Puts a database and its log aside under a name with the time.
fn quarantine(path: &Path, now: UtcMillis) -> Result<()> {
    for suffix in ["", "-wal", ".check"] {
        let from = with_suffix(path, suffix);
        if from.exists() {
            std::fs::rename(
                &from,
                with_suffix(path, &format!(".damaged-{}{suffix}", now.0)),
            )?;
        }
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<()> {
    let version: usize = connection
        .query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))?
        .try_into()
        .unwrap_or(usize::MAX);
    if version > migrations.len() {
        return Err(EngineError::invalid(
            "this folder was written by a newer version; install that version",
        ));
    }
    for (number, text) in migrations.iter().enumerate().skip(version) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(text)?;
        let next = i64::try_from(number + 1).unwrap_or(i64::MAX);
        transaction.pragma_update(None, "user_version", next)?;
        transaction.commit()?;
    }
    Ok(())
}

/// A count as SQLite keeps it. Counts here are file sizes and numbers of rows, far below 2^63.
pub fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count as it was kept; a negative one, which nothing here writes, reads as 0.
pub fn from_sql(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;";
    const SECOND: &str = "ALTER TABLE note ADD COLUMN day TEXT NOT NULL DEFAULT 'old';";

    #[test]
    fn an_old_database_is_migrated_and_a_newer_one_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.db");
        let old = open(&path, &[1; 32], &[FIRST], UtcMillis(1)).expect("makes");
        old.execute("INSERT INTO note(text) VALUES('x')", [])
            .expect("inserts");
        drop(old);
        let new = open(&path, &[1; 32], &[FIRST, SECOND], UtcMillis(1)).expect("migrates");
        let day: String = new
            .query_row("SELECT day FROM note", [], |row| row.get(0))
            .expect("reads");
        assert_eq!(day, "old");
        drop(new);
        assert!(open(&path, &[1; 32], &[FIRST], UtcMillis(1)).is_err());
    }

    #[test]
    fn a_wrong_key_is_said_so_and_changes_nothing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.db");
        drop(open(&path, &[1; 32], &[FIRST], UtcMillis(1)).expect("makes"));
        let error = open(&path, &[2; 32], &[FIRST], UtcMillis(1)).expect_err("wrong key");
        assert_eq!(error.kind, ErrorKind::Locked);
        open(&path, &[1; 32], &[FIRST], UtcMillis(1)).expect("still opens");
    }

    #[test]
    fn a_broken_page_is_seen_and_the_file_kept() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.db");
        let database = open(&path, &[1; 32], &[FIRST], UtcMillis(1)).expect("makes");
        for _ in 0..500 {
            database
                .execute("INSERT INTO note(text) VALUES(hex(randomblob(100)))", [])
                .expect("inserts");
        }
        database
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .expect("checkpoints");
        drop(database);
        let mut bytes = std::fs::read(&path).expect("reads");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        std::fs::write(&path, &bytes).expect("writes");
        let error = open(&path, &[1; 32], &[FIRST], UtcMillis(9)).expect_err("broken");
        assert_eq!(error.kind, ErrorKind::Damaged);
        let kept = std::fs::read(folder.path().join("a.db.damaged-9")).expect("kept");
        assert_eq!(kept, bytes);
    }

    #[test]
    fn damage_at_the_beginning_or_the_loss_of_all_is_told_from_a_wrong_key() {
        type Harm = fn(&mut Vec<u8>);
        let harms: [Harm; 4] = [
            |bytes| bytes[3] ^= 1,
            |bytes| bytes[2000] ^= 1,
            |bytes| bytes.truncate(1000),
            Vec::clear,
        ];
        for (number, harm) in harms.iter().enumerate() {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("a.db");
            let database = open(&path, &[1; 32], &[FIRST], UtcMillis(1)).expect("makes");
            database
                .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
                .expect("checkpoints");
            drop(database);
            let mut bytes = std::fs::read(&path).expect("reads");
            let wrong = open(&path, &[2; 32], &[FIRST], UtcMillis(1)).expect_err("wrong key");
            assert_eq!(wrong.kind, ErrorKind::Locked, "{number}");
            harm(&mut bytes);
            std::fs::write(&path, &bytes).expect("writes");
            let error = open(&path, &[1; 32], &[FIRST], UtcMillis(9)).expect_err("broken");
            assert_eq!(error.kind, ErrorKind::Damaged, "{number}");
            let kept = std::fs::read(folder.path().join("a.db.damaged-9")).expect("kept");
            assert_eq!(kept, bytes, "{number}");
            open(&path, &[1; 32], &[FIRST], UtcMillis(10)).expect("goes on with a new one");
            open(&path, &[1; 32], &[FIRST], UtcMillis(11)).expect("and stays");
        }
    }

    #[test]
    fn a_second_holder_of_the_folder_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let first = FolderLock::take(folder.path()).expect("free");
        let error = FolderLock::take(folder.path()).expect_err("taken");
        assert_eq!(error.kind, ErrorKind::Rejected);
        drop(first);
        FolderLock::take(folder.path()).expect("free again");
    }
}
