//! A vhost-user frontend with a virtio-net driver in it: a guest without a virtual machine.
//!
//! [`Guest`] is a well-behaved one. What is not, is made of its parts: [`Frontend`] sends any message,
//! [`Ring`] makes any descriptor available, [`Memory`] holds any bytes.

mod frontend;
mod guest;
mod memory;
mod ring;

pub use frontend::{Frontend, Handshake, NetConfig, event};
pub use guest::{Ack, Buffers, Dialect, Frame, Guest, Options, Queue};
pub use memory::{Memory, Region};
pub use ring::{Descriptor, Part, Ring, Used};
pub use vhost::vhost_user::message::{FrontendReq, VhostUserProtocolFeatures};

/// Feature bits by their number, as masks.
pub mod feature {
    use virtio_bindings::{virtio_config, virtio_net, virtio_ring};

    macro_rules! masks {
        ($($(#[$doc:meta])* $name:ident = $bit:expr;)*) => {
            $($(#[$doc])* pub const $name: u64 = 1 << $bit;)*

            /// All of them.
            pub const ALL: &[(&str, u64)] = &[$((stringify!($name), $name)),*];
        };
    }

    masks! {
        /// Frames to send may have an unfinished checksum.
        CSUM = virtio_net::VIRTIO_NET_F_CSUM;
        /// The driver takes frames whose checksum is unfinished.
        GUEST_CSUM = virtio_net::VIRTIO_NET_F_GUEST_CSUM;
        /// The driver says at run time what it takes.
        CTRL_GUEST_OFFLOADS = virtio_net::VIRTIO_NET_F_CTRL_GUEST_OFFLOADS;
        /// The device says how long packets may be.
        MTU = virtio_net::VIRTIO_NET_F_MTU;
        /// The device has a MAC address.
        MAC = virtio_net::VIRTIO_NET_F_MAC;
        /// The driver takes large TCP segments over IPv4.
        GUEST_TSO4 = virtio_net::VIRTIO_NET_F_GUEST_TSO4;
        /// The driver takes large TCP segments over IPv6.
        GUEST_TSO6 = virtio_net::VIRTIO_NET_F_GUEST_TSO6;
        /// The driver takes them with ECN.
        GUEST_ECN = virtio_net::VIRTIO_NET_F_GUEST_ECN;
        /// The device takes large TCP segments over IPv4.
        HOST_TSO4 = virtio_net::VIRTIO_NET_F_HOST_TSO4;
        /// The device takes large TCP segments over IPv6.
        HOST_TSO6 = virtio_net::VIRTIO_NET_F_HOST_TSO6;
        /// The device takes them with ECN.
        HOST_ECN = virtio_net::VIRTIO_NET_F_HOST_ECN;
        /// A frame may take several receive buffers.
        MRG_RXBUF = virtio_net::VIRTIO_NET_F_MRG_RXBUF;
        /// The device says whether its link is up.
        STATUS = virtio_net::VIRTIO_NET_F_STATUS;
        /// There is a control queue.
        CTRL_VQ = virtio_net::VIRTIO_NET_F_CTRL_VQ;
        /// The driver says which frames it wants.
        CTRL_RX = virtio_net::VIRTIO_NET_F_CTRL_RX;
        /// There are several queue pairs.
        MQ = virtio_net::VIRTIO_NET_F_MQ;
        /// The driver may set the MAC address.
        CTRL_MAC_ADDR = virtio_net::VIRTIO_NET_F_CTRL_MAC_ADDR;
        /// Descriptors may be in a table of their own.
        INDIRECT_DESC = virtio_ring::VIRTIO_RING_F_INDIRECT_DESC;
        /// Each side says at which index it wants to be notified.
        EVENT_IDX = virtio_ring::VIRTIO_RING_F_EVENT_IDX;
        /// The vhost-user protocol has features of its own.
        PROTOCOL_FEATURES = 30;
        /// Virtio 1.
        VERSION_1 = virtio_config::VIRTIO_F_VERSION_1;
        /// The driver takes large UDP datagrams over IPv4.
        GUEST_USO4 = virtio_net::VIRTIO_NET_F_GUEST_USO4;
        /// The driver takes large UDP datagrams over IPv6.
        GUEST_USO6 = virtio_net::VIRTIO_NET_F_GUEST_USO6;
        /// The device takes large UDP datagrams.
        HOST_USO = virtio_net::VIRTIO_NET_F_HOST_USO;
        /// Each frame comes with its hash.
        HASH_REPORT = virtio_net::VIRTIO_NET_F_HASH_REPORT;
        /// The driver sets receive-side scaling.
        RSS = virtio_net::VIRTIO_NET_F_RSS;
    }
}

/// Classes and commands of the control queue (virtio 1.4, "Control Virtqueue" of the network device).
pub mod command {
    /// Class and command.
    pub type Command = (u8, u8);

    /// Body: a byte, 1 for promiscuous mode.
    pub const RX_PROMISC: Command = (0, 0);
    /// Body: a byte, 1 to get all frames to groups.
    pub const RX_ALLMULTI: Command = (0, 1);
    /// Body: two tables of MAC addresses, each a le32 and so many addresses.
    pub const MAC_TABLE_SET: Command = (1, 0);
    /// Body: a MAC address.
    pub const MAC_ADDR_SET: Command = (1, 1);
    /// Body: le16, the number of queue pairs.
    pub const VQ_PAIRS_SET: Command = (4, 0);
    /// Body: [`tunrss_hash::RssConfig`].
    pub const RSS_CONFIG: Command = (4, 1);
    /// Body: [`tunrss_hash::HashConfig`].
    pub const HASH_CONFIG: Command = (4, 2);
    /// Body: le64, the feature bits of what the driver takes.
    pub const GUEST_OFFLOADS_SET: Command = (5, 0);
}
