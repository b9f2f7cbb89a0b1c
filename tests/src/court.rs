//! A real court in a temporary folder, serving on a loopback port.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;
use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::ids::{CaseId, DeviceId, StaffId};
use zhixing_protocol::rules::norms::NormsHeld;
use zhixing_protocol::rules::pack::RulePack;
use zhixing_protocol::statement::{CaseAssign, CaseRelease, CaseRole};
use zhixing_protocol::trust::KeyPurpose;
use zhixing_server::config::Config;
use zhixing_server::court::{Court, system_clock};
use zhixing_server::store::testing::{Engine, Scratch};
use zhixing_server::{cases, import, inbox, norms, serve, tickets};

/// A court with one judge, a second judge, and three cases.
pub struct TestCourt {
    /// The court itself, to look inside.
    pub court: Arc<Court>,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its folder and database.
    pub scratch: Scratch,
    stop: Option<oneshot::Sender<()>>,
    served: Option<tokio::task::JoinHandle<()>>,
}

impl TestCourt {
    /// Starts a court with the small batch, reached by devices at `public_url`.
    pub async fn start(listener: tokio::net::TcpListener, public_url: &str) -> Self {
        Self::start_with(listener, public_url, |_| {}).await
    }

    /// As [`TestCourt::start`], with other settings.
    pub async fn start_with(
        listener: tokio::net::TcpListener,
        public_url: &str,
        adjust: impl FnOnce(&mut Config),
    ) -> Self {
        let scratch = Scratch::new(Engine::Sqlite).await;
        Self::start_in(scratch, listener, public_url, adjust).await
    }

    /// As [`TestCourt::start_with`], in a folder and on a database of the test's own.
    pub async fn start_in(
        scratch: Scratch,
        listener: tokio::net::TcpListener,
        public_url: &str,
        adjust: impl FnOnce(&mut Config),
    ) -> Self {
        let batch = scratch.folder.path().join("batch");
        write_batch(&batch);
        let mut config = scratch.config();
        config.data = scratch.folder.path().join("data");
        config.public_url = public_url.to_owned();
        config.log_interval_ms = 50;
        config.idle_seconds = 5;
        adjust(&mut config);
        let court = Court::open(config, system_clock())
            .await
            .expect("an empty or own folder opens");
        let report = import::run(&court, &batch)
            .await
            .expect("the batch can be read");
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        let address = listener.local_addr().expect("a bound listener");
        let (stop, served) = run(&court, listener);
        Self {
            court,
            address,
            scratch,
            stop: Some(stop),
            served: Some(served),
        }
    }

    /// Stops the server as SIGTERM does, and starts it again from its folder on a new port.
    pub async fn restart(&mut self) {
        self.restart_with(|_| {}).await;
    }

    /// As [`TestCourt::restart`], with other settings.
    pub async fn restart_with(&mut self, adjust: impl FnOnce(&mut Config)) {
        self.halt().await;
        let mut config = self.court.config.clone();
        adjust(&mut config);
        self.court.db.close().await;
        self.court = Court::open(config, system_clock())
            .await
            .expect("an own folder opens");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        self.address = listener.local_addr().expect("a bound listener");
        let (stop, served) = run(&self.court, listener);
        self.stop = Some(stop);
        self.served = Some(served);
    }

    /// Stops the server and closes its database; the folder stays as it is until the scratch is dropped.
    pub async fn close(mut self) -> (Scratch, Config) {
        self.halt().await;
        self.court.db.close().await;
        (self.scratch, self.court.config.clone())
    }

    async fn halt(&mut self) {
        drop(self.stop.take());
        if let Some(served) = self.served.take() {
            // Keep-alive connections of idle clients would hold a graceful stop up.
            let _ = tokio::time::timeout(std::time::Duration::from_secs(2), served).await;
        }
    }

    /// A ticket for a person.
    pub async fn ticket(&self, login: &str) -> String {
        tickets::make(&self.court, login, "test device", None)
            .await
            .expect("a known login")
            .to_string()
    }

    /// A person's id.
    pub async fn staff(&self, login: &str) -> StaffId {
        let mut tx = self.court.db.begin_read().await.expect("the store works");
        let row = tx
            .row("SELECT staff FROM staff WHERE login = $1", &[login.into()])
            .await
            .expect("the store works");
        row.expect("a known login").parse(0).expect("an id")
    }

    /// The newest device of a person.
    pub async fn device_of(&self, login: &str) -> DeviceId {
        let mut tx = self.court.db.begin_read().await.expect("the store works");
        let row = tx
            .row(
                "SELECT d.device FROM devices d JOIN staff s ON s.staff = d.staff WHERE s.login = $1 ORDER BY d.enrolled_ms DESC, d.device DESC",
                &[login.into()],
            )
            .await
            .expect("the store works");
        row.expect("an enrolled device").parse(0).expect("an id")
    }

    /// A case's id by its number.
    pub async fn case(&self, number: &str) -> CaseId {
        let mut tx = self.court.db.begin_read().await.expect("the store works");
        let row = tx
            .row(
                "SELECT case_id FROM cases WHERE number = $1",
                &[number.into()],
            )
            .await
            .expect("the store works");
        row.expect("a known case").parse(0).expect("an id")
    }

    /// Number and hash of the case's newest event.
    pub async fn head(&self, case: CaseId) -> zhixing_protocol::event::Head {
        let mut tx = self.court.db.begin_read().await.expect("the store works");
        cases::row(&mut tx, case)
            .await
            .expect("the store works")
            .expect("a known case")
            .head
    }

    /// What a statement did.
    pub async fn effect(
        &self,
        statement: zhixing_protocol::hash::StatementHash,
    ) -> zhixing_protocol::event::Effect {
        let mut tx = self.court.db.begin_read().await.expect("the store works");
        let row = tx
            .row(
                "SELECT effect FROM statements WHERE hash = $1",
                &[statement.into()],
            )
            .await
            .expect("the store works")
            .expect("it was admitted");
        serde_json::from_str(&row.text(0).expect("a text")).expect("an effect")
    }

    /// Signs and publishes the pack that this version carries, changed, as another version from a day on.
    pub async fn publish_pack(&self, version: u32, from: &str, change: impl FnOnce(&mut RulePack)) {
        let mut pack = RulePack::bundled().clone();
        pack.version = version;
        pack.effective_from = from.parse().expect("a date");
        change(&mut pack);
        let signed = norms::sign_pack(&self.court, &pack).expect("the court can sign");
        norms::publish(&self.court, &signed)
            .await
            .expect("a version that rises");
    }

    /// What the newest device of a person last said about its norms.
    pub async fn norms_of(&self, login: &str) -> NormsHeld {
        let device = self.device_of(login).await;
        let mut tx = self.court.db.begin_read().await.expect("the store works");
        let row = zhixing_server::devices::DeviceRow::read(&mut tx, device).await;
        let row = row.expect("the store works").expect("an enrolled device");
        serde_json::from_str(&row.norms).expect("it said something")
    }

    /// How many rows a query counts.
    pub async fn count(&self, sql: &'static str) -> u64 {
        let mut tx = self.court.db.begin_read().await.expect("the store works");
        tx.row(sql, &[])
            .await
            .expect("a counting query")
            .expect("one row")
            .count(0)
            .expect("a number")
    }

    /// Puts somebody on a case in the place of its handler.
    pub async fn assign(&self, case: CaseId, login: &str) {
        let staff = self.staff(login).await;
        let body = CaseAssign {
            occurred_on: self.court.now().shanghai_date(),
            role: CaseRole::Handler,
            staff,
        };
        let hidden = Object::from([("name".to_owned(), Value::from(login))]);
        self.issue(case, &body, hidden).await;
    }

    /// Puts somebody on a case beside its handler.
    pub async fn assist(&self, case: CaseId, login: &str) {
        let staff = self.staff(login).await;
        let body = CaseAssign {
            occurred_on: self.court.now().shanghai_date(),
            role: CaseRole::Assistant,
            staff,
        };
        let hidden = Object::from([("name".to_owned(), Value::from(login))]);
        self.issue(case, &body, hidden).await;
    }

    /// Takes somebody off a case.
    pub async fn release(&self, case: CaseId, login: &str) {
        let staff = self.staff(login).await;
        let body = CaseRelease {
            occurred_on: self.court.now().shanghai_date(),
            staff,
        };
        self.issue(case, &body, Object::new()).await;
    }

    async fn issue<B: zhixing_protocol::statement::TypedBody>(
        &self,
        case: CaseId,
        body: &B,
        hidden: Object,
    ) {
        let mut tx = self.court.db.begin_write().await.expect("the store works");
        let (_, effect) = inbox::issue(
            &self.court,
            &mut tx,
            KeyPurpose::Portal,
            "川0811",
            Some(case),
            body,
            hidden,
        )
        .await
        .expect("the court can sign");
        assert_eq!(effect, zhixing_protocol::event::Effect::Applied);
        tx.commit().await.expect("the store works");
        self.court.log_wake.notify_one();
    }
}

fn run(
    court: &Arc<Court>,
    listener: tokio::net::TcpListener,
) -> (oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let (stop, stopped) = oneshot::channel::<()>();
    let court = Arc::clone(court);
    let served = tokio::spawn(serve::run(court, listener, async {
        let _ = stopped.await;
    }));
    (stop, served)
}

/// Fictional people; the format of docs/IMPORT.md.
pub(crate) fn write_batch(folder: &Path) {
    std::fs::create_dir_all(folder.join("documents")).expect("a folder");
    let courts = r#"{"word":"川08","name":"广元市中级人民法院","level":"intermediate","parent":null}
{"word":"川0811","name":"昭化区人民法院","level":"basic","parent":"川08"}
"#;
    let staff = r#"{"login":"judge","name":"何法官","role":"judge","court":"川0811","badge":"511001"}
{"login":"second","name":"唐法官","role":"judge","court":"川0811","badge":"511002"}
"#;
    let mut cases = String::new();
    for number in 1..=3 {
        let file = format!("documents/title-{number}.txt");
        std::fs::write(folder.join(&file), format!("民事判决书 第{number}号")).expect("writes");
        cases.push_str(&format!(
            r#"{{"external_id":"test-{number}","number":"（2026）川0811执{number}号","court":"川0811","cause":"loan","amount_fen":2000000,"filed_on":"2026-03-10","title":"（2025）川0811民初{number}号民事判决书","handler":"judge","parties":[{{"external_id":"a","role":"applicant","kind":"person","name":"梁甲{number}","id_number":"510811190001010000","phone":"10000000000","address":"昭化镇一村"}},{{"external_id":"r","role":"respondent","kind":"person","name":"彭乙{number}","address":"元坝镇二村"}}],"documents":[{{"external_id":"d","kind":"enforcement_title","volume":"main","title":"民事判决书","media_type":"text/plain","file":"{file}"}}]}}"#
        ));
        cases.push('\n');
    }
    std::fs::write(folder.join("courts.jsonl"), courts).expect("writes");
    std::fs::write(folder.join("staff.jsonl"), staff).expect("writes");
    std::fs::write(folder.join("cases.jsonl"), cases).expect("writes");
}
