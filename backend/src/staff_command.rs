//! `zhixing-server staff`.

use std::io::{BufRead as _, IsTerminal as _};

use clap::Subcommand;
use zhixing_server::court::Court;
use zhixing_server::staff;

use crate::say;

/// What to do with how people get in.
#[derive(Subcommand)]
pub enum StaffCommand {
    /// Everybody, and how they get in.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give a password: the first line of standard input, or, at a terminal, one that is made and shown once. Ends all sessions and a lock-out.
    Password {
        /// Login of the person.
        #[arg(long)]
        login: String,
        /// Take the password away instead: the person cannot log in to the console. Devices are not touched (see revoke-device).
        #[arg(long)]
        off: bool,
    },
    /// Ask for a one-time password at each login from now on, and show the QR code for an authenticator app once.
    Totp {
        /// Login of the person.
        #[arg(long)]
        login: String,
        /// Ask for none any more.
        #[arg(long)]
        off: bool,
    },
    /// End a lock-out after too many wrong attempts.
    Unlock {
        /// Login of the person.
        #[arg(long)]
        login: String,
    },
}

/// Does it.
pub async fn run(court: &Court, command: StaffCommand) -> Result<(), String> {
    match command {
        StaffCommand::List { json } => {
            let people = staff::list(court).await.map_err(told(""))?;
            if json {
                say(&serde_json::to_string_pretty(&people).map_err(|error| error.to_string())?);
                return Ok(());
            }
            for person in people {
                let how = match (person.has_password, person.has_totp) {
                    (false, _) => "no password",
                    (true, false) => "password",
                    (true, true) => "password and one-time password",
                };
                say(&format!(
                    "{:10} {:8} {:8} {}: {how}, {} sessions, {} devices",
                    person.login,
                    person.role,
                    person.court,
                    person.name,
                    person.sessions,
                    person.devices
                ));
            }
        }
        StaffCommand::Password { login, off: true } => {
            staff::set_password(court, &login, None)
                .await
                .map_err(told(&login))?;
            say(&format!("{login} cannot log in to the console any more"));
        }
        StaffCommand::Password { login, off: false } => {
            let (password, made) = read_or_make()?;
            staff::set_password(court, &login, Some(&password))
                .await
                .map_err(told(&login))?;
            if made {
                say(&format!(
                    "{password}\nThis is the password of {login}. It is shown this once; hand it over on paper or by voice."
                ));
            } else {
                say(&format!("{login} has the new password"));
            }
        }
        StaffCommand::Totp { login, off } => {
            match staff::set_totp(court, &login, !off)
                .await
                .map_err(told(&login))?
            {
                None => say(&format!("{login} needs no one-time password any more")),
                Some(address) => {
                    say(&qr(&address)?);
                    say(&format!(
                        "{address}\nScan this with an authenticator app now; it is shown this once. From now on {login} is asked for six digits."
                    ));
                }
            }
        }
        StaffCommand::Unlock { login } => {
            staff::unlock(court, &login).await.map_err(told(&login))?;
            say(&format!("{login} may try again"));
        }
    }
    Ok(())
}

fn told(login: &str) -> impl Fn(zhixing_server::problem::Failure) -> String {
    move |failure| {
        if failure.0.kind == zhixing_protocol::wire::ProblemKind::NotFound {
            format!(
                "there is nobody with the login {login}; `zhixing-server staff list` names everybody"
            )
        } else {
            failure.0.title
        }
    }
}

fn read_or_make() -> Result<(String, bool), String> {
    let input = std::io::stdin();
    if input.is_terminal() {
        return Ok((staff::make_password(), true));
    }
    let mut line = String::new();
    input
        .lock()
        .read_line(&mut line)
        .map_err(|error| error.to_string())?;
    Ok((line.trim_end_matches(['\n', '\r']).to_owned(), false))
}

fn qr(text: &str) -> Result<String, String> {
    let code = qrcode::QrCode::new(text.as_bytes()).map_err(|error| error.to_string())?;
    Ok(code
        .render::<qrcode::render::unicode::Dense1x2>()
        .dark_color(qrcode::render::unicode::Dense1x2::Light)
        .light_color(qrcode::render::unicode::Dense1x2::Dark)
        .build())
}
