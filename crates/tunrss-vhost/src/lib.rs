//! A vhost-user-net backend whose guests set receive-side scaling themselves and get the hash of
//! every packet.
#![deny(unsafe_code)]
