//! The network of a schedule: requests go straight into the router, or are lost, cut, doubled, late or answered by
//! somebody else.

use std::future::Future;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tower::ServiceExt as _;
use zhixing_engine::Engine;
use zhixing_engine::sync::{
    Body, HttpRequest, HttpResponse, Transport, TransportError, TransportKind,
};
use zhixing_protocol::ids::CaseId;
use zhixing_server::court::Court;

use super::court::SimCourt;
use super::dice::Dice;
use super::trace::Trace;

/// A request with its bytes, so that it can be sent again later.
#[derive(Clone)]
struct Parcel {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    LostBefore,
    AnswerLost,
    Cut,
    Doubled,
    Late,
    TooMany,
    Unavailable,
    Portal,
    OtherCertificate,
}

const FAULTS: [Fault; 9] = [
    Fault::LostBefore,
    Fault::AnswerLost,
    Fault::AnswerLost,
    Fault::Cut,
    Fault::Doubled,
    Fault::Late,
    Fault::TooMany,
    Fault::Unavailable,
    Fault::Portal,
];

/// The network and the court behind it.
pub struct Network {
    state: Mutex<State>,
    court: tokio::sync::Mutex<SimCourt>,
}

struct State {
    dice: Dice,
    /// Of a hundred requests so many go wrong.
    bad_percent: u64,
    late: Vec<Parcel>,
    trace: Trace,
    requests: u64,
    violations: Vec<String>,
}

impl Network {
    /// A network that works, before a court.
    pub fn new(seed: u64, court: SimCourt) -> Self {
        Self {
            state: Mutex::new(State {
                dice: Dice::new(seed),
                bad_percent: 0,
                late: Vec::new(),
                trace: Trace::default(),
                requests: 0,
                violations: Vec::new(),
            }),
            court: tokio::sync::Mutex::new(court),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of a hundred requests so many go wrong from now on.
    pub fn set_weather(&self, bad_percent: u64) {
        self.state().bad_percent = bad_percent;
    }

    /// Writes a line into the trace.
    pub fn note(&self, line: &str) {
        self.state().trace.add(line);
    }

    /// What was seen to be wrong so far.
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    /// The trace so far; the next one is empty.
    pub fn take_trace(&self) -> Trace {
        std::mem::take(&mut self.state().trace)
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.state().requests
    }

    /// The court, to look inside.
    pub fn court(&self) -> Arc<Court> {
        Arc::clone(self.locked().court())
    }

    /// The court, to do something with.
    pub fn locked(&self) -> tokio::sync::MutexGuard<'_, SimCourt> {
        self.court
            .try_lock()
            .expect("a schedule does one thing at a time")
    }

    /// Runs what the court does behind the requests.
    pub async fn work(&self) {
        self.court.lock().await.work().await;
    }

    /// Closes the court's database.
    pub async fn close(&self) {
        let court = self.court();
        court.db.close().await;
    }

    /// All cases in the order of their numbers.
    pub async fn cases(&self) -> Vec<CaseId> {
        let court = self.court();
        let mut tx = court.db.begin_read().await.expect("the store works");
        let rows = tx
            .rows("SELECT case_id FROM cases ORDER BY number", &[])
            .await
            .expect("the store works");
        rows.iter()
            .map(|row| row.parse(0).expect("an id"))
            .collect()
    }

    /// A transport of a device that never fails.
    pub fn quiet(&self, device: usize) -> Line<'_> {
        Line {
            network: self,
            device,
            engine: None,
            quiet: true,
        }
    }

    /// The transport of a device.
    pub fn line<'a>(&'a self, device: usize, engine: &'a Engine) -> Line<'a> {
        Line {
            network: self,
            device,
            engine: Some(engine),
            quiet: false,
        }
    }

    /// Requests that were late arrive now; nobody waits for their answers.
    pub async fn deliver_late(&self) {
        let late = std::mem::take(&mut self.state().late);
        for parcel in late {
            let answer = self.deliver(&parcel, None).await;
            self.note(&format!("late {} -> {}", parcel.method, answer.status));
        }
    }

    /// Brings a request to the court; `cut`: the connection breaks after so many bytes of its body.
    async fn deliver(&self, parcel: &Parcel, cut: Option<usize>) -> HttpResponse {
        let mut request = http::Request::builder()
            .method(parcel.method)
            .uri(&parcel.path);
        for (name, value) in &parcel.headers {
            request = request.header(name, value);
        }
        let bytes = Bytes::from(parcel.body.clone());
        let body = match cut {
            None => axum::body::Body::from(bytes),
            Some(at) => {
                let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                let pieces = [Ok(bytes.slice(..at.min(bytes.len()))), Err(broken)];
                axum::body::Body::from_stream(futures::stream::iter(pieces))
            }
        };
        let request = request
            .header("content-length", parcel.body.len())
            .body(body)
            .expect("a well-formed request");
        let router = self.locked().router();
        let Ok(response) = router.oneshot(request).await;
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX)
            .await
            .expect("the court's answers are whole");
        HttpResponse {
            status: head.status.as_u16(),
            headers: head
                .headers
                .iter()
                .filter_map(|(name, value)| {
                    Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
                })
                .collect(),
            body: body.to_vec(),
        }
    }

    fn draw(&self, body_len: usize) -> (Fault, usize) {
        let mut state = self.state();
        state.requests += 1;
        let bad = state.bad_percent;
        if !state.dice.happens(bad) {
            return (Fault::None, 0);
        }
        let fault = match state.dice.index(FAULTS.len() + 1) {
            index if index < FAULTS.len() => FAULTS.get(index).copied().unwrap_or(Fault::None),
            _ => Fault::OtherCertificate,
        };
        let cut = state.dice.index(body_len + 1);
        (fault, cut)
    }
}

/// The transport of one device.
pub struct Line<'a> {
    network: &'a Network,
    device: usize,
    engine: Option<&'a Engine>,
    quiet: bool,
}

impl Line<'_> {
    async fn carry(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let lost = |kind| Err(TransportError { kind });
        let Ok(body) = read_body(&request.body) else {
            return lost(TransportKind::File);
        };
        self.i9_statements_before_bytes(&request);
        let parcel = Parcel {
            method: request.method,
            path: request.path,
            headers: request.headers,
            body,
        };
        let (fault, cut) = if self.quiet {
            (Fault::None, 0)
        } else {
            self.network.draw(parcel.body.len())
        };
        let answer = match fault {
            Fault::LostBefore => lost(TransportKind::Unreachable),
            Fault::OtherCertificate => lost(TransportKind::Tls),
            Fault::TooMany => Ok(refusal(429, "retry-after", "7")),
            Fault::Unavailable => Ok(refusal(503, "retry-after", "30")),
            Fault::Portal => Ok(HttpResponse {
                body: b"<html><body>Please log in to the guest network</body></html>".to_vec(),
                ..refusal(200, "content-type", "text/html")
            }),
            Fault::Late => {
                self.network.state().late.push(parcel.clone());
                lost(TransportKind::Timeout)
            }
            Fault::AnswerLost => {
                self.network.deliver(&parcel, None).await;
                lost(TransportKind::Unreachable)
            }
            Fault::Cut => {
                self.network.deliver(&parcel, Some(cut)).await;
                lost(TransportKind::Unreachable)
            }
            Fault::Doubled => {
                self.network.deliver(&parcel, None).await;
                Ok(self.network.deliver(&parcel, None).await)
            }
            Fault::None => Ok(self.network.deliver(&parcel, None).await),
        };
        let told = match &answer {
            Ok(answer) => answer.status.to_string(),
            Err(error) => format!("{:?}", error.kind),
        };
        self.network.note(&format!(
            "{} {} {} {fault:?} {told}",
            self.device, parcel.method, parcel.path
        ));
        match (answer, request.sink) {
            (Ok(mut answer), Some(sink)) if (200..300).contains(&answer.status) => {
                let body = std::mem::take(&mut answer.body);
                let written = zhixing_engine::sync::part::begin(&sink, &answer)
                    .and_then(|mut file| std::io::Write::write_all(&mut file, &body));
                if written.is_err() {
                    return lost(TransportKind::File);
                }
                Ok(answer)
            }
            (answer, _) => answer,
        }
    }

    /// I9: no byte of evidence goes out while a statement waits.
    fn i9_statements_before_bytes(&self, request: &HttpRequest) {
        let Some(engine) = self.engine else { return };
        if !request.path.starts_with("/device/v1/uploads") {
            return;
        }
        let pending = engine.status().map(|status| status.pending_statements);
        if pending != Ok(0) {
            self.network.state().violations.push(format!(
                "I9: device {} sends bytes while statements wait: {pending:?}",
                self.device
            ));
        }
    }
}

impl Transport for Line<'_> {
    fn send(
        &self,
        _base: &str,
        request: HttpRequest,
    ) -> impl Future<Output = Result<HttpResponse, TransportError>> + Send {
        self.carry(request)
    }
}

fn refusal(status: u16, name: &str, value: &str) -> HttpResponse {
    HttpResponse {
        status,
        headers: vec![(name.to_owned(), value.to_owned())],
        body: Vec::new(),
    }
}

fn read_body(body: &Body) -> std::io::Result<Vec<u8>> {
    match body {
        Body::Empty => Ok(Vec::new()),
        Body::Bytes(bytes) => Ok(bytes.clone()),
        Body::FileSlice { path, offset, len } => {
            let mut file = std::fs::File::open(path)?;
            file.seek(SeekFrom::Start(*offset))?;
            let mut bytes = vec![0; usize::try_from(*len).unwrap_or(0)];
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        }
    }
}
