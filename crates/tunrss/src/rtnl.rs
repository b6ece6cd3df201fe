//! Network devices as the kernel's routing netlink knows them.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::IpAddr;

use netlink_packet_core::{
    DefaultNla, NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CREATE, NLM_F_DUMP, NLM_F_DUMP_INTR,
    NLM_F_REPLACE, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable, Nla, NlasIterator,
};
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::link::{
    InfoData, InfoTun, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{RouteAttribute, RouteMessage, RouteType};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::{DeviceName, IfName};

/// What the kernel says of a device.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) index: u32,
    /// Its own name, whatever it was found by.
    pub(crate) name: String,
    /// `tun`, `veth`, ...; empty for physical devices and loopback.
    pub(crate) kind: String,
    pub(crate) alias: Option<String>,
    /// The MAC address; empty where there is none.
    pub(crate) mac: Vec<u8>,
    /// In bytes of payload of a frame.
    pub(crate) mtu: u32,
    /// Whether it has a carrier; a TUN or TAP loses it when the last queue is closed.
    pub(crate) has_carrier: bool,
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
    /// Queues that are detached, and can be attached again by who has them open.
    pub(crate) detached_queues: u32,
}

/// The device of this name, its own or an alternative one, if there is one in the calling thread's
/// network namespace.
pub(crate) fn find(name: &DeviceName) -> Result<Option<Attributes>> {
    let mut message = LinkMessage::default();
    // Either attribute is compared with names of both kinds (`rtnl_dev_get`, net/core/rtnetlink.c,
    // v6.12); this one is for those that are longer than a device's own can be.
    let name_and_end = [name.as_str().as_bytes(), &[0]].concat();
    message.attributes.push(if name.as_str().len() <= IfName::MAX_LEN {
        LinkAttribute::IfName(name.as_str().to_owned())
    } else {
        LinkAttribute::Other(DefaultNla::new(IFLA_ALT_IFNAME, name_and_end))
    });
    look_up(message).map_err(|source| failed(format!("look up device {name}"), source))
}

/// The device with this index.
pub(crate) fn find_index(index: u32) -> Result<Option<Attributes>> {
    look_up(link(index)).map_err(|source| failed(format!("look up device {index}"), source))
}

fn look_up(message: LinkMessage) -> io::Result<Option<Attributes>> {
    match request(RouteNetlinkMessage::GetLink(message), 0) {
        Ok(Some(RouteNetlinkMessage::NewLink(link))) => Ok(Some(attributes(&link))),
        Ok(_) => Ok(None),
        Err(error) if error.raw_os_error() == Some(Errno::NODEV.raw_os_error()) => Ok(None),
        Err(error) => Err(error),
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

/// Set the device's MTU.
pub(crate) fn set_mtu(name: &IfName, index: u32, mtu: u32) -> Result<()> {
    let mut message = link(index);
    message.attributes.push(LinkAttribute::Mtu(mtu));
    let request = request(RouteNetlinkMessage::SetLink(message), 0);
    request.map(drop).map_err(|source| failed(format!("give {name} an MTU of {mtu}"), source))
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

/// Whether the device has an IPv4 address, or an IPv4 route leads straight out by it.
pub(crate) fn routes_ipv4(name: &IfName, index: u32) -> Result<bool> {
    let mut addresses = AddressMessage::default();
    addresses.header.family = AddressFamily::Inet;
    let mut routes = RouteMessage::default();
    routes.header.address_family = AddressFamily::Inet;
    for message in
        [RouteNetlinkMessage::GetAddress(addresses), RouteNetlinkMessage::GetRoute(routes)]
    {
        let answers = exchange::<RouteNetlinkMessage>(message, NLM_F_DUMP).map_err(|refusal| {
            failed(format!("list the IPv4 addresses and routes of {name}"), refusal.source)
        })?;
        let is_of_device = answers.iter().any(|answer| match answer {
            RouteNetlinkMessage::NewAddress(address) => address.header.index == index,
            RouteNetlinkMessage::NewRoute(route) => {
                route.header.kind == RouteType::Unicast
                    && route.attributes.contains(&RouteAttribute::Oif(index))
            }
            _ => false,
        });
        if is_of_device {
            return Ok(true);
        }
    }
    Ok(false)
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
    let answers = exchange(message, flags).map_err(|refusal| refusal.source)?;
    Ok(answers.into_iter().next_back())
}

/// Send one request and wait for its answers: the objects asked for, none for an acknowledgement.
///
/// # Errors
/// The kernel's refusal; `EINTR` if the objects changed while they were listed.
pub(crate) fn exchange<A>(
    message: RouteNetlinkMessage,
    flags: u16,
) -> std::result::Result<Vec<A>, Refusal>
where
    A: NetlinkDeserializable,
{
    exchange_over(NETLINK_ROUTE, message, flags)
}

/// The same by any protocol of netlink.
pub(crate) fn exchange_over<M, A>(
    protocol: isize,
    message: M,
    flags: u16,
) -> std::result::Result<Vec<A>, Refusal>
where
    M: NetlinkSerializable,
    A: NetlinkDeserializable,
{
    let mut socket = Socket::new(protocol)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    // The kernel's words on a refusal, right behind the header of the request.
    socket.set_ext_ack(true)?;
    socket.set_cap_ack(true)?;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    header.sequence_number = 1;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let mut answers = vec![];
    let mut is_interrupted = false;
    // Of what is listed one datagram holds many; of all else there are two at most, the object and
    // the acknowledgement. The socket gets no others.
    for _ in 0..MOST_DATAGRAMS {
        let (datagram, _) = socket.recv_from_full()?;
        let mut rest = datagram.as_slice();
        while !rest.is_empty() {
            let message = NetlinkMessage::<A>::deserialize(rest).map_err(invalid)?;
            let len = (message.header.length as usize).next_multiple_of(4);
            rest = rest.get(len..).unwrap_or_default();
            is_interrupted |= message.header.flags & NLM_F_DUMP_INTR != 0;
            match message.payload {
                NetlinkPayload::InnerMessage(inner) => answers.push(inner),
                NetlinkPayload::Error(error) if error.code.is_none() => return Ok(answers),
                NetlinkPayload::Error(error) => {
                    let has_words = message.header.flags & NLM_F_ACK_TLVS != 0;
                    let words = if has_words { words(&error.header) } else { None };
                    return Err(Refusal { words, source: error.to_io() });
                }
                NetlinkPayload::Done(done) if done.code < 0 => {
                    return Err(io::Error::from_raw_os_error(done.code.saturating_neg()).into());
                }
                NetlinkPayload::Done(_) if is_interrupted => {
                    return Err(io::Error::from(Errno::INTR).into());
                }
                NetlinkPayload::Done(_) => return Ok(answers),
                _ => {}
            }
        }
    }
    let text = "the kernel did not end its answer";
    Err(io::Error::new(io::ErrorKind::InvalidData, text).into())
}

/// What the kernel refuses a request with.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// What it says of it in words, if it does (since Linux 4.12).
    pub(crate) words: Option<String>,
    pub(crate) source: io::Error,
}

impl Refusal {
    /// As the cause of another error: the words, and below them the number.
    pub(crate) fn into_cause(self) -> Box<dyn StdError + Send + Sync> {
        if self.words.is_some() { self.into() } else { self.source.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.words {
            Some(words) => f.write_str(words),
            None => self.source.fmt(f),
        }
    }
}

impl StdError for Refusal {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.words.is_some().then_some(&self.source as _)
    }
}

impl From<io::Error> for Refusal {
    fn from(source: io::Error) -> Self {
        Self { words: None, source }
    }
}

/// What is said in words behind the header of a refused request.
fn words(after_code: &[u8]) -> Option<String> {
    let attributes = after_code.get(HEADER_LEN..)?;
    let words = NlasIterator::new(attributes)
        .map_while(|attribute| attribute.ok())
        .find(|attribute| attribute.kind() == NLMSGERR_ATTR_MSG)?;
    let text = words.value().split(|&byte| byte == 0).next().unwrap_or_default();
    Some(String::from_utf8_lossy(text).into_owned())
}

fn attributes(link: &LinkMessage) -> Attributes {
    let mut found = Attributes { index: link.header.index, ..Attributes::default() };
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::IfName(name) => found.name = name.clone(),
            LinkAttribute::Address(mac) => found.mac = mac.clone(),
            LinkAttribute::Mtu(mtu) => found.mtu = *mtu,
            LinkAttribute::Carrier(carrier) => found.has_carrier = *carrier == 1,
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
        let number = value.first_chunk().copied().map_or(0, u32::from_ne_bytes);
        match attribute.kind() {
            // linux/if_link.h
            IFLA_TUN_TYPE => tun.is_tap = value.first() == Some(&(libc::IFF_TAP as u8)),
            IFLA_TUN_PI => tun.has_packet_information = is_set,
            IFLA_TUN_VNET_HDR => tun.has_vnet_hdr = is_set,
            IFLA_TUN_PERSIST => tun.is_persistent = is_set,
            IFLA_TUN_MULTI_QUEUE => tun.is_multi_queue = is_set,
            IFLA_TUN_NUM_QUEUES => tun.queues = number,
            IFLA_TUN_NUM_DISABLED_QUEUES => tun.detached_queues = number,
            _ => {}
        }
    }
    tun
}

const IFLA_ALT_IFNAME: u16 = 53;
const IFLA_TUN_TYPE: u16 = 3;
const IFLA_TUN_PI: u16 = 4;
const IFLA_TUN_VNET_HDR: u16 = 5;
const IFLA_TUN_PERSIST: u16 = 6;
const IFLA_TUN_MULTI_QUEUE: u16 = 7;
const IFLA_TUN_NUM_QUEUES: u16 = 8;
const IFLA_TUN_NUM_DISABLED_QUEUES: u16 = 9;

/// More than any list has that we ask for: one datagram is up to 32 KiB.
const MOST_DATAGRAMS: usize = 4096;
/// `struct nlmsghdr`
const HEADER_LEN: usize = 16;
/// linux/netlink.h
const NLMSGERR_ATTR_MSG: u16 = 1;
