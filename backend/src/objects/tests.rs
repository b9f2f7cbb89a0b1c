//! One contract, both stores.

use std::future::Future as _;
use std::path::PathBuf;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tempfile::TempDir;

use super::testing::Bucket;
use super::*;
use crate::config::Secret;

/// One part of a large object is 8 MiB.
const PART: usize = 8 << 20;

/// An empty store, and a folder for what is to be kept.
struct Shelf {
    folder: TempDir,
    config: Config,
    objects: Objects,
}

impl Shelf {
    fn new(bucket: Option<&Bucket>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config::read(None).expect("the bundled configuration");
        config.data = folder.path().join("data");
        if let Some(bucket) = bucket {
            bucket.configure(&mut config);
        }
        let objects = Objects::open(&config).expect("opens");
        Self {
            folder,
            config,
            objects,
        }
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let file = self.folder.path().join("spooled");
        std::fs::write(&file, bytes).expect("writes");
        file
    }

    async fn bytes(&self, stored: StoredDigest, part: Range<u64>) -> Vec<u8> {
        let mut opened = self.objects.read(stored, part).await.expect("is there");
        let mut bytes = Vec::new();
        while let Some(piece) = opened.pieces.next().await {
            bytes.extend_from_slice(&piece.expect("a piece"));
        }
        bytes
    }

    async fn names(&self) -> Vec<StoredDigest> {
        let mut names: Vec<_> = self
            .objects
            .names()
            .map(|name| name.expect("a name"))
            .collect()
            .await;
        names.sort();
        names
    }

    async fn is_missing(&self, stored: StoredDigest) -> bool {
        let size = self.objects.size_bytes(stored).await;
        let read = self.objects.read(stored, 0..9).await;
        let reader = self.objects.reader(stored).await;
        let missing = [size.err(), read.err(), reader.err()]
            .into_iter()
            .filter(|error| matches!(error, Some(ObjectError::Missing(name)) if *name == stored))
            .count();
        assert!(
            missing == 0 || missing == 3,
            "{missing} of three ways miss it"
        );
        missing == 3
    }
}

fn bytes(size: usize) -> Vec<u8> {
    (0..size)
        .map(|at| at.wrapping_mul(at >> 9).to_le_bytes()[0])
        .collect()
}

/// Makes of each `async fn name(shelf: Shelf)` the tests `name::disk` and `name::s3`.
macro_rules! on_both_stores {
    ($($(#[$attribute:meta])* async fn $name:ident($shelf:ident: Shelf) $body:block)*) => {
        $(
            $(#[$attribute])*
            mod $name {
                use super::*;

                async fn behaves($shelf: Shelf) $body

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn disk() {
                    behaves(Shelf::new(None)).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn s3() {
                    let bucket = tokio::task::spawn_blocking(Bucket::new).await.expect("a bucket");
                    behaves(Shelf::new(Some(&bucket))).await;
                }
            }
        )*
    };
}

on_both_stores! {
    async fn what_was_kept_is_read_whole_and_in_parts(shelf: Shelf) {
        shelf.objects.check().await.expect("it works");
        let mut all = Vec::new();
        // Nothing, one byte, one request at most, one byte more, and several parts.
        for size in [0, 1, 100_000, PART, PART + 1, 2 * PART + 77_777] {
            let whole = bytes(size);
            let stored = StoredDigest::of(&whole);
            assert!(shelf.is_missing(stored).await, "{size}");
            shelf.objects.keep_file(&shelf.file(&whole), stored).await.expect("keeps");
            assert_eq!(shelf.objects.size_bytes(stored).await.expect("is there"), size as u64);
            // S3 calls a part that begins behind the end a mistake; nobody asks for one.
            for from in [0, 1, size / 2, size.saturating_sub(1)].into_iter().filter(|from| *from < size) {
                for to in [from, from + 1, from + 4_321, size] {
                    let expected = whole.get(from..to.min(size).max(from)).expect("inside");
                    let got = shelf.bytes(stored, from as u64..to as u64).await;
                    assert!(got == expected, "{size} from {from} to {to}: {} bytes", got.len());
                }
            }
            let reader = shelf.objects.reader(stored).await.expect("is there");
            let read = tokio::task::spawn_blocking(move || Digesting::new(reader).finish());
            assert_eq!(read.await.expect("ends").expect("reads"), (size as u64, stored));
            all.push(stored);
        }
        all.sort();
        assert_eq!(shelf.names().await, all);
    }

    async fn the_same_bytes_twice_are_one_object(shelf: Shelf) {
        let small = bytes(1_000);
        for _ in 0..2 {
            let stored = shelf.objects.keep_bytes(small.clone().into()).await.expect("keeps");
            assert_eq!(stored, StoredDigest::of(&small));
            shelf.objects.keep_file(&shelf.file(&small), stored).await.expect("keeps");
            assert_eq!(shelf.bytes(stored, 0..2_000).await, small);
        }
        assert_eq!(shelf.names().await.len(), 1);
    }

    /// I2: whatever is published is whole, wherever keeping is broken off, and keeping it again mends it.
    async fn i2_keeping_that_is_broken_off_publishes_all_or_nothing(shelf: Shelf) {
        let whole = bytes(PART + 1);
        let stored = StoredDigest::of(&whole);
        let mut polls = 0;
        loop {
            polls += 1;
            let file = shelf.file(&whole);
            let ended = poll_times(shelf.objects.keep_file(&file, stored), polls).await;
            if ended.is_some() {
                break;
            }
            // The request that was given up may still be on its way, so one look has to tell.
            match shelf.objects.size_bytes(stored).await {
                Ok(size) => assert_eq!(size, whole.len() as u64),
                Err(error) => assert!(matches!(error, ObjectError::Missing(_)), "{error}"),
            }
        }
        shelf.objects.keep_file(&shelf.file(&whole), stored).await.expect("keeps");
        let reader = shelf.objects.reader(stored).await.expect("is there");
        let read = tokio::task::spawn_blocking(move || Digesting::new(reader).finish());
        assert_eq!(read.await.expect("ends").expect("reads"), (whole.len() as u64, stored));
    }
}

/// Polls a future so many times, waiting in between as long as it wants, and drops it.
async fn poll_times<F: Future>(future: F, times: u32) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..times {
        let once = std::future::poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => Poll::Ready(None),
        });
        if let Some(output) = once.await {
            return Some(output);
        }
        // Long enough for most steps to have something to go on with.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    None
}

async fn bucket() -> Bucket {
    tokio::task::spawn_blocking(Bucket::new)
        .await
        .expect("a bucket")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_a_name_never_holds_other_bytes() {
    let shelf = Shelf::new(Some(&bucket().await));
    for size in [1_000, PART + 5] {
        let right = bytes(size);
        let stored = StoredDigest::of(&right);
        let mut wrong = right.clone();
        *wrong.last_mut().expect("not empty") ^= 1;
        let file = shelf.file(&wrong);
        let refused = shelf.objects.keep_file(&file, stored).await;
        assert!(
            matches!(refused, Err(ObjectError::OtherBytes(name)) if name == stored),
            "{refused:?}"
        );
        assert!(shelf.is_missing(stored).await);
        assert!(file.exists(), "it stays where it was");
        assert_eq!(shelf.names().await, []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_one_bucket_do_not_see_each_other() {
    let (one, other) = (
        Shelf::new(Some(&bucket().await)),
        Shelf::new(Some(&bucket().await)),
    );
    let stored = one
        .objects
        .keep_bytes(bytes(10).into())
        .await
        .expect("keeps");
    assert_eq!(
        (one.names().await, other.names().await),
        (vec![stored], vec![])
    );
    assert!(other.is_missing(stored).await);
    assert!(one.objects.name().starts_with("s3:"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_store_is_said_at_the_start() {
    let bucket = bucket().await;
    let shelf = Shelf::new(Some(&bucket));
    // A port that nobody listens on any more.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let nobody = format!("http://{}", free.local_addr().expect("bound"));
    drop(free);
    type Change<'c> = (&'c str, Box<dyn Fn(&mut Config) + 'c>);
    let changes: [Change<'_>; 7] = [
        (
            "SignatureDoesNotMatch",
            Box::new(|config| config.s3_secret_key = Secret::new("wrong")),
        ),
        (
            "InvalidAccessKeyId",
            Box::new(|config| config.s3_access_key = "AKIAUNKNOWN".to_owned()),
        ),
        (
            "has no bucket elsewhere",
            Box::new(|config| config.s3_bucket = "elsewhere".to_owned()),
        ),
        (
            "cannot be reached",
            Box::new(|config| config.s3_endpoint.clone_from(&nobody)),
        ),
        (
            "s3_bucket is empty",
            Box::new(|config| config.s3_bucket.clear()),
        ),
        (
            "s3_endpoint has to begin with https://",
            Box::new(|config| config.s3_endpoint = "s3.court.example".to_owned()),
        ),
        (
            "s3_ca_file",
            Box::new(|config| config.s3_ca_file = "/nowhere.pem".into()),
        ),
    ];
    for (expected, change) in changes {
        let mut config = shelf.config.clone();
        change(&mut config);
        let told = match Objects::open(&config) {
            Ok(objects) => objects.check().await.expect_err(expected).to_string(),
            Err(error) => error.to_string(),
        };
        assert!(told.contains(expected), "{expected}: {told}");
        assert!(
            !told.contains(config.s3_secret_key.reveal())
                || config.s3_secret_key.reveal() == "wrong"
        );
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_said_at_the_start() {
    let shelf = Shelf::new(None);
    let objects = shelf.config.data.join("objects");
    std::fs::remove_dir(&objects).expect("is empty");
    std::fs::write(&objects, b"a file in its place").expect("writes");
    let mut context = Context::from_waker(Waker::noop());
    let checked = pin!(shelf.objects.check()).poll(&mut context);
    assert!(matches!(checked, Poll::Ready(Err(ObjectError::Disk(_)))));
    assert!(Objects::open(&shelf.config).is_err());
}
