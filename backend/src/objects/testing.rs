//! A bucket for tests: on an S3 server of this process's own, which checks signatures.
//!
//! It is started once per process by `scripts/s3-server`, which installs it where it is missing, and ends with the
//! process, however that ends. Where it cannot be had the tests fail: a store that was not tried was not tried.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Key;
use object_store::{ObjectStoreExt as _, PutPayload};
use zhixing_protocol::hash::StoredDigest;

use crate::config::{Config, ObjectsKind, Secret};

/// Starts the server; ends it when its standard input closes.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/s3-server");

/// The server of this process.
struct Server {
    address: String,
    access: String,
    secret: String,
    bucket: String,
    _keeper: Child,
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let mut keeper = Command::new(Path::new(PROGRAM))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/s3-server starts");
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().expect("a pipe was asked for"))
            .read_line(&mut line)
            .expect("the script's output");
        let words: Vec<&str> = line.split_whitespace().collect();
        let [address, access, secret, bucket] = words.as_slice() else {
            panic!("the S3 server does not start; what it said stands above");
        };
        Server {
            address: (*address).to_owned(),
            access: (*access).to_owned(),
            secret: (*secret).to_owned(),
            bucket: (*bucket).to_owned(),
            _keeper: keeper,
        }
    })
}

/// An empty part of the bucket, for one test.
pub struct Bucket {
    prefix: String,
    raw: AmazonS3,
}

impl Bucket {
    /// Makes one. Blocks while the server starts, which happens once.
    pub fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let server = server();
        let raw = AmazonS3Builder::new()
            .with_endpoint(&server.address)
            .with_allow_http(true)
            .with_region("us-east-1")
            .with_bucket_name(&server.bucket)
            .with_access_key_id(&server.access)
            .with_secret_access_key(&server.secret);
        // Another part of the process may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            prefix: format!("test-{}", NUMBER.fetch_add(1, Ordering::Relaxed)),
            raw: raw.build().expect("all options are there"),
        }
    }

    /// Where the server listens.
    pub fn address(&self) -> std::net::SocketAddr {
        let address = server().address.trim_start_matches("http://");
        address.parse().expect("an address and a port")
    }

    /// Makes a configuration use this bucket.
    pub fn configure(&self, config: &mut Config) {
        let server = server();
        config.objects = ObjectsKind::S3;
        config.s3_endpoint.clone_from(&server.address);
        config.s3_bucket.clone_from(&server.bucket);
        config.s3_prefix.clone_from(&self.prefix);
        config.s3_access_key.clone_from(&server.access);
        config.s3_secret_key = Secret::new(&server.secret);
    }

    fn key(&self, stored: StoredDigest) -> Key {
        Key::from(format!("{}/{}", self.prefix, super::key(stored)))
    }

    /// Writes any bytes under a name, as somebody with the key might.
    pub async fn overwrite(&self, stored: StoredDigest, bytes: Vec<u8>) {
        self.raw
            .put(&self.key(stored), PutPayload::from(bytes))
            .await
            .expect("the server takes it");
    }

    /// Takes an object away.
    pub async fn remove(&self, stored: StoredDigest) {
        self.raw
            .delete(&self.key(stored))
            .await
            .expect("the server deletes it");
    }
}

impl Default for Bucket {
    fn default() -> Self {
        Self::new()
    }
}
