//! A sample inner system: it knows its own cases and speaks nothing but files, as `docs/GATE.md` describes them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use zhixing_protocol::hash::Sha256Digest;
use zhixing_protocol::keys::{PublicKey, Signature, Signer as _, SoftwareSigner};

/// The file in which either side answers the other's batches.
const ACKNOWLEDGEMENTS: &str = "acknowledgements.jsonl";

/// A batch that came from the field system.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its number.
    pub seq: u64,
    /// SHA-256 of its manifest.
    pub digest: Sha256Digest,
    /// Lines by file.
    pub lines: BTreeMap<String, Vec<Value>>,
}

/// The inner system of one court, with its end of the two one-way links.
pub struct InnerSystem {
    /// Its name.
    pub name: String,
    /// Court of its manifests; a test may set another.
    pub court: String,
    /// Number of its last batch.
    pub seq: u64,
    /// Digest of its last manifest.
    pub prev: Sha256Digest,
    /// Last batch it took.
    pub taken: u64,
    signer: SoftwareSigner,
    folder: PathBuf,
    field_key: Option<PublicKey>,
}

impl InnerSystem {
    /// One called `name` whose folders of the gate are in `gate/name`.
    pub fn new(gate: &Path, name: &str, court: &str) -> Self {
        let pkcs8 = SoftwareSigner::make_pkcs8().expect("a key");
        Self {
            name: name.to_owned(),
            court: court.to_owned(),
            seq: 0,
            prev: Sha256Digest([0; 32]),
            taken: 0,
            signer: SoftwareSigner::from_pkcs8(&pkcs8).expect("the key loads"),
            folder: gate.join(name),
            field_key: None,
        }
    }

    /// Its public key, PEM: what the other side pins.
    pub fn key_pem(&self) -> String {
        self.signer.public_key().to_pem()
    }

    /// Pins the key of the field system.
    pub fn pin(&mut self, key: PublicKey) {
        self.field_key = Some(key);
    }

    /// One of its folders: `in`, `out`, `quarantine`, `done`.
    pub fn place(&self, place: &str) -> PathBuf {
        self.folder.join(place)
    }

    /// Names in one of its folders.
    pub fn names(&self, place: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.place(place)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("a readable folder")
                    .file_name()
                    .into_string()
                    .expect("UTF-8")
            })
            .collect();
        names.sort();
        names
    }

    /// Makes the next batch of these files in a folder of its own, not yet carried across.
    pub fn make(&mut self, files: &[(&str, Vec<u8>)]) -> PathBuf {
        self.seq += 1;
        let batch = self.make_as(self.seq, files, |_| {});
        let manifest = fs::read(batch.join("manifest.json")).expect("just written");
        self.prev = Sha256Digest::of(&manifest);
        batch
    }

    /// The same with a number and a manifest that a test chooses; the own numbering does not move.
    pub fn make_as(
        &self,
        seq: u64,
        files: &[(&str, Vec<u8>)],
        change: impl FnOnce(&mut Value),
    ) -> PathBuf {
        let batch = self.place("made").join(format!("{}-{seq:06}", self.name));
        if batch.exists() {
            fs::remove_dir_all(&batch).expect("an own folder");
        }
        fs::create_dir_all(&batch).expect("a folder");
        let mut entries = serde_json::Map::new();
        for (name, bytes) in files {
            let path = batch.join(name);
            fs::create_dir_all(path.parent().expect("inside the batch")).expect("a folder");
            fs::write(&path, bytes).expect("writes");
            let records = name.ends_with(".jsonl").then(|| {
                bytes
                    .split(|byte| *byte == b'\n')
                    .filter(|line| !line.is_empty())
                    .count()
            });
            entries.insert(
                (*name).to_owned(),
                json!({"sha256": Sha256Digest::of(bytes).to_string(), "size_bytes": bytes.len(), "records": records}),
            );
        }
        let mut manifest = json!({
            "format": "zhixing-gate/1",
            "sender": self.name,
            "receiver": "zhixing",
            "court": self.court,
            "seq": seq,
            "prev": self.prev.to_string(),
            "made_ms": 1_790_000_000_000_i64,
            "files": entries,
        });
        change(&mut manifest);
        let bytes = serde_json::to_vec(&manifest).expect("JSON");
        let signature = self.signer.sign(&bytes).expect("signs");
        fs::write(batch.join("manifest.json"), &bytes).expect("writes");
        fs::write(batch.join("manifest.sig"), signature.as_der()).expect("writes");
        batch
    }

    /// Carries a batch across: it appears whole among the incoming ones of the other side.
    pub fn carry(&self, batch: &Path) -> String {
        let name = batch.file_name().expect("a name").to_string_lossy();
        let place = self.place("in");
        let part = place.join(format!(".part-{name}"));
        copy_tree(batch, &part);
        fs::rename(&part, place.join(name.as_ref())).expect("a free name");
        name.into_owned()
    }

    /// Makes and carries the next batch.
    pub fn send(&mut self, files: &[(&str, Vec<u8>)]) -> String {
        let batch = self.make(files);
        self.carry(&batch)
    }

    /// Fetches what lies in `out`, as a link does that empties the folder, and reads it in order. Batches known from before and those
    /// behind a gap are left out.
    pub fn receive(&mut self) -> Vec<Received> {
        let key = self.field_key.as_ref().expect("a pinned key");
        let mut read = Vec::new();
        for name in self.names("out") {
            let folder = self.place("out").join(&name);
            let bytes = fs::read(folder.join("manifest.json")).expect("a manifest");
            let signature = fs::read(folder.join("manifest.sig")).expect("a signature");
            key.verify(&bytes, &Signature::from_der(&signature).expect("DER"))
                .expect("signed by the pinned key");
            let manifest: Value = serde_json::from_slice(&bytes).expect("JSON");
            assert_eq!(manifest["format"], "zhixing-gate/1");
            assert_eq!(manifest["receiver"], self.name);
            let mut lines = BTreeMap::new();
            for (file, entry) in manifest["files"].as_object().expect("files") {
                let content = fs::read(folder.join(file)).expect("the file named");
                assert_eq!(entry["sha256"], Sha256Digest::of(&content).to_string());
                let text = String::from_utf8(content).expect("UTF-8");
                let of_file: Vec<Value> = text
                    .lines()
                    .map(|line| serde_json::from_str(line).expect("a JSON line"))
                    .collect();
                assert_eq!(entry["records"], of_file.len());
                lines.insert(file.clone(), of_file);
            }
            read.push(Received {
                seq: manifest["seq"].as_u64().expect("a number"),
                digest: Sha256Digest::of(&bytes),
                lines,
            });
            fs::remove_dir_all(&folder).expect("the link empties the folder");
        }
        read.sort_by_key(|batch| batch.seq);
        let mut fresh = Vec::new();
        for batch in read {
            if batch.seq == self.taken + 1 {
                self.taken = batch.seq;
                fresh.push(batch);
            }
        }
        fresh
    }

    /// Says that these batches were taken.
    pub fn acknowledge(&mut self, batches: &[Received]) -> String {
        let lines: Vec<Value> = batches
            .iter()
            .map(|batch| {
                json!({"seq": batch.seq, "manifest_sha256": batch.digest.to_string(), "outcome": "taken"})
            })
            .collect();
        self.send(&[(ACKNOWLEDGEMENTS, jsonl(&lines))])
    }
}

/// Lines of a file.
pub fn jsonl(lines: &[Value]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        bytes.extend_from_slice(line.to_string().as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("a readable folder");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("copies");
        }
    }
}
