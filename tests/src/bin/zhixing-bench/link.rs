//! A slow link: so many bytes a second towards the court, and a delay each way. It loses nothing; where the kernel has no
//! netem, loss cannot be had without being root in a network of one's own.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// Bytes read at once.
const PIECE: usize = 16 * 1024;
/// Pieces on the link and in the queue before it: 256 KiB, more than any link here has under way.
const QUEUE: usize = 16;

/// A link to somewhere, up until it is dropped.
pub struct SlowLink {
    /// Where to connect.
    pub address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

/// What a link gives.
#[derive(Debug, Clone, Copy)]
pub struct Speed {
    /// Bytes a second towards the far end.
    pub bytes_per_second: f64,
    /// One way.
    pub delay: Duration,
}

impl SlowLink {
    /// A link to `far`.
    pub async fn start(far: SocketAddr, speed: Speed) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(far).await else {
                        return;
                    };
                    let (from_near, to_near) = near.into_split();
                    let (from_far, to_far) = far.into_split();
                    let back = Speed {
                        bytes_per_second: f64::INFINITY,
                        ..speed
                    };
                    // Whichever side ends first ends both.
                    tokio::select! {
                        () = carry(from_near, to_far, speed) => {}
                        () = carry(from_far, to_near, back) => {}
                    }
                });
            }
        });
        Ok(Self { address, task })
    }
}

impl Drop for SlowLink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One direction: bytes enter at the speed of the link and come out after its delay.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, speed: Speed) {
    let (enter, mut leave) = tokio::sync::mpsc::channel::<(Instant, Vec<u8>)>(QUEUE);
    let entering = async move {
        let mut free = Instant::now();
        loop {
            let mut piece = vec![0; PIECE];
            let Ok(read @ 1..) = from.read(&mut piece).await else {
                return;
            };
            piece.truncate(read);
            free = free.max(Instant::now())
                + Duration::from_secs_f64(read as f64 / speed.bytes_per_second);
            tokio::time::sleep_until(free).await;
            if enter.send((free + speed.delay, piece)).await.is_err() {
                return;
            }
        }
    };
    let leaving = async move {
        while let Some((due, piece)) = leave.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(entering, leaving);
}
