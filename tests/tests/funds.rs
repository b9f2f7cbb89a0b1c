//! The money of a case from the bank to the payee: told by the inner system, asked for and approved on two devices offline, paid.

use serde_json::{Value, json};
use zhixing_engine::error::ErrorKind;
use zhixing_engine::funds::FundsOrder;
use zhixing_protocol::case::{Account, CaseFunds, FundsStanding};
use zhixing_protocol::event::Effect;
use zhixing_protocol::ids::{CaseId, FundsRequestId, PartyId, PaymentId};
use zhixing_protocol::statement::{FundsDecision, FundsPurpose, PartyRole};
use zhixing_protocol::time::Date;
use zhixing_tests::{InnerSystem, TestCourt, TestDevice, court_with_gate, jsonl, run_gate};

const NUMBER: &str = "（2026）川0811执601号";

fn filed() -> Value {
    json!({
        "external_id": "m1", "number": NUMBER, "court": "川0811", "cause": "loan", "amount_fen": 1_000_000,
        "filed_on": "2026-03-10", "title": "民事判决书", "handler": "judge", "assigned_on": "2026-03-12", "assistants": ["second"],
        "parties": [
            {"external_id": "a", "role": "applicant", "kind": "person", "name": "陈甲"},
            {"external_id": "r", "role": "respondent", "kind": "person", "name": "彭乙"},
        ],
    })
}

fn received(name: &str, payment: &str, fen: i64) -> Value {
    json!({"external_id": name, "case": "m1", "what": "received", "at": "2026-04-01", "payment": payment, "amount_fen": fen,
        "from": "r", "method": "transfer", "payer": "彭乙之兄", "text": "代为履行"})
}

fn of_sum(name: &str, what: &str, payment: &str, at: &str) -> Value {
    json!({"external_id": name, "case": "m1", "what": what, "at": at, "payment": payment, "reason": "wrong_account"})
}

fn of_request(name: &str, what: &str, request: FundsRequestId, at: &str) -> Value {
    json!({"external_id": name, "case": "m1", "what": what, "at": at, "request": request.to_string(), "reason": "account_closed"})
}

struct Bureau {
    court: TestCourt,
    inner: InnerSystem,
    /// Of the handler.
    judge: TestDevice,
    /// Of the colleague who decides.
    second: TestDevice,
    case: CaseId,
}

impl Bureau {
    async fn open() -> Self {
        let (court, mut inner) = court_with_gate(60).await;
        inner.send(&[("cases.jsonl", jsonl(&[filed()]))]);
        run_gate(&court).await;
        let judge = TestDevice::enrolled(&court.ticket("judge").await).await;
        let second = TestDevice::enrolled(&court.ticket("second").await).await;
        let case = court.case(NUMBER).await;
        let bureau = Self {
            court,
            inner,
            judge,
            second,
            case,
        };
        bureau.sync().await;
        bureau
    }

    async fn sync(&self) {
        for _ in 0..2 {
            self.judge.sync_until_done().await;
            self.second.sync_until_done().await;
        }
    }

    /// The inner system says something; gives how many lines were refused, with their reasons.
    async fn told(&mut self, lines: &[Value]) -> Vec<String> {
        self.inner.send(&[("funds.jsonl", jsonl(lines))]);
        let report = run_gate(&self.court).await;
        assert_eq!((report.taken, report.quarantined), (1, 0), "{report:?}");
        let mut refused = Vec::new();
        for batch in self.inner.receive() {
            for error in batch.lines.get("errors.jsonl").into_iter().flatten() {
                refused.push(error["reason"].as_str().unwrap_or_default().to_owned());
            }
        }
        self.sync().await;
        refused
    }

    fn funds(&self) -> CaseFunds {
        let funds = self.judge.engine().funds(self.case).expect("on the device");
        assert_eq!(
            funds,
            self.second
                .engine()
                .funds(self.case)
                .expect("on the device"),
            "both devices have the same ledger"
        );
        funds
    }

    fn balances(&self) -> [i64; 5] {
        let funds = self.funds();
        Account::ALL.map(|account| funds.holds(account))
    }

    fn payee(&self) -> PartyId {
        let view = self
            .judge
            .engine()
            .case_view(self.case)
            .expect("on the device");
        let applicant = view
            .state
            .parties()
            .find(|party| party.body.role == PartyRole::Applicant);
        applicant.expect("one").body.party
    }

    fn order(&self, fen: i64) -> FundsOrder {
        FundsOrder {
            amount_fen: fen,
            payee: Some(self.payee()),
            payee_name: Some("陈甲".into()),
            account: Some("6222000000000000001".into()),
            purpose: FundsPurpose::Disbursement,
            text: None,
        }
    }

    fn sum(&self, place: usize) -> PaymentId {
        self.funds().payments()[place].payment
    }

    /// Rules about money that prompt on a day.
    fn prompts(&self, on: &str) -> Vec<(String, Option<String>)> {
        let on: Date = on.parse().expect("a date");
        let prompts = self
            .judge
            .engine()
            .prompts(self.case, Some(on.shanghai_noon()))
            .expect("on the device");
        let mut found: Vec<_> = prompts
            .into_iter()
            .filter(|prompt| prompt.rule.starts_with("S10-0"))
            .map(|prompt| (prompt.rule, prompt.due.map(|due| due.to_string())))
            .collect();
        found.retain(|(rule, _)| ["S10-01", "S10-03"].contains(&rule.as_str()));
        found.sort();
        found
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_goes_from_the_bank_to_the_applicant_with_four_eyes_and_without_signal() {
    let mut bureau = Bureau::open().await;
    assert_eq!(
        bureau.told(&[received("f1", "p1", 1_000_000)]).await,
        Vec::<String>::new()
    );
    assert_eq!(bureau.balances(), [1_000_000, 1_000_000, 0, 0, 0]);
    assert_eq!(
        bureau.prompts("2026-04-02"),
        [("S10-03".into(), Some("2026-04-07".into()))],
        "the law asks to claim it; the third day is Qingming"
    );
    assert_eq!(
        bureau.funds().payments()[0].payer.as_deref(),
        Some("彭乙之兄")
    );

    // Without signal: claimed, and asked for as soon as finance has confirmed it.
    bureau
        .judge
        .engine()
        .claim_funds(bureau.case, bureau.sum(0), None)
        .expect("claimed");
    let early = bureau
        .judge
        .engine()
        .request_funds(bureau.case, &bureau.order(1_000_000))
        .expect_err("not confirmed");
    assert!(early.detail.starts_with("funds_too_little"), "{early}");
    bureau.sync().await;
    bureau
        .told(&[of_sum("f2", "confirmed", "p1", "2026-04-02")])
        .await;
    assert_eq!(bureau.balances(), [1_000_000, 0, 1_000_000, 0, 0]);
    assert_eq!(
        bureau.prompts("2026-04-10"),
        [("S10-01".into(), Some("2026-05-06".into()))],
        "30 days to pay it out; the last is in the holidays of May"
    );
    let (request, _) = bureau
        .judge
        .engine()
        .request_funds(bureau.case, &bureau.order(990_000))
        .expect("asked");
    let (fee, _) = bureau
        .judge
        .engine()
        .request_funds(
            bureau.case,
            &FundsOrder {
                payee: None,
                payee_name: None,
                purpose: FundsPurpose::Fee,
                ..bureau.order(10_000)
            },
        )
        .expect("asked");
    let more = bureau
        .judge
        .engine()
        .request_funds(bureau.case, &bureau.order(1))
        .expect_err("all is bound");
    assert_eq!(more.kind, ErrorKind::Rejected);
    let own = bureau
        .judge
        .engine()
        .decide_funds(
            bureau.case,
            request,
            FundsDecision::Approve,
            "complete",
            None,
        )
        .expect_err("four eyes");
    assert!(own.detail.starts_with("own_request"), "{own}");
    bureau.sync().await;
    for request in [request, fee] {
        bureau
            .second
            .engine()
            .decide_funds(
                bureau.case,
                request,
                FundsDecision::Approve,
                "complete",
                None,
            )
            .expect("approved");
    }
    bureau.sync().await;
    assert_eq!(bureau.balances(), [1_000_000, 0, 0, 0, 1_000_000]);

    // The inner system is told whom to pay, and says what the bank did.
    run_gate(&bureau.court).await;
    let mut told = Vec::new();
    for batch in bureau.inner.receive() {
        told.extend(
            batch
                .lines
                .get("events.jsonl")
                .into_iter()
                .flatten()
                .cloned(),
        );
    }
    let asked = told
        .iter()
        .find(|event| {
            event["kind"] == "funds.requested" && event["body"]["purpose"] == "disbursement"
        })
        .expect("the request leaves");
    assert_eq!(
        (&asked["hidden"]["account"], &asked["body"]["amount_fen"]),
        (&json!("6222000000000000001"), &json!(990_000))
    );
    assert_eq!(
        told.iter()
            .filter(|event| event["kind"] == "funds.decided")
            .count(),
        2
    );
    assert!(
        told.iter().all(|event| event["kind"] != "funds.received"),
        "what came through the gate does not go back"
    );
    bureau
        .told(&[
            of_request("f3", "paid", request, "2026-04-20"),
            of_request("f4", "paid", fee, "2026-04-21"),
        ])
        .await;
    assert_eq!(bureau.balances(), [0; 5]);
    assert_eq!(bureau.funds().paid_fen(), 1_000_000);
    assert_eq!(
        bureau.prompts("2026-04-22"),
        [],
        "the law asks for nothing more"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_bank_says_twice_wrongly_or_too_early_costs_no_money() {
    let mut bureau = Bureau::open().await;
    let refused = bureau
        .told(&[
            received("f1", "p1", 500),
            received("f2", "p1", 500),
            received("f3", "p1", 501),
            received("f4", "p2", 0),
            json!({"external_id": "f5", "case": "m1", "what": "received", "at": "2026-04-01", "payment": "p3", "amount_fen": 5, "from": "nobody", "method": "transfer"}),
            of_sum("f6", "confirmed", "p9", "2026-04-02"),
            of_request("f7", "paid", FundsRequestId([5; 16]), "2026-04-02"),
            json!({"external_id": "f8", "case": "m1", "what": "vanished", "at": "2026-04-01", "payment": "p1"}),
            of_sum("f9", "confirmed", "p1", "2026-04-02"),
            of_sum("f10", "claimed", "p1", "2026-04-02"),
        ])
        .await;
    let codes: Vec<&str> = refused
        .iter()
        .map(|reason| reason.split(':').next().unwrap_or_default())
        .collect();
    assert_eq!(
        codes[..5],
        [
            "payment_differs",
            "amount_fen must be between 1 and 9007199254740991",
            "no_such_party",
            "no_such_payment",
            "no_such_request"
        ],
        "{refused:?}"
    );
    assert!(
        refused[5].contains("vanished") || refused[5].contains("variant"),
        "{refused:?}"
    );
    assert_eq!(
        refused.len(),
        6,
        "a bad line costs no other line: {refused:?}"
    );
    assert_eq!(bureau.balances(), [500, 0, 500, 0, 0]);

    // Approved, and the bank cannot pay: free again. Paid at the second try, and it comes back later.
    let pay = async |bureau: &mut Bureau, fen: i64| {
        let (request, _) = bureau
            .judge
            .engine()
            .request_funds(bureau.case, &bureau.order(fen))
            .expect("asked");
        bureau.sync().await;
        bureau
            .second
            .engine()
            .decide_funds(
                bureau.case,
                request,
                FundsDecision::Approve,
                "complete",
                None,
            )
            .expect("approved");
        bureau.sync().await;
        request
    };
    let first = pay(&mut bureau, 500).await;
    assert_eq!(
        bureau
            .told(&[of_sum("g1", "returned", "p1", "2026-04-03")])
            .await
            .len(),
        1,
        "what is approved cannot be sent back"
    );
    bureau
        .told(&[of_request("g2", "failed", first, "2026-04-04")])
        .await;
    assert_eq!(bureau.balances(), [500, 0, 500, 0, 0]);
    assert_eq!(
        bureau
            .funds()
            .request(first)
            .map(|request| request.standing),
        Some(FundsStanding::Failed)
    );
    let second = pay(&mut bureau, 500).await;
    bureau
        .told(&[of_request("g3", "paid", second, "2026-04-06")])
        .await;
    assert_eq!(
        bureau
            .told(&[of_request("g4", "paid", second, "2026-04-06")])
            .await,
        Vec::<String>::new(),
        "said twice"
    );
    assert_eq!(bureau.balances(), [0; 5]);
    bureau
        .told(&[of_request("g5", "failed", second, "2026-04-09")])
        .await;
    assert_eq!(bureau.balances(), [500, 0, 500, 0, 0], "it came back");
    assert_eq!(
        bureau.prompts("2026-04-10").len(),
        1,
        "and the clock runs again"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_approves_their_own_request_from_another_device_and_two_decisions_are_one() {
    let mut bureau = Bureau::open().await;
    bureau
        .told(&[
            received("f1", "p1", 700),
            of_sum("f2", "confirmed", "p1", "2026-04-02"),
            of_sum("f3", "claimed", "p1", "2026-04-02"),
        ])
        .await;
    let (request, _) = bureau
        .judge
        .engine()
        .request_funds(bureau.case, &bureau.order(700))
        .expect("asked");
    bureau.sync().await;
    // The same person on a second phone: that device cannot know, the court does.
    let other = TestDevice::enrolled(&bureau.court.ticket("judge").await).await;
    other.sync_until_done().await;
    let said = other
        .engine()
        .decide_funds(
            bureau.case,
            request,
            FundsDecision::Approve,
            "complete",
            None,
        )
        .expect("signed");
    other.sync_until_done().await;
    let effect = bureau.court.effect(said).await;
    assert_eq!(effect, Effect::rejected("own_request"));
    assert_eq!(
        other
            .engine()
            .funds(bureau.case)
            .expect("there")
            .request(request)
            .map(|request| request.standing),
        Some(FundsStanding::Open)
    );
    // Nobody takes back what somebody else asked for.
    let said = bureau
        .second
        .engine()
        .decide_funds(
            bureau.case,
            request,
            FundsDecision::Withdraw,
            "complete",
            None,
        )
        .expect("signed");
    bureau.sync().await;
    assert_eq!(
        bureau.court.effect(said).await,
        Effect::rejected("not_own_request")
    );
    // Both decide without signal: the first to arrive holds, the other is told.
    let refusal = bureau
        .second
        .engine()
        .decide_funds(
            bureau.case,
            request,
            FundsDecision::Refuse,
            "account_unclear",
            Some("账号不清"),
        )
        .expect("refused");
    let taken_back = bureau
        .judge
        .engine()
        .decide_funds(
            bureau.case,
            request,
            FundsDecision::Withdraw,
            "mistake",
            None,
        )
        .expect("taken back");
    bureau.judge.sync_until_done().await;
    bureau.sync().await;
    assert_eq!(bureau.court.effect(taken_back).await, Effect::Applied);
    assert_eq!(
        bureau.court.effect(refusal).await,
        Effect::Conflict {
            current: "request_decided".into()
        }
    );
    assert_eq!(bureau.balances(), [700, 0, 700, 0, 0]);
}
