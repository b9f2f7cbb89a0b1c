//! The money of a case as the console tells it, and decides on it.

use serde_json::json;
use zhixing_protocol::canonical::Object;
use zhixing_protocol::event::Effect;
use zhixing_protocol::ids::{CaseId, FundsRequestId, PaymentId};
use zhixing_protocol::statement::{
    Fact, FactContent, FundsClaimed, FundsConfirmed, FundsDecide, FundsDecided, FundsDecision,
    FundsPurpose, FundsReceived, FundsRequest, FundsRequested, JobImport, TypedBody,
};
use zhixing_protocol::trust::KeyPurpose;
use zhixing_protocol::wire::{StatementsRequest, WireStatement};

use super::{Desk, WORD};
use crate::inbox;
use crate::store::testing::on_both_engines;
use crate::testing::TestDevice;

const AT: &str = "2020-04-01";

async fn money_came(desk: &Desk, case: CaseId, fen: i64) {
    let at = AT.parse().expect("a moment");
    let payment = PaymentId([4; 16]);
    let fact = |content| Fact {
        content,
        hidden: std::collections::BTreeMap::new(),
        occurred_on: AT.parse().expect("a date"),
    };
    let body = JobImport {
        batch: zhixing_protocol::hash::Sha256Digest::of(b"batch"),
        external_id: "bank".into(),
        facts: vec![
            fact(FactContent::FundsReceived(FundsReceived {
                amount_fen: fen,
                at,
                from: None,
                method: "transfer".into(),
                payment,
            })),
            fact(FactContent::FundsConfirmed(FundsConfirmed { at, payment })),
            fact(FactContent::FundsClaimed(FundsClaimed { at, payment })),
        ],
    };
    // One line of the bank is one fact: each sees what the one before it did.
    for fact in body.facts {
        let one = JobImport {
            batch: body.batch,
            external_id: body.external_id.clone(),
            facts: vec![fact],
        };
        let mut tx = desk.court.db.begin_write().await.expect("begins");
        let (_, effect) = inbox::issue(
            &desk.court,
            &mut tx,
            KeyPurpose::Job,
            WORD,
            Some(case),
            &one,
            Object::new(),
        )
        .await
        .expect("is issued");
        assert_eq!(effect, Effect::Applied);
        tx.commit().await.expect("commits");
    }
}

async fn say<B: TypedBody>(desk: &Desk, device: &mut TestDevice, body: &B) -> Effect {
    let signed = device.sign(&desk.court, body);
    let request = StatementsRequest {
        statements: vec![WireStatement::from_signed(&signed).expect("JSON")],
    };
    let answer = inbox::accept(&desk.court, device.device, request)
        .await
        .expect("an answer");
    answer.results.into_iter().next().expect("a result").effect
}

fn decide(decision: FundsDecision, request: FundsRequestId) -> FundsDecide {
    FundsDecide {
        fact: FundsDecided {
            at: AT.parse().expect("a moment"),
            decision,
            reason: "complete".into(),
            request,
        },
    }
}

on_both_engines! {
    async fn money_is_shown_with_who_asked_and_decided_and_only_another_person_approves(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        desk.login("judge").await;
        let id = desk.get("cases").await["cases"][0]["case"].as_str().expect("an id").to_owned();
        let case: CaseId = id.parse().expect("an id");
        let path = format!("cases/{id}/funds");
        let empty = desk.get(&path).await;
        assert_eq!((&empty["bank_fen"], &empty["payments"], &empty["may_decide"]), (&json!(0), &json!([]), &json!(true)));
        money_came(&desk, case, 20_000).await;

        let mut own = TestDevice::enrol_browser(&desk.court, "judge").await;
        own.case = Some(case);
        let request = FundsRequestId([6; 16]);
        let ask = |fen: i64, request| FundsRequest { fact: FundsRequested { amount_fen: fen, at: AT.parse().expect("a moment"), payee: None, purpose: FundsPurpose::Fee, request } };
        let too_much = say(&desk, &mut own, &ask(20_001, request)).await;
        assert_eq!(too_much, Effect::Conflict { current: "funds_too_little".into() });
        assert_eq!(say(&desk, &mut own, &ask(15_000, request)).await, Effect::Applied);
        let shown = desk.get(&path).await;
        assert_eq!((&shown["free_fen"], &shown["asked_fen"], &shown["bank_fen"]), (&json!(5_000), &json!(15_000), &json!(20_000)));
        assert_eq!((&shown["requests"][0]["by"], &shown["requests"][0]["own"], &shown["requests"][0]["standing"]), (&json!("甲"), &json!(true), &json!("open")));

        // Four eyes: neither the same browser nor another device of the same person, and nobody who is not on the case.
        assert_eq!(say(&desk, &mut own, &decide(FundsDecision::Approve, request)).await, Effect::rejected("own_request"));
        let mut phone = TestDevice::enrol(&desk.court, "judge").await;
        phone.case = Some(case);
        assert_eq!(say(&desk, &mut phone, &decide(FundsDecision::Approve, request)).await, Effect::rejected("own_request"));
        let mut other = TestDevice::enrol(&desk.court, "idle").await;
        other.case = Some(case);
        assert_eq!(say(&desk, &mut other, &decide(FundsDecision::Approve, request)).await, Effect::rejected("not_granted"));
        let mut tx = desk.court.db.begin_write().await.expect("begins");
        tx.execute("INSERT INTO grants (case_id, staff, epoch) SELECT $1, staff, 99 FROM staff WHERE login = 'idle'", &[case.into()]).await.expect("grants");
        tx.execute("UPDATE staff SET role = 'clerk' WHERE login = 'idle'", &[]).await.expect("updates");
        tx.commit().await.expect("commits");
        assert_eq!(say(&desk, &mut other, &decide(FundsDecision::Approve, request)).await, Effect::rejected("not_entitled"));
        assert_eq!(say(&desk, &mut other, &decide(FundsDecision::Withdraw, request)).await, Effect::rejected("not_own_request"));
        let mut tx = desk.court.db.begin_write().await.expect("begins");
        tx.execute("UPDATE staff SET role = 'judge' WHERE login = 'idle'", &[]).await.expect("updates");
        tx.commit().await.expect("commits");
        assert_eq!(say(&desk, &mut other, &decide(FundsDecision::Approve, request)).await, Effect::Applied);
        let shown = desk.get(&path).await;
        let one = &shown["requests"][0];
        assert_eq!((&one["standing"], &one["decided"]["by"], &shown["payable_fen"]), (&json!("approved"), &json!("乙"), &json!(15_000)));

        // A foreign person sees nothing of it, not even that there is money.
        desk.login("neighbour").await;
        assert_eq!(desk.ask("GET", &path, None).await.0, 404);
    }
}
