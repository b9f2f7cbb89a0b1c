//! The log is checked by code that is not ours: `golang.org/x/mod/sumdb/note` and `tlog`, the notes and Merkle tree of
//! the Go checksum database. The program is `tests/interop/tlog`; its head describes the files of a proof folder.
//!
//! Needs Go 1.18 or newer (Debian: `golang-go`). Without it these tests fail; they are never skipped.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use tempfile::TempDir;
use zhixing_protocol::hash::{RootHash, StatementHash, sha256};
use zhixing_protocol::tlog::{
    Accumulator, Checkpoint, EntryBundle, Leaf, LogSigner, TileCoordinate, TreeReader,
    VerifiedCheckpoint, VerifierKey, consistency_proof, inclusion_proof,
};

const ORIGIN: &str = "zhixing.test/sichuan/2026";
/// Exit code of the Go program for a folder that does not prove what it claims.
const REFUSED: i32 = 1;

/// The Go program, built once for all tests of this file.
struct GoTool {
    _folder: TempDir,
    program: PathBuf,
}

static GO: LazyLock<GoTool> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder for the Go program");
    let program = folder
        .path()
        .join(format!("tlog{}", std::env::consts::EXE_SUFFIX));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop/tlog");
    let output = Command::new("go")
        .args(["build", "-buildvcs=false", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(source)
        .output()
        .expect(
            "`go` must be on the PATH: install Go 1.18 or newer (Debian: apt install golang-go)",
        );
    assert!(
        output.status.success(),
        "go build: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    GoTool {
        _folder: folder,
        program,
    }
});

impl GoTool {
    fn run(&self, command: &str, folder: &Path, numbers: &[u64]) -> Output {
        Command::new(&self.program)
            .arg(command)
            .arg(folder)
            .args(numbers.iter().map(ToString::to_string))
            .output()
            .expect("the program was just built")
    }

    /// What the Go program says about a folder: its exit code and its line.
    fn verify(&self, folder: &Path) -> (Option<i32>, String) {
        let output = self.run("verify", folder, &[]);
        let line = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&line).into_owned(),
        )
    }
}

/// A log in memory with every hash of a complete subtree.
struct Log {
    signer: LogSigner,
    nodes: BTreeMap<(u8, u64), RootHash>,
    roots: Vec<RootHash>,
}

impl TreeReader for Log {
    type Error = Infallible;
    fn node(&self, index: (u8, u64)) -> Result<RootHash, Infallible> {
        Ok(*self
            .nodes
            .get(&index)
            .expect("only complete subtrees are asked for"))
    }
}

fn leaf(index: u64) -> Leaf {
    Leaf {
        statement: StatementHash(sha256(format!("statement {index}").as_bytes())),
        signature_sha256: sha256(format!("signature {index}").as_bytes()),
    }
}

impl Log {
    fn of_size(size: u64) -> Self {
        let pkcs8 = LogSigner::make_pkcs8().expect("the system has randomness");
        let mut tree = Accumulator::new();
        let mut nodes = BTreeMap::new();
        let mut roots = vec![tree.root()];
        for index in 0..size {
            tree.push(leaf(index).hash(), |at, hash| {
                nodes.insert(at, hash);
            });
            roots.push(tree.root());
        }
        Self {
            signer: LogSigner::from_pkcs8(ORIGIN, &pkcs8).expect("a key just made"),
            nodes,
            roots,
        }
    }

    fn checkpoint(&self, size: u64) -> String {
        let checkpoint = Checkpoint {
            origin: ORIGIN.to_owned(),
            size,
            root: self.roots[usize::try_from(size).expect("small")],
        };
        checkpoint.sign(&self.signer).expect("own origin")
    }

    /// Writes the proof folder of one record.
    fn write_folder(&self, folder: &Path, old: u64, size: u64, index: u64) {
        let write = |name: &str, bytes: &[u8]| {
            fs::write(folder.join(name), bytes).expect("a writable folder");
        };
        let Ok(inclusion) = inclusion_proof(self, index, size);
        let Ok(consistency) = consistency_proof(self, old, size);
        write(
            "vkey",
            format!("{}\n", self.signer.verifier_key()).as_bytes(),
        );
        write("checkpoint", self.checkpoint(size).as_bytes());
        write("older", self.checkpoint(old).as_bytes());
        write("leaf", &leaf(index).to_bytes());
        write("index", format!("{index}\n").as_bytes());
        write("inclusion", hex_lines(&inclusion).as_bytes());
        write("consistency", hex_lines(&consistency).as_bytes());
    }

    /// Writes the static files of the log.
    fn write_tiles(&self, folder: &Path, size: u64) {
        for tile in TileCoordinate::all(size) {
            let places = (0..u64::from(tile.width)).map(|place| tile.index * 256 + place);
            let bytes = match tile.level {
                Some(level) => places
                    .flat_map(|place| {
                        let Ok(hash) = self.node((level * 8, place));
                        hash.0
                    })
                    .collect(),
                None => EntryBundle(
                    places
                        .map(|place| leaf(place).to_bytes().to_vec())
                        .collect(),
                )
                .to_bytes()
                .expect("short entries"),
            };
            let path = folder.join(tile.to_string());
            fs::create_dir_all(path.parent().expect("tile/…")).expect("a writable folder");
            fs::write(path, bytes).expect("a writable folder");
        }
    }
}

fn hex_lines(hashes: &[RootHash]) -> String {
    hashes.iter().map(|hash| format!("{hash}\n")).collect()
}

/// Our own check of a proof folder, tiles aside.
fn verify_with_ours(folder: &Path) -> Result<(), String> {
    let read = |name: &str| fs::read(folder.join(name)).expect("a file of the folder");
    let text = |name: &str| String::from_utf8(read(name)).map_err(|error| error.to_string());
    let hashes = |name: &str| -> Result<Vec<RootHash>, String> {
        let text = text(name)?;
        text.lines()
            .map(|line| {
                line.parse()
                    .map_err(|error| format!("{name}: {line}: {error}"))
            })
            .collect()
    };
    let key = VerifierKey::parse(text("vkey")?.trim_end()).map_err(|error| error.to_string())?;
    let open = |name: &str| {
        VerifiedCheckpoint::verify(&read(name), &key).map_err(|error| format!("{name}: {error}"))
    };
    let (checkpoint, older) = (open("checkpoint")?, open("older")?);
    let leaf = Leaf::parse(&read("leaf")).ok_or("leaf")?;
    let index = text("index")?
        .trim_end()
        .parse()
        .map_err(|_| "index".to_owned())?;
    checkpoint
        .verify_leaf(leaf, index, &hashes("inclusion")?)
        .map_err(|error| format!("inclusion: {error}"))?;
    checkpoint
        .verify_follows(older.checkpoint(), &hashes("consistency")?)
        .map_err(|error| format!("consistency: {error}"))
}

#[test]
fn go_verifies_our_checkpoints_proofs_and_tiles() {
    // 65,793 = 256² + 257: full and partial tiles on three levels.
    for size in [1, 2, 3, 7, 8, 255, 256, 257, 700, 65_793] {
        let log = Log::of_size(size);
        let folder = tempfile::tempdir().expect("a folder");
        log.write_tiles(folder.path(), size);
        for (index, old) in [
            (0, 1),
            (size / 2, size.div_ceil(2)),
            (size - 1, size),
            (size * 2 / 3, (size - 1).max(1)),
        ] {
            log.write_folder(folder.path(), old, size, index);
            let (code, line) = GO.verify(folder.path());
            assert_eq!(code, Some(0), "size {size}, record {index}: {line}");
            let wanted = format!(
                "verified: record {index} of {size} in {ORIGIN} (older checkpoint: true, tiles: true)\n"
            );
            assert_eq!(line, wanted);
            assert_eq!(verify_with_ours(folder.path()), Ok(()));
        }
    }
}

#[test]
fn ours_verifies_checkpoints_and_proofs_made_by_go() {
    for (old, size, index) in [
        (1, 1, 0),
        (1, 2, 1),
        (3, 7, 2),
        (6, 7, 6),
        (256, 700, 255),
        (300, 700, 699),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let output = GO.run("make", folder.path(), &[old, size, index]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(
            verify_with_ours(folder.path()),
            Ok(()),
            "{old} {size} {index}"
        );
        // The second signature, by a witness that the log's key says nothing about, verifies by its own key.
        let witness =
            fs::read_to_string(folder.path().join("witness")).expect("written by the program");
        let witness = VerifierKey::parse(witness.trim_end()).expect("a key made by Go");
        let note = fs::read(folder.path().join("checkpoint")).expect("written by the program");
        let note = zhixing_protocol::tlog::Note::parse(&note).expect("a note made by Go");
        assert_eq!(note.signatures().len(), 2);
        let text = note.verify(&witness).expect("signed by the witness");
        assert_eq!(Checkpoint::parse(text).map(|c| c.size), Ok(size));
        // A checkpoint signed by the witness is not one of the log.
        let written = fs::read(folder.path().join("checkpoint")).expect("written by the program");
        assert!(VerifiedCheckpoint::verify(&written, &witness).is_err());
    }
}

/// Changes a byte at `place` of a file and gives the old content back for repair.
fn flip_bit(path: &Path, place: usize) -> Vec<u8> {
    let before = fs::read(path).expect("a file of the folder");
    let mut after = before.clone();
    after[place] ^= 1;
    fs::write(path, after).expect("a writable folder");
    before
}

#[test]
fn i12_go_and_ours_refuse_a_folder_with_one_bit_flipped() {
    const SIZE: u64 = 700;
    const INDEX: u64 = 299;
    let log = Log::of_size(SIZE);
    let folder = tempfile::tempdir().expect("a folder");
    log.write_tiles(folder.path(), SIZE);
    log.write_folder(folder.path(), 300, SIZE, INDEX);
    let (code, line) = GO.verify(folder.path());
    assert_eq!(code, Some(0), "{line}");

    let length = |name: &str| {
        fs::read(folder.path().join(name))
            .expect("a file of the folder")
            .len()
    };
    // 40 bytes before the end of a note stands the middle of its signature, 100 before it the key's hash or the root.
    let signed = length("checkpoint") - 40;
    let origin_and_size = ORIGIN.len() + 2;
    for (name, places) in [
        ("vkey", vec![0, length("vkey") - 20]),
        ("checkpoint", vec![3, origin_and_size, signed - 60, signed]),
        ("older", vec![3, origin_and_size, length("older") - 40]),
        ("leaf", vec![4, 40, 67]),
        ("index", vec![0, 2]),
        (
            "inclusion",
            (0..length("inclusion")).step_by(65).collect::<Vec<_>>(),
        ),
        (
            "consistency",
            (0..length("consistency")).step_by(65).collect(),
        ),
    ] {
        for place in places {
            let path = folder.path().join(name);
            let before = flip_bit(&path, place);
            let (code, line) = GO.verify(folder.path());
            assert_eq!(code, Some(REFUSED), "{name} at {place}: {line}");
            assert!(
                verify_with_ours(folder.path()).is_err(),
                "{name} at {place}: ours verifies what Go refuses ({line})"
            );
            fs::write(&path, before).expect("a writable folder");
        }
    }
    // Record 299 stands at place 43 of the second tile; entries are 70 bytes long.
    for (name, place) in [
        ("tile/0/001", 43 * 32),
        ("tile/0/002.p/188", 5 * 32),
        ("tile/1/000.p/2", 0),
        ("tile/entries/001", 43 * 70 + 10),
        ("tile/entries/001", 43 * 70 + 1),
    ] {
        let path = folder.path().join(name);
        let before = flip_bit(&path, place);
        let (code, line) = GO.verify(folder.path());
        assert_eq!(code, Some(REFUSED), "{name} at {place}: {line}");
        fs::write(&path, before).expect("a writable folder");
    }
    let (code, line) = GO.verify(folder.path());
    assert_eq!(code, Some(0), "all repaired: {line}");
}

#[test]
fn go_and_ours_refuse_a_fork_and_a_proof_of_another_record() {
    let log = Log::of_size(50);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    // Each case starts from a folder that both accept, so that only the change can be what is refused.
    let write_good = || {
        log.write_folder(path, 20, 50, 7);
        let (code, line) = GO.verify(path);
        assert_eq!(code, Some(0), "{line}");
        assert_eq!(verify_with_ours(path), Ok(()));
    };
    let refused = |what: &str| {
        let (code, line) = GO.verify(path);
        assert_eq!(code, Some(REFUSED), "{what}: {line}");
        assert!(verify_with_ours(path).is_err(), "{what}");
    };

    write_good();
    // The log signs an older tree that the newer one does not continue (I12).
    let fork = Checkpoint {
        origin: ORIGIN.to_owned(),
        size: 20,
        root: log.roots[19],
    };
    let fork = fork.sign(&log.signer).expect("own origin");
    fs::write(path.join("older"), fork).expect("a writable folder");
    refused("fork");

    write_good();
    fs::write(path.join("leaf"), leaf(8).to_bytes()).expect("a writable folder");
    refused("another record");

    // Two keys of one name: the other log's signature does not count.
    write_good();
    let other = Log::of_size(50);
    fs::write(path.join("checkpoint"), other.checkpoint(50)).expect("a writable folder");
    refused("another key of the same name");
}
