use zhixing_protocol::canonical;
use zhixing_protocol::document::DocumentType;
use zhixing_protocol::keys::{Signer, SoftwareSigner};
use zhixing_protocol::rules::norms::{OverlayRelease, PackRelease};
use zhixing_protocol::rules::pack::{Overlay, OverlayRule, RulePack};
use zhixing_protocol::time::UtcMillis;

use super::*;
use crate::capture::Holdings;
use crate::testing::{COURT, TestCourt, enrolled};

/// A norm as the court sends it, and its entry.
type Sent = (NormEntry, Vec<u8>);

struct Office {
    _folder: tempfile::TempDir,
    holdings: Arc<Holdings>,
    court: TestCourt,
}

impl Office {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (holdings, court, _) = enrolled(folder.path(), 1).expect("enrols");
        Self {
            _folder: folder,
            holdings,
            court,
        }
    }

    fn signed<T: DocumentType>(&self, content: &T) -> SignedDocument {
        SignedDocument::sign(content, &self.court.rule_pack).expect("signs")
    }

    fn release(&self, version: u32) -> PackRelease {
        let mut pack = RulePack::bundled().clone();
        pack.version = version;
        let key = self.court.rule_pack.public_key().key_id();
        PackRelease::of(&pack, self.court.realm, key, UtcMillis(1)).expect("canonical")
    }

    fn pack(&self, version: u32) -> Sent {
        sent("pack", "", version, &self.signed(&self.release(version)))
    }

    fn overlay(&self, court: &str, days: u32) -> Sent {
        let mut overlay = Overlay::empty(court, "2020-01-01".parse().expect("a date"));
        let set = OverlayRule {
            n: Some(days),
            ..OverlayRule::default()
        };
        overlay.rules.insert("S02-03".to_owned(), set);
        let release = OverlayRelease {
            key: self.court.rule_pack.public_key().key_id(),
            overlay,
            realm: self.court.realm,
            signed_ms: UtcMillis(1),
            version: 1,
        };
        sent("overlay", court, 1, &self.signed(&release))
    }

    fn list(&self, version: u64, norms: &[&Sent]) -> SignedDocument {
        self.list_by(&self.court.rule_pack, version, norms)
    }

    fn list_by(&self, signer: &SoftwareSigner, version: u64, norms: &[&Sent]) -> SignedDocument {
        let list = NormsList {
            entries: norms.iter().map(|(entry, _)| entry.clone()).collect(),
            key: signer.public_key().key_id(),
            realm: self.court.realm,
            signed_ms: UtcMillis(1),
            version,
        };
        SignedDocument::sign(&list, signer).expect("signs")
    }

    /// Brings a list and every norm that is asked for; gives what was asked for.
    fn bring(&self, list: &SignedDocument, norms: &[&Sent]) -> Vec<String> {
        let queue = self.holdings.queue();
        queue.accept_norms(list).expect("the store works");
        queue.use_newest_norms().expect("the store works");
        let mut asked = Vec::new();
        while let Some(entry) = queue.wanted_norm().expect("the store works") {
            asked.push(named(&entry));
            let (_, bytes) = norms
                .iter()
                .find(|(known, _)| *known == entry)
                .expect("what the list names");
            queue.keep_norm(&entry, bytes).expect("the store works");
            queue.use_newest_norms().expect("the store works");
        }
        asked
    }

    /// List held, list in use, code of what stands against it, version of the pack in force.
    fn state(&self) -> (u64, u64, Option<String>, u32) {
        let queue = self.holdings.queue();
        let held = queue.norms_held().expect("reads");
        let law = queue.ready_norms().expect("reads").law(COURT);
        let today = "2026-12-01".parse().expect("a date");
        (
            held.newest,
            held.in_use,
            held.refused.map(|refused| refused.code),
            law.on(today).pack.version,
        )
    }
}

fn sent(kind: &str, scope: &str, version: u32, document: &SignedDocument) -> Sent {
    let bytes = serde_json::to_vec(document).expect("JSON");
    let entry = NormEntry {
        kind: kind.to_owned(),
        scope: scope.to_owned(),
        sha256: Sha256Digest::of(&bytes),
        size_bytes: bytes.len() as u64,
        version,
    };
    (entry, bytes)
}

#[test]
fn a_list_is_worked_by_when_all_of_it_is_here_and_not_before() {
    let office = Office::new();
    assert_eq!(office.state(), (0, 0, None, 1), "the pack of the program");
    let (first, second) = (office.pack(2), office.pack(3));
    let list = office.list(2, &[&first, &second]);
    let queue = office.holdings.queue();
    assert_eq!(queue.accept_norms(&list), Ok(true));
    assert_eq!(queue.use_newest_norms(), Ok(false));
    assert_eq!(queue.keep_norm(&first.0, &first.1), Ok(true));
    assert_eq!(queue.use_newest_norms(), Ok(false));
    drop(queue);
    assert_eq!(office.state(), (2, 0, None, 1));
    let queue = office.holdings.queue();
    assert_eq!(queue.keep_norm(&second.0, &second.1), Ok(true));
    assert_eq!(queue.use_newest_norms(), Ok(true));
    assert_eq!(queue.use_newest_norms(), Ok(false), "once");
    drop(queue);
    assert_eq!(office.state(), (2, 2, None, 3));
    // The next list names what is here already: only the new one is asked for, and what is named no longer goes.
    let third = office.pack(4);
    let list = office.list(3, &[&second, &third]);
    assert_eq!(office.bring(&list, &[&third]), ["pack 4"]);
    assert_eq!(office.state(), (3, 3, None, 4));
    let rows = office.holdings.queue().count("SELECT count(*) FROM norm");
    assert_eq!(rows, Ok(2));
}

#[test]
fn settings_of_other_courts_are_not_fetched() {
    let office = Office::new();
    let (own, other) = (office.overlay(COURT, 6), office.overlay("川0802", 5));
    let list = office.list(2, &[&own, &other]);
    assert_eq!(
        office.bring(&list, &[&own, &other]),
        [format!("overlay {COURT} 1")]
    );
    let ready = office.holdings.queue().ready_norms().expect("reads");
    let days = |court: &str| {
        let law = ready.law(court);
        let period = law.on("2026-12-01".parse().expect("a date"));
        period.pack.rule("S02-03").and_then(|rule| rule.deadline.n)
    };
    assert_eq!((days(COURT), days("川0802")), (Some(6), Some(10)));
}

#[test]
fn whatever_is_wrong_with_a_norm_the_device_goes_on_with_what_it_has_and_says_why() {
    let office = Office::new();
    let good = office.pack(2);
    office.bring(&office.list(1, &[&good]), &[&good]);
    assert_eq!(office.state(), (1, 1, None, 2));
    let thief = SoftwareSigner::from_pkcs8(&SoftwareSigner::make_pkcs8().expect("randomness"))
        .expect("a key just made loads");
    // A list of somebody else, and an older one of the court.
    let refused = |code: &str| (1, 1, Some(code.to_owned()), 2);
    office.bring(&office.list_by(&thief, 99, &[&good]), &[]);
    assert_eq!(office.state(), refused("norm_key_untrusted"));
    office.bring(&office.list(0, &[&good]), &[]);
    assert_eq!(office.state(), refused("norms_older"));
    let release = office.release(3);
    let forged = SignedDocument::sign(&release, &thief).expect("signs");
    let member = |from: &str, to: &str| {
        let text = String::from_utf8(release.pack.to_bytes()).expect("text");
        assert!(text.contains(from), "{from}");
        let mut release = release.clone();
        let text = text.replacen(from, to, 1);
        release.pack = canonical::parse(text.as_bytes()).expect("canonical");
        office.signed(&release)
    };
    let mut version = 1;
    for (document, code) in [
        (forged, "norm_signature_wrong"),
        (
            member("zhixing-rulepack/1", "zhixing-rulepack/9"),
            "pack_format_unknown",
        ),
        (
            member("\"within_after\"", "\"within_reason\""),
            "pack_kind_unknown",
        ),
        (member("\"law\":\"CPL\"", "\"law\":\"CPX\""), "pack_faulty"),
        // A pack of another version than the list says.
        (office.signed(&office.release(5)), "norm_contradicts_itself"),
    ] {
        version += 1;
        let bad = sent("pack", "", 3, &document);
        let list = office.list(version, &[&good, &bad]);
        assert_eq!(office.bring(&list, &[&bad]), ["pack 3"], "{code}");
        assert_eq!(office.state(), (version, 1, Some(code.to_owned()), 2));
        let queue = office.holdings.queue();
        assert_eq!(queue.wanted_norm(), Ok(None), "it is not asked for again");
        let refused = queue.norms_held().expect("reads").refused.expect("refused");
        assert_eq!(
            (refused.version, refused.norm.as_str()),
            (version, "pack 3")
        );
        assert!(
            queue
                .refusals()
                .expect("reads")
                .iter()
                .any(|(known, _)| known == code)
        );
    }
    // Other bytes than the list names.
    version += 1;
    let named = office.pack(3);
    let list = office.list(version, &[&good, &named]);
    let other = (named.0.clone(), office.pack(3).1);
    assert_eq!(office.bring(&list, &[&other]), ["pack 3"]);
    assert_eq!(
        office.state(),
        (version, 1, Some(BYTES_DIFFER.to_owned()), 2)
    );
    // What somebody else sends meanwhile does not bring it up again.
    assert_eq!(
        office.bring(&office.list_by(&thief, 99, &[&good]), &[]),
        [""; 0]
    );
    // What is right again is used at once, and nothing stands against it any more.
    let right = office.pack(4);
    office.bring(&office.list(version + 1, &[&good, &right]), &[&right]);
    assert_eq!(office.state(), (version + 1, version + 1, None, 4));
}

#[test]
fn norms_whose_rows_were_damaged_are_not_worked_by() {
    let office = Office::new();
    let good = office.pack(2);
    office.bring(&office.list(1, &[&good]), &[&good]);
    let queue = office.holdings.queue();
    let other = office.pack(3).1;
    queue
        .db
        .execute("UPDATE norm SET bytes = ?1", [other])
        .expect("writes");
    drop(queue);
    assert_eq!(office.state(), (1, 1, None, 1), "the pack of the program");
}
