//! Hit ratios of eviction policies on the access patterns of evaluations: the table of `docs/caches.md`.
//!
//! `cargo run --release --no-default-features --example cache_policies`
//!
//! LRU and `TinyLFU` are the cache itself; S3-FIFO and the optimum are here for comparison. Every trace is generated from a
//! fixed seed, so that the table is the same on every machine.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use ai_evals::cache::{Cache, Limits, Policy};
use ai_evals::key::KeySecret;

/// `SplitMix64`: enough for a trace.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to below 1.
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Draws from 0..n, where the i-th is drawn in proportion to 1/(i+1)^skew.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new(n: usize, skew: f64) -> Self {
        let mut sum = 0.0;
        let weights = (1..=n).map(|rank| {
            sum += (rank as f64).powf(-skew);
            sum
        });
        Self(weights.collect())
    }

    fn draw(&self, random: &mut Random) -> u64 {
        let total = self.0.last().copied().unwrap_or(0.0);
        let at = random.fraction() * total;
        self.0.partition_point(|sum| *sum <= at) as u64
    }
}

/// `runs` passes over the same `cases`.
fn repeated_runs(cases: u64, runs: u64) -> Vec<u64> {
    (0..runs).flat_map(|_| 0..cases).collect()
}

fn zipf(keys: usize, skew: f64, length: usize) -> Vec<u64> {
    let (zipf, mut random) = (Zipf::new(keys, skew), Random(1));
    (0..length).map(|_| zipf.draw(&mut random)).collect()
}

/// Popular questions, and every now and then a pass over cases that are never seen again.
fn with_scans(keys: usize, skew: f64, length: usize, scan: u64) -> Vec<u64> {
    let (zipf, mut random, mut fresh) = (Zipf::new(keys, skew), Random(2), 1 << 40);
    let mut trace = Vec::with_capacity(length);
    while trace.len() < length {
        trace.extend((0..scan).map(|_| zipf.draw(&mut random)));
        trace.extend(fresh..fresh + scan);
        fresh += scan;
    }
    trace
}

/// What is popular changes completely every `phase` requests.
fn shifting(keys: usize, skew: f64, length: usize, phase: usize) -> Vec<u64> {
    let (zipf, mut random) = (Zipf::new(keys, skew), Random(3));
    (0..length)
        .map(|at| zipf.draw(&mut random) + ((at / phase) * keys) as u64)
        .collect()
}

fn ours(policy: Policy, size: usize, trace: &[u64]) -> usize {
    let secret = KeySecret::new([1, 2, 3, 4]);
    let limits = Limits {
        max_entries: size,
        max_bytes: u64::MAX,
        ttl: f64::INFINITY,
        stale: 0.0,
        policy,
        report_all: false,
    };
    let mut cache = Cache::new(limits);
    let hit = |request: &&u64| {
        let units = [0, 16, 32, 48].map(|shift| (*request >> shift) as u16);
        let key = secret.key(&units, &[]);
        let hit = cache.get(key, 0.0).is_some();
        if !hit {
            cache.set(key, 1, None, 0.0);
        }
        hit
    };
    trace.iter().filter(hit).count()
}

/// S3-FIFO (Yang et al., SOSP 2023): a small queue of 10 %, a main queue, and a ghost queue of keys as long as main.
fn s3_fifo(size: usize, trace: &[u64]) -> usize {
    let small_limit = (size / 10).max(1);
    let (mut small, mut main, mut ghost) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
    let mut ghosts = HashSet::new();
    let mut uses: HashMap<u64, u8> = HashMap::new();
    let mut hits = 0;
    for &key in trace {
        if let Some(count) = uses.get_mut(&key) {
            *count = (*count + 1).min(3);
            hits += 1;
            continue;
        }
        while uses.len() >= size {
            if small.len() >= small_limit || main.is_empty() {
                let Some(old) = small.pop_front() else { break };
                if uses.get(&old).is_some_and(|count| *count > 1) {
                    uses.insert(old, 0);
                    main.push_back(old);
                    continue;
                }
                uses.remove(&old);
                ghosts.insert(old);
                ghost.push_back(old);
                if ghost.len() > size - small_limit
                    && let Some(forgotten) = ghost.pop_front()
                {
                    ghosts.remove(&forgotten);
                }
            } else if let Some(old) = main.pop_front() {
                match uses.get_mut(&old) {
                    Some(count) if *count > 0 => {
                        *count -= 1;
                        main.push_back(old);
                    }
                    _ => drop(uses.remove(&old)),
                }
            }
        }
        uses.insert(key, 0);
        if ghosts.remove(&key) {
            ghost.retain(|old| *old != key);
            main.push_back(key);
        } else {
            small.push_back(key);
        }
    }
    hits
}

/// Belady's optimum with bypass: keeps what is asked for again soonest. No policy can hit more.
fn optimum(size: usize, trace: &[u64]) -> usize {
    let mut next_use = vec![usize::MAX; trace.len()];
    let mut seen = HashMap::new();
    for (at, key) in trace.iter().enumerate().rev() {
        next_use[at] = seen.insert(*key, at).unwrap_or(usize::MAX);
    }
    let (mut held, mut by_next_use) = (HashMap::new(), BTreeSet::new());
    let mut hits = 0;
    for (at, &key) in trace.iter().enumerate() {
        if let Some(next) = held.insert(key, next_use[at]) {
            hits += 1;
            by_next_use.remove(&(next, key));
        }
        by_next_use.insert((next_use[at], key));
        if held.len() > size
            && let Some((_, farthest)) = by_next_use.pop_last()
        {
            held.remove(&farthest);
        }
    }
    hits
}

fn main() {
    let traces: [(&str, usize, Vec<u64>); 8] = [
        (
            "12,000 cases, 10 runs, 10,000 entries",
            10_000,
            repeated_runs(12_000, 10),
        ),
        (
            "10,500 cases, 10 runs, 10,000 entries",
            10_000,
            repeated_runs(10_500, 10),
        ),
        (
            "20,000 cases, 10 runs, 10,000 entries",
            10_000,
            repeated_runs(20_000, 10),
        ),
        (
            "9,000 cases, 10 runs, 10,000 entries",
            10_000,
            repeated_runs(9_000, 10),
        ),
        (
            "Zipf 0.9 over 100,000, 5,000 entries",
            5_000,
            zipf(100_000, 0.9, 500_000),
        ),
        (
            "Zipf 1.1 over 100,000, 5,000 entries",
            5_000,
            zipf(100_000, 1.1, 500_000),
        ),
        (
            "Zipf 0.9 and scans of 10,000, 5,000 entries",
            5_000,
            with_scans(50_000, 0.9, 500_000, 10_000),
        ),
        (
            "Zipf 0.9, shifting every 20,000, 5,000 entries",
            5_000,
            shifting(20_000, 0.9, 500_000, 20_000),
        ),
    ];
    println!("| requests | LRU | TinyLFU | S3-FIFO | optimum |\n|---|---|---|---|---|");
    for (name, size, trace) in &traces {
        let percent = |hits: usize| format!("{:.1} %", hits as f64 * 100.0 / trace.len() as f64);
        println!(
            "| {name} | {} | {} | {} | {} |",
            percent(ours(Policy::Lru, *size, trace)),
            percent(ours(Policy::TinyLfu, *size, trace)),
            percent(s3_fifo(*size, trace)),
            percent(optimum(*size, trace)),
        );
    }
}
