//! Clients that are slow on purpose, beside one that is not.

use std::net::SocketAddr;

use axum::routing::get;
use tokio::sync::Notify;

use super::*;
use crate::http::uploads::client::Connection;
use crate::store::testing::{Engine, Scratch};
use crate::testing::{TestClock, open_court};

const SHORT: Duration = Duration::from_millis(300);
/// Far beyond every limit of these tests; reached only where a limit does not hold.
const NEVER: Duration = Duration::from_secs(20);
const DRIP: Duration = Duration::from_millis(20);

fn limits() -> Limits {
    Limits {
        head: NEVER,
        stalled: NEVER,
        connections: 50,
    }
}

async fn listen(router: Router, limits: Limits) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(serve(listener, router, limits, std::future::pending()));
    address
}

fn hello() -> Router {
    Router::new().route("/hello", get(|| async { "hello" }))
}

async fn hello_from(address: SocketAddr) -> u16 {
    let mut client = Connection::open(address).await;
    client.ask("GET", "/hello", &[], b"").await.status
}

/// Sends the bytes one by one, over and over, and says what the server answered before it closed the connection.
async fn drip_until_closed(stream: TcpStream, text: &[u8]) -> String {
    let (mut reader, mut writer) = stream.into_split();
    let mut answer = Vec::new();
    let dripping = async {
        for byte in text.iter().cycle() {
            if writer.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(DRIP).await;
        }
        std::future::pending::<()>().await;
    };
    let closed = tokio::time::timeout(NEVER, async {
        tokio::select! {
            () = dripping => {}
            // A reset is a close too.
            _ = reader.read_to_end(&mut answer) => {}
        }
    })
    .await;
    assert!(closed.is_ok(), "the server still listens to the drops");
    String::from_utf8(answer).expect("text")
}

#[tokio::test]
async fn a_head_that_drips_is_closed_while_others_are_served() {
    let mut limits = limits();
    limits.head = SHORT;
    let address = listen(hello(), limits).await;
    let mut drips = Vec::new();
    for _ in 0..5 {
        let stream = TcpStream::connect(address).await.expect("connects");
        drips.push(tokio::spawn(async move {
            drip_until_closed(stream, b"GET /hello HTTP/1.1\r\nx-a: b\r\nx-c: ").await
        }));
    }
    for _ in 0..20 {
        assert_eq!(hello_from(address).await, 200);
        tokio::time::sleep(DRIP).await;
    }
    for drip in drips {
        let answer = drip.await.expect("no panic");
        assert!(!answer.contains("200 OK"), "{answer}");
    }
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed_before_and_after_a_request() {
    let mut limits = limits();
    limits.head = SHORT;
    let address = listen(hello(), limits).await;
    for requests in 0..2 {
        let mut client = Connection::open(address).await;
        for _ in 0..requests {
            assert_eq!(client.ask("GET", "/hello", &[], b"").await.status, 200);
        }
        tokio::time::timeout(NEVER, client.closed())
            .await
            .expect("an idle connection is closed");
    }
}

#[tokio::test]
async fn an_answer_that_nobody_takes_gives_its_place_free() {
    let mut limits = limits();
    limits.stalled = SHORT;
    limits.connections = 1;
    // More than the sockets of both sides hold.
    let large = || async { vec![0_u8; 64 << 20] };
    let address = listen(hello().route("/large", get(large)), limits).await;
    let mut greedy = Connection::open(address).await;
    greedy.head("GET", "/large", &[]).await;
    let served = async {
        // Its place is taken only once its connection was accepted.
        while hello_from(address).await != 503 {}
        while hello_from(address).await != 200 {
            tokio::time::sleep(DRIP).await;
        }
    };
    tokio::time::timeout(NEVER, served)
        .await
        .expect("the place becomes free");
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_comes_in_later() {
    let mut limits = limits();
    limits.connections = 2;
    let address = listen(hello(), limits).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut client = Connection::open(address).await;
        assert_eq!(client.ask("GET", "/hello", &[], b"").await.status, 200);
        held.push(client);
    }
    let mut third = Connection::open(address).await;
    let refused = third.ask("GET", "/hello", &[], b"").await;
    assert_eq!((refused.status, refused.kind().as_str()), (503, "busy"));
    assert_eq!(refused.header("retry-after"), "5");
    let first = held.first_mut().expect("held");
    assert_eq!(first.ask("GET", "/hello", &[], b"").await.status, 200);
    held.pop();
    let served = async {
        while hello_from(address).await != 200 {
            tokio::time::sleep(DRIP).await;
        }
    };
    tokio::time::timeout(NEVER, served)
        .await
        .expect("a place becomes free");
}

#[tokio::test]
async fn stopping_lets_an_open_request_end_and_takes_no_other() {
    let (asked, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (asks, goes) = (Arc::clone(&asked), Arc::clone(&go));
    let slow = move || async move {
        asks.notify_one();
        goes.notified().await;
        "at last"
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let router = hello().route("/slow", get(slow));
    let served = tokio::spawn(serve(listener, router, limits(), async {
        let _ = stopped.await;
    }));
    let mut idle = Connection::open(address).await;
    assert_eq!(idle.ask("GET", "/hello", &[], b"").await.status, 200);
    let mut open = Connection::open(address).await;
    open.head("GET", "/slow", &[]).await;
    asked.notified().await;
    stop.send(()).expect("the server runs");
    tokio::time::timeout(NEVER, idle.closed())
        .await
        .expect("an idle connection is closed");
    assert!(TcpStream::connect(address).await.is_err());
    assert!(!served.is_finished());
    go.notify_one();
    let answer = open.answer("GET").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "at last"));
    served.await.expect("ends");
}

#[tokio::test]
async fn a_json_body_that_stops_or_drips_is_given_up_while_others_are_served() {
    let scratch = Scratch::new(Engine::Sqlite).await;
    let mut config = scratch.config();
    config.idle_seconds = 1;
    let court = open_court(config, &TestClock::new()).await;
    let address = listen(crate::http::router(court), limits()).await;
    for path in ["/device/v1/challenge", "/console/v1/login"] {
        let mut stopped = Connection::open(address).await;
        stopped
            .head("POST", path, &[("content-length", "900")])
            .await;
        stopped.send(b"{\"device\":").await;
        let stream = TcpStream::connect(address).await.expect("connects");
        let head = format!("POST {path} HTTP/1.1\r\nhost: court\r\ncontent-length: 900\r\n\r\n");
        let (mut health, mut stream) = (Connection::open(address).await, stream);
        stream.write_all(head.as_bytes()).await.expect("writes");
        let dripped = tokio::spawn(drip_until_closed(stream, b" "));
        assert_eq!(health.ask("GET", "/health", &[], b"").await.status, 200);
        let answer = tokio::time::timeout(NEVER, stopped.answer("POST"))
            .await
            .expect("is given up");
        assert_eq!((answer.status, answer.kind().as_str()), (408, "busy"));
        stopped.closed().await;
        let answer = dripped.await.expect("no panic");
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert_eq!(health.ask("GET", "/health", &[], b"").await.status, 200);
    }
}
