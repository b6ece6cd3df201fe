//! The features of virtio-net (virtio 1.4, "Feature bits") that are offered: what each needs, where it is
//! implemented, and the test that shows it.

use tunrss::Offloads;
use tunrss::hash::VnetHdrLen;

use crate::options::{Options, Policy};
use crate::rx::Format;

/// A feature bit that may be offered.
#[derive(Clone, Copy, Debug)]
pub struct Feature {
    /// Its name in lower case, without `VIRTIO_NET_F_`, `VIRTIO_RING_F_` or `VIRTIO_F_`.
    pub name: &'static str,
    /// Its number.
    pub bit: u32,
    /// The features of which one at least has to be there.
    pub needs_one_of: &'static [u32],
    /// The file of `src` that implements it.
    pub module: &'static str,
    /// The test of `tests/device` that shows it.
    pub test: &'static str,
}

/// All that may be offered.
pub const FEATURES: [Feature; 25] = [
    feature("csum", CSUM, &[], "tx", "feature_csum"),
    feature("guest_csum", GUEST_CSUM, &[], "rx", "feature_guest_csum"),
    feature(
        "ctrl_guest_offloads",
        CTRL_GUEST_OFFLOADS,
        &[CTRL_VQ],
        "ctrl",
        "feature_ctrl_guest_offloads",
    ),
    feature("mtu", MTU, &[], "device_config", "feature_mtu"),
    feature("mac", MAC, &[], "device_config", "feature_mac"),
    feature("guest_tso4", GUEST_TSO4, &[GUEST_CSUM], "rx", "feature_guest_tso4"),
    feature("guest_tso6", GUEST_TSO6, &[GUEST_CSUM], "rx", "feature_guest_tso6"),
    feature("guest_ecn", GUEST_ECN, &[GUEST_TSO4, GUEST_TSO6], "rx", "feature_guest_ecn"),
    feature("host_tso4", HOST_TSO4, &[CSUM], "tx", "feature_host_tso4"),
    feature("host_tso6", HOST_TSO6, &[CSUM], "tx", "feature_host_tso6"),
    feature("host_ecn", HOST_ECN, &[HOST_TSO4, HOST_TSO6], "tx", "feature_host_ecn"),
    feature("mrg_rxbuf", MRG_RXBUF, &[], "rx", "feature_mrg_rxbuf"),
    feature("status", STATUS, &[], "device_config", "feature_status"),
    feature("ctrl_vq", CTRL_VQ, &[], "control_queue", "feature_ctrl_vq"),
    feature("ctrl_rx", CTRL_RX, &[CTRL_VQ], "ctrl", "feature_ctrl_rx"),
    feature("mq", MQ, &[CTRL_VQ], "policy", "feature_mq"),
    feature("ctrl_mac_addr", CTRL_MAC_ADDR, &[CTRL_VQ], "ctrl", "feature_ctrl_mac_addr"),
    feature("indirect_desc", INDIRECT_DESC, &[], "chain", "feature_indirect_desc"),
    feature("event_idx", EVENT_IDX, &[], "ring", "feature_event_idx"),
    feature("version_1", VERSION_1, &[], "backend", "feature_version_1"),
    feature("guest_uso4", GUEST_USO4, &[GUEST_CSUM], "rx", "feature_guest_uso4"),
    feature("guest_uso6", GUEST_USO6, &[GUEST_CSUM], "rx", "feature_guest_uso6"),
    feature("host_uso", HOST_USO, &[CSUM], "tx", "feature_host_uso"),
    // Without a control queue it is taken as well: the operator's hash is reported then.
    feature("hash_report", HASH_REPORT, &[], "rx", "feature_hash_report"),
    feature("rss", RSS, &[CTRL_VQ], "policy", "feature_rss"),
];

const fn feature(
    name: &'static str,
    bit: u32,
    needs_one_of: &'static [u32],
    module: &'static str,
    test: &'static str,
) -> Feature {
    Feature { name, bit, needs_one_of, module, test }
}

pub(crate) use virtio_bindings::virtio_config::VIRTIO_F_VERSION_1 as VERSION_1;
pub(crate) use virtio_bindings::virtio_net::{
    VIRTIO_NET_F_CSUM as CSUM, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS as CTRL_GUEST_OFFLOADS,
    VIRTIO_NET_F_CTRL_MAC_ADDR as CTRL_MAC_ADDR, VIRTIO_NET_F_CTRL_RX as CTRL_RX,
    VIRTIO_NET_F_CTRL_VQ as CTRL_VQ, VIRTIO_NET_F_GUEST_CSUM as GUEST_CSUM,
    VIRTIO_NET_F_GUEST_ECN as GUEST_ECN, VIRTIO_NET_F_GUEST_TSO4 as GUEST_TSO4,
    VIRTIO_NET_F_GUEST_TSO6 as GUEST_TSO6, VIRTIO_NET_F_GUEST_USO4 as GUEST_USO4,
    VIRTIO_NET_F_GUEST_USO6 as GUEST_USO6, VIRTIO_NET_F_HASH_REPORT as HASH_REPORT,
    VIRTIO_NET_F_HOST_ECN as HOST_ECN, VIRTIO_NET_F_HOST_TSO4 as HOST_TSO4,
    VIRTIO_NET_F_HOST_TSO6 as HOST_TSO6, VIRTIO_NET_F_HOST_USO as HOST_USO,
    VIRTIO_NET_F_MAC as MAC, VIRTIO_NET_F_MQ as MQ, VIRTIO_NET_F_MRG_RXBUF as MRG_RXBUF,
    VIRTIO_NET_F_MTU as MTU, VIRTIO_NET_F_RSS as RSS, VIRTIO_NET_F_STATUS as STATUS,
};
pub(crate) use virtio_bindings::virtio_ring::{
    VIRTIO_RING_F_EVENT_IDX as EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC as INDIRECT_DESC,
};

/// `VHOST_USER_F_PROTOCOL_FEATURES`, which is between frontend and backend only.
pub(crate) const PROTOCOL_FEATURES: u32 = 30;

/// A set of features.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Features(u64);

impl Features {
    /// What is offered with these options. `uso` says whether the kernel knows UDP segmentation.
    pub(crate) fn offered(options: &Options, uso: bool) -> Self {
        let is_offered = |feature: &&Feature| match feature.bit {
            RSS => options.policy == Policy::Guest,
            GUEST_USO4 | GUEST_USO6 | HOST_USO => uso,
            _ => true,
        };
        let offered = FEATURES.iter().filter(is_offered);
        Self(offered.fold(1 << PROTOCOL_FEATURES, |bits, feature| bits | 1 << feature.bit))
    }

    /// Those of `bits` that make sense: others lack what they need, as a driver must not have it.
    pub(crate) fn accepted(bits: u64) -> Self {
        let mut all = Self(bits);
        // What one needs may itself be left out; that is at most two steps away.
        loop {
            let lacks = |feature: &&Feature| {
                let needs = feature.needs_one_of;
                all.has(feature.bit) && !needs.is_empty() && !needs.iter().any(|bit| all.has(*bit))
            };
            let Some(lacking) = FEATURES.iter().find(lacks) else { return all };
            all.0 &= !(1 << lacking.bit);
        }
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    #[inline]
    pub(crate) fn has(self, bit: u32) -> bool {
        self.0 >> bit & 1 == 1
    }

    /// The names.
    pub(crate) fn names(self) -> Vec<String> {
        let names = FEATURES.iter().filter(|feature| self.has(feature.bit));
        names.map(|feature| feature.name.to_owned()).collect()
    }

    /// The header in front of packets, both ways (virtio 1.4, "Setting Up Receive Buffers").
    pub(crate) fn header(self) -> VnetHdrLen {
        if self.has(HASH_REPORT) { VnetHdrLen::V1Hash } else { VnetHdrLen::V1 }
    }

    /// The receive offloads among these, as `VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET` has them.
    pub(crate) fn guest_offloads(self) -> Self {
        let bits = [GUEST_CSUM, GUEST_TSO4, GUEST_TSO6, GUEST_ECN, GUEST_USO4, GUEST_USO6];
        Self(self.0 & bits.iter().fold(0, |all, bit| all | 1 << bit))
    }

    /// What the device may leave to the guest, if these are its receive offloads.
    pub(crate) fn offloads(self) -> Offloads {
        let has = |bit| self.has(GUEST_CSUM) && self.has(bit);
        let (tso4, tso6) = (has(GUEST_TSO4), has(GUEST_TSO6));
        Offloads {
            csum: self.has(GUEST_CSUM),
            tso4,
            tso6,
            tso_ecn: has(GUEST_ECN) && (tso4 || tso6),
            // The kernel knows them only together.
            uso: has(GUEST_USO4) && has(GUEST_USO6),
        }
    }

    /// How packets are received, if `offloads` are the receive offloads in use.
    pub(crate) fn format(self, offloads: Offloads) -> Format {
        Format {
            header: self.header(),
            is_mergeable: self.has(MRG_RXBUF),
            csum: offloads.csum,
            tcpv4: offloads.tso4,
            tcpv6: offloads.tso6,
            udp: offloads.uso,
        }
    }
}

impl From<u64> for Features {
    fn from(bits: u64) -> Self {
        Self(bits)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_feature_has_its_module_and_its_test() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut tests = String::new();
        for entry in package.join("tests/device").read_dir().unwrap() {
            tests += &std::fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
        }
        for feature in FEATURES {
            let module = package.join("src").join(feature.module).with_extension("rs");
            assert!(module.is_file(), "{feature:?}");
            assert!(tests.contains(&format!("fn {}()", feature.test)), "{feature:?}");
            assert!(feature.needs_one_of.iter().all(|bit| FEATURES.iter().any(|f| f.bit == *bit)));
        }
    }

    #[test]
    fn what_lacks_what_it_needs_is_left_out() {
        let bits = |bits: &[u32]| bits.iter().fold(0, |all, bit| all | 1u64 << bit);
        let accepted = |list: &[u32]| Features::accepted(bits(list)).0;
        assert_eq!(accepted(&[RSS, HASH_REPORT, VERSION_1]), bits(&[HASH_REPORT, VERSION_1]));
        assert_eq!(accepted(&[GUEST_ECN, GUEST_TSO4]), 0);
        let all = [GUEST_CSUM, GUEST_TSO6, GUEST_ECN, CTRL_VQ, MQ, RSS];
        assert_eq!(accepted(&all), bits(&all));
    }
}
