//! An answer that is lost after the commit: the same request again, and five at once, have one effect (I3).

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::court::Court;
use crate::store::testing::{Scratch, on_both_engines};
use crate::testing::{TestClock, TestDevice, WORD, open_court};
use crate::uploads::ledger;

/// So many at once.
const AT_ONCE: usize = 5;
const PASSWORD: &str = "对的密码";

struct Answered {
    status: u16,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Answered {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }
}

/// A request that can be sent again.
#[derive(Clone, Default)]
struct Asked {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Asked {
    fn json(path: &str, body: &Value) -> Self {
        Self {
            method: "POST",
            path: path.to_owned(),
            body: body.to_string().into_bytes(),
            ..Self::default()
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    async fn send(&self, router: &Router) -> Answered {
        let mut request = Request::builder().method(self.method).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Body::from(self.body.clone()));
        let answer = router
            .clone()
            .oneshot(request.expect("a request"))
            .await
            .expect("an answer");
        let (parts, body) = answer.into_parts();
        Answered {
            status: parts.status.as_u16(),
            headers: parts.headers,
            bytes: body.collect().await.expect("the body").to_bytes().to_vec(),
        }
    }

    /// Five at once, and once more when all are over.
    async fn send_again_and_again(&self, router: &Router) -> Vec<Answered> {
        let sends: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let (asked, router) = (self.clone(), router.clone());
                tokio::spawn(async move { asked.send(&router).await })
            })
            .collect();
        let mut answers = Vec::new();
        for send in sends {
            answers.push(send.await.expect("no panic"));
        }
        answers.push(self.send(router).await);
        answers
    }
}

async fn count(court: &Court, sql: &'static str) -> u64 {
    let mut tx = court.db.begin_read().await.expect("begins");
    let row = tx.row(sql, &[]).await.expect("reads").expect("a row");
    row.count(0).expect("a number")
}

async fn open(scratch: &Scratch) -> (Arc<Court>, Router, TestClock) {
    let clock = TestClock::new();
    let court = open_court(scratch.config(), &clock).await;
    let router = crate::http::router(Arc::clone(&court));
    (court, router, clock)
}

/// Somebody who manages devices, logged in: cookie and CSRF value.
async fn chief(court: &Court, router: &Router) -> (String, String) {
    let hash = crate::auth::hash_password(PASSWORD).expect("a hash");
    let mut tx = court.db.begin_write().await.expect("begins");
    tx.execute(
        "INSERT INTO staff (staff, login, name, role, court, badge, password_hash) VALUES ($1, 'chief', 'x', 'admin', $2, 'x', $3)",
        &[
            zhixing_protocol::ids::StaffId::make(court.now(), crate::random()).into(),
            WORD.into(),
            hash.as_str().into(),
        ],
    )
    .await
    .expect("inserts");
    tx.commit().await.expect("commits");
    session(&log_in().send(router).await)
}

fn log_in() -> Asked {
    Asked::json(
        "/console/v1/login",
        &json!({"login": "chief", "password": PASSWORD}),
    )
}

fn session(answer: &Answered) -> (String, String) {
    let cookie = answer.headers.get(header::SET_COOKIE).expect("a cookie");
    let cookie = cookie.to_str().expect("ASCII").split(';').next();
    let csrf = answer.json()["csrf"].as_str().expect("a value").to_owned();
    (cookie.expect("a pair").to_owned(), csrf)
}

on_both_engines! {
    async fn i3_an_enrolment_sent_again_is_one_device_and_the_same_answer(scratch: Scratch) {
        let (court, router, _) = open(&scratch).await;
        let (_, request) = TestDevice::prepare(&court, "judge").await;
        let (_, other) = TestDevice::prepare(&court, "judge").await;
        let hash = request.enroll.clone().into_signed().hash();
        let body = serde_json::to_value(&request).expect("JSON");
        let mut answers = Asked::json("/device/v1/enroll", &body).send_again_and_again(&router).await;
        let mut admissions = Vec::new();
        for answer in &mut answers {
            assert_eq!(answer.status, 200, "{}", answer.json());
            let mut told = answer.json();
            admissions.push(told["result"]["admission"].take());
            assert_eq!(told["officer"]["badge"], "x");
            assert_eq!(told["result"]["hash"], hash.to_string());
        }
        let admitted = admissions.iter().filter(|admission| **admission == "admitted").count();
        assert_eq!(admitted, 1, "{admissions:?}");
        assert_eq!(count(&court, "SELECT COUNT(*) FROM devices").await, 1);
        assert_eq!(count(&court, "SELECT COUNT(*) FROM statements").await, 1);
        assert_eq!(count(&court, "SELECT COUNT(*) FROM device_feed").await, 1);
        // The ticket is used: another device gets nothing by it.
        let mut stolen = other;
        stolen.secret = request.secret;
        let body = serde_json::to_value(&stolen).expect("JSON");
        let refused = Asked::json("/device/v1/enroll", &body).send(&router).await;
        assert!(refused.status >= 400, "{}", refused.json());
        assert_eq!(count(&court, "SELECT COUNT(*) FROM devices").await, 1);
    }

    async fn i3_statements_and_an_upload_sent_again_are_one(scratch: Scratch) {
        let (court, router, _) = open(&scratch).await;
        let mut device = TestDevice::enrol(&court, "judge").await;
        let sealed = device.seal(&court, b"a photo").await;
        let before = count(&court, "SELECT COUNT(*) FROM statements").await;
        let (_, request) = device.seal_only(&court, b"another photo", WORD);
        let body = serde_json::to_value(&request).expect("JSON");
        let bearer = format!("Bearer {}", device.token);
        let statements = Asked::json("/device/v1/statements", &body).with("authorization", &bearer);
        for answer in statements.send_again_and_again(&router).await {
            assert_eq!(answer.status, 200, "{}", answer.json());
        }
        assert_eq!(count(&court, "SELECT COUNT(*) FROM statements").await, before + 1);
        let metadata = sealed.upload_metadata();
        let create = Asked { method: "POST", path: "/device/v1/uploads".into(), ..Asked::default() }
            .with("authorization", &bearer)
            .with("tus-resumable", "1.0.0")
            .with("upload-length", sealed.stored.len().to_string())
            .with("upload-metadata", metadata);
        let mut places = Vec::new();
        for answer in create.send_again_and_again(&router).await {
            assert_eq!(answer.status, 201, "{}", answer.json());
            places.push(answer.headers.get("location").expect("a place").clone());
        }
        places.dedup();
        assert_eq!(places.len(), 1, "one upload");
        assert_eq!(count(&court, "SELECT COUNT(*) FROM uploads").await, 1);
    }

    async fn i3_an_upload_is_ended_once_and_its_end_is_told_again(scratch: Scratch) {
        let (court, router, clock) = open(&scratch).await;
        let mut device = TestDevice::enrol(&court, "judge").await;
        let other = TestDevice::enrol(&court, "other").await;
        let sealed = device.seal(&court, &[7; 5_000]).await;
        let metadata = sealed.upload_metadata();
        let ask = |method: &'static str, path: &str, token: &str| {
            Asked { method, path: path.to_owned(), ..Asked::default() }
                .with("authorization", format!("Bearer {token}"))
                .with("tus-resumable", "1.0.0")
        };
        let create = ask("POST", "/device/v1/uploads", &device.token)
            .with("upload-length", sealed.stored.len().to_string())
            .with("upload-metadata", metadata);
        let created = create.send(&router).await;
        let place = created.headers.get("location").expect("a place").to_str().expect("ASCII").to_owned();
        let mut part = ask("PATCH", &place, &device.token)
            .with("content-type", "application/offset+octet-stream")
            .with("upload-offset", "0");
        part.body = sealed.stored.get(..1_000).expect("bytes").to_vec();
        assert_eq!(part.send(&router).await.status, 204);
        assert_eq!(ask("DELETE", &place, &other.token).send(&router).await.status, 404, "I8");
        for answer in ask("DELETE", &place, &device.token).send_again_and_again(&router).await {
            assert_eq!(answer.status, 204, "{}", answer.json());
        }
        assert_eq!(std::fs::read_dir(court.config.data.join("spool")).expect("a folder").count(), 0);
        assert_eq!(ask("DELETE", &place, &other.token).send(&router).await.status, 404, "I8");
        assert_eq!(ask("HEAD", &place, &device.token).send(&router).await.status, 404);
        assert_eq!(part.send(&router).await.status, 404);
        // The item itself can be sent anew.
        let again = create.send(&router).await;
        assert_eq!(again.status, 201, "{}", again.json());
        assert_ne!(again.headers.get("location").expect("a place").to_str().expect("ASCII"), place);
        clock.pass_ms(31 * 24 * 3_600_000);
        assert_eq!(ledger::expire(&court).await.expect("runs"), 2, "nothing stays for ever");
    }

    async fn i3_a_revocation_sent_again_is_one_statement(scratch: Scratch) {
        let (court, router, _) = open(&scratch).await;
        let device = TestDevice::enrol(&court, "judge").await;
        let (cookie, csrf) = chief(&court, &router).await;
        let path = format!("/console/v1/devices/{}/revoke", device.device);
        let revoke = Asked::json(&path, &json!({"reason": "lost"}))
            .with("cookie", &cookie)
            .with("x-zx-csrf", &csrf);
        for answer in revoke.send_again_and_again(&router).await {
            assert_eq!(answer.status, 200, "{}", answer.json());
        }
        let made = count(&court, "SELECT COUNT(*) FROM statements WHERE type = 'device.revoke/1'").await;
        assert_eq!(made, 1);
    }

    async fn i3_a_ticket_asked_for_again_is_the_same(scratch: Scratch) {
        let (court, router, _) = open(&scratch).await;
        TestDevice::enrol(&court, "judge").await;
        let (cookie, csrf) = chief(&court, &router).await;
        let tickets = count(&court, "SELECT COUNT(*) FROM tickets").await;
        let staff = Asked { method: "GET", path: "/console/v1/staff".into(), ..Asked::default() };
        let staff = staff.with("cookie", &cookie).send(&router).await.json();
        let judge = staff["staff"].as_array().expect("a list").iter().find(|one| one["login"] == "judge").expect("the judge")["id"].clone();
        let ask = |body: Value| {
            Asked::json("/console/v1/enrol-tickets", &body)
                .with("cookie", &cookie)
                .with("x-zx-csrf", &csrf)
        };
        let request = "0123456789abcdef0123456789abcdef";
        let body = json!({"staff": judge, "label": "手机", "request": request});
        let mut texts = Vec::new();
        for answer in ask(body).send_again_and_again(&router).await {
            assert_eq!(answer.status, 200, "{}", answer.json());
            texts.push(answer.json()["ticket"].as_str().expect("a text").to_owned());
        }
        texts.dedup();
        assert_eq!(texts.len(), 1);
        assert_eq!(count(&court, "SELECT COUNT(*) FROM tickets").await, tickets + 1);
        // It works, and what the database holds does not give it away.
        let ticket: zhixing_protocol::wire::EnrolmentTicket = texts[0].parse().expect("a ticket");
        let mut tx = court.db.begin_read().await.expect("begins");
        let row = tx
            .row("SELECT secret_sha256, salt FROM tickets WHERE request_sha256 IS NOT NULL", &[])
            .await
            .expect("reads")
            .expect("a row");
        assert_eq!(row.text(0).expect("a digest"), ticket.secret_digest().to_string());
        assert!(!row.text(1).expect("a salt").contains(&ticket.secret.to_string()));
        drop(tx);
        let other = ask(json!({"staff": judge, "label": "平板", "request": request})).send(&router).await;
        assert_eq!((other.status, other.json()["kind"].as_str()), (409, Some("conflict")));
        let next = ask(json!({"staff": judge, "label": "手机", "request": "another name of a request"})).send(&router).await;
        assert_ne!(next.json()["ticket"].as_str(), Some(texts[0].as_str()));
        let short = ask(json!({"staff": judge, "label": "手机", "request": "guess"})).send(&router).await;
        assert_eq!(short.status, 400);
    }

    async fn i3_logins_at_once_are_sessions_and_a_logout_stays_one(scratch: Scratch) {
        let (court, router, _) = open(&scratch).await;
        chief(&court, &router).await;
        let mut sessions = Vec::new();
        for answer in log_in().send_again_and_again(&router).await {
            assert_eq!(answer.status, 200, "{}", answer.json());
            sessions.push(session(&answer));
        }
        assert_eq!(count(&court, "SELECT COUNT(*) FROM login_failures").await, 0, "no right password counts as a wrong one");
        let held = count(&court, "SELECT COUNT(*) FROM staff_sessions").await;
        let (cookie, csrf) = sessions.pop().expect("a session");
        let logout = Asked::json("/console/v1/logout", &json!({}))
            .with("cookie", &cookie)
            .with("x-zx-csrf", &csrf);
        for answer in logout.send_again_and_again(&router).await {
            assert_eq!(answer.status, 200, "{}", answer.json());
            let cleared = answer.headers.get(header::SET_COOKIE).expect("a cookie");
            assert!(cleared.to_str().expect("ASCII").contains("Max-Age=0"));
        }
        assert_eq!(count(&court, "SELECT COUNT(*) FROM staff_sessions").await, held - 1, "only the own");
        let me = Asked { method: "GET", path: "/console/v1/me".into(), ..Asked::default() };
        assert_eq!(me.clone().with("cookie", &cookie).send(&router).await.status, 401);
        let (other, _) = sessions.pop().expect("a session");
        assert_eq!(me.with("cookie", &other).send(&router).await.status, 200);
    }
}
