//! Shared data and shared queues: what all VMs of a proxy with the same VM id have in common.

use std::collections::{BTreeMap, VecDeque};

use crate::abi::Status;
use crate::report::Thread;

/// The entries of one VM id: value and compare-and-swap number by key.
type Entries = BTreeMap<Vec<u8>, (Vec<u8>, u32)>;

/// Shared data of all VM ids, with Envoy's compare-and-swap rules: one counter for the whole process; setting an absent
/// key inserts whatever `cas` says; `cas` 0 overwrites; another wrong `cas` is a mismatch.
#[derive(Debug, Default)]
pub(crate) struct SharedData {
    entries: BTreeMap<String, Entries>,
    last_cas: u32,
    /// Set by [`crate::Emulator::ignore_compare_and_swap`].
    pub(crate) blind: bool,
}

impl SharedData {
    pub(crate) fn get(&self, vm_id: &str, key: &[u8]) -> Option<(Vec<u8>, u32)> {
        self.entries.get(vm_id)?.get(key).cloned()
    }

    pub(crate) fn set(&mut self, vm_id: &str, key: &[u8], value: &[u8], cas: u32) -> Status {
        let map = self.entries.entry(vm_id.to_owned()).or_default();
        if let Some((_, current)) = map.get(key)
            && cas != 0
            && cas != *current
            && !self.blind
        {
            return Status::CasMismatch;
        }
        // 0 means "do not compare", so the counter skips it when it wraps.
        self.last_cas = self.last_cas.checked_add(1).unwrap_or(1);
        map.insert(key.to_vec(), (value.to_vec(), self.last_cas));
        Status::Ok
    }

    pub(crate) fn entries(&self, vm_id: &str) -> Vec<(Vec<u8>, Vec<u8>, u32)> {
        self.entries
            .get(vm_id)
            .map(|map| {
                map.iter()
                    .map(|(key, (value, cas))| (key.clone(), value.clone(), *cas))
                    .collect()
            })
            .unwrap_or_default()
    }
}

/// Who is told that a queue has something: the root context that registered it last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueueOwner {
    pub(crate) thread: Thread,
    pub(crate) vm_key: usize,
    pub(crate) root: u32,
}

#[derive(Debug)]
struct Queue {
    vm_id: String,
    name: Vec<u8>,
    owner: QueueOwner,
    items: VecDeque<Vec<u8>>,
}

/// All shared queues. Tokens count from 1.
#[derive(Debug, Default)]
pub(crate) struct SharedQueues {
    queues: Vec<Queue>,
}

impl SharedQueues {
    /// Makes a queue, or takes over an existing one's notifications.
    pub(crate) fn register(&mut self, vm_id: &str, name: &[u8], owner: QueueOwner) -> u32 {
        if let Some(index) = self.index(vm_id, name) {
            if let Some(queue) = self.queues.get_mut(index) {
                queue.owner = owner;
            }
            return token(index);
        }
        self.queues.push(Queue {
            vm_id: vm_id.to_owned(),
            name: name.to_vec(),
            owner,
            items: VecDeque::new(),
        });
        token(self.queues.len().saturating_sub(1))
    }

    pub(crate) fn resolve(&self, vm_id: &str, name: &[u8]) -> Option<u32> {
        self.index(vm_id, name).map(token)
    }

    pub(crate) fn enqueue(&mut self, token: u32, value: &[u8]) -> Option<QueueOwner> {
        let queue = self.queue(token)?;
        queue.items.push_back(value.to_vec());
        Some(queue.owner.clone())
    }

    pub(crate) fn dequeue(&mut self, token: u32) -> Result<Vec<u8>, Status> {
        let queue = self.queue(token).ok_or(Status::NotFound)?;
        queue.items.pop_front().ok_or(Status::Empty)
    }

    fn index(&self, vm_id: &str, name: &[u8]) -> Option<usize> {
        self.queues
            .iter()
            .position(|queue| queue.vm_id == vm_id && queue.name == name)
    }

    fn queue(&mut self, token: u32) -> Option<&mut Queue> {
        self.queues.get_mut((token as usize).checked_sub(1)?)
    }
}

fn token(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_key_is_inserted_whatever_cas_says_and_a_wrong_cas_is_a_mismatch() {
        let mut data = SharedData::default();
        assert_eq!(data.set("", b"k", b"a", 42), Status::Ok);
        assert_eq!(data.get("", b"k"), Some((b"a".to_vec(), 1)));
        assert_eq!(data.set("", b"k", b"b", 42), Status::CasMismatch);
        assert_eq!(data.set("", b"k", b"b", 1), Status::Ok);
        assert_eq!(data.set("", b"k", b"c", 0), Status::Ok);
        assert_eq!(data.get("", b"k"), Some((b"c".to_vec(), 3)));
    }

    #[test]
    fn a_broken_store_takes_every_write() {
        let mut data = SharedData::default();
        data.set("", b"k", b"a", 0);
        data.blind = true;
        assert_eq!(data.set("", b"k", b"b", 42), Status::Ok);
        assert_eq!(data.get("", b"k"), Some((b"b".to_vec(), 2)));
    }

    #[test]
    fn vm_ids_are_separate_but_share_one_counter() {
        let mut data = SharedData::default();
        data.set("a", b"k", b"1", 0);
        data.set("b", b"k", b"2", 0);
        assert_eq!(data.get("b", b"k"), Some((b"2".to_vec(), 2)));
        assert_eq!(data.get("c", b"k"), None);
    }

    #[test]
    fn registering_again_reopens_the_queue_and_takes_over_its_notifications() {
        let owner = |thread| QueueOwner {
            thread,
            vm_key: 0,
            root: 1,
        };
        let mut queues = SharedQueues::default();
        let first = queues.register("", b"q", owner(Thread::Main));
        assert_eq!(queues.register("", b"q", owner(Thread::Worker(1))), first);
        assert_eq!(queues.enqueue(first, b"x"), Some(owner(Thread::Worker(1))));
        assert_eq!(queues.dequeue(first), Ok(b"x".to_vec()));
        assert_eq!(queues.dequeue(first), Err(Status::Empty));
        assert_eq!(queues.dequeue(9), Err(Status::NotFound));
        assert_eq!(queues.resolve("other", b"q"), None);
    }
}
