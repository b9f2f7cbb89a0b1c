use proptest::prelude::*;

use super::ledger::{DOUBLED_RATE, interest_fen};
use super::*;

fn date(text: &str) -> Date {
    text.parse().expect("the test wrote a valid date")
}

/// ¥1,000 due on 31 May 2021, reckoned a year later.
fn claim() -> Claim {
    Claim {
        debts: vec![Debt {
            id: "A".into(),
            principal_fen: 100_000,
            due: date("2021-05-31"),
        }],
        ordinary: None,
        excluded: Vec::new(),
        payments: Vec::new(),
        as_of: date("2022-05-31"),
        order: STATUTORY_ORDER,
    }
}

fn ordinary(rates: &[(&str, i64, i64)]) -> Option<OrdinaryInterest> {
    Some(OrdinaryInterest {
        carried_fen: 0,
        from: date("2021-01-01"),
        until: None,
        rates: rates
            .iter()
            .map(|&(from, num, den)| Rate {
                from: date(from),
                num,
                den,
            })
            .collect(),
    })
}

fn code(change: impl FnOnce(&mut Claim)) -> &'static str {
    let mut claim = claim();
    change(&mut claim);
    claim.reckon().expect_err("cannot be reckoned").code()
}

fn paid(on: &str, amount_fen: i64) -> Payment {
    Payment::Performance {
        performed_on: date(on),
        amount_fen,
    }
}

#[test]
fn what_cannot_be_reckoned_is_an_error() {
    assert_eq!(code(|claim| claim.debts[0].principal_fen = -1), "negative");
    assert_eq!(
        code(|claim| claim.payments = vec![paid("2021-07-01", -1)]),
        "negative"
    );
    assert_eq!(
        code(|claim| claim.order = [Share::Ordinary, Share::Doubled, Share::Doubled]),
        "order"
    );
    assert_eq!(
        code(|claim| claim.payments = vec![paid("2022-06-01", 1)]),
        "payment-after-as-of"
    );
    assert_eq!(
        code(|claim| claim.debts[0].due = date("2014-07-30")),
        "before-august-2014"
    );
    assert_eq!(
        code(|claim| {
            claim.ordinary = ordinary(&[("2021-01-01", 6, 36_500)]);
            claim.debts.push(claim.debts[0].clone());
        }),
        "instalments-with-interest"
    );
    assert_eq!(
        code(|claim| claim.debts[0].principal_fen = i64::MAX),
        "overflow"
    );
}

#[test]
fn a_delay_that_began_on_the_first_day_of_the_rules_is_reckoned() {
    let mut claim = claim();
    claim.debts[0].due = date("2014-07-31");
    let segments = claim.reckon().expect("covered").doubled_segments;
    assert_eq!(segments[0].after, date("2014-07-31"));
}

#[test]
fn rates_must_be_there_once_and_possible() {
    let with = |rates: &[(&str, i64, i64)]| code(|claim| claim.ordinary = ordinary(rates));
    assert_eq!(with(&[]), "rate-missing");
    assert_eq!(with(&[("2021-01-02", 6, 36_500)]), "rate-missing");
    assert_eq!(with(&[("2021-01-01", 6, 0)]), "rate-denominator");
    assert_eq!(with(&[("2021-01-01", -6, 36_500)]), "negative");
    assert_eq!(
        with(&[("2021-01-01", 6, 36_500), ("2021-01-01", 5, 36_500)]),
        "rate-repeated"
    );
}

#[test]
fn rates_in_any_order_hold_from_their_own_day() {
    let mut claim = claim();
    claim.ordinary = ordinary(&[("2021-07-01", 5, 36_500), ("2020-01-01", 6, 36_500)]);
    let steps = claim.reckon().expect("reckoned").ordinary_segments;
    let spans: Vec<_> = steps
        .iter()
        .map(|step| (step.from, step.to, step.rate.num))
        .collect();
    assert_eq!(
        spans,
        [
            (date("2021-01-01"), date("2021-07-01"), 6),
            (date("2021-07-01"), date("2022-05-31"), 5),
        ]
    );
}

#[test]
fn payments_of_one_day_are_set_off_as_listed_and_make_one_step() {
    let mut claim = claim();
    claim.payments = vec![
        paid("2021-08-01", 5),
        paid("2021-06-30", 10),
        paid("2021-06-30", 20),
    ];
    let result = claim.reckon().expect("reckoned");
    let amounts: Vec<_> = result
        .payments
        .iter()
        .map(|row| row.principal_fen)
        .collect();
    assert_eq!(amounts, [10, 20, 5]);
    assert_eq!(result.doubled_segments.len(), 3);
}

prop_compose! {
    fn any_claim()(
        principal in proptest::collection::vec((0..1_000_000_000_i64, 0..400_i64), 1..4),
        paid in proptest::collection::vec((0..900_i64, 0..500_000_000_i64), 0..6),
        excluded in proptest::collection::vec((0..900_i64, 0..90_i64), 0..3),
        with_interest in any::<bool>(),
    ) -> Claim {
        let start = date("2020-01-01");
        let with_interest = with_interest && principal.len() == 1;
        Claim {
            debts: principal.into_iter().enumerate().map(|(index, (principal_fen, due))| Debt {
                id: index.to_string(), principal_fen, due: start.plus_days(due),
            }).collect(),
            ordinary: with_interest.then(|| ordinary(&[("2020-01-01", 6, 36_500)])).flatten(),
            excluded: excluded.into_iter().map(|(from, length)| {
                Span::new(start.plus_days(from), start.plus_days(from + length)).expect("in order")
            }).collect(),
            payments: paid.into_iter().map(|(day, amount_fen)| Payment::Performance {
                performed_on: start.plus_days(day), amount_fen,
            }).collect(),
            as_of: start.plus_days(1000),
            order: STATUTORY_ORDER,
        }
    }
}

proptest! {
    /// Every fen is accounted for: debts and what accrued on them = payments used + what remains; and payments = used + surplus.
    #[test]
    fn no_fen_is_lost_or_made(claim in any_claim()) {
        let result = claim.reckon().expect("within range");
        let debts: i64 = claim.debts.iter().map(|debt| debt.principal_fen).sum();
        let used: i64 = result.payments.iter()
            .map(|row| row.ordinary_fen + row.principal_fen + row.doubled_fen).sum();
        let surplus: i64 = result.payments.iter().map(|row| row.surplus_fen).sum();
        let paid: i64 = claim.payments.iter().map(Payment::amount_fen).sum();
        let accrued = result.accrued.ordinary_fen + result.accrued.doubled_fen;
        prop_assert_eq!(debts + accrued, used + result.remaining.total_fen);
        prop_assert_eq!(paid, used + surplus);
        let steps: i64 = result.doubled_segments.iter().map(|step| step.fen).sum();
        prop_assert_eq!(steps, result.accrued.doubled_fen);
    }

    #[test]
    fn a_later_day_of_reckoning_never_owes_less(claim in any_claim(), later in 0..400_i64) {
        let mut longer = claim.clone();
        longer.as_of = claim.as_of.plus_days(later);
        let (now, then) = (claim.reckon().expect("within range"), longer.reckon().expect("within range"));
        prop_assert!(then.remaining.total_fen >= now.remaining.total_fen);
    }

    #[test]
    fn rounding_is_half_up(principal in 0..10_000_000_i64, days in 0..2000_i64) {
        let exact = principal * 175 * days; // in millionths of a fen
        let fen = interest_fen(principal, days, DOUBLED_RATE).expect("small");
        prop_assert!((fen * 1_000_000 - exact) * 2 <= 1_000_000);
        prop_assert!((exact - fen * 1_000_000) * 2 < 1_000_000);
    }
}
