use super::*;
use crate::keys::{Signer as _, SoftwareSigner};
use crate::rules::pack::OverlayRule;
use crate::time::Date;
use crate::trust::{DevicePolicy, TrustedKey};

const NOW: UtcMillis = UtcMillis(1_800_000_000_000);

fn key() -> SoftwareSigner {
    let pkcs8 = SoftwareSigner::make_pkcs8().expect("the system has randomness");
    SoftwareSigner::from_pkcs8(&pkcs8).expect("a key just made loads")
}

fn realm() -> RealmId {
    RealmId::make(UtcMillis(1), [1; 10])
}

fn trust(signer: &SoftwareSigner, purpose: KeyPurpose, until: Option<UtcMillis>) -> Trust {
    Trust {
        realm: realm(),
        version: 1,
        issued_ms: UtcMillis(0),
        keys: vec![TrustedKey {
            id: signer.public_key().key_id(),
            public_key: signer.public_key().clone(),
            purpose,
            from_ms: UtcMillis(0),
            until_ms: until,
        }],
        recipients: Vec::new(),
        logs: Vec::new(),
        policy: DevicePolicy {
            lease_ms: 0,
            retention_ms: 0,
            witness_quorum: 0,
        },
        root: signer.public_key().clone(),
        succession: Vec::new(),
    }
}

fn date(text: &str) -> Date {
    text.parse().expect("the test wrote a valid date")
}

fn pack(version: u32, from: &str) -> RulePack {
    RulePack {
        version,
        effective_from: date(from),
        ..RulePack::bundled().clone()
    }
}

fn release(pack: &RulePack, signer: &SoftwareSigner) -> PackRelease {
    PackRelease::of(pack, realm(), signer.public_key().key_id(), NOW).expect("canonical")
}

fn signed<T: crate::document::DocumentType>(
    content: &T,
    signer: &SoftwareSigner,
) -> SignedDocument {
    SignedDocument::sign(content, signer).expect("signs")
}

fn refused(document: &SignedDocument, trust: &Trust) -> &'static str {
    let mut norms = Norms::default();
    let error = norms.take_in(document, trust).expect_err("refused");
    assert_eq!(norms, Norms::default(), "nothing of it is kept");
    error.code()
}

#[test]
fn a_signed_pack_is_believed_and_comes_back_whole() {
    let signer = key();
    let trust = trust(&signer, KeyPurpose::RulePack, None);
    let second = pack(2, "2027-01-01");
    let document = signed(&release(&second, &signer), &signer);
    let sent = serde_json::to_vec(&document).expect("JSON");
    let came: SignedDocument = serde_json::from_slice(&sent).expect("JSON");
    let mut norms = Norms::default();
    let entry = norms.take_in(&came, &trust).expect("believed");
    assert_eq!(
        (entry.kind.as_str(), entry.scope.as_str(), entry.version),
        ("pack", "", 2)
    );
    assert_eq!(entry.size_bytes, sent.len() as u64);
    assert!(
        entry.size_bytes < MAX_NORM_BYTES / 4,
        "{}",
        entry.size_bytes
    );
    assert_eq!(norms.packs().first().map(AsRef::as_ref), Some(&second));
}

#[test]
fn what_is_wrong_with_a_pack_is_told_apart() {
    let signer = key();
    let trusted = trust(&signer, KeyPurpose::RulePack, None);
    let good = release(&pack(2, "2027-01-01"), &signer);
    let changed = |change: &dyn Fn(&mut PackRelease)| {
        let mut release = good.clone();
        change(&mut release);
        signed(&release, &signer)
    };
    let member = |from: &str, to: &str| {
        let text = String::from_utf8(good.pack.to_bytes()).expect("text");
        assert!(text.contains(from), "{from}");
        let text = text.replacen(from, to, 1);
        changed(&|release| release.pack = canonical::parse(text.as_bytes()).expect("canonical"))
    };
    for (document, code) in [
        (signed(&good, &key()), "norm_signature_wrong"),
        (
            changed(&|release| release.key = key().public_key().key_id()),
            "norm_key_untrusted",
        ),
        (
            changed(&|release| release.realm = RealmId::make(UtcMillis(1), [9; 10])),
            "norm_of_another_realm",
        ),
        (
            member("zhixing-rulepack/1", "zhixing-rulepack/2"),
            "pack_format_unknown",
        ),
        (
            member("\"within_after\"", "\"within_reason\""),
            "pack_kind_unknown",
        ),
        (member("\"law\":\"CPL\"", "\"law\":\"CPX\""), "pack_faulty"),
        (
            changed(&|release| release.version = 3),
            "norm_contradicts_itself",
        ),
        (
            changed(&|release| release.effective_from = date("2026-01-01")),
            "norm_contradicts_itself",
        ),
        (
            changed(&|release| {
                release.statutes.remove("CPL");
            }),
            "norm_contradicts_itself",
        ),
    ] {
        assert_eq!(refused(&document, &trusted), code);
    }
    let good = signed(&good, &signer);
    let receipts = trust(&signer, KeyPurpose::Receipt, None);
    assert_eq!(refused(&good, &receipts), "norm_key_untrusted");
    let closed = trust(&signer, KeyPurpose::RulePack, Some(NOW));
    assert_eq!(refused(&good, &closed), "norm_key_untrusted");
    let list = NormsList {
        entries: Vec::new(),
        key: signer.public_key().key_id(),
        realm: realm(),
        signed_ms: NOW,
        version: 1,
    };
    assert_eq!(
        refused(&signed(&list, &signer), &trusted),
        "norm_type_unknown"
    );
}

#[test]
fn a_list_goes_forward_and_only_a_key_in_use_makes_a_new_one() {
    let signer = key();
    let trusted = trust(&signer, KeyPurpose::RulePack, None);
    let list = |version| {
        let list = NormsList {
            entries: Vec::new(),
            key: signer.public_key().key_id(),
            realm: realm(),
            signed_ms: NOW,
            version,
        };
        signed(&list, &signer)
    };
    let judged = |document: &SignedDocument, trust: &Trust, now, held| {
        let verified = NormsList::verify(document, trust, now, held);
        verified
            .map(|list| list.version)
            .map_err(|error| error.code())
    };
    assert_eq!(judged(&list(4), &trusted, NOW, 3), Ok(4));
    assert_eq!(judged(&list(3), &trusted, NOW, 3), Ok(3));
    assert_eq!(judged(&list(2), &trusted, NOW, 3), Err("norms_older"));
    // The key was replaced: what it signed before still holds, what comes now as news does not.
    let closed = trust(&signer, KeyPurpose::RulePack, Some(NOW.plus_ms(1)));
    let later = NOW.plus_ms(2);
    assert_eq!(
        judged(&list(4), &closed, later, 3),
        Err("norm_key_untrusted")
    );
    assert!(NormsList::verify_held(&list(4), &closed).is_ok());
}

#[test]
fn a_courts_settings_meet_every_pack_they_will_work_with() {
    let signer = key();
    let trusted = trust(&signer, KeyPurpose::RulePack, None);
    // From 2027 on the assignment has five days, not seven.
    let mut second = pack(2, "2027-01-01");
    for rule in second.rules.iter_mut().filter(|rule| rule.id == "S02-01") {
        rule.deadline.n = Some(5);
    }
    let mut norms = Norms::default();
    for pack in [&pack(1, "2026-11-23"), &second] {
        let document = signed(&release(pack, &signer), &signer);
        norms.take_in(&document, &trusted).expect("believed");
    }
    let mut overlay = Overlay::empty("川0811", date("2026-12-01"));
    let set = |n| OverlayRule {
        n: Some(n),
        ..OverlayRule::default()
    };
    overlay.rules.insert("S02-01".to_owned(), set(4));
    assert_eq!(norms.check_overlay(&overlay), Ok(()));
    overlay.rules.insert("S02-01".to_owned(), set(6));
    let error = norms
        .check_overlay(&overlay)
        .expect_err("six is more than five");
    assert_eq!(error.rule(), "S02-01");
    // Published all the same, as by a court whose pack came later: the pack's own five days hold from 2027.
    let document = OverlayRelease {
        key: signer.public_key().key_id(),
        overlay,
        realm: realm(),
        signed_ms: NOW,
        version: 1,
    };
    let entry = norms
        .take_in(&signed(&document, &signer), &trusted)
        .expect("believed");
    assert_eq!(
        (entry.kind.as_str(), entry.scope.as_str()),
        ("overlay", "川0811")
    );
    let law = norms.law("川0811");
    let days = |day: &str| {
        let period = law.on(date(day));
        let rule = period.pack.rule("S02-01").expect("a rule of the pack");
        (period.pack.version, rule.deadline.n, period.left_out.len())
    };
    assert_eq!(days("2026-11-30"), (1, Some(7), 0));
    assert_eq!(days("2026-12-31"), (1, Some(6), 0));
    assert_eq!(days("2027-01-01"), (2, Some(5), 1));
    assert_eq!(norms.law("川0802").periods().len(), 2);
}

#[test]
fn holidays_that_are_published_make_provisional_days_firm() {
    let signer = key();
    let trusted = trust(&signer, KeyPurpose::RulePack, None);
    let publish = |norms: &mut Norms, version, text: &str| {
        let document = CalendarRelease {
            holidays: serde_json::from_str(text).expect("a year"),
            key: signer.public_key().key_id(),
            realm: realm(),
            signed_ms: NOW,
            version,
        };
        norms
            .take_in(&signed(&document, &signer), &trusted)
            .map(|entry| entry.scope)
            .map_err(|error| error.code())
    };
    let mut norms = Norms::default();
    assert!(norms.calendar().is_working_day(date("2027-01-04")).is_err());
    let second = r#"{"year":2027,"rest":["2027-01-01","2026-12-31"],"work":["2026-12-27"]}"#;
    let first = r#"{"year":2027,"rest":["2027-01-01"],"work":[]}"#;
    assert_eq!(publish(&mut norms, 2, second), Ok("2027".to_owned()));
    // An older notice that comes later changes nothing.
    assert_eq!(publish(&mut norms, 1, first), Ok("2027".to_owned()));
    let calendar = norms.calendar();
    for (day, working) in [
        ("2026-12-27", true), // a Sunday that the notice of the next year moved
        ("2026-12-30", true),
        ("2026-12-31", false),
        ("2027-01-01", false),
        ("2027-01-04", true),
    ] {
        assert_eq!(calendar.is_working_day(date(day)), Ok(working), "{day}");
    }
    assert!(calendar.is_working_day(date("2028-01-04")).is_err());
    for faulty in [
        r#"{"year":2028,"rest":[],"work":[]}"#,
        r#"{"year":2028,"rest":["2028-01-01"],"work":["2028-01-01"]}"#,
        r#"{"year":2028,"rest":["2027-11-30"],"work":[]}"#,
    ] {
        assert_eq!(
            publish(&mut norms, 1, faulty),
            Err("calendar_faulty"),
            "{faulty}"
        );
    }
}
