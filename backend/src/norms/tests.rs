use super::*;
use crate::store::testing::{Scratch, on_both_engines};
use crate::testing::{TestClock, WORD, open_court};

fn pack(version: u32, from: &str) -> RulePack {
    RulePack {
        version,
        effective_from: from.parse().expect("a date"),
        ..RulePack::bundled().clone()
    }
}

async fn now_published(court: &Court) -> Arc<Published> {
    let mut tx = court.db.begin_read().await.expect("begins");
    published(court, &mut tx).await.expect("reads")
}

/// Kind, scope and version of everything published.
fn names(published: &Published) -> Vec<(&str, &str, u32)> {
    let entries = published.entries.iter();
    entries
        .map(|entry| (entry.kind.as_str(), entry.scope.as_str(), entry.version))
        .collect()
}

on_both_engines! {
    async fn versions_rise_and_the_first_pack_brings_its_base(scratch: Scratch) {
        let court = open_court(scratch.config(), &TestClock::new()).await;
        let held = now_published(&court).await;
        assert_eq!((held.version, held.law(WORD)), (0, Law::shared_bundled()));
        let put = async |version, from: &str| {
            let signed = sign_pack(&court, &pack(version, from)).expect("signs");
            let entry = publish(&court, &signed).await;
            entry
                .map(|entry| (entry, signed))
                .map_err(|error| error.to_string())
        };
        let error = put(1, "2027-01-01")
            .await
            .expect_err("the program carries version 1");
        assert!(error.contains("version 1"), "{error}");
        let (entry, signed) = put(2, "2027-01-01").await.expect("published");
        let again = publish(&court, &signed).await.expect("the same again");
        assert_eq!(again, entry);
        let held = now_published(&court).await;
        assert_eq!(names(&held), [("pack", "", 1), ("pack", "", 2)]);
        let version = |day: &str| held.law(WORD).on(day.parse().expect("a date")).pack.version;
        assert_eq!((version("2026-12-31"), version("2027-01-01")), (1, 2));
        let error = put(2, "2027-02-01")
            .await
            .expect_err("another of that version");
        assert!(error.contains("higher"), "{error}");
        // Another process of the same court sees it at once, and signs a list that names all of it.
        let other = open_court(scratch.config(), &TestClock::new()).await;
        let there = now_published(&other).await;
        assert_eq!(there.entries, held.entries);
        let document = list(&other, &there).expect("signs");
        let trust = other.trust().await.expect("reads");
        let verified = NormsList::verify(&document, &trust, other.now(), 2).expect("believed");
        assert_eq!((verified.version, verified.entries.len()), (2, 2));
    }
    async fn a_norm_that_nobody_signed_is_not_published_and_one_that_was_changed_is_left_out(scratch: Scratch) {
        let court = open_court(scratch.config(), &TestClock::new()).await;
        let stranger = Scratch::new(crate::store::testing::Engine::Sqlite).await;
        let stranger = open_court(stranger.config(), &TestClock::new()).await;
        let foreign = sign_pack(&stranger, &pack(2, "2027-01-01")).expect("signs");
        let error = publish(&court, &foreign)
            .await
            .expect_err("of another realm");
        assert!(error.to_string().contains("realm"), "{error}");
        for version in [2, 3] {
            let signed = sign_pack(&court, &pack(version, "2027-01-01")).expect("signs");
            publish(&court, &signed).await.expect("published");
        }
        // Somebody changes one character of the newest in the store.
        let mut tx = court.db.begin_write().await.expect("begins");
        let row = tx
            .row("SELECT bytes FROM norms WHERE ord = 3", &[])
            .await
            .expect("reads");
        let bytes = row.expect("a row").bytes(0).expect("bytes");
        let text = String::from_utf8(bytes)
            .expect("text")
            .replacen("\"n\":7,", "\"n\":8,", 1);
        tx.execute(
            "UPDATE norms SET bytes = $1 WHERE ord = 3",
            &[text.into_bytes().into()],
        )
        .await
        .expect("writes");
        tx.commit().await.expect("commits");
        let again = open_court(scratch.config(), &TestClock::new()).await;
        let held = now_published(&again).await;
        let refused: Vec<_> = held
            .refused
            .iter()
            .map(|(entry, code)| (entry.version, *code))
            .collect();
        assert_eq!(refused, [(3, "norm_signature_wrong")]);
        let day = "2027-06-01".parse().expect("a date");
        assert_eq!(held.law(WORD).on(day).pack.version, 2);
        let document = list(&again, &held).expect("signs");
        let named: NormsList = document.peek().expect("a list");
        let versions: Vec<u32> = named.entries.iter().map(|entry| entry.version).collect();
        assert_eq!(versions, [1, 2], "devices are not sent after it");
    }
    async fn settings_are_published_once_for_each_change_and_what_is_wrong_with_them_is_said(scratch: Scratch) {
        let file = scratch.folder.path().join("court.toml");
        let mut config = scratch.config();
        config.overlays = vec![file.clone()];
        let clock = TestClock::new();
        let open = async |text: &str| {
            std::fs::write(&file, text).expect("writes");
            let opened = Court::open(config.clone(), clock.server()).await;
            opened.map_err(|error| error.to_string())
        };
        let head = format!("court = \"{WORD}\"\neffective_from = \"2026-01-01\"\n");
        let with = |rest: &str| format!("{head}{rest}");
        let first = with("[promptly]\nn = 3\nunit = \"working_day\"\n[rules.S02-03]\nn = 6\n");
        let court = open(&first).await.expect("opens");
        assert_eq!(names(&*now_published(&court).await), [("overlay", WORD, 1)]);
        let court = open(&first).await.expect("opens");
        assert_eq!(now_published(&court).await.version, 1, "nothing changed");
        let court = open(&with("[rules.S02-03]\nn = 5\n")).await.expect("opens");
        let held = now_published(&court).await;
        assert_eq!(names(&held), [("overlay", WORD, 1), ("overlay", WORD, 2)]);
        let law = held.law(WORD);
        let period = law.on("2026-02-01".parse().expect("a date"));
        let rule = period.pack.rule("S02-03").expect("of the pack");
        assert_eq!((rule.deadline.n, period.overlay), (Some(5), Some(2)));
        for (text, words) in [
            (with("[rules.S02-03]\nn = 11\n"), ["S02-03", "hard"]),
            (with("[rules.S02-03]\noff = true\n"), ["S02-03", "hard"]),
            (with("[rules.S02-93]\nn = 1\n"), ["S02-93", "does not have"]),
            (
                with("[promptly]\nn = 0\nunit = \"day\"\n"),
                ["promptly", "at least 1"],
            ),
            (
                with("[rules.S02-03]\nm = 1\n"),
                ["court.toml", "unknown field"],
            ),
            ("court = \"x\"".to_owned(), ["court.toml", "effective_from"]),
        ] {
            let error = open(&text).await.err().expect("refused");
            for word in words {
                assert!(error.contains(word), "{word}: {error}");
            }
        }
        std::fs::remove_file(&file).expect("removes");
        let missing = Court::open(config.clone(), clock.server()).await;
        let error = missing.err().expect("refused").to_string();
        assert!(error.contains("cannot read"), "{error}");
        std::fs::write(&file, &first).expect("writes");
        let mut twice = config.clone();
        twice.overlays.push(file.clone());
        let error = Court::open(twice, clock.server())
            .await
            .err()
            .expect("refused");
        assert!(error.to_string().contains("join them"), "{error}");
        // No file: from today on the court sets nothing, once.
        config.overlays.clear();
        for _ in 0..2 {
            let court = Court::open(config.clone(), clock.server())
                .await
                .expect("opens");
            let held = now_published(&court).await;
            assert_eq!(held.version, 3);
            let law = held.law(WORD);
            assert_eq!(law.on(court.now().shanghai_date()).overlay, None);
            assert_eq!(
                law.on("2026-02-01".parse().expect("a date")).overlay,
                Some(2)
            );
        }
    }
}
