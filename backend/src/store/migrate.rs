//! Numbered migrations, one text for both engines.

use super::{Arg, Database, StoreError, StoreResult};

/// Every migration in order: number and text.
pub(super) const MIGRATIONS: &[(i64, &str)] = &[
    (1, include_str!("../../migrations/0001_core.sql")),
    (2, include_str!("../../migrations/0002_uploads.sql")),
    (3, include_str!("../../migrations/0003_console.sql")),
    (4, include_str!("../../migrations/0004_set_aside.sql")),
    (5, include_str!("../../migrations/0005_resent.sql")),
    (6, include_str!("../../migrations/0006_norms.sql")),
    (7, include_str!("../../migrations/0007_gate.sql")),
];

/// Newest schema this program knows.
pub const SCHEMA_VERSION: i64 = 7;

/// Types that are spelled differently, as (text in the migration, PostgreSQL). SQLite takes the text as it stands.
const POSTGRES_TYPES: &[(&str, &str)] = &[
    (" BLOB", " BYTEA"),
    (" INTEGER", " BIGINT"),
    (") STRICT;", ");"),
];

/// Applies what is missing, all or nothing.
pub(super) async fn run(database: &Database) -> StoreResult<()> {
    run_all(database, MIGRATIONS).await
}

/// Applies what is missing of `migrations`, which stand in order from 1.
pub(super) async fn run_all(database: &Database, migrations: &[(i64, &str)]) -> StoreResult<()> {
    let mut tx = database.begin_write().await?;
    tx.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (number BIGINT PRIMARY KEY, sha256 TEXT NOT NULL)",
        &[],
    )
    .await?;
    tx.commit().await?;

    let mut tx = database.begin_write().await?;
    let applied = tx
        .rows(
            "SELECT number, sha256 FROM schema_migrations ORDER BY number",
            &[],
        )
        .await?;
    for row in &applied {
        let (number, sha256) = (row.int(0)?, row.text(1)?);
        let Some((_, text)) = migrations.iter().find(|(known, _)| *known == number) else {
            return Err(StoreError::NewerSchema {
                found: number,
                known: SCHEMA_VERSION,
            });
        };
        if zhixing_protocol::hash::Sha256Digest::of(text.as_bytes()).to_string() != sha256 {
            return Err(StoreError::ChangedMigration(number));
        }
    }
    let newest = applied
        .last()
        .map(|row| row.int(0))
        .transpose()?
        .unwrap_or(0);
    for (number, text) in migrations.iter().filter(|(number, _)| *number > newest) {
        for statement in statements(text, matches!(database, Database::Postgres(_))) {
            tx.execute_raw(statement).await?;
        }
        let sha256 = zhixing_protocol::hash::Sha256Digest::of(text.as_bytes());
        tx.execute(
            "INSERT INTO schema_migrations (number, sha256) VALUES ($1, $2)",
            &[Arg::from(*number), sha256.into()],
        )
        .await?;
    }
    tx.commit().await
}

/// The statements of a migration; each ends with `;` at the end of a line.
fn statements(text: &str, postgres: bool) -> Vec<String> {
    let code: String = text
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default().trim_end())
        .filter(|line| !line.is_empty())
        .flat_map(|line| [line, "\n"])
        .collect();
    code.split_inclusive(";\n")
        .filter(|statement| !statement.trim().is_empty())
        .map(|statement| {
            if !postgres {
                return statement.to_owned();
            }
            POSTGRES_TYPES
                .iter()
                .fold(statement.to_owned(), |statement, (from, to)| {
                    statement.replace(from, to)
                })
        })
        .collect()
}
