//! A port that is set aside for Envoy before Envoy binds it.
//!
//! The number alone would be a race: another process, or the kernel for an outgoing connection, may take the port
//! before Envoy does. So a socket stays bound to it with `SO_REUSEPORT`. Envoy's listening sockets have that option
//! too and so may bind the same port; a socket that does not listen gets no connections.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket, sockopt};

/// A loopback TCP port, set aside until this is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    port: u16,
    _socket: OwnedFd,
}

impl Reservation {
    /// Sets a free port aside.
    pub(super) fn new() -> io::Result<Self> {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        // An Envoy that is started now must not inherit it.
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        sockopt::set_socket_reuseport(&socket, true)?;
        bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let address = SocketAddr::try_from(getsockname(&socket)?)?;
        Ok(Self {
            port: address.port(),
            _socket: socket,
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn nobody_without_the_option_gets_the_port_and_nothing_answers_there() {
        let (one, two) = (Reservation::new().unwrap(), Reservation::new().unwrap());
        assert_ne!(one.port(), two.port());
        let port = one.port();
        assert!(TcpListener::bind(("127.0.0.1", port)).is_err());
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}
