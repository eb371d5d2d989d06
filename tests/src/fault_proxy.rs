//! A TCP proxy that injects faults between a program and a server.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the proxy does with new and existing connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Relays.
    None,
    /// Closes every connection, as if no server listened.
    Closed,
    /// Keeps every connection and relays nothing, like a network that drops packets.
    Silent,
    /// Relays with this delay in each direction.
    Slow(Duration),
    /// Closes a connection after this number of octets of responses, usually in the middle of one.
    CutAfter(usize),
    /// Replaces responses with invalid octets.
    Garbage,
}

/// The proxy. Dropping it ends every connection.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    task: JoinHandle<()>,
    connections: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl FaultProxy {
    /// Starts a proxy to this address on a free port of loopback.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(to: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (fault, watching) = watch::channel(Fault::None);
        let connections = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(accept(listener, to, watching, Arc::clone(&connections)));
        Ok(Self { address, fault, task, connections })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the behaviour, for existing connections as well.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
        for connection in self.connections.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            connection.abort();
        }
    }
}

async fn accept(
    listener: TcpListener,
    to: SocketAddr,
    fault: watch::Receiver<Fault>,
    connections: Arc<Mutex<Vec<JoinHandle<()>>>>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let task = tokio::spawn(connection(stream, to, fault.clone()));
        let mut connections = connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|task| !task.is_finished());
        connections.push(task);
    }
}

async fn connection(near: TcpStream, to: SocketAddr, mut fault: watch::Receiver<Fault>) {
    let is_closed = |fault: &Fault| *fault == Fault::Closed;
    if is_closed(&fault.borrow()) {
        return;
    }
    let Ok(far) = TcpStream::connect(to).await else { return };
    // Small messages are sent without delay. If this cannot be set, the proxy is only slower.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let there = relay(near_read, far_write, fault.clone(), false);
    let back = relay(far_read, near_write, fault.clone(), true);
    tokio::select! {
        () = there => {}
        () = back => {}
        _ = fault.wait_for(is_closed) => {}
    }
}

/// Relays one direction until it ends.
async fn relay(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut fault: watch::Receiver<Fault>,
    is_reply: bool,
) {
    let mut buffer = vec![0; 16 * 1024];
    let mut passed: usize = 0;
    loop {
        let Ok(length @ 1..) = from.read(&mut buffer).await else { return };
        let Some(bytes) = buffer.get_mut(..length) else { return };
        // Octets read during a pause are relayed after it, as a network would do.
        if fault.wait_for(|fault| *fault != Fault::Silent).await.is_err() {
            return;
        }
        let now = *fault.borrow();
        let mut end = false;
        let mut count = length;
        match now {
            Fault::Closed => return,
            Fault::Slow(delay) => tokio::time::sleep(delay).await,
            Fault::CutAfter(limit) if is_reply => {
                passed = passed.saturating_add(length);
                if passed > limit {
                    count = length.saturating_sub(passed - limit).max(length / 2);
                    end = true;
                }
            }
            Fault::Garbage if is_reply => bytes.iter_mut().for_each(|byte| *byte ^= 0x5a),
            _ => {}
        }
        let Some(bytes) = bytes.get(..count) else { return };
        if to.write_all(bytes).await.is_err() || end {
            return;
        }
    }
}
