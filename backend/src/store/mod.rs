//! The store: one SQL text on SQLite and PostgreSQL.
//!
//! A [`Database`] opens transactions; a [`Tx`] runs statements written once, with `$N` parameters, BIGINT times and
//! TEXT JSON. There is one writer at a time on either engine (SQLite: write-ahead log, synchronous FULL; PostgreSQL: an
//! advisory lock), so that sequences are handed out in the order of commits; readers see one state throughout.

mod later;
mod migrate;
mod row;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use later::Later;
pub use later::{Counter, Insert};
pub use migrate::SCHEMA_VERSION;
pub use row::{Arg, Row};

/// Readers of SQLite beside the one writer.
const SQLITE_READERS: u32 = 4;
/// Rows that SQLite's thread reads ahead of who takes them: fewer changes of threads for long answers.
const SQLITE_ROWS: usize = 1_000;
/// Connections to PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 8;
/// The one statement that only PostgreSQL needs: writers of all nodes queue here, as SQLite's do by themselves. The
/// number is arbitrary; the lock ends with the transaction.
const POSTGRES_WRITER_LOCK: &str = "SELECT pg_advisory_xact_lock(7319401)";

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database answered with an error.
    #[error("database: {0}")]
    Sql(#[from] sqlx::Error),
    /// A column is missing or of another type: a fault of the program or a damaged file.
    #[error("database column {0} cannot be read")]
    Column(usize),
    /// Written by a newer program.
    #[error(
        "the database has schema {found}, this program knows up to {known}: use the newer program"
    )]
    NewerSchema {
        /// Version found.
        found: i64,
        /// Newest version known.
        known: i64,
    },
    /// A migration that was applied differs from the one in this program.
    #[error("migration {0} was changed after it had been applied: restore the original text")]
    ChangedMigration(i64),
    /// A stored value that cannot be understood.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
}

/// Result of store calls.
pub type StoreResult<T> = Result<T, StoreError>;

/// A database, SQLite or PostgreSQL.
#[derive(Clone)]
pub enum Database {
    /// One file and one node.
    Sqlite {
        /// The one writer.
        writer: SqlitePool,
        /// Readers, which see the last commit.
        readers: SqlitePool,
    },
    /// A server, for several nodes.
    Postgres(PgPool),
}

/// An open transaction. Dropped without [`Tx::commit`], it leaves nothing behind.
pub struct Tx {
    open: OpenTx,
    later: Later,
}

/// A transaction on one of the engines.
enum OpenTx {
    /// On SQLite.
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    /// On PostgreSQL.
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

impl From<OpenTx> for Tx {
    fn from(open: OpenTx) -> Self {
        Self {
            open,
            later: Later::default(),
        }
    }
}

impl Database {
    /// Opens or makes a SQLite file and brings it to the newest schema. *Errors*: [`StoreError`].
    pub async fn open_sqlite(path: &Path) -> StoreResult<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10))
            .row_buffer_size(SQLITE_ROWS)
            .foreign_keys(true);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(SQLITE_READERS)
            // A reader that writes by mistake would race the one writer.
            .connect_with(options.pragma("query_only", "ON"))
            .await?;
        let database = Self::Sqlite { writer, readers };
        migrate::run(&database).await?;
        Ok(database)
    }

    /// Connects to PostgreSQL and brings the schema up to date. *Errors*: [`StoreError`].
    pub async fn open_postgres(url: &str) -> StoreResult<Self> {
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .connect(url)
            .await?;
        let database = Self::Postgres(pool);
        migrate::run(&database).await?;
        Ok(database)
    }

    /// `sqlite` or `postgresql`.
    pub fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres(_) => "postgresql",
        }
    }

    /// A transaction that only reads and sees one state throughout.
    pub async fn begin_read(&self) -> StoreResult<Tx> {
        Ok(Tx::from(match self {
            Self::Sqlite { readers, .. } => OpenTx::Sqlite(readers.begin().await?),
            Self::Postgres(pool) => OpenTx::Postgres(
                pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    .await?,
            ),
        }))
    }

    /// A transaction that changes things. There is one writer at a time on either engine, so none loses a race.
    ///
    /// *Errors*: [`StoreError`].
    pub async fn begin_write(&self) -> StoreResult<Tx> {
        Ok(Tx::from(match self {
            Self::Sqlite { writer, .. } => {
                OpenTx::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?)
            }
            Self::Postgres(pool) => {
                let mut tx = pool.begin().await?;
                sqlx::query(POSTGRES_WRITER_LOCK).execute(&mut *tx).await?;
                OpenTx::Postgres(tx)
            }
        }))
    }

    /// Closes all connections.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

macro_rules! bound {
    ($query:expr, $args:expr) => {{
        let mut query = $query;
        for arg in $args {
            query = match arg {
                Arg::Int(value) => query.bind(*value),
                Arg::Text(value) => query.bind(value.as_deref()),
                Arg::Bytes(value) => query.bind(value.as_deref()),
            };
        }
        query
    }};
}

impl OpenTx {
    async fn execute(&mut self, sql: &'static str, args: &[Arg]) -> StoreResult<u64> {
        Ok(match self {
            Self::Sqlite(tx) => bound!(sqlx::query(sql), args)
                .execute(&mut **tx)
                .await?
                .rows_affected(),
            Self::Postgres(tx) => bound!(sqlx::query(sql), args)
                .execute(&mut **tx)
                .await?
                .rows_affected(),
        })
    }

    /// Runs an insertion of many rows; its text is made of constants of this program.
    async fn execute_made(&mut self, sql: String, args: &[Arg]) -> StoreResult<()> {
        match self {
            Self::Sqlite(tx) => bound!(sqlx::query(sqlx::AssertSqlSafe(sql)), args)
                .execute(&mut **tx)
                .await
                .map(|_| ())?,
            Self::Postgres(tx) => bound!(sqlx::query(sqlx::AssertSqlSafe(sql)), args)
                .execute(&mut **tx)
                .await
                .map(|_| ())?,
        }
        Ok(())
    }
}

impl Tx {
    /// Runs a statement and says how many rows it changed.
    pub async fn execute(&mut self, sql: &'static str, args: &[Arg]) -> StoreResult<u64> {
        self.settle().await?;
        self.open.execute(sql, args).await
    }

    /// All rows of a query.
    pub async fn rows(&mut self, sql: &'static str, args: &[Arg]) -> StoreResult<Vec<Row>> {
        self.settle().await?;
        Ok(match &mut self.open {
            OpenTx::Sqlite(tx) => bound!(sqlx::query(sql), args)
                .fetch_all(&mut **tx)
                .await?
                .into_iter()
                .map(Row::Sqlite)
                .collect(),
            OpenTx::Postgres(tx) => bound!(sqlx::query(sql), args)
                .fetch_all(&mut **tx)
                .await?
                .into_iter()
                .map(Row::Postgres)
                .collect(),
        })
    }

    /// The first row of a query.
    pub async fn row(&mut self, sql: &'static str, args: &[Arg]) -> StoreResult<Option<Row>> {
        self.settle().await?;
        Ok(match &mut self.open {
            OpenTx::Sqlite(tx) => bound!(sqlx::query(sql), args)
                .fetch_optional(&mut **tx)
                .await?
                .map(Row::Sqlite),
            OpenTx::Postgres(tx) => bound!(sqlx::query(sql), args)
                .fetch_optional(&mut **tx)
                .await?
                .map(Row::Postgres),
        })
    }

    /// Runs one statement of a migration.
    async fn execute_raw(&mut self, sql: String) -> StoreResult<()> {
        let sql = sqlx::raw_sql(sqlx::AssertSqlSafe(sql));
        match &mut self.open {
            OpenTx::Sqlite(tx) => sql.execute(&mut **tx).await.map(|_| ())?,
            OpenTx::Postgres(tx) => sql.execute(&mut **tx).await.map(|_| ())?,
        }
        Ok(())
    }

    /// Makes the changes durable.
    pub async fn commit(mut self) -> StoreResult<()> {
        self.settle().await?;
        match self.open {
            OpenTx::Sqlite(tx) => tx.commit().await?,
            OpenTx::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}
