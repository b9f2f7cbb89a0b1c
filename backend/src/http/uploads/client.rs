//! A raw HTTP/1.1 client that decides when each byte is sent and when the connection breaks.

use std::collections::HashMap;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub struct Answered {
    /// Status code.
    pub status: u16,
    /// Headers by lower-case name.
    pub headers: HashMap<String, String>,
    /// Body.
    pub body: String,
}

impl Answered {
    /// A header that must be there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// `Upload-Offset`.
    pub fn offset(&self) -> u64 {
        self.header("upload-offset").parse().expect("a number")
    }

    /// `kind` of a problem document, which must be one.
    pub fn kind(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem: serde_json::Value = serde_json::from_str(&self.body).expect("JSON");
        assert_eq!(problem["status"], self.status);
        problem["kind"].as_str().expect("a kind").to_owned()
    }
}

/// One connection.
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("connects");
        stream.set_nodelay(true).expect("sets nodelay");
        Self {
            stream,
            read: Vec::new(),
        }
    }

    /// Sends the head of a request.
    pub async fn head(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: court\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.send(head.as_bytes()).await;
    }

    /// Sends bytes. A server that has answered already may have stopped reading; that is for the answer to show.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Sends a whole request and waits for the answer.
    pub async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answered {
        let length = body.len().to_string();
        let mut headers = headers.to_vec();
        headers.push(("content-length", &length));
        self.head(method, path, &headers).await;
        self.send(body).await;
        self.answer(method).await
    }

    /// Waits for an answer.
    pub async fn answer(&mut self, method: &str) -> Answered {
        let end = loop {
            let found = self.read.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = found {
                break end;
            }
            self.more().await;
        };
        let head = String::from_utf8(self.read.drain(..end + 4).collect()).expect("ASCII");
        let mut lines = head.trim_end().lines();
        let status = lines.next().expect("a status line");
        let status = status.split(' ').nth(1).expect("a status");
        let headers: HashMap<String, String> = lines
            .map(|line| line.split_once(':').expect("a header"))
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        let length: usize = headers
            .get("content-length")
            .filter(|_| method != "HEAD")
            .map_or(0, |length| length.parse().expect("a length"));
        while self.read.len() < length {
            self.more().await;
        }
        Answered {
            status: status.parse().expect("a status"),
            body: String::from_utf8(self.read.drain(..length).collect()).expect("UTF-8"),
            headers,
        }
    }

    /// Waits until the server closes the connection; anything that it still says is a fault.
    pub async fn closed(&mut self) {
        let mut piece = [0; 64];
        match self.stream.read(&mut piece).await {
            Ok(0) | Err(_) => {}
            Ok(read) => panic!("{:?}", piece.get(..read)),
        }
    }

    async fn more(&mut self) {
        let mut piece = [0; 4096];
        let read = self.stream.read(&mut piece).await.expect("reads");
        assert_ne!(read, 0, "the server closed the connection");
        self.read
            .extend_from_slice(piece.get(..read).expect("what was read"));
    }
}
