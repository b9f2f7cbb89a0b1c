//! Empty databases for tests, on both engines.
//!
//! [`on_both_engines!`] makes two tests of each body. For PostgreSQL a private cluster is started once per test process,
//! on a Unix socket in a folder of its own; it ends and its folder goes with the process, however that ends. Where
//! PostgreSQL is missing the tests fail: a store that was not tried on both engines was not tried.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use super::{Database, StoreResult};
use crate::config::{Config, Durability};
use crate::objects::testing::Bucket;

/// URL of a running PostgreSQL whose user may create databases; instead of a private cluster.
const URL_VARIABLE: &str = "ZHIXING_TEST_POSTGRES";
/// Where Debian keeps the programs of each version; elsewhere they are looked for in PATH.
const DEBIAN_PROGRAMS: &str = "/usr/lib/postgresql";

/// Starts a cluster, says `ready`, and ends it when its standard input closes: when this process is gone. PostgreSQL
/// refuses to run as root, so root becomes the user that Debian makes for it.
const CLUSTER_SCRIPT: &str = r#"
set -eu
folder=$1 programs=$2 as=
trap '' INT
cd "$folder"
if [ "$(id -u)" = 0 ]; then
    chown postgres: "$folder"
    as="setpriv --reuid=postgres --regid=postgres --init-groups"
fi
$as "$programs/initdb" -D "$folder/data" -U zhixing -A trust -E UTF8 --locale=C.UTF-8 --no-sync >initdb.log 2>&1 ||
    { cat initdb.log >&2; exit 1; }
$as "$programs/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off -c max_connections=300 \
    >postgres.log 2>&1 &
server=$!
tries=0
until [ -S "$folder/.s.PGSQL.5432" ] && "$programs/pg_isready" -q -h "$folder" -U zhixing; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ] || ! kill -0 $server 2>/dev/null; then cat postgres.log >&2; exit 1; fi
    sleep 0.1
done
echo ready
cat >/dev/null
kill -INT $server
wait $server || true
cd /
rm -rf "$folder"
"#;

/// The engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// An empty database and data folder of one test.
pub struct Scratch {
    /// Data folder; SQLite's file lies in it.
    pub folder: TempDir,
    /// Where its objects lie, if not in the folder.
    pub bucket: Option<Bucket>,
    url: String,
}

impl Scratch {
    /// Makes one.
    pub async fn new(engine: Engine) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let url = match engine {
            Engine::Sqlite => String::new(),
            Engine::Postgres => make_postgres_database().await,
        };
        Self {
            folder,
            bucket: None,
            url,
        }
    }

    /// Makes another one on the same engine.
    pub async fn another(&self) -> Self {
        let engine = if self.url.is_empty() {
            Engine::Sqlite
        } else {
            Engine::Postgres
        };
        Self::new(engine).await
    }

    /// Makes one on SQLite whose objects lie in a bucket.
    pub async fn with_bucket() -> Self {
        let bucket = tokio::task::spawn_blocking(Bucket::new)
            .await
            .expect("a bucket");
        Self {
            bucket: Some(bucket),
            ..Self::new(Engine::Sqlite).await
        }
    }

    /// Opens the database; a second time gives a second handle on the same one, as after a restart.
    pub async fn open(&self) -> StoreResult<Database> {
        if self.url.is_empty() {
            Database::open_sqlite(&self.folder.path().join("zhixing.db")).await
        } else {
            Database::open_postgres(&self.url).await
        }
    }

    /// A configuration of a court on this database and folder.
    pub fn config(&self) -> Config {
        let mut config = Config::read(None).expect("the bundled configuration");
        config.data = self.folder.path().to_owned();
        config.database.clone_from(&self.url);
        config.durability = Durability::Full;
        if let Some(bucket) = &self.bucket {
            bucket.configure(&mut config);
        }
        config
    }
}

/// Where this process's databases are made, without the name of one.
enum Server {
    /// Started here; it lives as long as its keeper's standard input is open.
    Private { folder: PathBuf, _keeper: Child },
    /// Named by the environment.
    Given(String),
}

impl Server {
    fn url(&self, database: &str) -> String {
        match self {
            Self::Private { folder, .. } => {
                format!(
                    "postgres://zhixing@localhost/{database}?host={}",
                    folder.display()
                )
            }
            Self::Given(url) => {
                let (address, options) = url.split_once('?').unwrap_or((url, ""));
                let address = address
                    .rsplit_once('/')
                    .filter(|(head, _)| !head.ends_with('/'))
                    .map_or(address, |(head, _)| head);
                format!("{address}/{database}?{options}")
            }
        }
    }
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| match std::env::var(URL_VARIABLE) {
        Ok(url) => Server::Given(url),
        Err(_) => start_cluster(),
    })
}

/// Folder of `initdb` and `postgres`: the newest of Debian's, else that of `initdb` in PATH.
fn programs() -> PathBuf {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(DEBIAN_PROGRAMS)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, programs)| programs.join("initdb").exists())
        .collect();
    versions.sort();
    if let Some((_, programs)) = versions.pop() {
        return programs;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .find(|folder| folder.join("initdb").exists())
        .unwrap_or_else(|| {
            panic!("PostgreSQL is missing: install the Debian package postgresql, or set {URL_VARIABLE} to a URL")
        })
}

fn start_cluster() -> Server {
    let folder = tempfile::Builder::new()
        .prefix("zhixing-postgres-")
        .tempdir()
        .expect("a folder for PostgreSQL")
        .keep();
    let mut keeper = Command::new("sh")
        .args(["-c", CLUSTER_SCRIPT, "cluster"])
        .arg(&folder)
        .arg(programs())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh starts");
    let mut line = String::new();
    BufReader::new(keeper.stdout.take().expect("a pipe was asked for"))
        .read_line(&mut line)
        .expect("the script's output");
    assert_eq!(
        line, "ready\n",
        "PostgreSQL does not start; its log stands above"
    );
    Server::Private {
        folder,
        _keeper: keeper,
    }
}

async fn make_postgres_database() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let server = tokio::task::spawn_blocking(server)
        .await
        .expect("PostgreSQL starts");
    let name = format!(
        "zhixing_test_{}_{}",
        std::process::id(),
        NUMBER.fetch_add(1, Ordering::Relaxed)
    );
    let pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(1)
        .connect(&server.url("postgres"))
        .await
        .expect("connects to PostgreSQL");
    for statement in [
        format!("DROP DATABASE IF EXISTS {name}"),
        format!("CREATE DATABASE {name}"),
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&pool)
            .await
            .expect("the user may create databases");
    }
    pool.close().await;
    server.url(&name)
}

/// Makes of each `async fn name(scratch: Scratch)` the tests `name::sqlite` and `name::postgresql`.
#[macro_export]
macro_rules! on_both_engines {
    ($($(#[$attribute:meta])* async fn $name:ident($scratch:ident: Scratch) $body:block)*) => {
        $(
            $(#[$attribute])*
            mod $name {
                #[allow(unused_imports)] // a body may need nothing from around it
                use super::*;

                async fn behaves($scratch: $crate::store::testing::Scratch) $body

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn sqlite() {
                    use $crate::store::testing::{Engine, Scratch};
                    behaves(Scratch::new(Engine::Sqlite).await).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn postgresql() {
                    use $crate::store::testing::{Engine, Scratch};
                    behaves(Scratch::new(Engine::Postgres).await).await;
                }
            }
        )*
    };
}
pub use on_both_engines;
