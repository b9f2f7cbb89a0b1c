//! tus 1.0 through a listening server: what peers get wrong, one test each.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zhixing_protocol::hash::{StatementHash, StoredDigest};

use super::client::{Answered, Connection};
use super::*;
use crate::intake;
use crate::store::testing::on_both_engines;
use crate::testing::{Sealed, TestClock, TestDevice, open_court};
use crate::uploads::ledger;

/// Far below the 30 s after which a stalled request would be given up by itself.
const AT_ONCE: Duration = Duration::from_secs(2);

/// A court that listens, and a device that has sealed one item.
struct Site {
    config: crate::config::Config,
    clock: TestClock,
    court: Arc<Court>,
    address: SocketAddr,
    device: TestDevice,
    sealed: Sealed,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Serves in a runtime of its own, which can be ended as abruptly as a process.
async fn listen(court: &Arc<Court>) -> (tokio::runtime::Runtime, SocketAddr) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let router = crate::http::router(Arc::clone(court));
    let address = runtime
        .spawn(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
                .await
                .expect("a port");
            let address = listener.local_addr().expect("an address");
            let limits = crate::http::connections::Limits {
                head: Duration::from_secs(30),
                stalled: Duration::from_secs(30),
                connections: 100,
            };
            tokio::spawn(crate::http::connections::serve(
                listener,
                router,
                limits,
                std::future::pending(),
            ));
            address
        })
        .await
        .expect("listens");
    (runtime, address)
}

impl Site {
    async fn new(scratch: &crate::store::testing::Scratch, plain_bytes: usize) -> Self {
        let mut config = scratch.config();
        config.max_upload_bytes = 4 << 20;
        Self::with(config, plain_bytes).await
    }

    async fn with(config: crate::config::Config, plain_bytes: usize) -> Self {
        let clock = TestClock::new();
        let court = open_court(config.clone(), &clock).await;
        let mut device = TestDevice::enrol(&court, "judge").await;
        // No two pieces alike: bytes in a wrong place must show.
        let plain: Vec<u8> = (0..plain_bytes)
            .map(|index| u8::try_from((index / 7 % 251) ^ (index % 255)).expect("below 256"))
            .collect();
        let sealed = device.seal(&court, &plain).await;
        let (runtime, address) = listen(&court).await;
        Self {
            config,
            clock,
            court,
            address,
            device,
            sealed,
            runtime: Some(runtime),
        }
    }

    /// The process dies and a new one starts on the same folder and database.
    async fn kill_and_restart(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        self.court = open_court(self.config.clone(), &self.clock).await;
        let (runtime, address) = listen(&self.court).await;
        self.runtime = Some(runtime);
        self.address = address;
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.device.token)
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answered {
        let bearer = self.bearer();
        let mut all = vec![
            ("tus-resumable", "1.0.0"),
            ("authorization", bearer.as_str()),
        ];
        all.extend_from_slice(headers);
        Connection::open(self.address)
            .await
            .ask(method, path, &all, body)
            .await
    }

    async fn create_with(&self, headers: &[(&str, &str)], body: &[u8]) -> Answered {
        let metadata = metadata_of(&self.sealed);
        let mut all = vec![("upload-metadata", metadata.as_str())];
        all.extend_from_slice(headers);
        self.ask("POST", "/device/v1/uploads", &all, body).await
    }

    /// Creates the upload of the sealed item and gives its path.
    async fn create(&self) -> String {
        let length = self.sealed.stored.len().to_string();
        let created = self.create_with(&[("upload-length", &length)], b"").await;
        assert_eq!(created.status, 201, "{created:?}");
        created.header("location").to_owned()
    }

    async fn patch(&self, path: &str, offset: u64, body: &[u8]) -> Answered {
        self.patch_with(path, offset, &[], body).await
    }

    async fn patch_with(
        &self,
        path: &str,
        offset: u64,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answered {
        let offset = offset.to_string();
        let mut all = vec![
            ("content-type", "application/offset+octet-stream"),
            ("upload-offset", offset.as_str()),
        ];
        all.extend_from_slice(headers);
        self.ask("PATCH", path, &all, body).await
    }

    async fn offset(&self, path: &str) -> u64 {
        let head = self.ask("HEAD", path, &[], b"").await;
        assert_eq!(head.status, 200, "{head:?}");
        head.offset()
    }

    /// A PATCH that announces `announced` bytes, sends `body` and then says nothing more.
    async fn hang(&self, path: &str, offset: u64, announced: usize, body: &[u8]) -> Connection {
        self.hang_with(path, offset, announced, &[], body).await
    }

    async fn hang_with(
        &self,
        path: &str,
        offset: u64,
        announced: usize,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Connection {
        let (bearer, offset, announced) =
            (self.bearer(), offset.to_string(), announced.to_string());
        let mut all = vec![
            ("tus-resumable", "1.0.0"),
            ("authorization", bearer.as_str()),
            ("content-type", "application/offset+octet-stream"),
            ("upload-offset", offset.as_str()),
            ("content-length", announced.as_str()),
        ];
        all.extend_from_slice(headers);
        let mut connection = Connection::open(self.address).await;
        connection.head("PATCH", path, &all).await;
        connection.send(body).await;
        connection
    }

    /// Asks for the offset until what a hanging request sent has arrived; each answer must come at once.
    async fn offset_at_once(&self, path: &str) -> u64 {
        let asked = Instant::now();
        let offset = self.offset(path).await;
        assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
        offset
    }

    /// Sends the rest of the sealed item and checks that the court verified it.
    async fn finish(&self, path: &str, from: u64) {
        let rest = self.stored_from(from);
        let patched = self.patch(path, from, rest).await;
        assert_eq!(patched.status, 204, "{patched:?}");
        assert_eq!(patched.offset(), self.sealed.stored.len() as u64);
        self.assert_held("verified").await;
    }

    fn stored_from(&self, from: u64) -> &[u8] {
        let from = usize::try_from(from).expect("small");
        self.sealed.stored.get(from..).expect("within the file")
    }

    fn stored_to(&self, to: usize) -> &[u8] {
        self.sealed.stored.get(..to).expect("within the file")
    }

    /// Lets the intake run and checks what came of the item; nothing may be left behind.
    async fn assert_held(&self, outcome: &str) {
        assert_eq!(intake::run(&self.court).await.expect("intake runs"), 1);
        let mut tx = self.court.db.begin_read().await.expect("begins");
        let row = tx
            .row(
                "SELECT outcome, stored_sha256 FROM stored_items WHERE statement = $1",
                &[self.sealed.statement.into()],
            )
            .await
            .expect("reads")
            .expect("the item is held");
        assert_eq!(row.text(0).expect("text"), outcome);
        let stored: StoredDigest = row.parse(1).expect("a digest");
        let kept = std::fs::read(crate::objects::path(&self.config.data, stored)).expect("kept");
        assert_eq!(StoredDigest::of(&kept), stored);
        assert_eq!(self.spooled(), 0, "the spool is empty");
    }

    fn spooled(&self) -> usize {
        std::fs::read_dir(self.config.data.join("spool"))
            .expect("the spool")
            .count()
    }

    fn spool_file(&self, path: &str) -> std::path::PathBuf {
        let name = path.rsplit('/').next().expect("a name");
        self.config.data.join("spool").join(name)
    }
}

fn metadata_of(sealed: &Sealed) -> String {
    metadata_text(
        &sealed.statement.to_string(),
        &sealed.item.to_string(),
        &sealed.stored_sha256.to_string(),
    )
}

fn metadata_text(statement: &str, item: &str, stored_sha256: &str) -> String {
    format!(
        "statement {},item {},stored_sha256 {}",
        STANDARD.encode(statement),
        STANDARD.encode(item),
        STANDARD.encode(stored_sha256)
    )
}

fn sha256_of(bytes: &[u8]) -> String {
    format!("sha256 {}", STANDARD.encode(Sha256Digest::of(bytes).0))
}

#[test]
fn expiry_is_written_as_http_writes_dates() {
    assert_eq!(
        http_date(784_111_777_000),
        Some(HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"))
    );
}

on_both_engines! {
    async fn an_upload_in_two_parts_is_verified(scratch: Scratch) {
        let site = Site::new(&scratch, 300_000).await;
        let path = site.create().await;
        assert!(path.starts_with("/device/v1/uploads/"), "relative, whatever stands before the server: {path}");
        let head = site.ask("HEAD", &path, &[], b"").await;
        assert_eq!((head.status, head.offset()), (200, 0));
        assert_eq!(head.header("upload-length"), site.sealed.stored.len().to_string());
        assert_eq!(head.header("cache-control"), "no-store");
        assert!(head.header("upload-expires").ends_with(" GMT"));
        let first = site.patch(&path, 0, site.stored_to(100_000)).await;
        assert_eq!((first.status, first.offset()), (204, 100_000));
        assert_eq!(first.header("tus-resumable"), "1.0.0");
        site.finish(&path, 100_000).await;
        // The last answer may have been lost: the upload still says that all has arrived, also after the intake.
        assert_eq!(site.offset(&path).await, site.sealed.stored.len() as u64);
        let again = site.patch(&path, 100_000, site.stored_from(100_000)).await;
        assert_eq!((again.status, again.kind().as_str()), (409, "conflict"));
        assert_eq!(intake::run(&site.court).await.expect("runs"), 0, "one effect (I3)");
    }

    async fn a_creation_may_bring_all_the_bytes(scratch: Scratch) {
        let site = Site::new(&scratch, 70_000).await;
        let length = site.sealed.stored.len().to_string();
        let headers = [("upload-length", length.as_str()), ("content-type", "application/offset+octet-stream")];
        let created = site.create_with(&headers, &site.sealed.stored).await;
        assert_eq!((created.status, created.offset()), (201, site.sealed.stored.len() as u64));
        site.assert_held("verified").await;
        let again = site.create_with(&headers, &site.sealed.stored).await;
        assert_eq!((again.status, again.kind().as_str()), (409, "conflict"), "the court holds it");
    }

    async fn the_same_creation_again_gives_the_same_upload(scratch: Scratch) {
        let site = Site::new(&scratch, 5_000).await;
        let path = site.create().await;
        assert_eq!(site.patch(&path, 0, site.stored_to(1_000)).await.status, 204);
        let length = site.sealed.stored.len().to_string();
        let again = site.create_with(&[("upload-length", &length)], b"").await;
        assert_eq!((again.status, again.header("location"), again.offset()), (201, path.as_str(), 1_000));
        let other = site.create_with(&[("upload-length", "7")], b"").await;
        assert_eq!((other.status, other.kind().as_str()), (400, "invalid_input"));
        site.finish(&path, 1_000).await;
    }

    async fn a_length_may_come_later_but_only_once(scratch: Scratch) {
        let site = Site::new(&scratch, 50_000).await;
        let whole = site.sealed.stored.len();
        let created = site.create_with(&[("upload-defer-length", "1")], b"").await;
        assert_eq!(created.status, 201);
        let path = created.header("location").to_owned();
        let head = site.ask("HEAD", &path, &[], b"").await;
        assert_eq!(head.header("upload-defer-length"), "1");
        assert!(!head.headers.contains_key("upload-length"));
        assert_eq!(site.patch(&path, 0, site.stored_to(20_000)).await.offset(), 20_000);
        let small = site.patch_with(&path, 20_000, &[("upload-length", "19999")], b"").await;
        assert_eq!(small.status, 400, "smaller than what has arrived");
        let large = site.patch_with(&path, 20_000, &[("upload-length", "9999999999")], b"").await;
        assert_eq!(large.status, 400, "larger than the court takes");
        let length = whole.to_string();
        let set = site.patch_with(&path, 20_000, &[("upload-length", &length)], b"").await;
        assert_eq!((set.status, set.offset()), (204, 20_000));
        let twice = (whole + 1).to_string();
        let twice = site.patch_with(&path, 20_000, &[("upload-length", &twice)], b"").await;
        assert_eq!((twice.status, twice.kind().as_str()), (400, "invalid_input"));
        let same = site.patch_with(&path, 20_000, &[("upload-length", &length)], b"").await;
        assert_eq!(same.status, 204, "the same length again is harmless");
        site.finish(&path, 20_000).await;
    }

    async fn a_wrong_offset_is_refused_and_changes_nothing(scratch: Scratch) {
        let site = Site::new(&scratch, 10_000).await;
        let path = site.create().await;
        assert_eq!(site.patch(&path, 0, site.stored_to(4_000)).await.status, 204);
        for offset in [0, 3_999, 4_001, 10_000_000, u64::MAX] {
            let wrong = site.patch(&path, offset, b"wrong").await;
            assert_eq!((wrong.status, wrong.kind().as_str()), (409, "conflict"), "{offset}");
        }
        for text in ["-1", "+4000", "4e3", "", "18446744073709551616"] {
            let wrong = site
                .ask("PATCH", &path, &[("content-type", "application/offset+octet-stream"), ("upload-offset", text)], b"x")
                .await;
            assert_eq!((wrong.status, wrong.kind().as_str()), (400, "invalid_input"), "{text:?}");
        }
        let none = site.ask("PATCH", &path, &[("content-type", "application/offset+octet-stream")], b"x").await;
        assert_eq!(none.status, 400);
        let kind = site.ask("PATCH", &path, &[("content-type", "image/jpeg"), ("upload-offset", "4000")], b"x").await;
        assert_eq!(kind.status, 415);
        site.finish(&path, 4_000).await;
    }

    async fn of_racing_requests_never_two_are_taken(scratch: Scratch) {
        let mut site = Site::new(&scratch, 600_000).await;
        for round in 0..10 {
            let plain = vec![round; 600_000];
            site.sealed = site.device.seal(&site.court, &plain).await;
            let path = site.create().await;
            let all = site.sealed.stored.as_slice();
            let racers = futures::future::join_all((0..4).map(|_| site.patch(&path, 0, all))).await;
            let taken = racers.iter().filter(|answer| answer.status == 204).count();
            assert!(taken <= 1, "{racers:?}");
            assert!(racers.iter().all(|answer| matches!(answer.status, 204 | 409)), "{racers:?}");
            let at = site.offset(&path).await;
            if at < all.len() as u64 {
                assert_eq!(taken, 0);
                let rest = site.patch(&path, at, site.stored_from(at)).await;
                assert_eq!(rest.status, 204);
            }
            site.assert_held("verified").await;
        }
    }

    async fn a_hung_request_keeps_nobody_waiting(scratch: Scratch) {
        let site = Site::new(&scratch, 900_000).await;
        let whole = site.sealed.stored.len();
        let path = site.create().await;
        let mut hung = site.hang(&path, 0, whole, site.stored_to(200_000)).await;
        while !site.spool_file(&path).exists() {
            // Until the request is being received: the file is made first.
            tokio::task::yield_now().await;
        }
        let at = site.offset_at_once(&path).await;
        assert!(at <= 200_000);
        assert_eq!(std::fs::metadata(site.spool_file(&path)).map_or(0, |file| file.len()), at, "the offset does not lie");
        let called_off = hung.answer("PATCH").await;
        assert_eq!((called_off.status, called_off.kind().as_str()), (409, "conflict"));
        let from = usize::try_from(at).expect("small");
        let _hung = site.hang(&path, at, whole - from, site.sealed.stored.get(from..from + 1_000).expect("within")).await;
        // Two at once behind the hung one, of which one hangs as well: the last must still be answered at once.
        let ((), at) = tokio::join!(
            async { drop(site.hang(&path, at, whole - from, b"").await) },
            site.offset_at_once(&path)
        );
        // One of the hung requests may reach the server only now; then this client asks again, as a real one does.
        let mut last = at;
        for _ in 0..5 {
            let asked = site.offset_at_once(&path).await;
            assert!(asked >= last, "an offset never shrinks");
            last = asked;
            let rest = site.patch(&path, last, site.stored_from(last)).await;
            if rest.status == 204 {
                return site.assert_held("verified").await;
            }
            assert_eq!(rest.status, 409);
        }
        panic!("not taken after five tries");
    }

    async fn an_upload_goes_on_by_its_own_token_when_the_session_is_over(scratch: Scratch) {
        let mut site = Site::new(&scratch, 50_000).await;
        let length = site.sealed.stored.len().to_string();
        let created = site.create_with(&[("upload-length", &length)], b"").await;
        let (path, token) = (created.header("location").to_owned(), created.header("upload-token").to_owned());
        let again = site.create_with(&[("upload-length", &length)], b"").await;
        assert_eq!(again.header("upload-token"), token, "a lost answer costs nothing");
        let session = std::mem::replace(&mut site.device.token, token.clone());
        let made = site.create_with(&[("upload-length", &length)], b"").await;
        assert_eq!((made.status, made.kind().as_str()), (401, "unauthenticated"), "only for its upload");
        site.clock.pass_ms(2 * 3_600_000);
        site.device.token = session;
        let expired = site.ask("HEAD", &path, &[], b"").await;
        assert_eq!(expired.status, 401, "the session is over");
        let mut forged = token.clone();
        let last = forged.pop().expect("a digit");
        forged.push(if last == '0' { '1' } else { '0' });
        for wrong in ["u.", "u.00", &forged] {
            site.device.token = wrong.to_owned();
            assert_eq!(site.patch(&path, 0, b"x").await.status, 401, "{wrong}");
        }
        site.device.token = token;
        for other in ["/device/v1/uploads/0123", &path.replace("uploads/", "uploads/0")] {
            assert_eq!(site.ask("HEAD", other, &[], b"").await.status, 401, "{other}");
        }
        let pull = site.ask("POST", "/device/v1/pull", &[], b"{}").await;
        assert_eq!(pull.status, 401, "it opens nothing else");
        assert_eq!(site.patch(&path, 0, site.stored_to(20_000)).await.status, 204);
        // A new process has the same key.
        site.kill_and_restart().await;
        assert_eq!(site.offset(&path).await, 20_000);
        site.finish(&path, 20_000).await;
        site.clock.pass_ms(31 * 24 * 3_600_000);
        ledger::expire(&site.court).await.expect("runs");
        assert_eq!(site.ask("HEAD", &path, &[], b"").await.status, 404, "it ends with the upload");
    }

    async fn what_came_before_a_break_is_kept(scratch: Scratch) {
        let site = Site::new(&scratch, 500_000).await;
        let whole = site.sealed.stored.len();
        let path = site.create().await;
        let mut at = 0;
        while at == 0 {
            // Until the bytes have arrived before the break is seen.
            drop(site.hang(&path, 0, whole, site.stored_to(300_000)).await);
            at = site.offset(&path).await;
        }
        assert!(at <= 300_000);
        site.finish(&path, at).await;
    }

    async fn a_stalled_request_is_given_up(scratch: Scratch) {
        let mut config = scratch.config();
        config.idle_seconds = 1;
        let site = Site::with(config, 10_000).await;
        let path = site.create().await;
        let mut stalled = site.hang(&path, 0, site.sealed.stored.len(), site.stored_to(5_000)).await;
        let answer = stalled.answer("PATCH").await;
        assert_eq!((answer.status, answer.kind().as_str()), (503, "busy"));
        assert_eq!(answer.header("retry-after"), "0");
        assert_eq!(site.offset(&path).await, 5_000);
        site.finish(&path, 5_000).await;
    }

    async fn bytes_that_were_changed_on_the_way_are_dropped(scratch: Scratch) {
        let site = Site::new(&scratch, 200_000).await;
        let path = site.create().await;
        let part = site.stored_to(100_000);
        let good = site.patch_with(&path, 0, &[("upload-checksum", &sha256_of(part))], part).await;
        assert_eq!((good.status, good.offset()), (204, 100_000));
        let mut changed = site.stored_from(100_000).to_vec();
        let sum = sha256_of(&changed);
        *changed.get_mut(50_000).expect("within") ^= 1;
        let bad = site.patch_with(&path, 100_000, &[("upload-checksum", &sum)], &changed).await;
        assert_eq!((bad.status, bad.kind().as_str()), (460, "checksum_mismatch"));
        assert_eq!(site.offset(&path).await, 100_000);
        for header in ["sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "sha256", "sha256 !!", "sha256 AAAA", ""] {
            let wrong = site.patch_with(&path, 100_000, &[("upload-checksum", header)], b"x").await;
            assert_eq!((wrong.status, wrong.kind().as_str()), (400, "invalid_input"), "{header:?}");
        }
        site.finish(&path, 100_000).await;
    }

    async fn unchecked_bytes_of_a_broken_request_are_not_acknowledged(scratch: Scratch) {
        let site = Site::new(&scratch, 200_000).await;
        let whole = site.sealed.stored.len();
        let path = site.create().await;
        assert_eq!(site.patch(&path, 0, site.stored_to(1_000)).await.status, 204);
        let sum = sha256_of(site.stored_from(1_000));
        for _ in 0..5 {
            let headers = [("upload-checksum", sum.as_str())];
            let rest = site.sealed.stored.get(1_000..150_000).expect("within");
            drop(site.hang_with(&path, 1_000, whole - 1_000, &headers, rest).await);
            assert_eq!(site.offset(&path).await, 1_000);
        }
        site.finish(&path, 1_000).await;
    }

    async fn more_bytes_than_announced_are_refused(scratch: Scratch) {
        let site = Site::new(&scratch, 100_000).await;
        let whole = site.sealed.stored.len();
        let path = site.create().await;
        let mut more = site.sealed.stored.clone();
        more.push(0);
        let announced = site.patch(&path, 0, &more).await;
        assert_eq!((announced.status, announced.kind().as_str()), (413, "too_large"));
        assert_eq!(site.offset(&path).await, 0, "nothing of it was read");
        // The same without saying so beforehand.
        let bearer = site.bearer();
        let headers = [
            ("tus-resumable", "1.0.0"),
            ("authorization", bearer.as_str()),
            ("content-type", "application/offset+octet-stream"),
            ("upload-offset", "0"),
            ("transfer-encoding", "chunked"),
        ];
        let mut connection = Connection::open(site.address).await;
        connection.head("PATCH", &path, &headers).await;
        connection.send(format!("{:x}\r\n", more.len()).as_bytes()).await;
        connection.send(&more).await;
        connection.send(b"\r\n0\r\n\r\n").await;
        assert_eq!(connection.answer("PATCH").await.status, 413);
        let at = site.offset(&path).await;
        assert!(at <= whole as u64);
        site.finish(&path, at).await;

        let large = site.create_with(&[("upload-length", "4194305")], b"").await;
        assert_eq!((large.status, large.kind().as_str()), (413, "too_large"));
    }

    async fn a_file_other_than_announced_begins_anew(scratch: Scratch) {
        let site = Site::new(&scratch, 60_000).await;
        let path = site.create().await;
        let mut other = site.sealed.stored.clone();
        *other.last_mut().expect("not empty") ^= 1;
        assert_eq!(site.patch(&path, 0, other.get(..30_000).expect("within")).await.status, 204);
        let spliced = site.patch(&path, 30_000, other.get(30_000..).expect("within")).await;
        assert_eq!((spliced.status, spliced.kind().as_str()), (460, "checksum_mismatch"));
        assert_eq!(intake::run(&site.court).await.expect("runs"), 0, "it never reaches the court");
        assert_eq!(site.offset(&path).await, 0);
        site.finish(&path, 0).await;
    }

    async fn an_empty_file_is_taken_for_what_it_is(scratch: Scratch) {
        let mut site = Site::new(&scratch, 10).await;
        site.sealed.stored = Vec::new();
        site.sealed.stored_sha256 = StoredDigest::of(b"");
        let path = site.create().await;
        assert_eq!(site.offset(&path).await, 0);
        site.assert_held("unreadable").await;
    }

    async fn a_creation_needs_an_admitted_statement_that_names_the_item(scratch: Scratch) {
        let mut site = Site::new(&scratch, 5_000).await;
        let length = site.sealed.stored.len().to_string();
        let (statement, item, stored) = (
            site.sealed.statement.to_string(),
            site.sealed.item.to_string(),
            site.sealed.stored_sha256.to_string(),
        );
        let create = async |metadata: &str| {
            let headers = [("upload-length", length.as_str()), ("upload-metadata", metadata)];
            site.ask("POST", "/device/v1/uploads", &headers, b"").await
        };
        let good = metadata_text(&statement, &item, &stored);
        let unknown = StatementHash::of(b"not admitted").to_string();
        let not_admitted = create(&metadata_text(&unknown, &item, &stored)).await;
        assert_eq!((not_admitted.status, not_admitted.kind().as_str()), (404, "not_found"));
        let other_item = "0192f0c1-2345-7fff-bfff-ffffffffffff";
        let not_named = create(&metadata_text(&statement, other_item, &stored)).await;
        assert_eq!((not_named.status, not_named.kind().as_str()), (400, "invalid_input"));
        for bad in [
            String::new(),
            "statement".into(),
            "statement !!!".into(),
            good.replace("item", "thing"),
            format!("{good},{good}"),
            metadata_text(&statement, "../../etc/passwd", &stored),
            metadata_text(&format!("{statement}\0"), &item, &stored),
            metadata_text(&statement, &item, &format!("{stored}\r\nx: y")),
            metadata_text(&statement, &item, &"a".repeat(4096)),
        ] {
            let refused = create(&bad).await;
            assert_eq!((refused.status, refused.kind().as_str()), (400, "invalid_input"), "{bad:?}");
        }
        // Both lengths, or none, or a malformed one.
        for lengths in [vec![], vec![("upload-length", "5"), ("upload-defer-length", "1")], vec![("upload-defer-length", "2")], vec![("upload-length", "x")]] {
            assert_eq!(site.create_with(&lengths, b"").await.status, 400, "{lengths:?}");
        }
        assert_eq!(site.spooled(), 0);
        // What is not asked for is passed over, whatever it says.
        let filename = STANDARD.encode("../../../evil\r\n\0.jpg");
        assert_eq!(create(&format!("filename {filename},{good}")).await.status, 201);

        let other = TestDevice::enrol(&site.court, "other").await;
        site.device.token = other.token;
        let foreign = site.create_with(&[("upload-length", &length)], b"").await;
        assert_eq!((foreign.status, foreign.kind().as_str()), (404, "not_found"), "as if it were not there (I8)");
    }

    async fn an_upload_is_its_devices_own(scratch: Scratch) {
        let mut site = Site::new(&scratch, 5_000).await;
        let path = site.create().await;
        let token = std::mem::replace(
            &mut site.device.token,
            TestDevice::enrol(&site.court, "other").await.token,
        );
        let patch = [("content-type", "application/offset+octet-stream"), ("upload-offset", "0")];
        for who in ["another device", "nobody"] {
            let expected = if who == "nobody" { 401 } else { 404 };
            assert_eq!(site.ask("HEAD", &path, &[], b"").await.status, expected, "{who}");
            assert_eq!(site.ask("PATCH", &path, &patch, b"x").await.status, expected, "{who}");
            assert_eq!(site.ask("DELETE", &path, &[], b"").await.status, expected, "{who}");
            site.device.token = "0".repeat(64);
        }
        site.device.token = token;
        let guessed = format!("/device/v1/uploads/{}", "0".repeat(32));
        assert_eq!(site.ask("HEAD", &guessed, &[], b"").await.status, 404);
        let climbing = site.ask("HEAD", "/device/v1/uploads/..%2f..%2fzhixing.db", &[], b"").await;
        assert_eq!(climbing.status, 404);
        site.finish(&path, 0).await;
    }

    async fn a_terminated_upload_is_gone(scratch: Scratch) {
        let site = Site::new(&scratch, 50_000).await;
        let path = site.create().await;
        assert_eq!(site.patch(&path, 0, site.stored_to(10_000)).await.status, 204);
        let mut hung = site.hang(&path, 10_000, 1_000, b"x").await;
        assert_eq!(site.ask("DELETE", &path, &[], b"").await.status, 204);
        assert!(matches!(hung.answer("PATCH").await.status, 404 | 409));
        assert_eq!(site.ask("HEAD", &path, &[], b"").await.status, 404);
        assert_eq!(site.patch(&path, 0, b"x").await.status, 404);
        assert_eq!(site.spooled(), 0);
        let again = site.create().await;
        assert_ne!(again, path);
        site.finish(&again, 0).await;
        let held = site.ask("DELETE", &again, &[], b"").await;
        assert_eq!((held.status, held.kind().as_str()), (409, "conflict"), "what the court holds stays");
    }

    async fn an_upload_nobody_completes_expires(scratch: Scratch) {
        let mut site = Site::new(&scratch, 50_000).await;
        let path = site.create().await;
        assert_eq!(site.patch(&path, 0, site.stored_to(10_000)).await.status, 204);
        assert_eq!(ledger::expire(&site.court).await.expect("runs"), 0, "not before its time");
        site.clock.pass_ms(i64::from(site.config.upload_days) * DAY_MS + 1);
        site.device.open_session(&site.court).await;
        assert_eq!(site.ask("HEAD", &path, &[], b"").await.status, 404);
        assert_eq!(ledger::expire(&site.court).await.expect("runs"), 1);
        assert_eq!(site.spooled(), 0);
        let again = site.create().await;
        site.finish(&again, 0).await;
    }

    async fn after_a_kill_the_offset_is_what_is_on_disk(scratch: Scratch) {
        let mut site = Site::new(&scratch, 900_000).await;
        let whole = site.sealed.stored.len();
        let path = site.create().await;
        assert_eq!(site.patch(&path, 0, site.stored_to(200_000)).await.offset(), 200_000);
        let _hung = site.hang(&path, 200_000, whole - 200_000, site.sealed.stored.get(200_000..700_000).expect("within")).await;
        site.kill_and_restart().await;
        let at = site.offset(&path).await;
        assert!((200_000..=700_000).contains(&at), "{at}: what was acknowledged is there (I1)");
        assert_eq!(std::fs::metadata(site.spool_file(&path)).expect("the file").len(), at);
        site.finish(&path, at).await;
    }

    async fn an_upload_cut_off_before_its_last_step_is_completed(scratch: Scratch) {
        let mut site = Site::new(&scratch, 50_000).await;
        let path = site.create().await;
        assert_eq!(site.patch(&path, 0, site.stored_to(10_000)).await.status, 204);
        // All bytes are on disk, but the process died before it could say so.
        std::fs::write(site.spool_file(&path), &site.sealed.stored).expect("writes");
        site.kill_and_restart().await;
        assert_eq!(site.offset(&path).await, site.sealed.stored.len() as u64);
        site.assert_held("verified").await;
    }

    async fn a_spool_file_that_was_damaged_begins_anew(scratch: Scratch) {
        let mut site = Site::new(&scratch, 50_000).await;
        let path = site.create().await;
        assert_eq!(site.patch(&path, 0, site.stored_to(10_000)).await.status, 204);
        std::fs::write(site.spool_file(&path), vec![0; site.sealed.stored.len()]).expect("writes");
        site.kill_and_restart().await;
        assert_eq!(site.offset(&path).await, 0, "the client sends all of it again");
        site.finish(&path, 0).await;
    }

    async fn the_protocol_is_announced_and_its_version_required(scratch: Scratch) {
        let site = Site::new(&scratch, 10).await;
        let mut connection = Connection::open(site.address).await;
        let about = connection.ask("OPTIONS", "/device/v1/uploads", &[], b"").await;
        assert_eq!((about.status, about.header("tus-version")), (204, "1.0.0"));
        assert_eq!(
            about.header("tus-extension"),
            "creation,creation-with-upload,creation-defer-length,checksum,termination,expiration"
        );
        assert_eq!(about.header("tus-checksum-algorithm"), "sha256");
        assert_eq!(about.header("tus-max-size"), "4194304");
        let path = site.create().await;
        let bearer = site.bearer();
        // On one connection: it stays open after a refusal.
        for (method, path) in [("POST", "/device/v1/uploads"), ("HEAD", &path), ("PATCH", &path), ("DELETE", &path)] {
            for version in ["0.2.2", ""] {
                let headers = [("authorization", bearer.as_str()), ("tus-resumable", version)];
                let refused = connection.ask(method, path, &headers, b"").await;
                assert_eq!(refused.status, 412, "{method} {version:?}");
            }
        }
        site.finish(&path, 0).await;
    }
}
