//! The command `tunrss`: receive-side scaling for Linux TUN and TAP devices.
//!
//! What was typed ([`args`]) becomes what will be done ([`plan`]), which a module of [`cmd`] does.
#![forbid(unsafe_code)]

mod args;
mod capture;
mod cmd;
mod error;
mod exit;
mod hex;
mod output;
mod plan;
mod table_file;

use std::ffi::OsString;
use std::panic;
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::args::{Cli, Command, OutputArgs};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Output, print_error, print_error_object, print_library_warnings, to_stderr};
use crate::plan::Plan;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let exit = match Cli::try_parse_from(&words) {
        Ok(Cli { output, command }) => run(output, command),
        Err(error) => refuse(&error, &words),
    };
    exit.into()
}

fn run(args: OutputArgs, command: Command) -> Exit {
    // A panic is our bug: it is reported as one, with its own exit code.
    panic::set_hook(Box::new(move |info| {
        print_error(args, &CliError::Internal { what: info.to_string().replace('\n', " ") });
    }));
    print_library_warnings(args);
    let mut output = Output::new(args);
    let result = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        let exit = Plan::try_from(command).and_then(|plan| cmd::run(plan, &mut output));
        // What was printed before an error is part of the answer.
        let flushed = output.flush();
        exit.and_then(|exit| flushed.map(|()| exit))
    }));
    match result {
        Ok(Ok(exit)) => exit,
        Ok(Err(error)) if error.is_broken_pipe() => Exit::Done,
        Ok(Err(error)) => {
            print_error(args, &error);
            error.exit()
        }
        Err(_) => Exit::Bug,
    }
}

/// Print why clap refused `words`, or the help or version that were asked for.
fn refuse(error: &clap::Error, words: &[OsString]) -> Exit {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // If nobody reads it, there is nobody to tell.
        let _ = error.print();
        return Exit::Done;
    }
    let hint = habit(error);
    let mut options = words.iter().take_while(|word| *word != "--");
    if options.any(|word| word == "--json" || word == "-j") {
        let text = error.render().to_string();
        let what = text.strip_prefix("error: ").unwrap_or(&text);
        let what = what.split("\n\n").next().unwrap_or(what).split_whitespace();
        let what = what.collect::<Vec<_>>().join(" ");
        let hint = hint.unwrap_or_else(|| "see `tunrss --help`".into());
        print_error_object(&what, &[], Some(&hint), Exit::Usage);
    } else {
        let _ = error.print();
        if let Some(hint) = hint {
            to_stderr(&format!("hint: {hint}\n"));
        }
    }
    Exit::Usage
}

/// What to do about an argument as ethtool takes it: `equal 4`, `--weight 3 1`, `default`.
fn habit(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg) else { return None };
    match word.as_str() {
        "equal" | "weight" | "start" | "hkey" => Some(format!("write --{word}, with two dashes")),
        "default" => Some(
            "`tunrss clear NAME` goes back to the kernel's own steering; `tunrss set NAME` alone \
             spreads evenly over all queues"
                .into(),
        ),
        number if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some("weights are separated by commas, as in --weight 3,1".into())
        }
        _ => None,
    }
}
