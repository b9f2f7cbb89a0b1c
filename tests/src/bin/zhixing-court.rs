//! The server of a test, in a process of its own that can be killed: `zhixing-court CONFIGURATION` says where it listens
//! and serves.

use std::io::Write as _;
use std::sync::Arc;

use zhixing_server::config::Config;
use zhixing_server::court::{Court, system_clock};
use zhixing_server::serve;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args_os()
        .nth(1)
        .ok_or("name a configuration file")?;
    let config = Config::read(Some(file.as_ref()))?;
    let listener = tokio::net::TcpListener::bind(config.listen).await?;
    let court = Court::open(config, system_clock()).await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    serve::run(Arc::clone(&court), listener, std::future::pending()).await;
    Ok(())
}
