//! The thread that starts every Envoy of this process.
//!
//! Envoy asks the kernel for SIGTERM when its parent goes (`prctl(PR_SET_PDEATHSIG)`), and to the kernel the parent is
//! the *thread* that forked it. An Envoy started from a thread that ends, such as that of a `#[test]`, would end with
//! it. So one thread starts them all and then stays until the process ends. In return no Envoy outlives the
//! process, not even one that is killed.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// A command to start, and where its child goes.
struct Job {
    command: Command,
    reply: Sender<io::Result<Child>>,
}

static KEEPER: Mutex<Option<Sender<Job>>> = Mutex::new(None);

/// Starts `command` from a thread that lives as long as the process.
pub(super) fn spawn(command: Command) -> io::Result<Child> {
    let (reply, started) = channel();
    jobs()?.send(Job { command, reply }).map_err(|_| gone())?;
    started.recv().map_err(|_| gone())?
}

fn jobs() -> io::Result<Sender<Job>> {
    let mut keeper = KEEPER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(jobs) = &*keeper {
        return Ok(jobs.clone());
    }
    let (sender, receiver) = channel::<Job>();
    // The static keeps a sender for ever, so this loop has no end.
    thread::Builder::new()
        .name("envoy-keeper".into())
        .spawn(move || {
            for mut job in receiver {
                let _ = job.reply.send(job.command.spawn());
            }
        })?;
    *keeper = Some(sender.clone());
    Ok(sender)
}

fn gone() -> io::Error {
    io::Error::other("the thread that starts Envoy is gone")
}
