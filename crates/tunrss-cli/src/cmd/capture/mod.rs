//! `tunrss capture`: the packets of a device, with the hashes that were reported with them.
//!
//! [`steering`] is what steers the device, [`file`](mod@file) the pcapng format, [`line`](mod@line)
//! what is printed of a packet, [`signal`] the wish to end, [`target`] the file that is written.

mod file;
mod line;
mod signal;
mod steering;
mod target;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use serde::Serialize;
use tunrss::capture::{MAX_PACKET, PacketSocket};
use tunrss::{Device, IfName, Missing};

use self::file::Encoder;
use self::line::Line;
use self::signal::EndSignal;
use self::steering::{By, Steering};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Output, to_stderr};
use crate::plan::{CapturePlan, CaptureTarget};

pub(crate) fn run(plan: CapturePlan, output: &mut Output) -> Result<Exit, CliError> {
    let CapturePlan { device: name, target, count } = plan;
    if target == CaptureTarget::Stdout && (output.is_json() || output.is_terminal()) {
        let place = if output.is_json() { "standard output with --json" } else { "a terminal" };
        return Err(CliError::CapturePlace { place });
    }
    // From here on a signal leaves a complete file.
    let signal = EndSignal::catch().map_err(|source| CliError::Signals { source })?;
    let device = Device::open(&name)?;
    let name = device.name().clone();
    let (steering, unseen) = Steering::look(device.clone())?;
    let socket = PacketSocket::open(&device)?;
    if let Some(reason) = unseen {
        output.warn(&format!(
            "cannot see what steers {name} ({reason}): if report mode kernel is in force, packets \
             have its 8 bytes in front, and no hash"
        ))?;
    }
    let encoder = || Encoder::new(&name, steering.link());
    let sink = match target {
        CaptureTarget::Lines => Sink::Lines,
        CaptureTarget::Stdout => Sink::Stdout(encoder()),
        CaptureTarget::File(path) => {
            // Not before everything else is known to work: a file of this name is overwritten.
            let out = BufWriter::new(target::create(&path)?);
            Sink::File { encoder: encoder(), out, path }
        }
    };
    let mut capture = Capture {
        socket,
        steering,
        signal,
        limit: count,
        sink,
        summary: Summary::new(&name),
        received: 0,
        told: vec![],
        output,
    };
    capture.tell_missing()?;
    capture.summary.end = capture.packets()?;
    capture.finish()?;
    Ok(Exit::Done)
}

/// A capture under way.
struct Capture<'a> {
    socket: PacketSocket,
    steering: Steering,
    signal: EndSignal,
    limit: Option<u64>,
    sink: Sink,
    summary: Summary,
    /// Packets that came to the socket, those that it dropped among them.
    received: u64,
    /// The missing parts that were warned of.
    told: Vec<Missing>,
    output: &'a mut Output,
}

impl Capture<'_> {
    /// Take packets until the end, and say what it was.
    fn packets(&mut self) -> Result<End, CliError> {
        let mut buffer = vec![0; MAX_PACKET];
        let mut next_look = Instant::now() + LOOK_EVERY;
        // The end has come, but what is waiting was there before it. Until when that is taken.
        let mut ending: Option<(End, Instant)> = None;
        self.put_out()?;
        loop {
            let is_empty = match self.batch(&mut buffer)? {
                Batch::LimitReached => return Ok(End::Count),
                Batch::Gone => {
                    ending = ending.or(Some((End::Gone, Instant::now() + LAST_PACKETS)));
                    continue;
                }
                Batch::Taken { is_empty } => is_empty,
            };
            if let Some((end, until)) = ending
                && (is_empty || Instant::now() >= until)
            {
                return Ok(end);
            }
            if is_empty {
                self.put_out()?;
            }
            let left = next_look.saturating_duration_since(Instant::now());
            let left = if is_empty && ending.is_none() { left } else { Duration::ZERO };
            if self.wait(left)? {
                ending = ending.or(Some((End::Signal, Instant::now() + LAST_PACKETS)));
            }
            if Instant::now() >= next_look {
                next_look = Instant::now() + LOOK_EVERY;
                self.count_dropped()?;
                if !self.steering.look_again()? {
                    ending = ending.or(Some((End::Gone, Instant::now() + LAST_PACKETS)));
                }
                self.tell_missing()?;
            }
        }
    }

    /// Warn of what of the configuration the device does not have any more, once.
    fn tell_missing(&mut self) -> Result<(), CliError> {
        let missing = self.steering.missing();
        for part in missing.iter().filter(|part| !self.told.contains(part)) {
            self.output.warn(&format!("{}: {part}", self.steering.name()))?;
        }
        self.told = missing.to_vec();
        Ok(())
    }

    /// Take what is waiting, at most [`BATCH`] packets.
    fn batch(&mut self, buffer: &mut [u8]) -> Result<Batch, CliError> {
        for _ in 0..BATCH {
            let seen = match self.socket.recv(buffer) {
                Ok(seen) => seen,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Batch::Taken { is_empty: true });
                }
                Err(error) if error.raw_os_error() == Some(Errno::NETDOWN.raw_os_error()) => {
                    // A device that is only down may come up again.
                    if self.steering.look_again()? {
                        continue;
                    }
                    return Ok(Batch::Gone);
                }
                Err(source) => return Err(self.refused(source)),
            };
            let hashed = self.steering.hash_of(&seen);
            match hashed.map(|hashed| hashed.by) {
                Some(By::Kernel) => self.summary.reported += 1,
                Some(By::Capture) => self.summary.computed += 1,
                None => {}
            }
            self.summary.packets += 1;
            match &mut self.sink {
                Sink::Lines => {
                    let line = Line::new(self.steering.link(), &seen, hashed);
                    if self.output.is_json() {
                        self.output.object(&line)?;
                    } else {
                        self.output.text(line)?;
                    }
                }
                Sink::Stdout(encoder) | Sink::File { encoder, .. } => {
                    encoder.packet(&seen, hashed);
                    self.write_encoded()?;
                }
            }
            if self.limit == Some(self.summary.packets) {
                return Ok(Batch::LimitReached);
            }
        }
        Ok(Batch::Taken { is_empty: false })
    }

    /// Wait for a packet. Returns whether the signal to end has come.
    fn wait(&self, timeout: Duration) -> Result<bool, CliError> {
        let timeout = Timespec::try_from(timeout).unwrap_or_default();
        let mut fds =
            [PollFd::new(&self.socket, PollFlags::IN), PollFd::new(&self.signal, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) => Ok(!fds[1].revents().is_empty()),
            // By a signal: the next time its descriptor is readable.
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(self.refused(error.into())),
        }
    }

    fn count_dropped(&mut self) -> Result<(), CliError> {
        let found = self.socket.statistics().map_err(|source| self.refused(source))?;
        self.received += u64::from(found.packets);
        self.summary.dropped += u64::from(found.dropped);
        Ok(())
    }

    /// Hand whole blocks on: what is written ends with one, whatever happens then.
    fn write_encoded(&mut self) -> Result<(), CliError> {
        match &mut self.sink {
            Sink::Lines => Ok(()),
            Sink::Stdout(encoder) => {
                self.output.bytes(encoder.bytes())?;
                encoder.bytes().clear();
                Ok(())
            }
            Sink::File { encoder, out, path } => {
                let refused = |source| CliError::WriteFile { path: path.clone(), source };
                out.write_all(encoder.bytes()).map_err(refused)?;
                encoder.bytes().clear();
                Ok(())
            }
        }
    }

    /// Hand on what is in buffers, so that a reader sees it while nothing comes.
    fn put_out(&mut self) -> Result<(), CliError> {
        self.write_encoded()?;
        match &mut self.sink {
            Sink::Lines | Sink::Stdout(_) => self.output.flush(),
            Sink::File { out, path, .. } => {
                out.flush().map_err(|source| CliError::WriteFile { path: path.clone(), source })
            }
        }
    }

    fn finish(mut self) -> Result<(), CliError> {
        self.count_dropped()?;
        if let Sink::Stdout(encoder) | Sink::File { encoder, .. } = &mut self.sink {
            encoder.statistics(self.received, self.summary.dropped, self.summary.packets);
        }
        self.put_out()?;
        if self.output.is_json() {
            return self.output.object(&self.summary);
        }
        let text = self.summary.text();
        match self.sink {
            Sink::Lines | Sink::File { .. } => self.output.text(text),
            Sink::Stdout(_) => {
                to_stderr(&text);
                Ok(())
            }
        }
    }

    fn refused(&self, source: io::Error) -> CliError {
        tunrss::Error::Capture { name: self.steering.name().clone(), source }.into()
    }
}

/// Where packets go.
enum Sink {
    Lines,
    Stdout(Encoder),
    File { encoder: Encoder, out: BufWriter<File>, path: std::path::PathBuf },
}

/// What has become of a batch.
enum Batch {
    Taken {
        is_empty: bool,
    },
    LimitReached,
    /// The device is.
    Gone,
}

/// Why a capture ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum End {
    Count,
    Signal,
    Gone,
}

#[derive(Serialize)]
struct Summary {
    device: String,
    packets: u64,
    /// Those whose hash the kernel reported in front of them, also that there is none.
    reported: u64,
    /// Those whose hash was computed here.
    computed: u64,
    /// Packets that the socket had no room for.
    dropped: u64,
    end: End,
}

impl Summary {
    fn new(device: &IfName) -> Self {
        let device = device.to_string();
        Self { device, packets: 0, reported: 0, computed: 0, dropped: 0, end: End::Signal }
    }

    fn text(&self) -> String {
        let Self { device, packets, reported, computed, dropped, end } = self;
        let plural = if *packets == 1 { "" } else { "s" };
        let mut text = format!("{packets} packet{plural} captured on {device}");
        for (count, what) in [(reported, "reported by the kernel"), (computed, "hashed here")] {
            if *count > 0 {
                text += &format!(", {count} {what}");
            }
        }
        text += &format!("; {dropped} lost for want of room");
        if *end == End::Gone {
            text += "; the device is gone";
        }
        text + "\n"
    }
}

/// How many packets are taken before anything else is looked at.
const BATCH: usize = 256;

/// How old what is known of the device's steering may be.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long packets are taken that were waiting when the end came. More might come without end.
const LAST_PACKETS: Duration = Duration::from_secs(1);
