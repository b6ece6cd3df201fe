//! What the process that serves gets from the one that started it: what to do, and the descriptors for it.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};
use tunrss_vhost::Options;

use crate::user::Identity;

/// What to do. The descriptors come with it, in this order: a connection that is readable when all is to
/// end, and by which the receiver says that it is ready; one by which it is asked whether it gets on; where
/// frontends come from; the status socket, if there is one; the device's queues.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Handover {
    pub(crate) options: Options,
    /// Whether the third descriptor is one frontend's connection, not a socket that is listened on.
    pub(crate) is_connected: bool,
    pub(crate) has_status: bool,
    /// How to give up privileges, if so.
    pub(crate) confinement: Option<Confinement>,
    pub(crate) verbosity: u8,
}

/// What the process that serves gives up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confinement {
    /// Who it becomes, if anybody else.
    pub(crate) identity: Option<Identity>,
    /// Whether it was the operator who said so.
    pub(crate) is_explicit: bool,
}

impl Handover {
    /// Send it over a socket of [`tunrss_vhost::broker::connection`].
    pub(crate) fn send(&self, socket: impl AsFd, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let bytes = serde_json::to_vec(self).map_err(io::Error::other)?;
        let mut space = vec![MaybeUninit::uninit(); CONTROL_LEN];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(fds)) {
            return Err(io::Error::other("too many descriptors for one message"));
        }
        sendmsg(socket, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Take it from such a socket.
    pub(crate) fn receive(socket: impl AsFd) -> io::Result<(Self, Vec<OwnedFd>)> {
        let mut bytes = vec![0; MAX_LEN];
        let mut space = vec![MaybeUninit::uninit(); CONTROL_LEN];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let received = recvmsg(socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)?;
        if received.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
            return Err(io::Error::other("the message is too long"));
        }
        let mut fds = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                fds.extend(rights);
            }
        }
        let text = bytes.get(..received.bytes).unwrap_or_default();
        Ok((serde_json::from_slice(text).map_err(io::Error::other)?, fds))
    }
}

/// Many times the length of what is sent.
const MAX_LEN: usize = 1 << 16;
/// Room for as many descriptors as a message can carry (`SCM_MAX_FD`).
const CONTROL_LEN: usize = rustix::cmsg_space!(ScmRights(253));

#[cfg(test)]
mod tests {
    use tunrss::Config;
    use tunrss::hash::{HashKey, HashTypes};
    use tunrss_vhost::broker::connection;
    use tunrss_vhost::{MAX_PAIRS, Policy};

    use super::*;

    #[test]
    fn largest_handover_arrives_whole() {
        let key = HashKey::new(&[255; HashKey::MAX_LEN]).unwrap();
        let handover = Handover {
            options: Options {
                device: "tap0".into(),
                pairs: MAX_PAIRS,
                mac: [255; 6],
                mtu: 1500,
                policy: Policy::Host,
                types: HashTypes::ALL,
                operator: Config::new(HashTypes::ALL, key, vec![126; 128], 0).unwrap(),
                spread_equally: false,
                threads: 1,
                cpus: (0..1024).rev().collect(),
                kernel_reports: true,
                software: false,
            },
            is_connected: false,
            has_status: true,
            confinement: Some(Confinement {
                identity: Some(Identity { uid: 1, gid: 2 }),
                is_explicit: true,
            }),
            verbosity: 255,
        };
        let (ours, other) = connection().unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        let fds = vec![file.as_fd(); 4 + usize::from(MAX_PAIRS)];
        handover.send(&other, &fds).unwrap();
        let (received, fds) = Handover::receive(&ours).unwrap();
        assert_eq!(fds.len(), 131);
        assert_eq!(received.confinement, handover.confinement);
        assert_eq!(received.options.operator, handover.options.operator);
        assert_eq!(received.options.cpus, handover.options.cpus);
        drop(other);
        assert!(Handover::receive(&ours).is_err());
    }
}
