#![doc = include_str!("../README.md")]

mod act;
mod arguments;
mod commands;
mod doc;
mod exit;
mod funds;
mod law;
mod output;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    let output = output::Output {
        json: arguments.json,
    };
    match commands::run(&arguments, &output) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            output.error(&error);
            ExitCode::from(exit::code_of(&error))
        }
    }
}
