//! `tunrss-vhost`: the daemon.
//!
//! What was typed ([`args`]) becomes what will be done ([`plan`]). Two processes serve guests:
//! [`supervise`] is the one that was started, [`child`] the one that touches the guests' memory.
#![forbid(unsafe_code)]

mod args;
mod broker_thread;
mod child;
mod error;
mod exit;
mod handover;
mod logger;
mod plan;
mod sandbox;
mod socket;
mod supervise;
mod tap;
mod user;
mod watchdog;

use std::io::{self, Write};
use std::panic;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::args::Cli;
use crate::error::DaemonError;
use crate::exit::Exit;
use crate::plan::Plan;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => run(cli).into(),
        Err(error) => {
            // If nobody reads it, there is nobody to tell.
            let _ = error.print();
            if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
        }
    }
}

fn run(cli: Cli) -> Exit {
    let plan = match Plan::try_from(cli) {
        Ok(plan) => plan,
        Err(error) => {
            error.print();
            return error.exit();
        }
    };
    // A panic is our bug: it is reported as one, with its own exit code. In the process that serves
    // it is the end whatever thread it is in: no queue is left without its thread.
    let is_backend = matches!(plan, Plan::Backend);
    panic::set_hook(Box::new(move |info| {
        DaemonError::Internal { what: info.to_string().replace('\n', " ") }.print();
        if is_backend {
            std::process::exit(Exit::Bug.code().into());
        }
    }));
    let result = panic::catch_unwind(panic::AssertUnwindSafe(|| match plan {
        Plan::Serve(plan) => supervise::run(*plan),
        Plan::Backend => child::run(),
        Plan::Status { path, json } => status(path, json),
        Plan::Capabilities => print(CAPABILITIES),
    }));
    match result {
        Ok(Ok(exit)) => exit,
        Ok(Err(error)) if error.is_broken_pipe() => Exit::Done,
        Ok(Err(error)) => {
            error.print();
            error.exit()
        }
        Err(_) => Exit::Bug,
    }
}

fn status(path: PathBuf, json: bool) -> Result<Exit, DaemonError> {
    let status = tunrss_vhost::status::ask(&path, TIMEOUT)
        .map_err(|source| DaemonError::Status { path, source })?;
    if !json {
        return print(&error::plain(&status.to_string()));
    }
    let line = serde_json::to_string(&status)
        .map_err(|error| DaemonError::Internal { what: format!("no JSON: {error}") })?;
    print(&format!("{line}\n"))
}

fn print(text: &str) -> Result<Exit, DaemonError> {
    let mut stdout = io::stdout().lock();
    let printed = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    printed.map(|()| Exit::Done).map_err(|source| DaemonError::Print { source })
}

/// How long a daemon may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// As QEMU's docs/interop/vhost-user.json has it. That knows no features of backends for networks.
const CAPABILITIES: &str = "{\"type\":\"net\",\"features\":[]}\n";
