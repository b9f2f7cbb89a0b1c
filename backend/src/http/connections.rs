//! The accept loop: how long a connection may wait, how many there may be, and how they end.
//!
//! A client that sends its request drop by drop, takes its answer drop by drop or says nothing at all is let go, so that
//! it cannot keep others out. Bodies have limits of their own where they are read.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, Sleep};
use zhixing_protocol::wire::ProblemKind;

use crate::problem::Failure;

/// After a failed accept, such as for want of file descriptors, which only time mends.
const ACCEPT_RETRY: Duration = Duration::from_secs(1);
/// What one connection too many is told.
const FULL_TITLE: &str = "The court is serving as many as it can. Try again shortly.";
/// When it may come again.
const FULL_RETRY_MS: u64 = 5_000;
/// How long it has to take that and to go.
const FAREWELL: Duration = Duration::from_secs(2);
/// Most connections that are being told so at once; more are closed without a word.
const MOST_FAREWELLS: usize = 64;

/// What connections may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For the head of a request, and between two requests of one connection.
    pub head: Duration,
    /// Without the client taking a byte of an answer that waits for it.
    pub stalled: Duration,
    /// Connections at once.
    pub connections: usize,
}

/// Serves until `stop` resolves; then takes no more connections, closes idle ones and lets open requests end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()> + Send,
) {
    let most = u32::try_from(limits.connections).unwrap_or(u32::MAX >> 4);
    let places = Arc::new(Semaphore::new(limits.connections));
    let farewells = Arc::new(Semaphore::new(MOST_FAREWELLS));
    let (closing, closed) = watch::channel(false);
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) if is_of_the_connection(&error) => continue,
            Err(error) => {
                tracing::error!(%error, "cannot accept connections");
                tokio::time::sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                let carried = carry(stream, router.clone(), limits, closed.clone());
                tokio::spawn(async move {
                    carried.await;
                    drop(place);
                });
            }
            Err(_) => {
                if let Ok(place) = Arc::clone(&farewells).try_acquire_owned() {
                    tracing::warn!(limit = limits.connections, "too many connections");
                    tokio::spawn(async move {
                        let _ = tokio::time::timeout(FAREWELL, turn_away(stream)).await;
                        drop(place);
                    });
                }
            }
        }
    }
    drop(listener);
    let _ = closing.send(true);
    // Every place is free when every connection has ended; the semaphore is never closed.
    let _ = places.acquire_many(most).await;
}

fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

async fn carry(
    stream: TcpStream,
    router: Router,
    limits: Limits,
    mut closed: watch::Receiver<bool>,
) {
    // Answers are written whole; waiting for more bytes only delays them.
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Taken::new(stream, limits.stalled));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .serve_connection(io, TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let stopping = async {
        // Fails only if the sender is gone, which means the same.
        let _ = closed.wait_for(|closed| *closed).await;
    };
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = stopping => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // The client's doing: it went away, or was let go.
        tracing::debug!(%error, "a connection ended");
    }
}

/// Says why, and reads on until the client has gone: a close with bytes unread would destroy the answer on its way.
async fn turn_away(mut stream: TcpStream) -> io::Result<()> {
    let mut failure = Failure::new(ProblemKind::Busy, FULL_TITLE);
    failure.0.retry_after_ms = Some(FULL_RETRY_MS);
    let body = serde_json::to_string(&failure.0).unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: {}\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        FULL_RETRY_MS / 1000,
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    let mut unread = [0; 1024];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

/// A stream whose writes fail when the other side takes no byte for too long.
struct Taken {
    stream: TcpStream,
    stalled: Duration,
    /// Runs while a write waits.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Taken {
    fn new(stream: TcpStream, stalled: Duration) -> Self {
        Self {
            stream,
            stalled,
            deadline: None,
        }
    }

    fn judge<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.deadline = None;
            return written;
        }
        let until = Instant::now() + self.stalled;
        let deadline = self
            .deadline
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        match deadline.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Taken {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Taken {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
