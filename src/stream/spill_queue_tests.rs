use super::*;
use crate::random::SplitMix64;
use crate::stream::spill_file::UnnamedFiles;
use proptest::prelude::*;
use std::collections::VecDeque;

fn queue() -> SpillQueue {
    SpillQueue::new(Box::new(UnnamedFiles::new(&std::env::temp_dir())))
}

/// Returns bytes that do not compress.
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut random = SplitMix64::new(seed);
    std::iter::repeat_with(|| random.next_u64() as u8)
        .take(bytes)
        .collect()
}

fn pop(queue: &mut SpillQueue) -> Option<Vec<u8>> {
    let mut bytes = vec![0; queue.next_bytes()?];
    queue.pop_into(&mut bytes).unwrap();
    Some(bytes)
}

/// A disk of a fixed size, in memory.
struct SmallDisk {
    left: usize,
}

struct SmallFile {
    bytes: Vec<u8>,
    left: usize,
}

impl SpillFiles for SmallDisk {
    fn create(&mut self) -> io::Result<Box<dyn SpillFile>> {
        Ok(Box::new(SmallFile {
            bytes: Vec::new(),
            left: self.left,
        }))
    }
}

impl SpillFile for SmallFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.bytes.resize(offset as usize, 0);
        let fits = bytes.len().min(self.left - offset as usize);
        self.bytes.extend_from_slice(&bytes[..fits]);
        if fits < bytes.len() {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }

    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        bytes.copy_from_slice(&self.bytes[offset as usize..][..bytes.len()]);
        Ok(())
    }
}

proptest! {
    #[test]
    fn chunks_come_back_in_order_with_their_bytes(
        operations in prop::collection::vec(
            prop_oneof![
                3 => (prop::collection::vec(0_u8..4, 0..3000), 0_u64..4000).prop_map(Some),
                2 => Just(None),
            ],
            1..60,
        ),
    ) {
        let mut queue = queue();
        let mut model = VecDeque::new();
        for operation in operations {
            if let Some((bytes, limit)) = operation {
                queue.push(&bytes, limit).unwrap();
                model.push_back(bytes);
            } else {
                prop_assert_eq!(pop(&mut queue), model.pop_front());
            }
            prop_assert_eq!(queue.len(), model.len());
            prop_assert_eq!(queue.next_bytes(), model.front().map(Vec::len));
        }
        while let Some(expected) = model.pop_front() {
            prop_assert_eq!(pop(&mut queue), Some(expected));
        }
        prop_assert_eq!((queue.memory_bytes(), queue.disk_bytes()), (0, 0));
    }
}

#[test]
fn memory_stays_within_the_limit_of_the_push() {
    let mut queue = queue();
    let noise = noise(1, 10_000);
    for _ in 0..20 {
        queue.push(&noise, 50_000).unwrap();
    }
    assert!(queue.memory_bytes <= 50_000, "{}", queue.memory_bytes);
    assert!(queue.disk_bytes() >= 140_000, "{}", queue.disk_bytes());
}

#[test]
fn a_full_disk_refuses_the_chunk_and_keeps_the_others() {
    let mut queue = SpillQueue::new(Box::new(SmallDisk { left: 25_000 }));
    let noise = |seed| noise(seed, 10_000);
    queue.push(&noise(1), 0).unwrap();
    queue.push(&noise(2), 0).unwrap();
    let error = queue.push(&noise(3), 0).unwrap_err();
    assert!(
        matches!(&error, SpillError::Write(e) if e.kind() == io::ErrorKind::StorageFull),
        "{error}"
    );
    assert_eq!(queue.len(), 2);
    queue.push(b"small", 0).unwrap();
    assert_eq!(pop(&mut queue), Some(noise(1)));
    assert_eq!(pop(&mut queue), Some(noise(2)));
    assert_eq!(pop(&mut queue).as_deref(), Some(b"small".as_slice()));
}

#[test]
fn a_destination_of_another_size_is_refused() {
    let mut queue = queue();
    assert!(queue.pop_into(&mut []).is_err());
    queue.push(b"abc", 100).unwrap();
    assert!(queue.pop_into(&mut [0; 4]).is_err());
    assert_eq!(pop(&mut queue).as_deref(), Some(b"abc".as_slice()));
}

#[test]
fn read_files_give_their_disk_space_back() {
    let mut queue = queue();
    let noise = noise(1, 1 << 20);
    for _ in 0..70 {
        queue.push(&noise, 0).unwrap();
    }
    let before = queue.files.len();
    assert!(before >= 2);
    for _ in 0..68 {
        pop(&mut queue).unwrap();
    }
    assert!(queue.files.len() < before);
}
