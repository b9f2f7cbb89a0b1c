//! What the stock tools say of our bytes, and we of theirs: `age`, `openssl`, `sha256sum`.
//!
//! They must be on the path (Debian: `apt-get install age openssl coreutils`); a missing one fails the test.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use zhixing_protocol::age::{
    AgeError, CHUNK_PLAIN, FileKey, Header, Identity, NONCE_LEN, Recipient, StreamOpener,
    StreamSealer,
};
use zhixing_protocol::evidence::{CHUNK_BYTES, DigestPass, EvidenceDigests};
use zhixing_protocol::hash::{Sha256Digest, StatementHash};
use zhixing_protocol::keys::{PublicKey, Signature, Signer as _, SoftwareSigner};

/// At and beside the edges of age's chunks.
const LENGTHS: [usize; 8] = [
    0,
    1,
    CHUNK_PLAIN - 1,
    CHUNK_PLAIN,
    CHUNK_PLAIN + 1,
    2 * CHUNK_PLAIN,
    3 * CHUNK_PLAIN + 7,
    1 << 20,
];

/// A canonical statement-like text with more than ASCII in it.
const STATEMENT: &[u8] = r#"{"body":{},"court":"川0811","type":"case.note/1"}"#.as_bytes();

fn plain(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 253).to_le_bytes()[0]).collect()
}

fn run(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} must be installed: {error}"));
    let mut stdin = child.stdin.take().expect("asked for a pipe");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // A tool may stop reading what it refuses; its exit code says so.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("the child ends");
    writer.join().expect("the writer does not panic");
    output
}

/// Standard output of a run that succeeded.
fn answer(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let output = run(command, input);
    assert!(output.status.success(), "{command:?}: {output:?}");
    output.stdout
}

/// A folder of this test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("zhixing-{test}-{}", std::process::id()));
        fs::create_dir(&path).expect("a new temporary folder");
        Self(path)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).expect("a file in a temporary folder");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A random identity, made by the stock tool.
fn age_keygen() -> Identity {
    let text = String::from_utf8(answer(&mut Command::new("age-keygen"), b"")).expect("text");
    let line = text
        .lines()
        .find(|line| line.starts_with("AGE-SECRET-KEY-1"))
        .expect("age-keygen prints an identity");
    let identity: Identity = line.parse().expect("an identity of the stock tool");
    assert_eq!(identity.to_secret_text().as_str(), line);
    let public = text
        .lines()
        .find_map(|line| line.strip_prefix("# public key: "))
        .expect("age-keygen prints the recipient");
    assert_eq!(identity.recipient().to_string(), public);
    assert_eq!(public.parse(), Ok(identity.recipient()));
    identity
}

fn stock_encrypt(recipients: &[Recipient], plain: &[u8]) -> Vec<u8> {
    let mut command = Command::new("age");
    for recipient in recipients {
        command.args(["-r", &recipient.to_string()]);
    }
    answer(&mut command, plain)
}

fn stock_decrypt(folder: &Folder, identity: &Identity, file: &[u8]) -> Option<Vec<u8>> {
    let key = folder.write("identity", identity.to_secret_text().as_bytes());
    let output = run(Command::new("age").arg("-d").arg("-i").arg(key), file);
    output.status.success().then_some(output.stdout)
}

fn draw(first: u8) -> impl FnMut() -> [u8; 32] {
    let mut next = first;
    move || {
        next = next.wrapping_add(1);
        [next; 32]
    }
}

fn our_encrypt(recipients: &[Recipient], plain: &[u8]) -> Vec<u8> {
    let (key, nonce) = (FileKey::make([0x31; 16]), [0x32; NONCE_LEN]);
    let header = Header::seal(&key, recipients, draw(0x33)).expect("proper keys");
    let mut file = header.to_bytes();
    file.extend_from_slice(&nonce);
    let mut sealer = StreamSealer::new(&key, &nonce);
    sealer.push(plain, &mut file);
    sealer.finish(&mut file);
    file
}

fn our_decrypt(identity: &Identity, file: &[u8]) -> Result<Vec<u8>, AgeError> {
    let (header, length) = Header::parse(file)?;
    let mut opener = StreamOpener::new(header.open(&[identity])?);
    let mut plain = Vec::new();
    opener.push(&file[length..], &mut plain)?;
    opener.finish(&mut plain)?;
    Ok(plain)
}

#[test]
fn age_opens_our_files_for_each_recipient() {
    let folder = Folder::new("age-opens");
    let (court, device) = (age_keygen(), age_keygen());
    for length in LENGTHS {
        let plain = plain(length);
        let mut file = our_encrypt(&[court.recipient(), device.recipient()], &plain);
        for identity in [&court, &device] {
            let opened = stock_decrypt(&folder, identity, &file);
            assert!(opened.as_ref() == Some(&plain), "{length} bytes");
        }
        *file.last_mut().expect("a file is not empty") ^= 1;
        assert_eq!(stock_decrypt(&folder, &court, &file), None);
    }
}

#[test]
fn we_open_files_of_age() {
    let (court, device, other) = (age_keygen(), age_keygen(), age_keygen());
    for length in LENGTHS {
        let plain = plain(length);
        let file = stock_encrypt(&[court.recipient(), device.recipient()], &plain);
        for identity in [&court, &device] {
            assert!(
                our_decrypt(identity, &file).as_ref() == Ok(&plain),
                "{length} bytes"
            );
        }
        assert_eq!(our_decrypt(&other, &file), Err(AgeError::NoMatch));
    }
}

#[test]
fn age_opens_a_file_whose_header_we_wrapped_again() {
    let folder = Folder::new("age-rewrapped");
    let (court, reader) = (age_keygen(), age_keygen());
    let plain = plain(3 * CHUNK_PLAIN + 7);
    let file = stock_encrypt(&[court.recipient()], &plain);
    let (header, length) = Header::parse(&file).expect("a file of the stock tool");
    let key = header.open(&[&court]).expect("the court");
    let header = Header::seal(&key, &[reader.recipient()], draw(0x44)).expect("a proper key");
    let copy = [&header.to_bytes(), &file[length..]].concat();
    assert!(stock_decrypt(&folder, &reader, &copy) == Some(plain));
    assert_eq!(stock_decrypt(&folder, &court, &copy), None);
}

/// The first word of what a digest tool prints, or the last of `openssl`'s.
fn hexadecimal(output: Vec<u8>) -> String {
    let text = String::from_utf8(output).expect("digest tools print text");
    text.split_whitespace()
        .find(|word| word.len() == 64)
        .expect("a digest of 32 bytes")
        .to_owned()
}

fn openssl_digest(name: &str, input: &[u8]) -> String {
    hexadecimal(answer(Command::new("openssl").args(["dgst", name]), input))
}

#[test]
fn digests_of_evidence_are_those_of_openssl_and_sha256sum() {
    let chunk = usize::try_from(CHUNK_BYTES).expect("1 MiB");
    for length in [
        0,
        1,
        3,
        64,
        65_537,
        chunk - 1,
        chunk,
        chunk + 1,
        3 * chunk + 17,
    ] {
        let plain = plain(length);
        let mut pass = DigestPass::default();
        plain.chunks(99_991).for_each(|piece| pass.update(piece));
        let digests = pass.finish();
        assert_eq!(digests.size_bytes, length as u64);
        assert_eq!(
            digests.sha256.to_string(),
            openssl_digest("-sha256", &plain)
        );
        let summed = hexadecimal(answer(&mut Command::new("sha256sum"), &plain));
        assert_eq!(digests.sha256.to_string(), summed);
        assert_eq!(
            digests.sm3.to_string(),
            openssl_digest("-sm3", &plain),
            "{length} bytes"
        );
    }
}

/// RFC 6962 with nothing but `sha256sum` of prefixed bytes.
fn tree_by_sha256sum(chunks: &[&[u8]]) -> Vec<u8> {
    let hash = |bytes: &[u8]| {
        let text = hexadecimal(answer(&mut Command::new("sha256sum"), bytes));
        zhixing_protocol::hash::from_hex(&text).expect("sha256sum prints hexadecimal")
    };
    match chunks {
        [] => hash(b""),
        [chunk] => hash(&[&[0], *chunk].concat()),
        chunks => {
            let (left, right) = chunks.split_at(chunks.len().next_power_of_two() / 2);
            hash(
                &[
                    &[1],
                    &tree_by_sha256sum(left)[..],
                    &tree_by_sha256sum(right),
                ]
                .concat(),
            )
        }
    }
}

#[test]
fn the_chunk_root_can_be_recomputed_with_sha256sum_alone() {
    let chunk = usize::try_from(CHUNK_BYTES).expect("1 MiB");
    for length in [0, 1, chunk, chunk + 1, 2 * chunk, 3 * chunk + 17, 5 * chunk] {
        let plain = plain(length);
        let chunks: Vec<_> = plain.chunks(chunk).collect();
        let root = EvidenceDigests::of(&plain).chunk_root;
        assert_eq!(
            root.as_bytes()[..],
            tree_by_sha256sum(&chunks),
            "{length} bytes"
        );
    }
}

fn openssl_verifies(key: &Path, signature: &Path, statement: &[u8]) -> bool {
    let mut command = Command::new("openssl");
    command.args(["dgst", "-sha256", "-verify"]);
    command.arg(key).arg("-signature").arg(signature);
    let output = run(&mut command, statement);
    let accepted = output.stdout.starts_with(b"Verified OK");
    assert_eq!(accepted, output.status.success());
    accepted
}

#[test]
fn openssl_verifies_our_signatures() {
    let folder = Folder::new("openssl-verifies");
    let pkcs8 = SoftwareSigner::make_pkcs8().expect("the system has randomness");
    let signer = SoftwareSigner::from_pkcs8(&pkcs8).expect("a key just made loads");
    let key = folder.write("public.pem", signer.public_key().to_pem().as_bytes());
    for round in 0..16_u8 {
        let statement = [STATEMENT, &[round]].concat();
        let signature = signer.sign(&statement).expect("a software key signs");
        let path = folder.write("signature", signature.as_der());
        assert!(openssl_verifies(&key, &path, &statement));
        assert!(!openssl_verifies(&key, &path, STATEMENT));
    }
    let hash = StatementHash::of(STATEMENT).to_string();
    assert_eq!(hash, openssl_digest("-sha256", STATEMENT));
}

#[test]
fn we_verify_signatures_of_openssl() {
    let folder = Folder::new("openssl-signs");
    let secret = folder.0.join("secret.pem");
    let curve = "ec_paramgen_curve:P-256";
    let mut generate = Command::new("openssl");
    generate.args(["genpkey", "-algorithm", "EC", "-pkeyopt", curve, "-out"]);
    answer(generate.arg(&secret), b"");
    let mut export = Command::new("openssl");
    export.args(["pkey", "-pubout", "-outform", "DER", "-in"]);
    let public = PublicKey::from_spki(&answer(export.arg(&secret), b"")).expect("P-256");
    let fingerprint = Sha256Digest::of(public.as_spki()).to_string();
    assert_eq!(fingerprint, openssl_digest("-sha256", public.as_spki()));
    let mut high = 0;
    for round in 0..32_u8 {
        let statement = [STATEMENT, &[round]].concat();
        let mut sign = Command::new("openssl");
        sign.args(["dgst", "-sha256", "-sign"]).arg(&secret);
        let der = answer(&mut sign, &statement);
        let signature = Signature::normalise_der(&der).expect("DER");
        assert_eq!(public.verify(&statement, &signature), Ok(()));
        assert!(public.verify(STATEMENT, &signature).is_err());
        // openssl does not choose the low S, so about half of its signatures are refused as they are.
        high += u32::from(Signature::from_der(&der).is_err());
    }
    assert!(
        (1..32).contains(&high),
        "{high} of 32 signatures with a high S"
    );
}
