//! The age format against the public test kit (see `vectors/age/README.md`).

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use zhixing_protocol::age::{
    AgeError, FileKey, Header, Identity, NONCE_LEN, StreamOpener, StreamSealer,
};
use zhixing_protocol::hash::{Sha256Digest, from_hex};

/// Files of the kit that are kept in `vectors/age/testkit`.
const FILES: usize = 67;

struct Vector {
    expect: String,
    payload: Option<Sha256Digest>,
    /// Of another length in one file that must be refused.
    file_key: Vec<u8>,
    identities: Vec<Identity>,
    file: Vec<u8>,
}

impl Vector {
    fn read(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(2)
            .position(|pair| pair == b"\n\n")
            .expect("a vector has a head and an empty line");
        let head = std::str::from_utf8(&bytes[..end]).expect("the head is text");
        let mut fields = BTreeMap::<_, Vec<_>>::new();
        for line in head.lines() {
            let (name, value) = line.split_once(": ").expect("a field in each line");
            fields.entry(name).or_default().push(value);
        }
        let mut file = bytes[end + 2..].to_vec();
        if fields.contains_key("compressed") {
            let mut plain = Vec::new();
            flate2::read::ZlibDecoder::new(&file[..])
                .read_to_end(&mut plain)
                .expect("zlib");
            file = plain;
        }
        Self {
            expect: fields["expect"][0].to_owned(),
            payload: fields
                .get("payload")
                .map(|values| values[0].parse().expect("a digest")),
            file_key: fields
                .get("file key")
                .map_or_else(Vec::new, |values| from_hex(values[0]).expect("hexadecimal")),
            identities: fields
                .get("identity")
                .into_iter()
                .flatten()
                .map(|text| text.parse().expect("an identity"))
                .collect(),
            file,
        }
    }

    /// Decrypts as a caller would, leaving in `out` what was given out before any error.
    fn decrypt(&self, out: &mut Vec<u8>) -> Result<(), Failure> {
        let (header, length) = Header::parse(&self.file).map_err(header_failure)?;
        let identities: Vec<_> = self.identities.iter().collect();
        let file_key = header.open(&identities).map_err(|error| match error {
            AgeError::NoMatch => ("no match", error),
            AgeError::BadMac => ("HMAC failure", error),
            error => header_failure(error),
        })?;
        assert_eq!(file_key.as_bytes()[..], self.file_key[..]);
        let payload = &self.file[length..];
        // The kit counts the nonce as part of the header.
        if payload.len() < NONCE_LEN {
            return Err(header_failure(AgeError::BadHeader));
        }
        let mut opener = StreamOpener::new(file_key);
        // An odd piece, so that chunks straddle pushes.
        for piece in payload.chunks(99_991) {
            opener.push(piece, out).map_err(payload_failure)?;
        }
        opener.finish(out).map_err(payload_failure)
    }
}

/// How the kit calls the failure, and how we do.
type Failure = (&'static str, AgeError);

fn header_failure(error: AgeError) -> Failure {
    ("header failure", error)
}

fn payload_failure(error: AgeError) -> Failure {
    ("payload failure", error)
}

fn vectors() -> Vec<(String, Vector)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/age/testkit");
    let mut vectors: Vec<_> = fs::read_dir(folder)
        .expect("the folder is part of the repository")
        .map(|entry| {
            let path = entry.expect("a readable folder").path();
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (
                name,
                Vector::read(&fs::read(&path).expect("a readable file")),
            )
        })
        .collect();
    vectors.sort_by(|(left, _), (right, _)| left.cmp(right));
    assert_eq!(vectors.len(), FILES);
    vectors
}

#[test]
fn every_file_of_the_kit_ends_as_it_says() {
    for (name, vector) in vectors() {
        let mut out = Vec::new();
        let result = vector.decrypt(&mut out);
        let got = result.map_or_else(|(name, _)| name, |()| "success");
        assert_eq!(got, vector.expect, "{name}: {result:?}");
        // Given for `success` and `payload failure`: exactly the authentic bytes are given out, no more and no fewer.
        if let Some(digest) = vector.payload {
            assert_eq!(Sha256Digest::of(&out), digest, "{name}");
        } else {
            assert!(out.is_empty(), "{name}");
        }
    }
}

#[test]
fn headers_and_payloads_of_the_kit_are_written_back_as_they_were() {
    let (mut headers, mut payloads) = (0, 0);
    for (name, vector) in vectors() {
        if vector.expect == "header failure" {
            continue;
        }
        let (header, length) = Header::parse(&vector.file).expect("a header without failure");
        assert_eq!(header.to_bytes(), vector.file[..length], "{name}");
        headers += 1;
        if vector.expect != "success" {
            continue;
        }
        let mut plain = Vec::new();
        vector.decrypt(&mut plain).expect("success");
        let (nonce, chunks) = vector.file[length..]
            .split_first_chunk::<NONCE_LEN>()
            .expect("success");
        let key = FileKey::make(vector.file_key[..].try_into().expect("success"));
        let mut sealed = Vec::new();
        let mut sealer = StreamSealer::new(&key, nonce);
        sealer.push(&plain, &mut sealed);
        sealer.finish(&mut sealed);
        assert!(sealed == chunks, "{name}");
        payloads += 1;
    }
    assert_eq!((headers, payloads), (36, 14));
}
