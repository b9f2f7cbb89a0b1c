//! What the real program says and does with bad input and a bad environment: exit code, message with the next step, and nothing lost.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zhixing_engine::Engine;
use zhixing_engine::ports::Ports;
use zhixing_engine::testing::{TestCourt, holdings};

const PROGRAM: &str = env!("CARGO_BIN_EXE_zhixing-field");

/// How a command ended.
#[derive(Debug)]
struct End {
    code: i32,
    told: String,
}

/// A device folder of the program.
struct Device {
    root: tempfile::TempDir,
}

impl Device {
    /// A device enrolled at a court that is reached at `url`.
    fn enrolled_at(url: &str) -> Self {
        let device = Self {
            root: tempfile::tempdir().expect("a folder"),
        };
        let folder = device.folder();
        std::fs::create_dir_all(&folder).expect("a folder");
        let ports = Ports::system(&folder, "linux test").expect("secrets in the folder");
        let court = TestCourt::new(ports.clock.wall_ms());
        let held = holdings(&folder, ports).expect("an empty folder");
        let mut ticket = court.ticket();
        ticket.url = url.to_owned();
        let request = held
            .prepare_enrol(&ticket, "laptop", None)
            .expect("a ticket");
        held.accept_enrol(&court.answer_enrol(&request))
            .expect("the court agrees");
        drop(Arc::try_unwrap(held));
        device
    }

    fn enrolled() -> Self {
        Self::enrolled_at("http://127.0.0.1:9/")
    }

    fn folder(&self) -> PathBuf {
        self.root.path().join("device")
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.root.path().join(name);
        std::fs::write(&path, bytes).expect("writes");
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .arg("--folder")
            .arg(self.folder())
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> End {
        end(&mut self.command(arguments))
    }

    fn import(&self, path: &Path) -> End {
        end(self.command(&["import"]).arg(path))
    }

    /// Everything on this device is whole; gives the number of items.
    fn items(&self) -> usize {
        let doctor = self.run(&["doctor"]);
        assert_eq!(doctor.code, 0, "{doctor:?}");
        let ports = Ports::system(&self.folder(), "linux test").expect("secrets");
        let engine = Engine::open(&self.folder(), ports).expect("opens");
        let items = engine.items().expect("lists").len();
        let pending = engine.status().expect("a status").pending_statements;
        assert_eq!(pending, items as u64, "one statement for each item");
        items
    }
}

fn end(command: &mut Command) -> End {
    let output = command.output().expect("starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    End {
        code: output.status.code().expect("ends by itself"),
        told: text(&output.stderr) + &text(&output.stdout),
    }
}

/// Not a code alone: what happened and what to do next.
fn assert_told(end: &End, code: i32, parts: &[&str]) {
    assert_eq!(end.code, code, "{end:?}");
    for part in parts {
        assert!(end.told.contains(part), "{part:?} is not in {end:?}");
    }
}

/// A PNG head that claims a size, and nothing behind it.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend_from_slice(&width.to_be_bytes());
    bytes.extend_from_slice(&height.to_be_bytes());
    bytes.extend_from_slice(&[8, 2, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

/// A JPEG whose EXIF directory claims values 4 GB further on.
fn far_exif() -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0\x03\0".to_vec();
    for tag in [0x010f_u16, 0x8769, 0x8825] {
        tiff.extend_from_slice(&tag.to_le_bytes());
        tiff.extend_from_slice(&2_u16.to_le_bytes());
        tiff.extend_from_slice(&u32::MAX.to_le_bytes());
        tiff.extend_from_slice(&0xffff_fff0_u32.to_le_bytes());
    }
    tiff.extend_from_slice(&0xffff_ffff_u32.to_le_bytes());
    let mut bytes = b"\xff\xd8\xff\xe1".to_vec();
    let length = u16::try_from(tiff.len() + 8).expect("short");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(b"Exif\0\0");
    bytes.extend_from_slice(&tiff);
    bytes.extend_from_slice(b"\xff\xd9");
    bytes
}

#[test]
fn hostile_pictures_are_evidence_like_any_other_and_harm_nothing() {
    let device = Device::enrolled();
    let mut jpeg_bomb = b"\xff\xd8\xff\xc0\0\x11\x08".to_vec();
    jpeg_bomb.extend_from_slice(&[
        0xff, 0xff, 0xff, 0xff, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1,
    ]);
    let pictures: [(&str, Vec<u8>); 7] = [
        ("no-jpeg.jpg", b"this is no picture at all".to_vec()),
        (
            "truncated.jpg",
            b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01".to_vec(),
        ),
        ("bomb.png", png(100_000, 100_000)),
        ("bomb-of-zeros.png", png(0, 0)),
        ("bomb.jpg", jpeg_bomb),
        ("far.jpg", far_exif()),
        ("one-byte.jpg", vec![0xff]),
    ];
    let mut taken = 0;
    for (name, bytes) in &pictures {
        let path = device.file(name, bytes);
        for command in ["capture", "import"] {
            let end = end(device.command(&[command]).arg(&path));
            assert_told(&end, 0, &["sealed"]);
            taken += 1;
            assert_eq!(
                std::fs::read(&path).expect("is there"),
                *bytes,
                "the original is not touched"
            );
        }
    }
    // The same bytes twice are two records.
    let again = device.import(&device.file("again.jpg", &pictures[0].1));
    assert_told(&again, 0, &["sealed"]);
    assert_eq!(device.items(), taken + 1);
}

#[test]
fn files_that_cannot_be_taken_are_told_and_leave_nothing() {
    let device = Device::enrolled();
    let root = device.root.path();
    let pipe = root.join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .expect("mkfifo")
            .success()
    );
    let long = root.join("名".repeat(1_400));
    let cases: [(&str, PathBuf, i32, &str); 6] = [
        ("empty", device.file("empty.jpg", b""), 3, "not empty"),
        ("missing", root.join("missing.jpg"), 4, "not found"),
        ("a folder", root.to_owned(), 3, "plain file"),
        ("a pipe nobody writes to", pipe, 3, "plain file"),
        ("a name of 4 KB", long, 3, "proper name"),
        (
            "a path below a file",
            device.file("f", b"x").join("y"),
            3,
            "proper name",
        ),
    ];
    for (what, path, code, told) in &cases {
        let end = device.import(path);
        assert_told(&end, *code, &[told]);
        assert!(!end.told.contains("panicked"), "{what}: {end:?}");
    }
    assert_eq!(device.items(), 0);
    // Names are data: what they hold leads nowhere.
    let odd = root.join("..");
    for name in [
        "line\nbreak.jpg",
        "-rf",
        "a\u{202e}gpj.exe",
        "quote\"'$(x).jpg",
    ] {
        let path = root.join(name);
        std::fs::write(&path, b"bytes").expect("writes");
        assert_told(&device.import(&path), 0, &["sealed"]);
    }
    let dotted = root.join("device").join("..").join("-rf");
    assert_told(&device.import(&dotted), 0, &["sealed"]);
    assert_eq!(device.items(), 5);
    assert!(odd.is_dir());
    let text = "x".repeat(100_000);
    let path = device.file("p.jpg", b"photo");
    let end = end(device.command(&["capture", "--text", &text]).arg(&path));
    assert_told(&end, 0, &["sealed"]);
}

#[test]
fn a_file_that_changes_or_goes_while_it_is_imported_is_whole_or_not_there() {
    let device = Device::enrolled();
    let path = device.file("growing.mp4", &vec![7; 30_000_000]);
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = std::thread::spawn({
        let (path, done) = (path.clone(), Arc::clone(&done));
        move || {
            let mut file = std::fs::File::options()
                .append(true)
                .open(path)
                .expect("opens");
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                file.write_all(&[8; 512]).expect("writes");
                std::thread::sleep(std::time::Duration::from_micros(300));
            }
        }
    });
    let end = device.import(&path);
    done.store(true, std::sync::atomic::Ordering::SeqCst);
    writer.join().expect("ends");
    assert_told(&end, 3, &["changed while it was read", "import it again"]);
    assert_eq!(device.items(), 0, "nothing of it stays");
    assert_told(&device.import(&path), 0, &["sealed"]);
    // A file that is deleted while it is read is taken whole, or was gone before.
    let gone = device.file("gone.mp4", &vec![9; 30_000_000]);
    let mut running = device.command(&["import"]);
    let mut running = running
        .arg(&gone)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    std::thread::sleep(std::time::Duration::from_millis(60));
    std::fs::remove_file(&gone).expect("removes");
    let code = running.wait().expect("ends").code();
    assert!(matches!(code, Some(0 | 4)), "{code:?}");
    assert_eq!(device.items(), if code == Some(0) { 2 } else { 1 });
}

#[test]
fn a_wrong_key_and_a_second_program_are_told_and_change_nothing() {
    let device = Device::enrolled();
    let photo = device.file("p.jpg", b"photo");
    assert_told(&device.import(&photo), 0, &["sealed"]);
    let database = device.folder().join("queue.db");
    let before = std::fs::read(&database).expect("reads");
    let key = device.folder().join("transfer.key");
    let right = std::fs::read(&key).expect("the key's file");
    std::fs::write(&key, [7; 32]).expect("writes");
    assert_told(
        &device.import(&photo),
        5,
        &["does not open", "left as it is"],
    );
    std::fs::write(&key, [7; 5]).expect("writes");
    assert_told(&device.import(&photo), 9, &["secret file"]);
    assert_eq!(std::fs::read(&database).expect("reads"), before);
    std::fs::write(&key, &right).expect("writes");
    assert_eq!(device.items(), 1);

    let ports = Ports::system(&device.folder(), "linux test").expect("secrets");
    let first = Engine::open(&device.folder(), ports).expect("opens");
    assert_told(&device.import(&photo), 7, &["another program", "close it"]);
    drop(first);
    assert_told(&device.import(&photo), 0, &["sealed"]);
    assert_eq!(device.items(), 2);
}

/// Answers every request with the same text, as long as the test runs.
fn answering(head: &'static str, body: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { break };
            let mut request = [0; 16 * 1024];
            // Whatever was asked, this is the answer.
            let _ = stream.read(&mut request);
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
        }
    });
    address
}

#[test]
fn whoever_answers_in_the_courts_place_is_told_and_nothing_is_lost() {
    let problem = r#"{"kind":"busy","status":503,"title":"x","retry_after_ms":7000}"#;
    let cases: [(&str, &str, &str); 7] = [
        (
            "200 OK\r\ncontent-type: text/html",
            "<html>log in here</html>",
            "captive_portal",
        ),
        (
            "302 Found\r\nlocation: http://127.0.0.1:1/",
            "",
            "captive_portal",
        ),
        ("429 Too Many Requests\r\nretry-after: 30", "", "busy"),
        (
            "503 Service Unavailable\r\nretry-after: 30",
            problem,
            "busy",
        ),
        ("503 Service Unavailable\r\nretry-after: soon", "", "busy"),
        (
            "200 OK\r\ncontent-type: application/json",
            "{\"half\":",
            "answer_not_understood",
        ),
        ("500 Internal Server Error", "oops", "internal"),
    ];
    for (head, body, code) in cases {
        let device = Device::enrolled_at(&format!("http://{}/", answering(head, body)));
        let photo = device.file("p.jpg", b"photo");
        assert_told(&device.import(&photo), 0, &["sealed"]);
        let end = device.run(&["sync"]);
        assert_told(&end, 12, &[code, "Nothing is lost", "sync again"]);
        assert_eq!(device.items(), 1, "{head}");
    }
    let device = Device::enrolled();
    assert_told(
        &device.run(&["sync"]),
        12,
        &["unreachable", "Nothing is lost"],
    );
}

/// A small authority, and certificates by it: good, expired, for another name; and one by nobody.
const CERTIFICATES: &str = r#"set -e
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=test-ca -addext basicConstraints=critical,CA:TRUE
mkdir -p issued && : > index.txt && echo 01 > serial
printf '[ca]\ndefault_ca=a\n[a]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=issued\ncertificate=ca.pem\nprivate_key=ca.key\ndefault_md=sha256\npolicy=p\nunique_subject=no\ncopy_extensions=copy\n[p]\ncommonName=supplied\n' > ca.cnf
issue() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $1.key -out $1.csr -subj /CN=$1 -addext "subjectAltName=$2"
  openssl ca -batch -config ca.cnf -in $1.csr -out $1.pem -startdate $3 -enddate $4
}
year=$(date -u +%Y)
issue good IP:127.0.0.1 20200101000000Z $((year+2))0101000000Z
issue expired IP:127.0.0.1 20200101000000Z 20210101000000Z
issue other DNS:other.example 20200101000000Z $((year+2))0101000000Z
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout self.key -out self.pem -days 2 -subj /CN=self -addext subjectAltName=IP:127.0.0.1
"#;

#[test]
fn certificates_that_are_not_the_courts_are_told_and_nothing_is_sent() {
    let place = tempfile::tempdir().expect("a folder");
    let made = Command::new("sh")
        .args(["-c", CERTIFICATES])
        .current_dir(place.path())
        .output()
        .expect("sh");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    // Whoever is behind a good certificate is heard; what this one says is a page of HTML.
    let cases = [
        ("good", "captive_portal"),
        ("expired", "certificate_not_trusted"),
        ("other", "certificate_not_trusted"),
        ("self", "certificate_not_trusted"),
    ];
    for (name, told) in cases {
        let address = secured(&place.path().join(name));
        let device = Device::enrolled_at(&format!("https://{address}/"));
        let photo = device.file("p.jpg", b"photo");
        assert_told(&device.import(&photo), 0, &["sealed"]);
        let mut command = device.command(&["sync"]);
        let end = end(command.env("SSL_CERT_FILE", place.path().join("ca.pem")));
        assert_told(&end, 12, &[told, "Nothing is lost"]);
        assert_eq!(device.items(), 1, "{name}");
    }
}

/// A TLS server with the certificate and key of a name, which answers with a page of HTML.
fn secured(name: &Path) -> SocketAddr {
    let certificate =
        CertificateDer::from_pem_file(name.with_extension("pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(name.with_extension("key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("they belong together");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { break };
            let Ok(session) = rustls::ServerConnection::new(Arc::clone(&config)) else {
                break;
            };
            let mut stream = rustls::StreamOwned::new(session, stream);
            let mut request = [0; 16 * 1024];
            // A client that does not like the certificate goes away here.
            if stream.read(&mut request).is_ok() {
                let _ = stream.write_all(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                );
                let _ = stream.flush();
            }
        }
    });
    address
}

/// Whether this process may mount in a namespace of its own.
#[allow(clippy::print_stderr)] // what was not tried must be seen
fn can_mount(place: &Path) -> bool {
    let tried = Command::new("unshare")
        .args(["-m", "sh", "-c", "mount -t tmpfs -o size=1m none \"$0\""])
        .arg(place)
        .stderr(Stdio::null())
        .status();
    let can = tried.is_ok_and(|status| status.success());
    if !can {
        eprintln!("not tried: no file system may be mounted here");
    }
    can
}

#[test]
fn i1_a_disk_that_is_really_full_is_called_full_and_a_read_only_one_is_told() {
    let device = Device::enrolled();
    let mount = device.root.path().join("mount");
    std::fs::create_dir(&mount).expect("a folder");
    if !can_mount(&mount) {
        return;
    }
    let photo = device.file("p.jpg", &vec![5; 300_000]);
    // Room in KiB; then the same folder once there is room again, looked at by the doctor.
    let script = r#"set -e
mount -t tmpfs -o size=8m none "$1"
cp -r "$2" "$1/d"
free=$(df -k --output=avail "$1" | tail -1)
head -c $((free - $5))k /dev/zero > "$1/ballast"
set +e
"$3" --folder "$1/d" "$6" "$4" 2>&1; code=$?
rm "$1/ballast"
"$3" --folder "$1/d" doctor || exit 99
"$3" --folder "$1/d" "$6" "$4" > /dev/null || exit 98
exit $code"#;
    let mut full = 0;
    for command in ["capture", "import"] {
        for room in [
            0, 4, 12, 28, 44, 60, 100, 200, 280, 310, 340, 380, 440, 1_000,
        ] {
            let end = end(Command::new("unshare")
                .args(["-m", "sh", "-c", script, "sh"])
                .arg(&mount)
                .arg(device.folder())
                .arg(PROGRAM)
                .arg(&photo)
                .arg(room.to_string())
                .arg(command));
            match end.code {
                0 => assert!(room > 280, "{room} KiB: {end:?}"),
                _ => {
                    assert_told(
                        &end,
                        8,
                        &["no room", "nothing that was sealed is lost", "Make room"],
                    );
                    full += 1;
                }
            }
        }
    }
    assert!(full >= 10, "{full}");
    let script = r#"mount -t tmpfs -o size=8m none "$1"; cp -r "$2" "$1/d"; mount -o remount,ro "$1"
"$3" --folder "$1/d" import "$4" 2>&1"#;
    let end = end(Command::new("unshare")
        .args(["-m", "sh", "-c", script, "sh"])
        .arg(&mount)
        .arg(device.folder())
        .arg(PROGRAM)
        .arg(&photo));
    assert_told(&end, 3, &["read-only", "choose another folder"]);
}
