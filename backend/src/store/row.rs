//! Arguments and rows that are the same on both engines.

use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use super::{StoreError, StoreResult};

/// A value for a `$N`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// BIGINT
    Int(Option<i64>),
    /// TEXT
    Text(Option<String>),
    /// BYTEA or BLOB
    Bytes(Option<Vec<u8>>),
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<u64> for Arg {
    /// Numbers of 2^63 and more do not occur: sequences count from 1, sizes are those of files.
    fn from(value: u64) -> Self {
        Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<Option<i64>> for Arg {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Arg {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<String>> for Arg {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Arg {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(Some(value))
    }
}

impl From<&[u8]> for Arg {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(Some(value.to_vec()))
    }
}

/// Ids, digests and keys are stored as their text.
macro_rules! text_args {
    ($($name:ty),*) => {
        $(impl From<$name> for Arg {
            fn from(value: $name) -> Self {
                Self::Text(Some(value.to_string()))
            }
        }
        impl From<Option<$name>> for Arg {
            fn from(value: Option<$name>) -> Self {
                Self::Text(value.map(|value| value.to_string()))
            }
        })*
    };
}
use zhixing_protocol::{hash, ids};
text_args!(
    ids::CaseId,
    ids::DeviceId,
    ids::StaffId,
    ids::ItemId,
    ids::DocumentId,
    ids::KeyId,
    hash::StatementHash,
    hash::EventHash,
    hash::StoredDigest,
    hash::Sha256Digest,
    hash::RootHash
);

/// A row of a result.
pub enum Row {
    /// From SQLite.
    Sqlite(SqliteRow),
    /// From PostgreSQL.
    Postgres(PgRow),
}

macro_rules! getter {
    ($(#[$doc:meta])* $name:ident, $optional:ident, $type:ty) => {
        $(#[$doc])*
        pub fn $name(&self, column: usize) -> StoreResult<$type> {
            self.$optional(column)?.ok_or(StoreError::Column(column))
        }

        /// The same, where NULL is allowed. *Errors*: [`StoreError::Column`].
        pub fn $optional(&self, column: usize) -> StoreResult<Option<$type>> {
            let value = match self {
                Self::Sqlite(row) => row.try_get::<Option<$type>, _>(column),
                Self::Postgres(row) => row.try_get::<Option<$type>, _>(column),
            };
            value.map_err(|_| StoreError::Column(column))
        }
    };
}

impl Row {
    getter!(
        /// A BIGINT. *Errors*: [`StoreError::Column`].
        int, optional_int, i64
    );
    getter!(
        /// A TEXT. *Errors*: [`StoreError::Column`].
        text, optional_text, String
    );
    getter!(
        /// A BYTEA or BLOB. *Errors*: [`StoreError::Column`].
        bytes, optional_bytes, Vec<u8>
    );

    /// A BIGINT that counts. *Errors*: [`StoreError::Column`] for NULL or a negative number.
    pub fn count(&self, column: usize) -> StoreResult<u64> {
        u64::try_from(self.int(column)?).map_err(|_| StoreError::Column(column))
    }

    /// A TEXT read as an id, digest or key. *Errors*: [`StoreError::Column`].
    pub fn parse<T: std::str::FromStr>(&self, column: usize) -> StoreResult<T> {
        self.text(column)?
            .parse()
            .map_err(|_| StoreError::Column(column))
    }

    /// The same, where NULL is allowed. *Errors*: [`StoreError::Column`].
    pub fn optional_parse<T: std::str::FromStr>(&self, column: usize) -> StoreResult<Option<T>> {
        match self.optional_text(column)? {
            None => Ok(None),
            Some(text) => text
                .parse()
                .map(Some)
                .map_err(|_| StoreError::Column(column)),
        }
    }
}
