use super::*;
use crate::canonical::Object;
use crate::event::{ByDevice, Visibility};
use crate::hash::{EventHash, StatementHash};
use crate::ids::CaseId;
use crate::statement::{
    FundsClaimed, FundsConfirmed, FundsDecided, FundsFailed, FundsPaid, FundsReceived,
    FundsRequested, FundsReturned,
};
use crate::time::{Date, UtcMillis};

const JUDGE: DeviceId = DeviceId([1; 16]);
const HEAD: DeviceId = DeviceId([2; 16]);

fn day(day: u32) -> Moment {
    Moment::Day(date(day))
}

fn date(day: u32) -> Date {
    format!("2020-03-{day:02}").parse().expect("a date")
}

fn payment(number: u8) -> PaymentId {
    PaymentId([number; 16])
}

fn request(number: u8) -> FundsRequestId {
    FundsRequestId([number; 16])
}

fn received(number: u8, fen: i64, on: u32) -> EventBody {
    EventBody::FundsReceived(FundsReceived {
        amount_fen: fen,
        at: day(on),
        from: None,
        method: "transfer".into(),
        payment: payment(number),
    })
}

fn confirmed(number: u8, on: u32) -> EventBody {
    EventBody::FundsConfirmed(FundsConfirmed {
        at: day(on),
        payment: payment(number),
    })
}

fn claimed(number: u8, on: u32) -> EventBody {
    EventBody::FundsClaimed(FundsClaimed {
        at: day(on),
        payment: payment(number),
    })
}

fn returned(number: u8, on: u32) -> EventBody {
    EventBody::FundsReturned(FundsReturned {
        at: day(on),
        payment: payment(number),
        reason: "wrong_account".into(),
    })
}

fn asked(number: u8, fen: i64, on: u32) -> EventBody {
    EventBody::FundsRequested(ByDevice {
        device: JUDGE,
        fact: FundsRequested {
            amount_fen: fen,
            at: day(on),
            payee: Some(PartyId([9; 16])),
            purpose: FundsPurpose::Disbursement,
            request: request(number),
        },
    })
}

fn decided(number: u8, decision: FundsDecision, device: DeviceId, on: u32) -> EventBody {
    EventBody::FundsDecided(ByDevice {
        device,
        fact: FundsDecided {
            at: day(on),
            decision,
            reason: "complete".into(),
            request: request(number),
        },
    })
}

fn paid(number: u8, on: u32) -> EventBody {
    EventBody::FundsPaid(FundsPaid {
        at: day(on),
        request: request(number),
    })
}

fn failed(number: u8, on: u32) -> EventBody {
    EventBody::FundsFailed(FundsFailed {
        at: day(on),
        reason: "account_closed".into(),
        request: request(number),
    })
}

/// A ledger and the number of its newest event.
#[derive(Default, Clone, Debug, PartialEq)]
struct Book {
    funds: CaseFunds,
    seq: u64,
}

impl Book {
    /// Takes an event in and says why it was not, as the court would.
    fn take(&mut self, body: &EventBody) -> Result<(), FundsRefusal> {
        let judged = self.funds.judge(body);
        self.seq += 1;
        let (kind, value) = body.write().expect("canonical");
        let event = Event {
            at_ms: UtcMillis(0),
            body: value,
            case: CaseId([7; 16]),
            cause: StatementHash::ZERO,
            corrects: None,
            hidden: BTreeMap::new(),
            kind: kind.to_owned(),
            occurred_on: date(1),
            prev: EventHash::ZERO,
            seq: self.seq,
            visibility: Visibility::Table,
            unknown: Object::new(),
        };
        let before = self.funds.clone();
        let taken = self.funds.take_in(&event, body, &HiddenValues::new());
        assert_eq!(taken, judged.is_ok(), "{body:?}");
        if !taken {
            assert_eq!(
                self.funds, before,
                "what cannot be changes nothing: {body:?}"
            );
        }
        judged
    }

    fn all(&mut self, events: &[EventBody]) {
        for event in events {
            self.take(event)
                .unwrap_or_else(|refusal| panic!("{event:?}: {refusal}"));
        }
    }

    fn balances(&self) -> [i64; 5] {
        Account::ALL.map(|account| self.funds.holds(account))
    }

    fn codes(&self) -> Vec<(String, String)> {
        let facts = self.funds.facts();
        facts
            .into_iter()
            .map(|fact| (fact.code, fact.at.to_string()))
            .collect()
    }
}

#[test]
fn money_goes_from_the_bank_to_the_payee_through_every_account() {
    let mut book = Book::default();
    book.all(&[received(1, 10_000, 2)]);
    assert_eq!(book.balances(), [10_000, 10_000, 0, 0, 0]);
    assert_eq!(
        book.take(&asked(1, 1, 3)),
        Err(FundsRefusal::TooLittle),
        "not yet money of the case"
    );
    book.all(&[claimed(1, 3)]);
    assert_eq!(
        book.balances(),
        [10_000, 10_000, 0, 0, 0],
        "claimed alone is not enough"
    );
    book.all(&[confirmed(1, 4)]);
    assert_eq!(book.balances(), [10_000, 0, 10_000, 0, 0]);
    book.all(&[asked(1, 9_500, 5)]);
    assert_eq!(
        book.take(&asked(2, 501, 5)),
        Err(FundsRefusal::TooLittle),
        "what is asked for is bound"
    );
    assert_eq!(
        book.take(&decided(1, FundsDecision::Approve, JUDGE, 6)),
        Err(FundsRefusal::OwnRequest)
    );
    book.all(&[decided(1, FundsDecision::Approve, HEAD, 6)]);
    assert_eq!(book.balances(), [10_000, 0, 500, 0, 9_500]);
    assert_eq!(
        book.take(&decided(1, FundsDecision::Refuse, HEAD, 6)),
        Err(FundsRefusal::Standing("request_decided"))
    );
    assert_eq!(
        book.take(&decided(1, FundsDecision::Approve, HEAD, 6)),
        Err(FundsRefusal::Known)
    );
    book.all(&[
        paid(1, 7),
        asked(2, 500, 8),
        decided(2, FundsDecision::Approve, HEAD, 8),
        paid(2, 9),
    ]);
    assert_eq!((book.balances(), book.funds.paid_fen()), ([0; 5], 10_000));
    let expected = [
        ("funds.received", "2020-03-02"),
        ("funds.confirmed", "2020-03-04"),
        ("funds.claimed", "2020-03-03"),
        ("funds.paid_out", "2020-03-09"),
    ];
    assert_eq!(
        book.codes(),
        expected.map(|(code, at)| (code.to_owned(), at.to_owned()))
    );
}

#[test]
fn a_payment_that_fails_or_comes_back_is_free_again_and_not_paid_out() {
    let mut book = Book::default();
    book.all(&[
        received(1, 100, 2),
        confirmed(1, 2),
        claimed(1, 2),
        asked(1, 100, 3),
    ]);
    assert_eq!(
        book.take(&paid(1, 3)),
        Err(FundsRefusal::Standing("request_not_approved")),
        "the bank pays nothing that nobody approved"
    );
    book.all(&[decided(1, FundsDecision::Approve, HEAD, 3), failed(1, 4)]);
    assert_eq!(book.balances(), [100, 0, 100, 0, 0]);
    assert_eq!(
        book.take(&paid(1, 5)),
        Err(FundsRefusal::Standing("request_not_approved"))
    );
    book.all(&[
        asked(2, 100, 5),
        decided(2, FundsDecision::Approve, HEAD, 5),
        paid(2, 6),
    ]);
    assert_eq!(book.take(&paid(2, 6)), Err(FundsRefusal::Known));
    assert_eq!(
        book.codes().last().map(|(code, _)| code.as_str()),
        Some("funds.paid_out")
    );
    book.all(&[failed(2, 9)]);
    assert_eq!(
        book.balances(),
        [100, 0, 100, 0, 0],
        "what was paid came back"
    );
    assert!(
        book.codes()
            .iter()
            .all(|(code, _)| code != "funds.paid_out")
    );
}

#[test]
fn the_same_sum_is_taken_once_and_another_under_its_name_is_told() {
    let mut book = Book::default();
    book.all(&[received(1, 100, 2)]);
    assert_eq!(book.take(&received(1, 100, 2)), Err(FundsRefusal::Known));
    assert_eq!(
        book.take(&received(1, 101, 2)),
        Err(FundsRefusal::Differs("payment_differs"))
    );
    assert_eq!(
        book.take(&confirmed(2, 2)),
        Err(FundsRefusal::Missing("no_such_payment"))
    );
    book.all(&[returned(1, 3)]);
    assert_eq!(book.balances(), [0; 5]);
    assert_eq!(
        book.take(&claimed(1, 4)),
        Err(FundsRefusal::Standing("payment_returned"))
    );
}

#[test]
fn a_sum_that_is_bound_cannot_be_sent_back() {
    let mut book = Book::default();
    book.all(&[
        received(1, 100, 2),
        confirmed(1, 2),
        claimed(1, 2),
        asked(1, 1, 3),
    ]);
    assert_eq!(book.take(&returned(1, 4)), Err(FundsRefusal::TooLittle));
    book.all(&[
        decided(1, FundsDecision::Withdraw, JUDGE, 4),
        returned(1, 5),
    ]);
    assert_eq!(book.balances(), [0; 5]);
}

#[test]
fn amounts_never_grow_beyond_what_can_be_written() {
    let mut book = Book::default();
    book.all(&[received(1, MAX_FUNDS_FEN, 2)]);
    assert_eq!(book.take(&received(2, 1, 2)), Err(FundsRefusal::TooMuch));
    assert!(
        !FundsReceived {
            amount_fen: 0,
            at: day(2),
            from: None,
            method: "cash".into(),
            payment: payment(1)
        }
        .is_well_formed()
    );
}

#[test]
fn the_first_sum_that_came_is_the_first_that_is_paid_out() {
    let mut book = Book::default();
    for number in 1..=2 {
        book.all(&[
            received(number, 100, 2),
            confirmed(number, 2),
            claimed(number, 2),
        ]);
    }
    book.all(&[
        asked(1, 150, 3),
        decided(1, FundsDecision::Approve, HEAD, 3),
        paid(1, 4),
    ]);
    let out = |book: &Book| {
        let facts = book.funds.facts();
        let out = facts.iter().filter(|fact| fact.code == "funds.paid_out");
        out.map(|fact| fact.subject.clone().unwrap_or_default())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        out(&book),
        [payment(1).to_string()],
        "of the second a part is left"
    );
    book.all(&[
        asked(2, 50, 5),
        decided(2, FundsDecision::Approve, HEAD, 5),
        paid(2, 6),
    ]);
    assert_eq!(out(&book), [payment(1).to_string(), payment(2).to_string()]);
}

/// Whatever comes in whatever order: every entry and all accounts add up to zero, nothing holds less than nothing, and the bank holds what
/// came in less what went out.
#[test]
fn the_ledger_balances_after_any_history() {
    let from = std::env::var("ZHIXING_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    let first: u64 = from.unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        u64::from(now.expect("after 1970").subsec_nanos())
    });
    for seed in first..first + 200 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut draw = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let mut book = Book::default();
        let (mut took, mut refused) = (0_u32, 0_u32);
        for _ in 0..120 {
            let number = u8::try_from(draw(6)).expect("small") + 1;
            let fen = i64::try_from(draw(50)).expect("small") + 1;
            let device = if draw(3) == 0 { JUDGE } else { HEAD };
            let event = match draw(11) {
                0 | 1 => received(number, fen, 2),
                2 => confirmed(number, 3),
                3 => claimed(number, 3),
                4 if draw(4) == 0 => returned(number, 4),
                5 | 6 => asked(number, fen, 5),
                7 => decided(number, FundsDecision::Approve, device, 6),
                8 if draw(3) == 0 => decided(number, FundsDecision::Refuse, device, 6),
                9 => paid(number, 7),
                10 if draw(3) == 0 => failed(number, 8),
                _ => decided(number, FundsDecision::Withdraw, JUDGE, 6),
            };
            match book.take(&event) {
                Ok(()) => took += 1,
                Err(_) => refused += 1,
            }
            let [bank, others @ ..] = book.balances();
            assert_eq!(bank, others.iter().sum::<i64>(), "seed {seed}: {event:?}");
            assert!(
                bank >= 0 && others.iter().all(|fen| *fen >= 0),
                "seed {seed}: {event:?}"
            );
        }
        for entry in book.funds.entries() {
            assert_eq!(
                entry.postings.iter().map(|line| line.fen).sum::<i64>(),
                0,
                "seed {seed}"
            );
        }
        let came: i64 = book
            .funds
            .payments()
            .iter()
            .filter(|sum| sum.returned.is_none())
            .map(|sum| sum.amount_fen)
            .sum();
        assert_eq!(
            book.funds.holds(Account::Bank),
            came - book.funds.paid_fen(),
            "seed {seed}"
        );
        assert!(took > 5 && refused > 5, "seed {seed}: {took} {refused}");
    }
}
