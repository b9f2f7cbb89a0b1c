use super::*;
use crate::keys::{Signer as _, SoftwareSigner};

fn key() -> SoftwareSigner {
    let pkcs8 = SoftwareSigner::make_pkcs8().expect("the system has randomness");
    SoftwareSigner::from_pkcs8(&pkcs8).expect("a key just made loads")
}

fn realm(number: u8) -> RealmId {
    RealmId::make(UtcMillis(1), [number; 10])
}

/// Three roots and the steps between them.
struct Roots {
    keys: [SoftwareSigner; 3],
    steps: Vec<Succession>,
}

impl Roots {
    fn make() -> Self {
        let keys = [key(), key(), key()];
        let steps = keys
            .iter()
            .zip(keys.iter().skip(1))
            .map(|(old, new)| step(realm(1), old, new))
            .collect();
        Self { keys, steps }
    }

    /// Fingerprint of a root by its number.
    fn print(&self, number: usize) -> Sha256Digest {
        self.key(number).public_key().fingerprint()
    }

    fn key(&self, number: usize) -> &SoftwareSigner {
        self.keys.get(number).expect("one of three")
    }

    /// A trust document of the third root, changed by the test.
    fn trust(&self, change: impl FnOnce(&mut Trust)) -> SignedDocument {
        let mut trust = Trust {
            realm: realm(1),
            version: 7,
            issued_ms: UtcMillis(3),
            keys: Vec::new(),
            recipients: Vec::new(),
            logs: Vec::new(),
            policy: DevicePolicy {
                lease_ms: 0,
                retention_ms: 0,
                witness_quorum: 0,
            },
            root: self.key(2).public_key().clone(),
            succession: self.steps.clone(),
        };
        change(&mut trust);
        SignedDocument::sign(&trust, self.key(2)).expect("signs")
    }
}

fn step(realm: RealmId, old: &SoftwareSigner, new: &SoftwareSigner) -> Succession {
    Succession::sign(realm, UtcMillis(2), old, new.public_key()).expect("signs")
}

#[test]
fn whoever_trusts_one_of_the_roots_believes_the_newest_and_trusts_it_from_then_on() {
    let roots = Roots::make();
    let document = roots.trust(|_| ());
    for number in 0..3 {
        let trust = Trust::verify(&document, roots.print(number), None).expect("believed");
        assert_eq!(trust.root.fingerprint(), roots.print(2));
    }
    let stranger = key().public_key().fingerprint();
    assert_eq!(
        Trust::verify(&document, stranger, None),
        Err(TrustError::UntrustedRoot(roots.print(2)))
    );
}

#[test]
fn an_older_version_is_refused_however_the_root_changed() {
    let roots = Roots::make();
    let document = roots.trust(|_| ());
    let held = |version| Trust::verify(&document, roots.print(0), Some((realm(1), version)));
    assert!(held(7).is_ok());
    assert_eq!(held(8), Err(TrustError::Older { found: 7, held: 8 }));
}

#[test]
fn a_root_to_which_no_step_leads_is_not_believed() {
    let roots = Roots::make();
    let thief = key();
    let [first, second] = [roots.key(0), roots.key(1)];
    let last = roots.steps.last().expect("two").clone();
    let forged = |from: &SoftwareSigner| Succession {
        // The thief signs what the old root should have signed.
        signature: step(realm(1), &thief, roots.key(2)).signature,
        ..step(realm(1), from, roots.key(2))
    };
    let changes: [(&str, Vec<Succession>); 8] = [
        ("no step", Vec::new()),
        ("the first step is missing", vec![last.clone()]),
        (
            "the last step is missing",
            vec![step(realm(1), first, second)],
        ),
        ("a step is signed by another key", vec![forged(first)]),
        (
            "one of two steps is signed by another key",
            vec![step(realm(1), first, second), forged(second)],
        ),
        (
            "the steps do not follow each other",
            vec![step(realm(1), first, &thief), last.clone()],
        ),
        (
            "a step of another deployment",
            vec![step(realm(2), first, second), last.clone()],
        ),
        ("backwards", vec![last, step(realm(1), first, second)]),
    ];
    for (name, steps) in changes {
        let document = roots.trust(|trust| trust.succession = steps);
        assert_eq!(
            Trust::verify(&document, roots.print(0), None),
            Err(TrustError::UntrustedRoot(roots.print(2))),
            "{name}"
        );
    }
}

#[test]
fn a_root_that_says_wrong_things_of_its_forerunners_is_refused_by_those_who_trust_it() {
    let roots = Roots::make();
    let document = roots.trust(|trust| trust.succession.reverse());
    assert_eq!(
        Trust::verify(&document, roots.print(2), None),
        Err(TrustError::Succession)
    );
    let many = roots.trust(|trust| {
        let [first, last] = [roots.key(0), roots.key(2)];
        let there = step(realm(1), first, last);
        let back = step(realm(1), last, first);
        trust.succession = vec![there.clone()];
        for _ in 0..MOST_SUCCESSIONS {
            trust.succession.extend([back.clone(), there.clone()]);
        }
    });
    assert_eq!(
        Trust::verify(&many, roots.print(2), None),
        Err(TrustError::Succession)
    );
}

#[test]
fn a_former_root_signs_no_trust_document_any_more() {
    let roots = Roots::make();
    let trust: Trust = roots
        .trust(|trust| trust.version = 99)
        .peek()
        .expect("reads");
    // It names the new root, but the old one signs.
    let document = SignedDocument::sign(&trust, roots.key(0)).expect("signs");
    assert!(matches!(
        Trust::verify(&document, roots.print(0), None),
        Err(TrustError::Document(_))
    ));
    // It names itself: whoever went on to the new root does not go back.
    let own = Trust {
        root: roots.key(0).public_key().clone(),
        succession: Vec::new(),
        ..trust
    };
    let document = SignedDocument::sign(&own, roots.key(0)).expect("signs");
    assert_eq!(
        Trust::verify(&document, roots.print(2), Some((realm(1), 7))),
        Err(TrustError::UntrustedRoot(roots.print(0)))
    );
}

#[test]
fn a_step_is_a_document_of_its_own_and_a_first_root_names_none() {
    let roots = Roots::make();
    let first = roots.steps.first().expect("two");
    let document = first.document(realm(1)).expect("canonical");
    let expected = format!(
        r#"{{"at_ms":2,"from":"{}","realm":"{}","to":"{}","type":"root.succession/1"}}"#,
        first.from,
        realm(1),
        first.to
    );
    assert_eq!(String::from_utf8_lossy(document.bytes()), expected);
    assert!(document.verify::<RootSuccession>(&first.from).is_ok());
    assert!(document.verify::<RootSuccession>(&first.to).is_err());
    let plain = roots.trust(|trust| trust.succession.clear());
    assert!(!String::from_utf8_lossy(plain.bytes()).contains("succession"));
}
