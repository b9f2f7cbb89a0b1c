//! The court of a schedule: the real server without a listener, on a clock of the world.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::event::Effect;
use zhixing_protocol::ids::{CaseId, StaffId};
use zhixing_protocol::statement::{CaseAssign, CaseRelease, CaseRole, TypedBody};
use zhixing_protocol::time::UtcMillis;
use zhixing_protocol::trust::KeyPurpose;
use zhixing_server::config::Config;
use zhixing_server::court::Court;
use zhixing_server::{http, import, inbox, intake, log};

/// The server, which can be stopped and started.
pub struct SimCourt {
    folder: PathBuf,
    clock: Arc<AtomicI64>,
    court: Arc<Court>,
    router: Router,
    /// Size and root of the log each time it was signed.
    pub signed: Vec<(u64, String)>,
}

impl SimCourt {
    /// Opens the court of a folder.
    pub async fn open(folder: &Path, now_ms: i64) -> Self {
        let clock = Arc::new(AtomicI64::new(now_ms));
        let court = open(folder, &clock).await;
        Self {
            router: http::router(Arc::clone(&court)),
            folder: folder.to_owned(),
            clock,
            court,
            signed: Vec::new(),
        }
    }

    /// The court.
    pub fn court(&self) -> &Arc<Court> {
        &self.court
    }

    /// Its routes.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Time passes, or somebody sets the clock.
    pub fn advance(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    /// Stops the server and starts it again from its folder.
    pub async fn restart(&mut self) {
        self.court.db.close().await;
        self.court = open(&self.folder, &self.clock).await;
        self.router = http::router(Arc::clone(&self.court));
    }

    /// What runs behind the requests: intake of complete uploads, and the log.
    pub async fn work(&mut self) {
        intake::run(&self.court).await.expect("the intake works");
        log::sequence(&self.court).await.expect("the log works");
        let mut tx = self.court.db.begin_read().await.expect("the store works");
        let row = tx
            .row("SELECT signed_size, root FROM log_state WHERE id = 1", &[])
            .await
            .expect("the store works")
            .expect("a log");
        let state = (row.count(0).expect("a size"), row.text(1).expect("a root"));
        if self.signed.last() != Some(&state) {
            self.signed.push(state);
        }
    }

    /// The batch comes once more from the inner network.
    pub async fn import_again(&self) {
        let report = import::run(&self.court, &self.folder.join("batch"))
            .await
            .expect("the batch can be read");
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        assert_eq!(report.added, 0, "a batch that was imported adds nothing");
    }

    /// Puts somebody on a case.
    pub async fn assign(&self, case: CaseId, staff: StaffId, role: CaseRole, name: &str) {
        let body = CaseAssign {
            occurred_on: self.court.now().shanghai_date(),
            role,
            staff,
        };
        let hidden = Object::from([("name".to_owned(), Value::from(name))]);
        self.issue(case, &body, hidden).await;
    }

    /// Takes somebody off a case.
    pub async fn release(&self, case: CaseId, staff: StaffId) {
        let body = CaseRelease {
            occurred_on: self.court.now().shanghai_date(),
            staff,
        };
        self.issue(case, &body, Object::new()).await;
    }

    async fn issue<B: TypedBody>(&self, case: CaseId, body: &B, hidden: Object) {
        let mut tx = self.court.db.begin_write().await.expect("the store works");
        let issued = inbox::issue(
            &self.court,
            &mut tx,
            KeyPurpose::Portal,
            "川0811",
            Some(case),
            body,
            hidden,
        )
        .await;
        match issued {
            Ok((_, Effect::Applied)) => tx.commit().await.expect("the store works"),
            // Somebody who is not on the case cannot be taken off it: nothing happens.
            Ok(_) => {}
            Err(_) => panic!("the court cannot sign"),
        }
    }
}

async fn open(folder: &Path, clock: &Arc<AtomicI64>) -> Arc<Court> {
    let mut config = Config::read(None).expect("the bundled defaults");
    config.data = folder.join("data");
    config.public_url = "http://court.invalid/".to_owned();
    let clock = Arc::clone(clock);
    Court::open(
        config,
        Arc::new(move || UtcMillis(clock.load(Ordering::SeqCst))),
    )
    .await
    .expect("the court opens")
}
