//! The demonstration's data are whole, the same each time, and nobody's.

use std::collections::BTreeSet;

use super::cases::Paper;
use super::*;
use crate::store::testing::{Engine, Scratch};
use crate::testing::{TestClock, TestDevice};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_court_tree_and_44_cases_with_their_papers_are_imported_once() {
    let scratch = Scratch::new(Engine::Sqlite).await;
    let court = Court::open(scratch.config(), TestClock::new().server())
        .await
        .expect("opens");
    let kept = scratch.folder.path().join("batch");
    let report = run(&court, Path::new(FONT), Some(&kept))
        .await
        .expect("runs");
    assert_eq!(
        (report.added, report.unchanged, report.failed.len()),
        (61, 0, 0),
        "{report:?}"
    );
    let again = import::run(&court, &kept).await.expect("runs");
    assert_eq!(
        (again.added, again.unchanged, again.failed.len()),
        (0, 61, 0),
        "{again:?}"
    );

    let cases = cases::all();
    let mut kinds = BTreeSet::new();
    let mut papers = 0;
    for case in &cases {
        for paper in case.papers() {
            papers += 1;
            kinds.insert(case.title_of(paper));
            let bytes = std::fs::read(kept.join(case.file_of(paper))).expect("is there");
            let begins: &[u8] = if paper == Paper::Clue {
                &[0xff, 0xd8]
            } else {
                b"%PDF-1."
            };
            assert!(bytes.starts_with(begins), "{}", case.file_of(paper));
        }
    }
    assert!(
        kinds.len() >= 10 && papers >= 200,
        "{papers} papers of {kinds:?}"
    );
    let audit = crate::audit::run(&court, true, &mut |_| ())
        .await
        .expect("reads");
    assert_eq!(
        (audit.findings.as_slice(), audit.cases, audit.objects),
        ([].as_slice(), 44, papers)
    );
}

#[test]
fn the_same_program_makes_the_same_papers() {
    let fonts = Fonts::read(vec![std::fs::read(FONT).expect("fonts-noto-cjk")]).expect("a font");
    let cases = cases::all();
    // A settlement, a record, a memorandum and a company.
    let case = cases.get(13).expect("44 cases");
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    for folder in &folders {
        std::fs::create_dir(folder.path().join("documents")).expect("makes");
        papers::write(case, folder.path(), &fonts).expect("writes");
    }
    for paper in case.papers() {
        let [one, other] = folders.each_ref().map(|folder| {
            std::fs::read(folder.path().join(case.file_of(paper))).expect("is there")
        });
        assert!(one == other, "{paper:?}");
    }
}

#[test]
fn nobody_has_these_numbers() {
    for case in cases::all() {
        for party in [&case.applicant, &case.respondent] {
            assert!(
                party.phone.len() == 11 && party.phone.starts_with("100"),
                "{}",
                party.phone
            );
            let Some(number) = &party.id_number else {
                assert!(party.organisation);
                continue;
            };
            // ISO 7064 MOD 11-2: the whole number leaves 1.
            let values = number.chars().map(|digit| digit.to_digit(11).unwrap_or(10));
            let rest = values.fold(0, |rest, value| (rest * 2 + value) % 11);
            assert!(
                number.len() == 18 && rest != 1,
                "{number} could be somebody's"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_court_with_people_of_its_own_gets_no_known_passwords() {
    let scratch = Scratch::new(Engine::Sqlite).await;
    let court = crate::testing::open_court(scratch.config(), &TestClock::new()).await;
    TestDevice::enrol(&court, "judge").await;
    let refused = run(&court, Path::new(FONT), None)
        .await
        .expect_err("a real court");
    assert!(refused.contains("people of its own (judge)"), "{refused}");
    let mut tx = court.db.begin_read().await.expect("begins");
    let staff = tx
        .rows("SELECT login FROM staff", &[])
        .await
        .expect("reads");
    assert_eq!(staff.len(), 1);
}

#[test]
fn a_missing_font_is_told_with_what_to_install() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = write_batch(folder.path(), Path::new("/nowhere.ttc")).expect_err("no font");
    assert!(
        told.contains("/nowhere.ttc") && told.contains("fonts-noto-cjk"),
        "{told}"
    );
}
