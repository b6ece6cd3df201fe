//! Asking a backend how it is, and answering.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};

use super::Status;

/// Answer one client of a status socket, if one waits: with the status as one line of JSON. Does not
/// block; a client that has no room for the answer gets what it has room for.
///
/// # Errors
/// Those of accepting; a client that goes away is none.
pub fn answer(listener: &UnixListener, status: &Status) -> io::Result<()> {
    let mut client = match listener.accept() {
        Ok((client, _)) => client,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => return Ok(()),
        Err(error) => return Err(error),
    };
    client.set_nonblocking(true)?;
    let mut line = serde_json::to_vec(status).map_err(io::Error::other)?;
    line.push(b'\n');
    if let Err(error) = client.write_all(&line) {
        log::debug!("a client of the status socket got no answer: {error}");
    }
    Ok(())
}

/// Ask the backend behind a status socket: its answer is one line of JSON, see [`Status`].
///
/// # Errors
/// Those of connecting; [`io::ErrorKind::TimedOut`] if no answer comes in time,
/// [`io::ErrorKind::InvalidData`] if what comes is none.
pub fn ask(path: &Path, timeout: Duration) -> io::Result<Status> {
    let deadline = Instant::now() + timeout;
    let mut server = connect(path, timeout)?;
    let mut answer = Vec::new();
    let mut part = [0; 8192];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        server.set_read_timeout(Some(left))?;
        let len = match server.read(&mut part) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        };
        answer.extend_from_slice(part.get(..len).unwrap_or_default());
        if answer.len() > MAX_LEN {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer has no end"));
        }
    }
    serde_json::from_slice(&answer)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Connect, and wait so long if others wait already and nobody takes them.
fn connect(path: &Path, timeout: Duration) -> io::Result<UnixStream> {
    let (flags, address) = (SocketFlags::CLOEXEC, SocketAddrUnix::new(path)?);
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // Connecting goes by it, too (unix_stream_connect, net/unix/af_unix.c, v6.12).
    set_socket_timeout(&socket, Timeout::Send, Some(timeout))?;
    match rustix::net::connect(&socket, &address) {
        Ok(()) => Ok(socket.into()),
        Err(Errno::AGAIN) => Err(io::ErrorKind::TimedOut.into()),
        Err(error) => Err(error.into()),
    }
}

/// Many times what a device of 127 queue pairs says.
const MAX_LEN: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use std::thread;

    use super::super::display::tests::status;
    use super::*;

    fn listener(name: &str) -> (UnixListener, std::path::PathBuf) {
        let name = format!("tunrss-vhost-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // One of a run that was killed.
        let _ = std::fs::remove_file(&path);
        (UnixListener::bind(&path).unwrap(), path)
    }

    #[test]
    fn answer_is_what_was_asked_for() {
        let (listener, path) = listener("asked");
        let asking = thread::spawn({
            let path = path.clone();
            move || ask(&path, Duration::from_secs(10))
        });
        answer(&listener, &status()).unwrap();
        assert_eq!(asking.join().unwrap().unwrap(), status());
        listener.set_nonblocking(true).unwrap();
        answer(&listener, &status()).unwrap();
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn no_answer_and_a_wrong_one() {
        let (listener, path) = listener("wrong");
        let error = ask(&path, Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let asking = thread::spawn({
            let path = path.clone();
            move || ask(&path, Duration::from_secs(10))
        });
        // The first is the one that was not answered.
        drop(listener.accept().unwrap());
        let (mut client, _) = listener.accept().unwrap();
        client.write_all(b"{\"schema\":1}").unwrap();
        drop(client);
        assert_eq!(asking.join().unwrap().unwrap_err().kind(), io::ErrorKind::InvalidData);
        std::fs::remove_file(path).unwrap();
    }
}
