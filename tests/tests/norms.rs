//! Norms on their way: what the court publishes reaches its devices, what somebody else made does not count, and both judge alike.

use std::path::Path;

use zhixing_engine::duty::{LegalRecord, Words};
use zhixing_engine::sync::{HttpRequest, HttpResponse, HttpTransport, Transport, TransportError};
use zhixing_protocol::document::SignedDocument;
use zhixing_protocol::hash::Sha256Digest;
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::keys::{Signer as _, SoftwareSigner};
use zhixing_protocol::rules::calendar::HolidayYear;
use zhixing_protocol::rules::norms::{NormEntry, NormsList, PackRelease};
use zhixing_protocol::rules::pack::RulePack;
use zhixing_protocol::rules::view::PromptView;
use zhixing_protocol::statement::{NodeRecord, NodeRecorded};
use zhixing_protocol::time::{Date, UtcMillis};
use zhixing_protocol::wire::Frame;
use zhixing_server::{duties, norms};
use zhixing_tests::{Fault, Proxy, TestCourt, TestDevice, village, village_with};

const COURT: &str = "川0811";
/// The duty whose length the tests change: to send the notice within 10 days from the application.
const NOTICE: &str = "S02-03";

fn noon(day: &str) -> UtcMillis {
    let day: Date = day.parse().expect("a date");
    day.shanghai_noon()
}

fn days(days: u32) -> impl Fn(&mut RulePack) {
    move |pack| {
        for rule in pack.rules.iter_mut().filter(|rule| rule.id == NOTICE) {
            rule.deadline.n = Some(days);
        }
    }
}

fn received(device: &TestDevice, case: CaseId, on: &str) {
    let record = LegalRecord::Node(NodeRecord {
        corrects: None,
        fact: NodeRecorded {
            at: on.parse().expect("a moment"),
            document: None,
            node: "application.received".to_owned(),
            subject: None,
            values: std::collections::BTreeMap::new(),
        },
    });
    let recorded = device.engine().record(case, &record, &Words::default());
    recorded.expect("nothing against it");
}

fn here(device: &TestDevice, case: CaseId, on: &str) -> Vec<PromptView> {
    let prompts = device.engine().prompts(case, Some(noon(on)));
    prompts.expect("unlocked")
}

async fn there(court: &TestCourt, case: CaseId, on: &str) -> Vec<PromptView> {
    let mut tx = court.court.db.begin_read().await.expect("the store works");
    let state = duties::state_of(&court.court, &mut tx, case).await;
    let state = state.expect("the store works").expect("a known case");
    let law = norms::law(&court.court, &mut tx, COURT).await;
    duties::prompts(&law.expect("the store works"), &state, noon(on))
}

/// Version of the pack, days given, version of the court's settings, last day of the notice's duty.
fn notice(prompts: &[PromptView]) -> Option<(u32, Option<u32>, Option<u32>, String)> {
    let view = prompts.iter().find(|view| view.rule == NOTICE)?;
    let due = view.due.map(|due| due.to_string()).unwrap_or_default();
    Some((
        view.pack_version,
        view.computation.n,
        view.overlay_version,
        due,
    ))
}

async fn cases(court: &TestCourt) -> [CaseId; 2] {
    [
        court.case("（2026）川0811执1号").await,
        court.case("（2026）川0811执2号").await,
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_a_new_pack_reaches_the_device_and_each_trigger_keeps_the_law_of_its_day() {
    let (court, proxy, mut device) = village().await;
    let [old, new] = cases(&court).await;
    received(&device, old, "2026-05-29");
    received(&device, new, "2026-06-01");
    let expected = |pack, days, due: &str| Some((pack, Some(days), None, due.to_owned()));
    assert_eq!(
        notice(&here(&device, new, "2026-06-02")),
        expected(1, 10, "2026-06-11")
    );
    court.publish_pack(2, "2026-06-01", days(5)).await;
    court.publish_pack(3, "2099-01-01", days(4)).await;
    // Without signal it goes on with what it has.
    proxy.set(Fault::Offline);
    device.sync(200).await;
    assert_eq!(
        notice(&here(&device, new, "2026-06-02")),
        expected(1, 10, "2026-06-11")
    );
    proxy.set(Fault::None);
    device.sync_until_done().await;
    // The base, the new one, and the one that waits for its day.
    let held = device.engine().status().expect("a status").norms;
    assert_eq!((held.newest, held.in_use, &held.refused), (3, 3, &None));
    assert_eq!(court.norms_of("judge").await, held, "the court sees it");
    for on in ["2026-06-02", "2026-11-24"] {
        assert_eq!(
            notice(&here(&device, old, on)),
            expected(1, 10, "2026-06-08")
        );
        assert_eq!(
            notice(&here(&device, new, on)),
            expected(2, 5, "2026-06-08")
        );
        for case in [old, new] {
            assert_eq!(here(&device, case, on), there(&court, case, on).await);
        }
    }
    // It is still so after a start without signal.
    proxy.set(Fault::Offline);
    device.stop();
    device.start();
    device.engine().unlock().expect("the key is here");
    assert_eq!(
        notice(&here(&device, new, "2026-06-02")),
        expected(2, 5, "2026-06-08")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_courts_settings_and_the_next_holidays_come_the_same_way_and_are_taken_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("court-0811.toml");
    let text =
        format!("court = \"{COURT}\"\neffective_from = \"2026-06-01\"\n[rules.{NOTICE}]\nn = 6\n");
    std::fs::write(&file, text).expect("writes");
    let named = file.clone();
    let (mut court, proxy, device) =
        village_with(move |config| config.overlays = vec![named]).await;
    let [old, new] = cases(&court).await;
    received(&device, old, "2026-05-29");
    received(&device, new, "2026-06-01");
    device.sync_until_done().await;
    let expected = |days, overlay, due: &str| Some((1, Some(days), overlay, due.to_owned()));
    for (case, wanted) in [
        (old, expected(10, None, "2026-06-08")),
        (new, expected(6, Some(1), "2026-06-08")),
    ] {
        assert_eq!(notice(&here(&device, case, "2026-06-02")), wanted);
        assert_eq!(
            here(&device, case, "2026-06-02"),
            there(&court, case, "2026-06-02").await
        );
    }
    // The year after is not published: the date is marked. Then its notice comes, and makes the day a rest day and the date firm.
    let third = court.case("（2026）川0811执3号").await;
    received(&device, third, "2026-12-28");
    let firm = |prompts: Vec<PromptView>| {
        let view = prompts.into_iter().find(|view| view.rule == NOTICE);
        let view = view.expect("a duty");
        let due = view.due.map(|due| due.to_string());
        (due.unwrap_or_default(), view.computation.provisional)
    };
    // Six days end on a Sunday of the year after; Monday is a guess.
    let guessed = ("2027-01-04".to_owned(), true);
    assert_eq!(firm(here(&device, third, "2026-12-28")), guessed);
    device.sync_until_done().await;
    assert_eq!(firm(there(&court, third, "2026-12-28").await), guessed);
    let year =
        r#"{"year":2027,"rest":["2026-12-31","2027-01-01","2027-01-04"],"work":["2026-12-27"]}"#;
    let year = HolidayYear::from_json(year).expect("a notice");
    let signed = norms::sign_year(&court.court, year).await.expect("signs");
    norms::publish(&court.court, &signed)
        .await
        .expect("published");
    device.sync_until_done().await;
    let moved = ("2027-01-05".to_owned(), false);
    assert_eq!(firm(here(&device, third, "2026-12-28")), moved);
    assert_eq!(firm(there(&court, third, "2026-12-28").await), moved);
    // The file is no longer named: the court sets nothing from today on; what was before keeps what it had.
    court.restart_with(|config| config.overlays.clear()).await;
    proxy.point_at(court.address);
    device.sync_until_done().await;
    let after = here(&device, new, "2026-06-02");
    assert_eq!(notice(&after), expected(6, Some(1), "2026-06-08"));
    let held = device.engine().status().expect("a status").norms;
    assert_eq!((held.newest, held.in_use), (3, 3));
    let law = device.engine().law(COURT).expect("reads");
    let today = court.court.now().shanghai_date();
    assert_eq!(law.on(today).overlay, None);
    // A hard rule is not loosened: the server says which, and does not start.
    let text =
        format!("court = \"{COURT}\"\neffective_from = \"2026-06-01\"\n[rules.{NOTICE}]\nn = 11\n");
    std::fs::write(&file, text).expect("writes");
    let mut config = court.court.config.clone();
    config.overlays = vec![file.clone()];
    let refused =
        zhixing_server::court::Court::open(config, zhixing_server::court::system_clock()).await;
    let error = refused.err().expect("refused").to_string();
    assert!(
        error.contains(NOTICE) && error.contains("hard") && error.contains("court-0811.toml"),
        "{error}"
    );
}

/// Somebody between court and device: changes frames of pulls and documents on their way.
struct Forger<'f> {
    inner: HttpTransport,
    list: Option<SignedDocument>,
    document: Option<&'f [u8]>,
}

impl Transport for Forger<'_> {
    async fn send(&self, base: &str, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let (path, sink) = (request.path.clone(), request.sink.clone());
        let mut answer = self.inner.send(base, request).await?;
        if path == "/device/v1/pull"
            && let Some(list) = &self.list
        {
            let frame = serde_json::to_vec(&Frame::Norms(list.clone())).expect("JSON");
            let lines = answer.body.split(|byte| *byte == b'\n');
            let kept = lines.filter(|line| !line.starts_with(br#"{"norms""#));
            let mut lines: Vec<&[u8]> = kept.collect();
            lines.insert(0, &frame);
            answer.body = lines.join(&b'\n');
        }
        if path.starts_with("/device/v1/norms/")
            && let (Some(bytes), Some(sink)) = (self.document, sink)
        {
            answer.status = 200;
            std::fs::write(Path::new(&sink), bytes).expect("writes");
        }
        Ok(answer)
    }
}

fn made_key() -> SoftwareSigner {
    let pkcs8 = SoftwareSigner::make_pkcs8().expect("the system has randomness");
    SoftwareSigner::from_pkcs8(&pkcs8).expect("a key just made loads")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_pack_is_kept_out_and_the_court_sees_it() {
    let (court, _proxy, device): (TestCourt, Proxy, TestDevice) = village().await;
    let [_, case] = cases(&court).await;
    court.publish_pack(2, "2026-06-01", days(5)).await;
    received(&device, case, "2026-06-01");
    device.sync_until_done().await;
    let works = || notice(&here(&device, case, "2026-06-02")).map(|(pack, days, ..)| (pack, days));
    assert_eq!(works(), Some((2, Some(5))));
    // A pack that gives a hundred days, signed by somebody who claims to be the court's key.
    let thief = made_key();
    let mut pack = RulePack::bundled().clone();
    pack.version = 3;
    days(100)(&mut pack);
    let own = court.court.keys.rule_pack.public_key().key_id();
    let release = PackRelease::of(&pack, court.court.realm, own, court.court.now());
    let forged = SignedDocument::sign(&release.expect("canonical"), &thief).expect("signs");
    let bytes = serde_json::to_vec(&forged).expect("JSON");
    let entry = NormEntry {
        kind: "pack".to_owned(),
        scope: String::new(),
        sha256: Sha256Digest::of(&bytes),
        size_bytes: bytes.len() as u64,
        version: 3,
    };
    let list = |signer: &SoftwareSigner, version| {
        let list = NormsList {
            entries: vec![entry.clone()],
            key: signer.public_key().key_id(),
            realm: court.court.realm,
            signed_ms: court.court.now(),
            version,
        };
        SignedDocument::sign(&list, signer).expect("signs")
    };
    let stolen = &court.court.keys.rule_pack;
    for (list, code) in [
        (list(&thief, 9), "norm_key_untrusted"),
        // Nobody goes back behind what was held.
        (list(stolen, 1), "norms_older"),
        // Even a list under the court's own key brings in no pack that the key did not sign.
        (list(stolen, 9), "norm_signature_wrong"),
    ] {
        let forger = Forger {
            inner: HttpTransport::new().expect("a client"),
            list: Some(list),
            document: Some(&bytes),
        };
        device
            .engine()
            .sync(&forger, 0, None)
            .await
            .expect("the own store works");
        assert_eq!(works(), Some((2, Some(5))), "{code}");
        let held = device.engine().status().expect("a status").norms;
        assert_eq!(held.in_use, 2, "{code}");
        assert_eq!(
            held.refused.as_ref().map(|refused| refused.code.as_str()),
            Some(code)
        );
        device.sync_until_done().await;
        assert_eq!(court.norms_of("judge").await, held, "{code}");
    }
    // The honest court goes on publishing; its lists count on from what the thief claimed only where they are newer.
    for version in 3..=10 {
        court
            .publish_pack(version, "2026-06-01", days(version))
            .await;
    }
    device.sync_until_done().await;
    let held = device.engine().status().expect("a status").norms;
    assert_eq!((held.newest, held.in_use, held.refused), (10, 10, None));
    assert_eq!(works(), Some((10, Some(10))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_is_tried_on_the_courts_cases_before_it_is_published() {
    let (court, _proxy, _device) = village().await;
    let mut tx = court.court.db.begin_read().await.expect("the store works");
    let published = norms::published(&court.court, &mut tx)
        .await
        .expect("reads");
    drop(tx);
    let simulated = async |from: &str, months: u32| {
        let mut pack = RulePack::bundled().clone();
        pack.version = 2;
        pack.effective_from = from.parse().expect("a date");
        for rule in pack.rules.iter_mut().filter(|rule| rule.id == "S02-09") {
            rule.deadline.n = Some(months);
        }
        let found = duties::simulate(&court.court, &published, pack, noon("2026-03-11")).await;
        found.expect("the store works")
    };
    // The three cases were filed on 10 March: a pack of that day shortens their six months, one of the day after does not.
    let found = simulated("2026-03-10", 5).await;
    assert_eq!(found.len(), 3);
    for case in &found {
        let told = |lines: &[duties::PromptLine]| -> Vec<(String, String, u32)> {
            let lines = lines.iter();
            lines
                .map(|line| {
                    (
                        line.rule.clone(),
                        line.due.clone().unwrap_or_default(),
                        line.pack_version,
                    )
                })
                .collect()
        };
        let line = |due: &str, version| [("S02-09".to_owned(), due.to_owned(), version)];
        assert_eq!(told(&case.gone), line("2026-09-10", 1), "{}", case.number);
        assert_eq!(told(&case.new), line("2026-08-10", 2), "{}", case.number);
    }
    assert_eq!(simulated("2026-03-11", 5).await, []);
    assert_eq!(
        simulated("2026-03-10", 6).await,
        [],
        "the same under another version"
    );
    assert_eq!(
        court.count("SELECT COUNT(*) FROM norms").await,
        0,
        "nothing is published by it"
    );
}
