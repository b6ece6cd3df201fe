//! Network devices as the kernel's routing netlink knows them.

use std::io;
use std::net::IpAddr;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, Nla,
};
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::link::{
    InfoData, InfoTun, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use rustix::io::Errno;

use crate::IfName;
use crate::error::{Error, Result};

/// What the kernel says of a device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Attributes {
    pub(crate) index: u32,
    /// `tun`, `veth`, ...; empty for physical devices and loopback.
    pub(crate) kind: String,
    pub(crate) alias: Option<String>,
    /// For TUN and TAP devices.
    pub(crate) tun: Option<TunAttributes>,
}

/// What the kernel says of a TUN or TAP device. Known since Linux 4.17.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct TunAttributes {
    pub(crate) is_tap: bool,
    pub(crate) has_packet_information: bool,
    pub(crate) has_vnet_hdr: bool,
    pub(crate) is_persistent: bool,
    pub(crate) is_multi_queue: bool,
    /// Attached queues that packets are steered to.
    pub(crate) queues: u32,
}

/// The device of this name, if there is one in the calling thread's network namespace.
pub(crate) fn find(name: &IfName) -> Result<Option<Attributes>> {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(name.as_str().to_owned()));
    match request(RouteNetlinkMessage::GetLink(message), 0) {
        Ok(Some(RouteNetlinkMessage::NewLink(link))) => Ok(Some(attributes(&link))),
        Ok(_) => Ok(None),
        Err(error) if error.raw_os_error() == Some(Errno::NODEV.raw_os_error()) => Ok(None),
        Err(source) => Err(failed(format!("look up device {name}"), source)),
    }
}

/// Remove the device.
pub(crate) fn delete(name: &IfName, index: u32) -> Result<()> {
    let request = request(RouteNetlinkMessage::DelLink(link(index)), 0);
    request.map(drop).map_err(|source| failed(format!("delete {name}"), source))
}

/// Set the device up.
pub(crate) fn set_up(name: &IfName, index: u32) -> Result<()> {
    let mut message = link(index);
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    let request = request(RouteNetlinkMessage::SetLink(message), 0);
    request.map(drop).map_err(|source| failed(format!("set {name} up"), source))
}

/// Set the device's alias, a text of up to 255 bytes that `ip link` shows.
pub(crate) fn set_alias(name: &IfName, index: u32, alias: &str) -> Result<()> {
    let mut message = link(index);
    message.attributes.push(LinkAttribute::IfAlias(alias.to_owned()));
    let request = request(RouteNetlinkMessage::SetLink(message), 0);
    request.map(drop).map_err(|source| failed(format!("set the alias of {name}"), source))
}

/// Give the device an address, at once usable for sending (without duplicate address detection).
pub(crate) fn add_address(name: &IfName, index: u32, address: IpAddr, prefix: u8) -> Result<()> {
    let mut message = AddressMessage::default();
    message.header.family = family(address);
    message.header.index = index;
    message.header.prefix_len = prefix;
    message.header.flags = AddressHeaderFlags::Nodad;
    message.attributes = vec![AddressAttribute::Local(address), AddressAttribute::Address(address)];
    let request = request(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_REPLACE);
    request.map(drop).map_err(|source| failed(format!("give {name} the address {address}"), source))
}

/// Tell the device where a neighbour is.
pub(crate) fn add_neighbour(
    name: &IfName,
    index: u32,
    address: IpAddr,
    mac: [u8; 6],
) -> Result<()> {
    let mut message = NeighbourMessage::default();
    message.header.family = family(address);
    message.header.ifindex = index;
    message.header.state = NeighbourState::Permanent;
    let destination = match address {
        IpAddr::V4(address) => NeighbourAddress::Inet(address),
        IpAddr::V6(address) => NeighbourAddress::Inet6(address),
    };
    message.attributes = vec![
        NeighbourAttribute::Destination(destination),
        NeighbourAttribute::LinkLayerAddress(mac.to_vec()),
    ];
    let flags = NLM_F_CREATE | NLM_F_REPLACE;
    let request = request(RouteNetlinkMessage::NewNeighbour(message), flags);
    request.map(drop).map_err(|source| failed(format!("tell {name} where {address} is"), source))
}

fn link(index: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message
}

fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

fn failed(action: String, source: io::Error) -> Error {
    Error::Netlink { action, source }
}

/// Send one request and wait for its answer: the object asked for, or `None` for an acknowledgement.
fn request(message: RouteNetlinkMessage, flags: u16) -> io::Result<Option<RouteNetlinkMessage>> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    header.sequence_number = 1;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    let mut answer = None;
    // The object, if one was asked for, and the acknowledgement: two datagrams at most, and the
    // socket gets no others.
    for _ in 0..4 {
        let (datagram, _) = socket.recv_from_full()?;
        let mut rest = datagram.as_slice();
        while !rest.is_empty() {
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            let len = (message.header.length as usize).next_multiple_of(4);
            rest = rest.get(len..).unwrap_or_default();
            match message.payload {
                NetlinkPayload::InnerMessage(inner) => answer = Some(inner),
                NetlinkPayload::Error(error) if error.code.is_none() => return Ok(answer),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                _ => {}
            }
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "the kernel did not acknowledge the request"))
}

fn attributes(link: &LinkMessage) -> Attributes {
    let mut found =
        Attributes { index: link.header.index, kind: String::new(), alias: None, tun: None };
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::IfAlias(alias) => found.alias = Some(alias.clone()),
            LinkAttribute::LinkInfo(infos) => {
                for info in infos {
                    match info {
                        LinkInfo::Kind(kind) => found.kind = kind.to_string(),
                        LinkInfo::Data(InfoData::Tun(data)) => {
                            found.tun = Some(tun_attributes(data));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    found
}

fn tun_attributes(data: &[InfoTun]) -> TunAttributes {
    let mut tun = TunAttributes::default();
    for attribute in data {
        let InfoTun::Other(attribute) = attribute else { continue };
        let mut value = vec![0; attribute.value_len()];
        attribute.emit_value(&mut value);
        let is_set = value.first() == Some(&1);
        match attribute.kind() {
            // linux/if_link.h
            IFLA_TUN_TYPE => tun.is_tap = value.first() == Some(&(libc::IFF_TAP as u8)),
            IFLA_TUN_PI => tun.has_packet_information = is_set,
            IFLA_TUN_VNET_HDR => tun.has_vnet_hdr = is_set,
            IFLA_TUN_PERSIST => tun.is_persistent = is_set,
            IFLA_TUN_MULTI_QUEUE => tun.is_multi_queue = is_set,
            IFLA_TUN_NUM_QUEUES => {
                tun.queues = value.first_chunk().copied().map_or(0, u32::from_ne_bytes);
            }
            _ => {}
        }
    }
    tun
}

const IFLA_TUN_TYPE: u16 = 3;
const IFLA_TUN_PI: u16 = 4;
const IFLA_TUN_VNET_HDR: u16 = 5;
const IFLA_TUN_PERSIST: u16 = 6;
const IFLA_TUN_MULTI_QUEUE: u16 = 7;
const IFLA_TUN_NUM_QUEUES: u16 = 8;
