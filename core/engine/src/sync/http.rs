//! The runner on reqwest: carries out the steps, file slices and sinks included.

use std::io::SeekFrom;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};

use super::{Body, HttpRequest, HttpResponse, Transport, TransportError, TransportKind};
use crate::error::{EngineError, Result};

/// Most bytes of an answer in memory: 16 MiB, a quarter of the bound of I11.
const MAX_ANSWER_BYTES: usize = 16 << 20;
/// Bytes of a file read at once.
const PIECE_BYTES: usize = 256 * 1024;
/// For a connection to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Between two bytes of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// An idle connection is kept for less than the court keeps it (30 s), or a request would meet its closing.
const POOL_IDLE: Duration = Duration::from_secs(20);

/// HTTP over reqwest and rustls.
pub struct HttpTransport {
    client: reqwest::Client,
}

impl HttpTransport {
    /// A client that follows no redirect: a captive portal must not get our requests.
    pub fn new() -> Result<Self> {
        // Fails only if the process chose a provider before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE)
            .build()
            .map_err(|_| EngineError::internal("the HTTP client could not be made"))?;
        Ok(Self { client })
    }

    async fn carry(
        &self,
        base: &str,
        request: HttpRequest,
    ) -> core::result::Result<HttpResponse, TransportError> {
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|_| failed(TransportKind::Unreachable))?;
        let url = format!("{}{}", base.trim_end_matches('/'), request.path);
        let mut sent = self.client.request(method, url);
        for (name, value) in &request.headers {
            sent = sent.header(name, value);
        }
        let mut unreadable = None;
        sent = match request.body {
            Body::Empty => sent,
            Body::Bytes(bytes) => sent.body(bytes),
            Body::FileSlice { path, offset, len } => {
                let slice = Slice::open(&path, offset, len).await?;
                unreadable = Some(Arc::clone(&slice.unreadable));
                sent.header(reqwest::header::CONTENT_LENGTH, len)
                    .body(slice.into_body())
            }
        };
        let mut response = sent.send().await.map_err(|error| {
            if unreadable.is_some_and(|unreadable| unreadable.load(Ordering::Relaxed)) {
                return failed(TransportKind::File);
            }
            judge(&error)
        })?;
        let mut answer = HttpResponse {
            status: response.status().as_u16(),
            headers: response
                .headers()
                .iter()
                .filter_map(|(name, value)| {
                    Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
                })
                .collect(),
            body: Vec::new(),
        };
        match request.sink.filter(|_| response.status().is_success()) {
            Some(path) => {
                let file = super::part::begin(&path, &answer).map_err(file_failed)?;
                let mut file = tokio::fs::File::from_std(file);
                let ended = loop {
                    match response.chunk().await {
                        Ok(Some(piece)) => file.write_all(&piece).await.map_err(file_failed)?,
                        Ok(None) => break Ok(()),
                        Err(error) => break Err(judge(&error)),
                    }
                };
                // Writes go on in the background: what came must be in the file before anybody looks where to go on.
                file.flush().await.map_err(file_failed)?;
                ended?;
                file.sync_all().await.map_err(file_failed)?;
            }
            None => {
                while let Some(piece) = response.chunk().await.map_err(|error| judge(&error))? {
                    if answer.body.len().saturating_add(piece.len()) > MAX_ANSWER_BYTES {
                        return Err(failed(TransportKind::AnswerTooLarge));
                    }
                    answer.body.extend_from_slice(&piece);
                }
            }
        }
        Ok(answer)
    }
}

impl Transport for HttpTransport {
    fn send(
        &self,
        base: &str,
        request: HttpRequest,
    ) -> impl Future<Output = core::result::Result<HttpResponse, TransportError>> + Send {
        self.carry(base, request)
    }
}

fn failed(kind: TransportKind) -> TransportError {
    TransportError { kind }
}

fn file_failed(_: std::io::Error) -> TransportError {
    failed(TransportKind::File)
}

/// Part of a file as it goes out, piece by piece (I11).
struct Slice {
    file: tokio::io::Take<tokio::fs::File>,
    unreadable: Arc<AtomicBool>,
}

impl Slice {
    async fn open(
        path: &std::path::Path,
        offset: u64,
        len: u64,
    ) -> core::result::Result<Self, TransportError> {
        let mut file = tokio::fs::File::open(path).await.map_err(file_failed)?;
        file.seek(SeekFrom::Start(offset))
            .await
            .map_err(file_failed)?;
        Ok(Self {
            file: file.take(len),
            unreadable: Arc::default(),
        })
    }

    async fn piece(mut self) -> std::io::Result<Option<(Vec<u8>, Self)>> {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        let read = self.file.read_buf(&mut piece).await;
        let ended_early = matches!(read, Ok(0)) && self.file.limit() > 0;
        if read.is_err() || ended_early {
            // Told apart from a connection that broke, which gives an error of the same kind.
            self.unreadable.store(true, Ordering::Relaxed);
        }
        match read? {
            0 if ended_early => Err(std::io::ErrorKind::UnexpectedEof.into()),
            0 => Ok(None),
            _ => Ok(Some((piece, self))),
        }
    }

    fn into_body(self) -> reqwest::Body {
        reqwest::Body::wrap_stream(futures::stream::try_unfold(self, Self::piece))
    }
}

/// Whether a fault of the certificate or the handshake is at the bottom. I/O errors wrap it, one in the other, and do
/// not name it as their source.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let wrapped = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref)
        .is_some_and(|inner| is_tls(inner));
    wrapped || error.is::<rustls::Error>() || error.source().is_some_and(is_tls)
}

fn judge(error: &reqwest::Error) -> TransportError {
    if is_tls(error) {
        return failed(TransportKind::Tls);
    }
    failed(if error.is_timeout() {
        TransportKind::Timeout
    } else {
        TransportKind::Unreachable
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one request with fixed bytes and gives back what was sent.
    async fn answer_once(listener: TcpListener, answer: &'static [u8]) -> Vec<u8> {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut request = Vec::new();
        let mut piece = [0; 1024];
        while !request.ends_with(b"-end") {
            let read = stream.read(&mut piece).await.expect("reads");
            assert!(read > 0, "the request ended early");
            request.extend_from_slice(&piece[..read]);
        }
        stream.write_all(answer).await.expect("writes");
        request
    }

    #[test]
    fn a_slice_goes_out_as_it_is_and_a_redirect_is_not_followed() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("file");
            std::fs::write(&path, b"0123456789-end and more").expect("writes");
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
            let base = format!("http://{}/", listener.local_addr().expect("an address"));
            let transport = HttpTransport::new().expect("a client");
            let request = HttpRequest {
                method: "PATCH",
                path: "/device/v1/uploads/x".to_owned(),
                headers: vec![("upload-offset".to_owned(), "5".to_owned())],
                body: Body::FileSlice { path, offset: 5, len: 9 },
                sink: None,
            };
            let (answer, seen) = tokio::join!(
                transport.send(&base, request),
                answer_once(
                    listener,
                    b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
                )
            );
            let answer = answer.expect("an answer");
            assert!(answer.status == 302 && answer.is_captive());
            let seen = String::from_utf8(seen).expect("text");
            assert!(seen.starts_with("PATCH /device/v1/uploads/x HTTP/1.1\r\n"), "{seen}");
            assert!(seen.contains("upload-offset: 5\r\n") && seen.ends_with("\r\n\r\n56789-end"), "{seen}");
        });
    }

    #[test]
    fn a_file_that_ends_early_is_the_files_fault_not_the_connections() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("file");
            std::fs::write(&path, vec![7; 300_000]).expect("writes");
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
            let base = format!("http://{}/", listener.local_addr().expect("an address"));
            let listen = async {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                // Ends when the sender gives up, which may come as an error.
                let mut all = Vec::new();
                let _gone = stream.read_to_end(&mut all).await;
            };
            let request = HttpRequest {
                method: "PATCH",
                path: "/device/v1/uploads/x".to_owned(),
                headers: Vec::new(),
                body: Body::FileSlice {
                    path,
                    offset: 0,
                    len: 300_001,
                },
                sink: None,
            };
            let transport = HttpTransport::new().expect("a client");
            let (answer, ()) = tokio::join!(transport.send(&base, request), listen);
            assert_eq!(answer, Err(failed(TransportKind::File)));
        });
    }

    #[test]
    fn nobody_there_is_unreachable() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let transport = HttpTransport::new().expect("a client");
        let request = HttpRequest::json("/device/v1/pull", &1).expect("serialises");
        let answer = runtime.block_on(transport.send("http://127.0.0.1:1/", request));
        assert_eq!(
            answer,
            Err(TransportError {
                kind: TransportKind::Unreachable
            })
        );
    }
}
