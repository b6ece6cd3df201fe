//! One change of a device at a time, and none while somebody looks at it.
//!
//! A change takes several steps, and two processes that interleave theirs would leave a mixture. So
//! processes take turns, in the order in which they come. What they show each other are flags
//! ([`flag`]) that only a process with CAP_NET_ADMIN in the network namespace can raise, that every
//! process can see, and that the kernel lowers when their process ends, however it ends. Each network
//! namespace has its own.
//!
//! Turns are taken by Lamport's bakery algorithm (Communications of the ACM 17, 1974). A process that
//! comes draws a ticket with a higher number than all others, and shows a flag while it draws. Then it
//! waits for those that were drawing when it had its ticket, and for all lower tickets. So a process that
//! changes a device again and again cannot keep others from it.

mod flag;

use std::io;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use self::flag::{Flag, Raised};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::process::Process;
use crate::unwaited::try_lock;

/// The right to change a device, until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _ticket: Flag,
}

impl Lock {
    /// Wait until nobody else changes the device or looks at it.
    ///
    /// # Errors
    /// - [`Error::Lock`] without CAP_NET_ADMIN in the network namespace, or where the kernel does not
    ///   show who else changes the device.
    /// - [`Error::Locked`] if one process does not come to an end.
    pub(crate) fn to_change(device: &Device) -> Result<Self> {
        Self::with(device, CHANGE_PATIENCE)
    }

    /// The same, waiting for `patience` at most.
    ///
    /// # Errors
    /// As for [`to_change`](Self::to_change).
    pub(crate) fn within(device: &Device, patience: Duration) -> Result<Self> {
        Self::with(device, Patience { of_each: patience, of_all: patience, not_for: None })
    }

    fn with(device: &Device, patience: Patience) -> Result<Self> {
        let ticket = draw(device, patience).map_err(|source| failed(device, source))?;
        match wait(device, Some(ticket.port()), patience)? {
            None => Ok(Self { _ticket: ticket }),
            Some(ahead) => Err(locked(device, ahead)),
        }
    }

    /// Wait until nobody changes the device, in order to look at it. A process that may not raise a flag
    /// waits as well, but others do not wait for it.
    ///
    /// A change that does not end is waited for a second only. A warning then says that what is seen may
    /// be half of it.
    pub(crate) fn to_look(device: &Device) -> Option<Self> {
        look(device).unwrap_or_else(|error| {
            log::warn!("{}: what is seen may be half of a change: {error}", device.name());
            None
        })
    }
}

fn look(device: &Device) -> Result<Option<Lock>> {
    let ticket = match draw(device, LOOK_PATIENCE) {
        Ok(ticket) => Some(ticket),
        Err(source) if source.raw_os_error() == Some(Errno::PERM.raw_os_error()) => None,
        Err(source) => return Err(failed(device, source)),
    };
    let patience =
        Patience { not_for: try_lock(&GIVEN_UP).and_then(|given_up| *given_up), ..LOOK_PATIENCE };
    match wait(device, ticket.as_ref().map(Flag::port), patience)? {
        None => Ok(ticket.map(|ticket| Lock { _ticket: ticket })),
        // It was waited for before, and the warning given.
        Some(ahead)
            if try_lock(&GIVEN_UP).and_then(|mut given_up| given_up.replace(ahead))
                == Some(ahead) =>
        {
            Ok(None)
        }
        Some(ahead) => Err(locked(device, ahead)),
    }
}

/// The flag for which this process last gave up waiting when it looked at a device. It does not wait for
/// that flag again.
static GIVEN_UP: Mutex<Option<Raised>> = Mutex::new(None);

/// Draw a ticket above all that are out.
fn draw(device: &Device, patience: Patience) -> io::Result<Flag> {
    let group = device.index();
    let start = Instant::now();
    loop {
        let _drawing = Flag::raise(group | DRAWING)?;
        let raised = flag::raised()?;
        let tickets = raised.iter().filter(|flag| flag.groups == group);
        let highest = tickets.map(|flag| flag.port).max();
        match Flag::raise_above(group, highest.unwrap_or(0)) {
            // There is no higher number left, until the one with the highest has had its turn.
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse
                    && start.elapsed() < patience.of_each =>
            {
                thread::sleep(PAUSE);
            }
            result => return result,
        }
    }
}

/// Wait until nobody is ahead of the ticket, or, without a ticket, until all who were there at the
/// beginning have gone. If patience ends first, returns one that is still ahead.
fn wait(device: &Device, ticket: Option<u32>, patience: Patience) -> Result<Option<Raised>> {
    let mut line = Line { drawing: None, ticket };
    let start = Instant::now();
    let mut first: Option<(Raised, Instant)> = None;
    loop {
        let raised = flag::raised().map_err(|source| failed(device, source))?;
        let Some(ahead) = line.first_ahead(&raised, device.index()) else { return Ok(None) };
        let since = match first {
            Some((before, since)) if before == ahead => since,
            _ => first.insert((ahead, Instant::now())).1,
        };
        if since.elapsed() >= patience.of_each
            || start.elapsed() >= patience.of_all
            || patience.not_for == Some(ahead)
        {
            return Ok(Some(ahead));
        }
        thread::sleep(PAUSE);
    }
}

fn failed(device: &Device, source: io::Error) -> Error {
    Error::Lock { name: device.name().clone(), source }
}

fn locked(device: &Device, ahead: Raised) -> Error {
    Error::Locked { name: device.name().clone(), holder: Process::with_socket(ahead.inode) }
}

/// A place in the line of those who want to change or see a device.
struct Line {
    /// The processes that were drawing a ticket when this was first looked at. Their tickets may be lower.
    drawing: Option<Vec<Raised>>,
    /// The ticket; at first `None` for a process that only waits for those that were there before it.
    ticket: Option<u32>,
}

impl Line {
    /// A flag that has to be waited for, if there is one.
    fn first_ahead(&mut self, raised: &[Raised], group: u32) -> Option<Raised> {
        let is_drawing = |flag: &&Raised| flag.groups == group | DRAWING;
        match &mut self.drawing {
            Some(drawing) => drawing.retain(|flag| raised.contains(flag)),
            None => self.drawing = Some(raised.iter().filter(is_drawing).copied().collect()),
        }
        let tickets = raised.iter().filter(|flag| flag.groups == group);
        let highest = *self.ticket.get_or_insert_with(|| {
            tickets.clone().map(|flag| flag.port.saturating_add(1)).max().unwrap_or(0)
        });
        let ahead = tickets.filter(|flag| flag.port < highest).min_by_key(|flag| flag.port);
        ahead.or(self.drawing.as_ref()?.first()).copied()
    }
}

/// Shown by a process that draws a ticket, together with the index of the device, which is lower.
const DRAWING: u32 = 1 << 31;

/// How long others are waited for.
#[derive(Clone, Copy)]
struct Patience {
    /// Each of those who are ahead.
    of_each: Duration,
    /// All of them.
    of_all: Duration,
    /// One that is not waited for.
    not_for: Option<Raised>,
}

/// A change takes some milliseconds. All together is less than a guest's command may take
/// (`tunrss-vhost`'s broker).
const CHANGE_PATIENCE: Patience =
    Patience { of_each: Duration::from_secs(5), of_all: Duration::from_secs(15), not_for: None };
const LOOK_PATIENCE: Patience =
    Patience { of_each: Duration::from_secs(1), of_all: Duration::from_secs(1), not_for: None };
const PAUSE: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: u32 = 7;

    fn ticket(port: u32) -> Raised {
        Raised { groups: GROUP, port, inode: u64::from(port) }
    }

    fn drawing(inode: u64) -> Raised {
        Raised { groups: GROUP | DRAWING, port: 4_000_000_000, inode }
    }

    #[test]
    fn lower_tickets_go_first() {
        let mut line = Line { drawing: None, ticket: Some(5) };
        let other_device = Raised { groups: 8, port: 1, inode: 1 };
        let all = [ticket(6), ticket(4), ticket(3), ticket(5), other_device];
        assert_eq!(line.first_ahead(&all, GROUP), Some(ticket(3)));
        assert_eq!(line.first_ahead(&all[..2], GROUP), Some(ticket(4)));
        assert_eq!(line.first_ahead(&[ticket(5), ticket(6), other_device], GROUP), None);
    }

    /// Who draws a ticket later gets a higher one, and need not be waited for.
    #[test]
    fn only_those_are_waited_for_who_were_drawing_before() {
        let mut line = Line { drawing: None, ticket: Some(5) };
        assert_eq!(line.first_ahead(&[drawing(10), ticket(5)], GROUP), Some(drawing(10)));
        // It has drawn a lower one.
        let all = [ticket(4), ticket(5), drawing(11)];
        assert_eq!(line.first_ahead(&all, GROUP), Some(ticket(4)));
        assert_eq!(line.first_ahead(&[ticket(5), drawing(11)], GROUP), None);
    }

    #[test]
    fn who_has_no_ticket_waits_for_those_who_were_there() {
        let mut line = Line { drawing: None, ticket: None };
        assert_eq!(line.first_ahead(&[ticket(3), ticket(9)], GROUP), Some(ticket(3)));
        assert_eq!(line.first_ahead(&[ticket(9), ticket(10)], GROUP), Some(ticket(9)));
        assert_eq!(line.first_ahead(&[ticket(10)], GROUP), None);
    }
}
