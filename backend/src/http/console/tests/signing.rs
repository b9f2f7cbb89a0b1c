//! The key with which a person signs in a browser.

use serde_json::{Value, json};
use zhixing_protocol::event::Effect;
use zhixing_protocol::ids::NoteId;
use zhixing_protocol::statement::CaseNote;
use zhixing_protocol::wire::{AdmissionResult, StatementsRequest, WireStatement};

use super::{Desk, WORD};
use crate::store::testing::on_both_engines;
use crate::testing::TestDevice;
use crate::{devices, inbox};

/// What the page sends to make a key.
fn wish(password: &str) -> Value {
    json!({"password": password, "totp": null, "label": "书记员室电脑", "request": "0123456789abcdef"})
}

/// A query value, each byte escaped.
fn urlencoding(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn note(number: u8) -> CaseNote {
    CaseNote {
        corrects: None,
        note: NoteId([number; 16]),
        occurred_on: "2020-03-20".parse().expect("a date"),
    }
}

on_both_engines! {
    async fn a_key_for_a_browser_wants_the_password_again(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        assert_eq!(desk.ask("POST", "signing/tickets", Some(wish("对的密码"))).await.0, 401);
        desk.login("judge").await;
        let (status, problem) = desk.ask("POST", "signing/tickets", Some(wish("错的密码"))).await;
        assert_eq!((status, problem["kind"].as_str()), (403, Some("password_refused")), "{problem}");
        assert_eq!(desk.get("me").await["user"]["name"], "甲", "the session stays");
        let (status, ticket) = desk.ask("POST", "signing/tickets", Some(wish("对的密码"))).await;
        assert_eq!(status, 200, "{ticket}");
        assert_eq!(ticket["court"], WORD);
        assert_eq!(ticket["realm"], desk.court.realm.to_string());
        let again = desk.ask("POST", "signing/tickets", Some(wish("对的密码"))).await;
        assert_eq!(again, (200, ticket), "a lost answer costs nothing");
        let mut short = wish("对的密码");
        short["request"] = json!("guess");
        assert_eq!(desk.ask("POST", "signing/tickets", Some(short)).await.0, 400);
        // Wrong passwords count as they do at login.
        let mut seen = Vec::new();
        for _ in 0..8 {
            seen.push(desk.ask("POST", "signing/tickets", Some(wish("错的密码"))).await.0);
        }
        assert_eq!(seen.last(), Some(&429), "{seen:?}");
        assert_eq!(desk.try_login("judge", "对的密码").await.0, 429);
    }

    async fn what_can_be_recorded_is_named_by_the_pack_of_today(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        desk.login("judge").await;
        let known = desk.get(&format!("nodes?court={}", urlencoding(WORD))).await;
        let named = |list: &str, code: &str| known[list].as_array().expect("a list").iter().find(|one| one["code"] == code).map(|one| one["name_zh"].clone());
        assert_eq!(named("nodes", "application.received"), Some(json!("收到执行申请")));
        assert_eq!(named("pause_reasons", "public_notice"), Some(json!("公告")));
    }

    async fn a_browser_stands_beside_the_officers_device(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        TestDevice::enrol(&desk.court, "judge").await;
        desk.clock.pass_ms(1_000);
        let browser = TestDevice::enrol_browser(&desk.court, "judge").await;
        desk.clock.pass_ms(1_000);
        let (_, request) = TestDevice::prepare(&desk.court, "idle").await;
        let answer = devices::enrol(&desk.court, request).await.expect("is enrolled");
        assert_eq!(answer.open_chain, None);
        desk.login("judge").await;
        let devices = desk.get("devices").await;
        let own: Vec<_> = devices["devices"].as_array().expect("a list").iter()
            .filter(|one| one["officer"]["name"] == "甲").map(|one| (one["browser"].clone(), one["status"].clone())).collect();
        assert_eq!(own.len(), 2);
        assert!(own.iter().all(|(_, status)| status == "active"), "neither takes over from the other: {own:?}");
        assert_eq!(desk.get("signing").await["browsers"][0]["device"], browser.device.to_string());
        assert_eq!(desk.get("signing").await["browsers"].as_array().map(Vec::len), Some(1));
        // A later device goes on from the device before it, not from the browser.
        desk.clock.pass_ms(1_000);
        let (_, request) = TestDevice::prepare(&desk.court, "judge").await;
        let answer = devices::enrol(&desk.court, request).await.expect("is enrolled");
        assert_ne!(answer.open_chain.expect("of the first device").key, browser.key());
        desk.login("idle").await;
        assert_eq!(desk.get("signing").await["browsers"], json!([]), "each sees their own");
        // The officer takes the right away alone.
        desk.login("judge").await;
        let path = format!("devices/{}/revoke", browser.device);
        assert_eq!(desk.ask("POST", &path, Some(json!({"reason": "compromised"}))).await.0, 200);
        assert_eq!(desk.get("signing").await["browsers"][0]["active"], false);
    }

    async fn i4_a_copied_browser_profile_is_refused_and_nothing_of_it_is_kept(scratch: Scratch) {
        let desk = Desk::new(&scratch).await;
        let mut browser = TestDevice::enrol_browser(&desk.court, "judge").await;
        let mut tx = desk.court.db.begin_read().await.expect("begins");
        let case = tx.row("SELECT case_id FROM cases", &[]).await.expect("reads").expect("a case").parse(0).expect("an id");
        drop(tx);
        browser.case = Some(case);
        let root = browser.tip;
        let first = browser.sign(&desk.court, &note(1));
        browser.tip = root;
        let clash = browser.sign(&desk.court, &note(2));
        let send = async |signed| {
            let request = StatementsRequest { statements: vec![WireStatement::from_signed(signed).expect("JSON")] };
            let answer = inbox::accept(&desk.court, browser.device, request).await.expect("an answer");
            answer.results.into_iter().next().expect("a result")
        };
        let result = send(&first).await;
        // What pages read: the effect stands beside the admission, not in an object of its own.
        let told = serde_json::to_value(&result).expect("JSON");
        assert_eq!((told["admission"].as_str(), told["effect"].as_str()), (Some("admitted"), Some("applied")));
        assert_eq!((result.admission, result.effect), (AdmissionResult::Admitted, Effect::Applied));
        let result = send(&clash).await;
        assert_eq!((result.admission, result.effect), (AdmissionResult::Refused, Effect::rejected("chain_clash")));
        let mut tx = desk.court.db.begin_read().await.expect("begins");
        for sql in ["SELECT COUNT(*) FROM quarantine", "SELECT COUNT(*) FROM devices WHERE forked = 1"] {
            assert_eq!(tx.row(sql, &[]).await.expect("reads").expect("a row").int(0).expect("a count"), 0, "{sql}");
        }
    }
}
