//! The filters of a device's clsact qdisc.

use std::os::fd::{AsRawFd, BorrowedFd};

use netlink_packet_core::{
    DecodeError, NLM_F_CREATE, NLM_F_DUMP, NLM_F_ECHO, NLM_F_EXCL, NLM_F_REPLACE,
    NetlinkDeserializable, NetlinkHeader, NlasIterator,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::{
    TcAttribute, TcBpfFlags, TcFilterBpfOption, TcHandle, TcHeader, TcMessage, TcOption,
};
use rustix::io::Errno;

use super::{AttachPoint, Attached, Direction, Filter, Place, Runs, gone, is, name, named, retry};
use crate::rtnl::{Refusal, exchange};
use crate::sys::bpf::ProgramInfo;

pub(super) fn attached(point: &AttachPoint) -> Result<Vec<Attached>, Refusal> {
    // A filter of the old ingress qdisc is listed under every parent.
    match (qdisc(point)?, point.direction) {
        (Some(Qdisc::Clsact), _) | (Some(Qdisc::Ingress), Direction::Ingress) => {}
        (Some(Qdisc::Ingress), Direction::Egress) | (None, _) => return Ok(vec![]),
    }
    let mut message = message(point);
    message.attributes = vec![TcAttribute::Chain(0)];
    let answers = exchange::<Told>(RouteNetlinkMessage::GetTrafficFilter(message), NLM_F_DUMP)?;
    let mut all = vec![];
    for told in answers.into_iter().filter(|told| told.chain == 0) {
        let handle = u32::from(told.header.handle);
        // The filters of a priority come after an entry without handle that stands for all.
        if (told.kind == BPF) != (handle != 0) {
            continue;
        }
        let runs = if told.program_id != 0 {
            let name = name(told.program_id)?.or(named(told.program_name));
            Runs::Program { id: told.program_id, name }
        } else {
            Runs::Classifier { kind: told.kind }
        };
        let priority = (told.header.info >> 16) as u16;
        let protocol = u16::from_be(told.header.info as u16);
        let place = Place::Clsact(Filter { priority, handle, protocol });
        all.push(Attached { direction: point.direction, place, runs });
    }
    Ok(all)
}

pub(super) fn attach(
    point: &AttachPoint,
    program: BorrowedFd<'_>,
    info: &ProgramInfo,
) -> Result<Filter, Refusal> {
    let attach = || {
        provide_qdisc(point)?;
        let priorities = attached(point)?.into_iter().filter_map(|other| match other.place {
            Place::Clsact(filter) => Some(filter.priority),
            Place::Tcx => None,
        });
        let first = match priorities.max() {
            Some(last) => last.checked_add(1).ok_or_else(no_priority)?.max(FIRST_PRIORITY),
            None => FIRST_PRIORITY,
        };
        put_behind(point, first, program, info)
    };
    // Another one makes the qdisc, takes the priorities, or removes the qdisc.
    retry(attach, |errno| matches!(errno, Errno::EXIST | Errno::NOENT | Errno::INTR))
}

/// Add a filter with the first priority from `first` on that is free. One that was taken since the
/// filters were listed is passed over at once: who would list again could come too late each time.
fn put_behind(
    point: &AttachPoint,
    first: u16,
    program: BorrowedFd<'_>,
    info: &ProgramInfo,
) -> Result<Filter, Refusal> {
    let mut taken = no_priority();
    for priority in (first..=u16::MAX).take(MOST_TAKEN) {
        let filter = Filter { priority, handle: 1, protocol: Filter::ALL_PROTOCOLS };
        match put(point, filter, program, info, NLM_F_CREATE | NLM_F_EXCL) {
            Ok(()) => return Ok(filter),
            Err(refusal) if is(&refusal.source, Errno::EXIST) => taken = refusal,
            Err(refusal) => return Err(refusal),
        }
    }
    Err(taken)
}

pub(super) fn replace(
    point: &AttachPoint,
    filter: Filter,
    before: u32,
    program: BorrowedFd<'_>,
    info: &ProgramInfo,
) -> Result<(), Refusal> {
    if !is_there(point, filter, before)? {
        return Err(gone(before));
    }
    put(point, filter, program, info, NLM_F_REPLACE)
        .map_err(|refusal| if is(&refusal.source, Errno::NOENT) { gone(before) } else { refusal })
}

pub(super) fn detach(point: &AttachPoint, filter: Filter, id: u32) -> Result<bool, Refusal> {
    if !is_there(point, filter, id)? {
        return Ok(false);
    }
    let message = filter_message(point, filter);
    match exchange::<Told>(RouteNetlinkMessage::DelTrafficFilter(message), 0) {
        Ok(_) => Ok(true),
        Err(refusal) if is(&refusal.source, Errno::NOENT) => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

/// Whether the filter is there and still runs the program with this id: the kernel replaces and
/// removes by priority and handle, whatever program is behind them.
fn is_there(point: &AttachPoint, filter: Filter, id: u32) -> Result<bool, Refusal> {
    let all = retry(|| attached(point), |errno| matches!(errno, Errno::NOENT | Errno::INTR))?;
    let place = Place::Clsact(filter);
    Ok(all.iter().any(|one| one.place == place && one.program_id() == Some(id)))
}

fn put(
    point: &AttachPoint,
    filter: Filter,
    program: BorrowedFd<'_>,
    info: &ProgramInfo,
    flags: u16,
) -> Result<(), Refusal> {
    let mut message = filter_message(point, filter);
    message.attributes.push(TcAttribute::Options(vec![
        // A descriptor is not negative.
        TcOption::Bpf(TcFilterBpfOption::ProgFd(program.as_raw_fd() as u32)),
        TcOption::Bpf(TcFilterBpfOption::ProgName(info.name.clone())),
        TcOption::Bpf(TcFilterBpfOption::Flags(TcBpfFlags::DirectAction)),
    ]));
    exchange::<Told>(RouteNetlinkMessage::NewTrafficFilter(message), flags).map(drop)
}

/// What keeps the filters of a device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Qdisc {
    Clsact,
    /// The older one, which excludes clsact. It has filters for ingress only, and takes filters for
    /// egress as such (`ingress_tcf_block`, net/sched/sch_ingress.c, v6.12).
    Ingress,
}

fn qdisc(point: &AttachPoint) -> Result<Option<Qdisc>, Refusal> {
    let request = RouteNetlinkMessage::GetQueueDiscipline(qdisc_message(point));
    // Older kernels answer with a notification, and that only with an echo reaches us
    // (qdisc_notify, net/sched/sch_api.c, v5.10).
    let answers = match exchange::<Told>(request, NLM_F_ECHO) {
        Ok(answers) => answers,
        Err(refusal) if is(&refusal.source, Errno::NOENT) => return Ok(None),
        Err(refusal) => return Err(refusal),
    };
    Ok(answers.iter().find_map(|told| match told.kind.as_str() {
        CLSACT => Some(Qdisc::Clsact),
        "ingress" => Some(Qdisc::Ingress),
        _ => None,
    }))
}

/// Make the qdisc if it is missing.
fn provide_qdisc(point: &AttachPoint) -> Result<(), Refusal> {
    match (qdisc(point)?, point.direction) {
        (Some(Qdisc::Clsact), _) | (Some(Qdisc::Ingress), Direction::Ingress) => Ok(()),
        (Some(Qdisc::Ingress), Direction::Egress) => {
            let name = &point.name;
            let words = format!(
                "{name} has the qdisc ingress, which has no egress and excludes clsact: \
                 `tc qdisc del dev {name} ingress` removes it with its filters"
            );
            Err(Refusal { words: Some(words), source: Errno::EXIST.into() })
        }
        (None, _) => {
            let mut message = qdisc_message(point);
            message.header.handle = TcHandle { minor: 0, ..TcHandle::CLSACT };
            message.attributes.push(TcAttribute::Kind(CLSACT.to_owned()));
            let request = RouteNetlinkMessage::NewQueueDiscipline(message);
            exchange::<Told>(request, NLM_F_CREATE | NLM_F_EXCL).map(drop)
        }
    }
}

fn no_priority() -> Refusal {
    let words = "a filter has priority 65535, and none can come after it".to_owned();
    Refusal { words: Some(words), source: Errno::RANGE.into() }
}

fn filter_message(point: &AttachPoint, filter: Filter) -> TcMessage {
    let mut message = message(point);
    message.header.handle = filter.handle.into();
    message.header.info = u32::from(filter.priority) << 16 | u32::from(filter.protocol.to_be());
    message.attributes.push(TcAttribute::Kind(BPF.to_owned()));
    message
}

/// For the filters of the attach point.
fn message(point: &AttachPoint) -> TcMessage {
    let minor = match point.direction {
        Direction::Ingress => TcHandle::MIN_INGRESS,
        Direction::Egress => TcHandle::MIN_EGRESS,
    };
    // An index is not negative.
    let mut message = TcMessage::with_index(point.index as i32);
    message.header.parent = TcHandle { minor, ..TcHandle::CLSACT };
    message
}

fn qdisc_message(point: &AttachPoint) -> TcMessage {
    let mut message = TcMessage::with_index(point.index as i32);
    message.header.parent = TcHandle::CLSACT;
    message
}

/// A qdisc or a filter as far as it concerns us. Options of other kinds are not looked at, so none
/// can be unknown.
struct Told {
    header: TcHeader,
    kind: String,
    chain: u32,
    /// 0 for what is no eBPF program.
    program_id: u32,
    program_name: String,
}

impl NetlinkDeserializable for Told {
    type Error = DecodeError;

    fn deserialize(_: &NetlinkHeader, payload: &[u8]) -> Result<Self, DecodeError> {
        let header = TcHeader::parse(payload)?;
        let (mut kind, mut chain) = (String::new(), 0);
        let (mut program_id, mut program_name) = (0, String::new());
        for attribute in NlasIterator::new(payload.get(HEADER_LEN..).unwrap_or_default()) {
            let attribute = attribute?;
            match attribute.kind() {
                TCA_KIND => kind = text(attribute.value()),
                TCA_CHAIN => chain = number(attribute.value()),
                TCA_OPTIONS if kind == BPF => {
                    for option in NlasIterator::new(attribute.value()) {
                        let option = option?;
                        match option.kind() {
                            TCA_BPF_ID => program_id = number(option.value()),
                            TCA_BPF_NAME => program_name = text(option.value()),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(Self { header, kind, chain, program_id, program_name })
    }
}

fn number(value: &[u8]) -> u32 {
    value.first_chunk().copied().map_or(0, u32::from_ne_bytes)
}

fn text(value: &[u8]) -> String {
    let text = value.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

const BPF: &str = "bpf";
const CLSACT: &str = "clsact";

/// The priority that the kernel gives the first filter (`tcf_auto_prio`, net/sched/cls_api.c, v6.12).
/// Those that it chooses later are lower.
const FIRST_PRIORITY: u16 = 0xc000;

/// How many priorities others may take between the listing of the filters and an addition.
const MOST_TAKEN: usize = 256;

/// `struct tcmsg`
const HEADER_LEN: usize = 20;
// linux/rtnetlink.h, linux/pkt_cls.h
const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;
const TCA_CHAIN: u16 = 11;
const TCA_BPF_NAME: u16 = 7;
const TCA_BPF_ID: u16 = 11;

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let len = 4 + value.len() as u16;
        let mut bytes = [&len.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    /// A filter as the kernel tells of it, cut off anywhere.
    #[test]
    fn what_is_told_is_read_or_refused() {
        let options =
            [attribute(TCA_BPF_NAME, b"a\xff\0"), attribute(TCA_BPF_ID, &7u32.to_ne_bytes())];
        let told = [
            vec![0; HEADER_LEN],
            attribute(TCA_KIND, b"bpf\0"),
            attribute(TCA_CHAIN, &2u32.to_ne_bytes()),
            attribute(TCA_OPTIONS, &options.concat()),
        ]
        .concat();
        let read = |bytes: &[u8]| Told::deserialize(&NetlinkHeader::default(), bytes);
        let all = read(&told).expect("it is well-formed");
        assert_eq!((all.kind.as_str(), all.chain, all.program_id), ("bpf", 2, 7));
        assert_eq!(all.program_name, "a\u{fffd}");
        for len in 0..told.len() {
            // What is left of it may be well-formed.
            if let Ok(part) = read(&told[..len]) {
                assert_eq!(part.program_id, 0, "{len}");
            }
        }
    }
}
