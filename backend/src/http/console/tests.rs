//! The console as a browser meets it.

mod bucket;
mod funds;
mod gate;
mod law;
mod signing;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::glance::Glances;
use crate::court::Court;
use crate::store::testing::{Scratch, on_both_engines};
use crate::testing::{TestClock, TestDevice, WORD, open_court};
use crate::{auth, import, norms};

/// A court from a batch, and a browser.
struct Desk {
    court: Arc<Court>,
    clock: TestClock,
    router: Router,
    cookie: String,
    csrf: String,
}

const COURTS: &str = r#"{"word":"川08","name":"中院","level":"intermediate","parent":null}
{"word":"川0811","name":"基层院","level":"basic","parent":"川08"}
{"word":"川0812","name":"邻院","level":"basic","parent":"川08"}
"#;
const STAFF: &str = r#"{"login":"judge","name":"甲","role":"judge","court":"川0811","badge":"1","password":"对的密码"}
{"login":"idle","name":"乙","role":"judge","court":"川0811","badge":"2","password":"对的密码"}
{"login":"chief","name":"丙","role":"admin","court":"川08","badge":"3","password":"对的密码"}
{"login":"neighbour","name":"丁","role":"admin","court":"川0812","badge":"4","password":"对的密码"}
"#;
const CASES: &str = r#"{"external_id":"c1","number":"（2020）川0811执123号","court":"川0811","cause":"loan","amount_fen":2000000,"filed_on":"2020-03-10","title":"借款","handler":"judge","parties":[{"external_id":"p1","role":"applicant","kind":"person","name":"申请人"},{"external_id":"p2","role":"respondent","kind":"person","name":"被执行人","phone":"13900000000"}],"documents":[{"external_id":"d1","kind":"application","volume":"main","title":"申请书","media_type":"application/pdf","file":"d1.pdf"}]}
"#;

impl Desk {
    async fn new(scratch: &Scratch) -> Self {
        let clock = TestClock::new();
        let court = open_court(scratch.config(), &clock).await;
        let batch = tempfile::tempdir().expect("a folder");
        for (name, text) in [
            ("courts.jsonl", COURTS),
            ("staff.jsonl", STAFF),
            ("cases.jsonl", CASES),
            ("d1.pdf", "%PDF-1.4 plain bytes"),
        ] {
            std::fs::write(batch.path().join(name), text).expect("writes the batch");
        }
        // `open_court` has put the court into the tree already; here it needs its parent.
        let mut tx = court.db.begin_write().await.expect("begins");
        tx.execute("DELETE FROM courts WHERE word = $1", &[WORD.into()])
            .await
            .expect("deletes");
        tx.commit().await.expect("commits");
        let report = import::run(&court, batch.path()).await.expect("imports");
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        let again = import::run(&court, batch.path()).await.expect("imports");
        assert_eq!(
            (again.added, again.failed.len()),
            (0, 0),
            "a second import changes nothing"
        );
        Self {
            router: crate::http::router(Arc::clone(&court)),
            court,
            clock,
            cookie: String::new(),
            csrf: String::new(),
        }
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, http::HeaderMap, Vec<u8>) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/console/{path}"))
            .header(header::COOKIE, &self.cookie)
            .header("x-zx-csrf", &self.csrf);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
        let response = self
            .router
            .clone()
            .oneshot(request.body(body).expect("a request"))
            .await
            .expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("the body").to_bytes();
        (parts.status, parts.headers, bytes.to_vec())
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let (status, _, bytes) = self.send(method, &format!("v1/{path}"), body).await;
        let value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        (status.as_u16(), value)
    }

    async fn get(&self, path: &str) -> Value {
        let (status, value) = self.ask("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    async fn try_login(&mut self, login: &str, password: &str) -> (u16, Value) {
        let body = json!({"login": login, "password": password});
        let (status, headers, bytes) = self.send("POST", "v1/login", Some(body)).await;
        let value: Value = serde_json::from_slice(&bytes).expect("JSON");
        if status == StatusCode::OK {
            let cookie = headers
                .get(header::SET_COOKIE)
                .expect("a cookie")
                .to_str()
                .expect("ASCII");
            assert!(
                cookie.contains("HttpOnly; SameSite=Strict; Path=/console"),
                "{cookie}"
            );
            self.cookie = cookie.split(';').next().expect("a pair").to_owned();
            self.csrf = value["csrf"].as_str().expect("a value").to_owned();
        }
        (status.as_u16(), value)
    }

    async fn login(&mut self, login: &str) -> Value {
        let (status, value) = self.try_login(login, "对的密码").await;
        assert_eq!(status, 200, "{value}");
        value
    }

    async fn looks(&self) -> Vec<Value> {
        let mut tx = self.court.db.begin_read().await.expect("begins");
        let rows = tx
            .rows(
                "SELECT prev, entry FROM access_log WHERE court = $1 ORDER BY seq",
                &[WORD.into()],
            )
            .await
            .expect("reads");
        let mut prev = "0".repeat(64);
        rows.iter()
            .map(|row| {
                let entry = row.text(1).expect("an entry");
                assert_eq!(row.text(0).expect("a digest"), prev, "chained");
                prev = zhixing_protocol::hash::Sha256Digest::of(entry.as_bytes()).to_string();
                serde_json::from_str(&entry).expect("JSON")
            })
            .collect()
    }
}

on_both_engines! {
    async fn a_session_begins_idles_out_and_ends(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        for path in ["me", "courts", "cases", "devices", "staff", "system"] {
            let (status, problem) = desk.ask("GET", path, None).await;
            assert_eq!((status, problem["kind"].as_str()), (401, Some("unauthenticated")), "{path}");
        }
        let session = desk.login("chief").await;
        assert_eq!(session["user"]["courts"], json!(["川08", "川0811", "川0812"]));
        assert_eq!(desk.get("me").await, session);
        let first = desk.cookie.clone();
        desk.login("chief").await;
        assert_ne!(desk.cookie, first, "a new session each time");
        let second = std::mem::replace(&mut desk.cookie, first);
        assert_eq!(desk.ask("GET", "me", None).await.0, 401, "the former one has ended");
        desk.cookie = second;
        desk.clock.pass_ms(29 * 60_000);
        desk.get("me").await;
        desk.clock.pass_ms(29 * 60_000);
        desk.get("me").await;
        desk.clock.pass_ms(31 * 60_000);
        assert_eq!(desk.ask("GET", "me", None).await.0, 401, "idle for too long");
        desk.login("chief").await;
        for _ in 0..25 {
            desk.clock.pass_ms(29 * 60_000);
            desk.ask("GET", "me", None).await;
        }
        assert_eq!(desk.ask("GET", "me", None).await.0, 401, "no session lasts longer than 12 h");
        desk.login("chief").await;
        let csrf = std::mem::take(&mut desk.csrf);
        let (status, problem) = desk.ask("POST", "logout", Some(json!({}))).await;
        assert_eq!((status, problem["kind"].as_str()), (403, Some("forbidden")), "a foreign page cannot act");
        desk.csrf = csrf;
        assert_eq!(desk.ask("POST", "logout", Some(json!({}))).await.0, 200);
        assert_eq!(desk.ask("GET", "me", None).await.0, 401);
    }

    async fn wrong_logins_are_locked_out_whether_they_exist_or_not(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        for login in ["judge", "nobody"] {
            for _ in 0..6 {
                let (status, problem) = desk.try_login(login, "wrong").await;
                assert_eq!((status, problem["kind"].as_str()), (401, Some("login_refused")), "{login}");
            }
            let (status, problem) = desk.try_login(login, "对的密码").await;
            assert_eq!((status, problem["kind"].as_str()), (429, Some("locked_out")), "{login}");
            assert_eq!(problem["retry_after_ms"], 30_000);
        }
        desk.clock.pass_ms(30_000);
        assert_eq!(desk.try_login("judge", "wrong").await.0, 401);
        let (_, problem) = desk.try_login("judge", "wrong").await;
        assert_eq!(problem["retry_after_ms"], 60_000, "it grows");
        // A new process knows it still.
        let reopened = open_court(scratch.config(), &desk.clock).await;
        let tried = auth::log_in(&reopened, "judge", "对的密码".into(), None).await.expect("answers");
        assert!(matches!(tried, auth::LogIn::LockedOut { .. }), "{tried:?}");
        desk.clock.pass_ms(60_000);
        desk.login("judge").await;
        assert_eq!(desk.try_login("judge", "wrong").await.0, 401, "counted from the start");
    }

    async fn prompts_are_those_of_the_law_and_each_look_is_recorded(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        desk.login("judge").await;
        let id = desk.get("cases").await["cases"][0]["case"].as_str().expect("an id").to_owned();
        let looks = desk.looks().await.len();
        let answer = desk.get(&format!("cases/{id}/prompts?on=2020-03-11&explain=true")).await;
        let prompt = |rule: &str| {
            let prompts = answer["prompts"].as_array().expect("a list");
            prompts.iter().find(|prompt| prompt["rule"] == rule).cloned()
        };
        // The handler came with the import, so nobody has to be assigned; six months and the gate of three run.
        assert!(prompt("S02-01").is_none());
        let six_months = prompt("S02-09").expect("open");
        assert_eq!((&six_months["due"], &six_months["hard"]), (&json!("2020-09-10"), &json!(true)));
        assert_eq!(six_months["basis"][0]["law"], "TIME");
        let gate = prompt("S17-01").expect("waiting");
        assert_eq!((&gate["standing"], &gate["earliest"]), (&json!("waiting"), &json!("2020-06-11")));
        let verdicts = answer["verdicts"].as_array().expect("a list");
        assert!(verdicts.iter().any(|verdict| verdict["rule"] == "S02-01" && verdict["verdict"] == "closed"));
        assert_eq!(desk.looks().await.len(), looks + 1);
        let rules = desk.get("rules").await;
        assert_eq!(rules["rules"].as_array().map(Vec::len), Some(190));
        assert_eq!(desk.ask("GET", &format!("cases/{id}/prompts?on=2020-13-11"), None).await.0, 400);
        desk.login("idle").await;
        assert_eq!(desk.ask("GET", &format!("cases/{id}/prompts"), None).await.0, 404, "not his case");
    }

    async fn acts_on_site_are_shown_with_what_is_missing_and_each_look_is_recorded(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        desk.login("judge").await;
        let id = desk.get("cases").await["cases"][0]["case"].as_str().expect("an id").to_owned();
        assert_eq!(desk.get(&format!("cases/{id}/acts")).await["acts"], json!([]));
        let mut device = TestDevice::enrol(&desk.court, "judge").await;
        device.case = Some(id.parse().expect("an id"));
        let start = zhixing_protocol::statement::ActStarted {
            about: None,
            act: zhixing_protocol::ids::ActId([7; 16]),
            at: "2020-03-20T10:00".parse().expect("a moment"),
            kind: zhixing_protocol::statement::ActKind::Seal,
            party: None,
        };
        device.hand_in(&desk.court, &start).await;
        let looks = desk.looks().await.len();
        let acts = desk.get(&format!("cases/{id}/acts")).await;
        let act = &acts["acts"][0];
        assert_eq!((&act["kind"], &act["status"], &act["can_close"]), (&json!("seal"), &json!("open"), &json!(false)));
        let missing = act["missing"].as_array().expect("a list");
        let told = missing.iter().find(|item| item["requirement"] == "debtor_told_256").expect("nobody was told");
        assert_eq!((&told["hard"], &told["basis"][0]["article"]), (&json!(true), &json!("256")));
        // What is asked is either missing or there, never both.
        let met = act["met"].as_array().expect("a list");
        assert!(!met.is_empty() && met.iter().all(|item| missing.iter().all(|open| open["requirement"] != item["requirement"])));
        assert_eq!(desk.looks().await.len(), looks + 1);
        desk.login("idle").await;
        assert_eq!(desk.ask("GET", &format!("cases/{id}/acts"), None).await.0, 404, "not his case");
    }

    async fn rules_are_listed_with_their_law_version_and_what_the_court_set(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        let rules = |answer: &Value| -> Vec<String> {
            let rows = answer["rules"].as_array().expect("a list").iter();
            rows.map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
        };
        desk.login("judge").await;
        let all = desk.get("rules").await;
        assert_eq!((all["total"].as_u64(), all["in_force"]["pack_version"].as_u64()), (Some(190), Some(1)));
        assert_eq!(all["in_force"]["overlay_version"], Value::Null);
        let found = desk.get("rules?query=%E8%8B%A5%E5%B9%B2%E6%9C%9F%E9%99%90%20%E6%89%A7%E8%A1%8C%E9%80%9A%E7%9F%A5&hard=true&stage=assignment_notice&confidence=high").await;
        assert_eq!(rules(&found), ["S02-02"]);
        let row = &found["rules"][0];
        assert_eq!((&row["basis"][0]["law"], &row["provenance"]), (&json!("TIME"), &json!("verified_excerpt")));
        assert_eq!(rules(&desk.get("rules?own=true").await), [""; 0]);
        // A newer pack from 2027 on, and settings of the court.
        let court = &desk.court;
        let mut pack = zhixing_protocol::rules::pack::RulePack::bundled().clone();
        (pack.version, pack.effective_from) = (2, "2027-01-01".parse().expect("a date"));
        let signed = norms::sign_pack(court, &pack).expect("signs");
        norms::publish(court, &signed).await.expect("published");
        let text = format!("court = \"{WORD}\"\neffective_from = \"2020-01-01\"\n[rules.S02-09]\nn = 5\n[rules.S01-05]\noff = true\n");
        let file = scratch.folder.path().join("court.toml");
        std::fs::write(&file, text).expect("writes");
        let mut config = court.config.clone();
        config.overlays = vec![file];
        Court::open(config, desk.clock.server()).await.expect("settings that fit");
        let own = desk.get("rules?own=true&on=2026-12-31").await;
        assert_eq!(rules(&own), ["S01-05", "S02-09"]);
        let [off, set] = [&own["rules"][0], &own["rules"][1]];
        assert_eq!((&off["off"], &set["off"]), (&json!(true), &json!(false)));
        assert_eq!((&set["limit"]["n"], &set["pack_limit"]["n"]), (&json!(5), &json!(6)));
        assert_eq!((&set["overlay_version"], &own["in_force"]["pack_version"]), (&json!(1), &json!(1)));
        let later = desk.get("rules?own=true&on=2027-01-01").await;
        assert_eq!(later["in_force"]["pack_version"], 2);
        assert_eq!(later["periods"].as_array().map(Vec::len), Some(3));
        // The case of 2020 is under that setting: five months.
        let looks = desk.looks().await.len();
        let prompted = desk.get("rules/S02-09/cases?on=2020-03-11").await;
        assert_eq!((&prompted["count"], &prompted["cases"][0]["due"]), (&json!(1), &json!("2020-08-10")));
        assert_eq!(prompted["cases"][0]["number"], "（2020）川0811执123号");
        assert_eq!(desk.looks().await.len(), looks + 1);
        assert_eq!(desk.get("rules/S01-05/cases").await["count"], 0, "switched off");
        let foreign = format!("rules?court={}", "%E5%B7%9D0812");
        assert_eq!(desk.ask("GET", &foreign, None).await.0, 404, "not a court of this person");
        desk.login("idle").await;
        assert_eq!(desk.get("rules/S02-09/cases?on=2020-03-11").await["count"], 0, "not his case");
        desk.login("chief").await;
        let below = "rules/S02-09/cases?on=2020-03-11&court=%E5%B7%9D0811";
        assert_eq!(desk.get(below).await["count"], 1);
        assert_eq!(desk.get("rules?own=true").await["total"], 190, "his own court set nothing");
    }

    async fn each_sees_the_cases_of_grant_and_court_and_every_look_is_recorded(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        desk.login("judge").await;
        let list = desk.get("cases").await;
        let row = &list["cases"][0];
        assert_eq!(row["number"], "（2020）川0811执123号");
        assert_eq!((&row["applicants"], &row["handler"]), (&json!(["申请人"]), &json!("甲")));
        let id = row["case"].as_str().expect("an id").to_owned();
        assert_eq!(desk.get("cases?query=%E8%A2%AB%E6%89%A7%E8%A1%8C").await["cases"].as_array().map(Vec::len), Some(1), "a party's name is found");
        assert_eq!(desk.get("cases?query=zzz").await["cases"], json!([]));
        let case = desk.get(&format!("cases/{id}")).await;
        assert_eq!((&case["amount_fen"], &case["title"]), (&json!(2_000_000), &json!("借款")));
        let parties = case["parties"].as_array().expect("a list");
        assert!(parties.iter().any(|party| party["phone"] == "13900000000"), "{parties:?}");
        let events = desk.get(&format!("cases/{id}/events")).await;
        assert_eq!(events["events"].as_array().map(Vec::len), case["event_count"].as_u64().and_then(|count| usize::try_from(count).ok()));
        assert_eq!(desk.get(&format!("cases/{id}/evidence")).await["evidence"], json!([]));
        let document = case["documents"][0]["document"].as_str().expect("an id");
        let (status, headers, bytes) = desk.send("GET", &format!("v1/documents/{document}"), None).await;
        assert_eq!((status, bytes.as_slice()), (StatusCode::OK, b"%PDF-1.4 plain bytes".as_slice()));
        assert_eq!(headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes()), Some(b"application/pdf".as_slice()));
        let looks: Vec<String> = desk.looks().await.iter().map(|look| look["what"].as_str().expect("a text").to_owned()).collect();
        assert_eq!(
            looks,
            ["console.case_list", "console.case_list", "console.case", "console.events", "console.evidence_list", "console.document"],
            "I13; what was not found was not looked at"
        );
        desk.login("chief").await;
        assert_eq!(desk.get("cases").await["cases"].as_array().map(Vec::len), Some(1), "the court above sees it");
        let before = desk.looks().await.len();
        for other in ["idle", "neighbour"] {
            desk.login(other).await;
            assert_eq!(desk.get("cases").await["cases"], json!([]), "{other}");
            for path in [format!("cases/{id}"), format!("cases/{id}/events"), format!("cases/{id}/evidence"), format!("documents/{document}")] {
                let (status, problem) = desk.ask("GET", &path, None).await;
                assert_eq!((status, problem["kind"].as_str()), (404, Some("not_found")), "{other} {path}");
            }
        }
        assert_eq!(desk.looks().await.len(), before);
    }

    async fn evidence_is_shown_with_everything_that_proves_it(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        let mut device = TestDevice::enrol(&desk.court, "judge").await;
        desk.login("judge").await;
        let list = desk.get("cases").await;
        let id = list["cases"][0]["case"].as_str().expect("an id").to_owned();
        device.case = Some(id.parse().expect("an id"));
        let plain = vec![7; 200_000];
        let sealed = device.seal(&desk.court, &plain).await;
        let path = format!("evidence/{}", sealed.statement);

        assert_eq!(desk.get("devices").await["devices"][0]["pending_items"], 1, "sealed, and nothing sent yet");
        let awaited = desk.get(&path).await;
        assert_eq!((&awaited["outcome"], &awaited["receipt"], &awaited["proof"]), (&json!("awaited"), &Value::Null, &Value::Null));
        assert_eq!(desk.ask("GET", &format!("{path}/original"), None).await.0, 404, "not there yet");
        let metadata = sealed.upload_metadata();
        let upload = Request::post("/device/v1/uploads")
            .header("tus-resumable", "1.0.0")
            .header(header::AUTHORIZATION, format!("Bearer {}", device.token))
            .header(header::CONTENT_TYPE, "application/offset+octet-stream")
            .header("upload-length", sealed.stored.len())
            .header("upload-metadata", metadata)
            .body(Body::from(sealed.stored.clone()))
            .expect("a request");
        let uploaded = desk.router.clone().oneshot(upload).await.expect("an answer");
        assert_eq!(uploaded.status(), StatusCode::CREATED);
        assert_eq!(crate::intake::run(&desk.court).await.expect("runs"), 1);
        crate::log::sequence(&desk.court).await.expect("sequences");

        let rows = desk.get(&format!("cases/{id}/evidence")).await;
        let row = &rows["evidence"][0];
        assert_eq!((&row["kind"], &row["outcome"], &row["assurance"]), (&json!("photo"), &json!("verified"), &json!("A1")));
        let item = desk.get(&path).await;
        assert_eq!(item["statement"], sealed.statement.to_string());
        for check in item["checks"].as_array().expect("a list") {
            assert_eq!(check["ok"], true, "{check}");
            assert!(check["values"].is_object() && check.get("detail").is_none(), "no sentences: {check}");
        }
        assert_eq!(item["checks"][2]["values"], json!({"outcome": "verified"}));
        assert_eq!(desk.get("devices").await["devices"][0]["pending_items"], 0);
        let row = desk.get("cases").await["cases"][0].clone();
        assert_eq!((&row["evidence_count"], &row["device_pending"]), (&json!(1), &json!(0)), "the list follows the case's head");
        assert_eq!(desk.get("cases?query=%E6%97%A0").await["cases"], json!([]), "what is kept is searched as well");
        let bytes = item["statement_json"].as_str().expect("a text");
        assert_eq!(zhixing_protocol::hash::StatementHash::of(bytes.as_bytes()), sealed.statement, "the exact bytes");
        assert_eq!(item["receipt"]["stored_sha256"], sealed.stored_sha256.to_string());
        assert_eq!(item["bracket"]["source"], "court");
        let (status, headers, original) = desk.send("GET", &format!("v1/{path}/original"), None).await;
        assert_eq!((status, original == plain), (StatusCode::OK, true));
        assert_eq!(headers.get(header::CONTENT_DISPOSITION).map(|value| value.as_bytes()), Some(b"attachment".as_slice()));
        assert_eq!(desk.ask("GET", &format!("{path}/thumbnail"), None).await.0, 404, "there is none");
        let looks = desk.looks().await;
        assert_eq!(looks.last().expect("a look")["what"], "console.original");
        desk.login("neighbour").await;
        for call in [path.clone(), format!("{path}/original")] {
            assert_eq!(desk.ask("GET", &call, None).await.0, 404, "{call}");
        }

        // A damaged file never looks whole: the answer breaks off.
        let kept = crate::objects::path(&desk.court.config.data, sealed.stored_sha256);
        let mut damaged = std::fs::read(&kept).expect("reads");
        *damaged.last_mut().expect("bytes") ^= 1;
        std::fs::write(&kept, damaged).expect("writes");
        desk.login("judge").await;
        let request = Request::get(format!("/console/v1/{path}/original"))
            .header(header::COOKIE, &desk.cookie)
            .body(Body::empty())
            .expect("a request");
        let answer = desk.router.clone().oneshot(request).await.expect("an answer");
        assert!(answer.into_body().collect().await.is_err());
    }

    async fn a_thumbnail_is_told_under_its_photo(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        let mut device = TestDevice::enrol(&desk.court, "judge").await;
        desk.login("judge").await;
        let id = desk.get("cases").await["cases"][0]["case"].as_str().expect("an id").to_owned();
        device.case = Some(id.parse().expect("an id"));
        let photo = device.seal(&desk.court, &[7; 2_000]).await;
        device.hand_in_derivative(&desk.court, &photo, "thumbnail").await;
        device.hand_in_derivative(&desk.court, &photo, "redaction").await;
        let events = desk.get(&format!("cases/{id}/events")).await;
        let sealed: Vec<&Value> = events["events"].as_array().expect("a list").iter().filter(|event| event["kind"] == "evidence.sealed").collect();
        let told: Vec<&Value> = sealed.iter().map(|event| &event["under"]).collect();
        assert_eq!(told, [&Value::Null, &sealed[0]["seq"], &Value::Null], "only thumbnails are folded");
    }

    async fn what_the_list_shows_is_computed_anew_only_when_the_case_changed(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        let mut device = TestDevice::enrol(&desk.court, "judge").await;
        desk.login("judge").await;
        let id = desk.get("cases").await["cases"][0]["case"].as_str().expect("an id").to_owned();
        let id: zhixing_protocol::ids::CaseId = id.parse().expect("an id");
        let glances = Glances::default();
        let mut kept = Vec::new();
        for change in [false, false, true, false] {
            if change {
                device.case = Some(id);
                device.seal(&desk.court, b"a photo").await;
            }
            let mut tx = desk.court.db.begin_read().await.expect("begins");
            let row = crate::cases::row(&mut tx, id).await.expect("reads").expect("a row");
            kept.push(glances.get(&mut tx, &row).await.expect("computes"));
        }
        let same: Vec<bool> = kept.windows(2).map(|pair| Arc::ptr_eq(&pair[0], &pair[1])).collect();
        assert_eq!(same, [true, false, true]);
        assert_eq!((&kept[1].shown()["evidence_count"], &kept[3].shown()["evidence_count"]), (&json!(0), &json!(1)));
    }

    async fn the_state_of_the_system_is_measured(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        desk.login("chief").await;
        let state = desk.get("system").await;
        let free = state["disk_free_bytes"].as_u64().expect("a number");
        assert!(free > 0 && free < 1 << 60, "{free}");
        assert_eq!(state["jobs"], json!({"waiting": 0, "running": 0, "failed": 0}));
        let mut tx = desk.court.db.begin_write().await.expect("begins");
        tx.execute(
            "INSERT INTO uploads (upload, device, statement, item, stored_sha256, size_bytes, state, created_ms, expires_ms) \
             SELECT login, 'd', login, 'i', 'x', 1, 'complete', 0, 1 FROM staff WHERE login IN ('judge', 'chief')",
            &[],
        )
        .await
        .expect("inserts");
        tx.commit().await.expect("commits");
        desk.court.checking.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(desk.get("system").await["jobs"], json!({"waiting": 1, "running": 1, "failed": 0}));
    }

    async fn tickets_and_revocation_are_for_those_who_manage(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        let device = TestDevice::enrol(&desk.court, "field").await;
        desk.login("chief").await;
        let staff = desk.get("staff").await;
        let judge = staff["staff"].as_array().expect("a list").iter().find(|one| one["login"] == "judge").expect("the judge")["id"].clone();
        let (status, ticket) = desk.ask("POST", "enrol-tickets", Some(json!({"staff": judge, "label": "手机"}))).await;
        assert_eq!(status, 200, "{ticket}");
        let text = ticket["ticket"].as_str().expect("a text");
        text.parse::<zhixing_protocol::wire::EnrolmentTicket>().expect("a ticket");
        assert!(ticket["qr_svg"].as_str().is_some_and(|svg| svg.contains("<svg")));
        let path = format!("devices/{}/revoke", device.device);
        assert_eq!(desk.ask("POST", &path, Some(json!({"reason": "bored"}))).await.0, 400);
        desk.login("neighbour").await;
        assert_eq!(desk.ask("POST", &path, Some(json!({"reason": "lost"}))).await.0, 404);
        assert_eq!(desk.ask("POST", "enrol-tickets", Some(json!({"staff": judge}))).await.0, 404);
        desk.login("judge").await;
        assert_eq!(desk.ask("POST", &path, Some(json!({"reason": "lost"}))).await.0, 403);
        assert_eq!(desk.ask("POST", "enrol-tickets", Some(json!({"staff": judge}))).await.0, 403);
        desk.login("chief").await;
        assert_eq!(desk.get("devices").await["devices"][0]["status"], "active");
        assert_eq!(desk.ask("POST", &path, Some(json!({"reason": "lost"}))).await.0, 200);
        assert_eq!(desk.get("devices").await["devices"][0]["status"], "revoked");
        assert_eq!(desk.get("system").await["store"], desk.court.db.engine());
    }

    async fn the_pages_are_served_and_unknown_calls_are_problems(scratch: Scratch) {
        let desk = Desk::new(&scratch).await;
        for path in ["", "cases/anything"] {
            let (status, headers, bytes) = desk.send("GET", path, None).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert_eq!(headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes()), Some(b"text/html; charset=utf-8".as_slice()));
            assert!(headers.contains_key(header::CONTENT_SECURITY_POLICY));
            assert!(bytes.starts_with(b"<!doctype html>"));
        }
        let (status, problem) = desk.ask("GET", "nothing", None).await;
        assert_eq!((status, problem["kind"].as_str()), (404, Some("not_found")));
    }
}
