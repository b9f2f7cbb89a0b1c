//! A TCP proxy that fails on demand: no signal, connections cut after so many bytes, answers lost after the commit.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How the network behaves from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It works.
    None,
    /// No signal: every connection is refused at once, open ones die.
    Offline,
    /// Each connection dies after so many bytes towards the court.
    CutAfter(u64),
    /// Each connection dies after so many bytes towards the device.
    CutAnswersAfter(u64),
    /// The first request whose head begins with this text reaches the court; its answer is lost. Then it works.
    LoseAnswerOf(String),
    /// Every request is answered 503: the server behind is there and has no time.
    Unavailable,
    /// A captive portal: every request is answered 200 with HTML.
    CaptivePortal,
}

/// The proxy, running until it is dropped.
pub struct Proxy {
    /// Where devices connect.
    pub address: SocketAddr,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

struct State {
    court: Mutex<SocketAddr>,
    fault: Mutex<Fault>,
    generation: tokio::sync::watch::Sender<u64>,
    sent: AtomicU64,
    received: AtomicU64,
    lost: AtomicU64,
}

impl Proxy {
    /// Starts a proxy to `court`.
    pub async fn start(court: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            court: Mutex::new(court),
            fault: Mutex::new(Fault::None),
            generation: tokio::sync::watch::Sender::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                tokio::spawn(async move {
                    // A broken connection is what this proxy is for.
                    let _ = carry(client, &state).await;
                });
            }
        });
        Ok(Self {
            address,
            state,
            task,
        })
    }

    /// Points at a court that was started again.
    pub fn point_at(&self, court: SocketAddr) {
        *self
            .state
            .court
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = court;
    }

    /// Changes the weather. Open connections die.
    pub fn set(&self, fault: Fault) {
        *self
            .state
            .fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = fault;
        self.state
            .generation
            .send_modify(|generation| *generation += 1);
    }

    /// Bytes carried towards the court so far.
    pub fn sent_bytes(&self) -> u64 {
        self.state.sent.load(Ordering::Relaxed)
    }

    /// Bytes carried towards the device so far.
    pub fn received_bytes(&self) -> u64 {
        self.state.received.load(Ordering::Relaxed)
    }

    /// Answers lost so far.
    pub fn lost_answers(&self) -> u64 {
        self.state.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    fn fault(&self) -> Fault {
        self.fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

async fn carry(mut client: TcpStream, state: &State) -> std::io::Result<()> {
    let mut generation = state.generation.subscribe();
    generation.borrow_and_update();
    match state.fault() {
        Fault::Offline => return Ok(()),
        Fault::Unavailable => {
            let mut request = vec![0; 16 * 1024];
            let _ = client.read(&mut request).await?;
            let answer = "HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            return client.write_all(answer.as_bytes()).await;
        }
        Fault::CaptivePortal => {
            let mut request = vec![0; 16 * 1024];
            let _ = client.read(&mut request).await?;
            let page = "<html><body>Please log in to the guest network</body></html>";
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                page.len()
            );
            client.write_all(head.as_bytes()).await?;
            return client.write_all(page.as_bytes()).await;
        }
        _ => {}
    }
    let court = *state.court.lock().unwrap_or_else(PoisonError::into_inner);
    let court = TcpStream::connect(court).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_court, mut to_court) = court.into_split();
    let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let mut carried = 0_u64;
    let mut answered = 0_u64;
    let mut losing = false;
    loop {
        tokio::select! {
            _ = generation.changed() => return Ok(()),
            read = from_client.read(&mut up) => {
                let read = read?;
                if read == 0 {
                    return Ok(());
                }
                let bytes = up.get(..read).unwrap_or_default();
                match state.fault() {
                    Fault::CutAfter(limit) if carried + read as u64 > limit => {
                        let room = usize::try_from(limit.saturating_sub(carried)).unwrap_or(0);
                        to_court.write_all(bytes.get(..room).unwrap_or_default()).await?;
                        return Ok(());
                    }
                    Fault::LoseAnswerOf(head) if bytes.starts_with(head.as_bytes()) => losing = true,
                    _ => {}
                }
                carried += read as u64;
                state.sent.fetch_add(read as u64, Ordering::Relaxed);
                to_court.write_all(bytes).await?;
            }
            read = from_court.read(&mut down) => {
                let read = read?;
                if read == 0 {
                    return Ok(());
                }
                if losing {
                    // The court has committed and answered; the device never hears of it.
                    state.lost.fetch_add(1, Ordering::Relaxed);
                    *state.fault.lock().unwrap_or_else(PoisonError::into_inner) = Fault::None;
                    return Ok(());
                }
                let mut bytes = down.get(..read).unwrap_or_default();
                let cut = match state.fault() {
                    Fault::CutAnswersAfter(limit) if answered + read as u64 > limit => {
                        let room = usize::try_from(limit.saturating_sub(answered)).unwrap_or(0);
                        bytes = bytes.get(..room).unwrap_or_default();
                        true
                    }
                    _ => false,
                };
                answered += bytes.len() as u64;
                state.received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                to_client.write_all(bytes).await?;
                if cut {
                    return Ok(());
                }
            }
        }
    }
}
