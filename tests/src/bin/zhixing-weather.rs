//! A network that fails on demand, for the demonstration: `zhixing-weather COURT_ADDRESS`.
//!
//! Prints its own address, then obeys lines on standard input: `good`, `offline`, `bad BYTES` (connections die after
//! so many bytes towards the court). Ends with its input.

use std::process::ExitCode;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use zhixing_tests::{Fault, Proxy};

#[allow(clippy::print_stdout, clippy::print_stderr)] // the program's own output
#[tokio::main]
async fn main() -> ExitCode {
    let Some(Ok(court)) = std::env::args().nth(1).map(|text| text.parse()) else {
        eprintln!("usage: zhixing-weather ADDRESS:PORT");
        return ExitCode::from(2);
    };
    let proxy = match Proxy::start(court).await {
        Ok(proxy) => proxy,
        Err(error) => {
            eprintln!("zhixing-weather: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}", proxy.address);
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut words = line.split_whitespace();
        match (words.next(), words.next().map(str::parse)) {
            (Some("good"), None) => proxy.set(Fault::None),
            (Some("offline"), None) => proxy.set(Fault::Offline),
            (Some("bad"), Some(Ok(bytes))) => proxy.set(Fault::CutAfter(bytes)),
            _ => eprintln!("zhixing-weather: good, offline, or bad BYTES"),
        }
    }
    ExitCode::SUCCESS
}
