//! A process that is killed at any moment: what it had acknowledged is there, and no sequence number comes twice.
//!
//! The process to be killed is this test binary again, with one test selected and its directory in the environment.

use super::super::sample::*;
use super::open;
use crate::store::{Establishment, SeqStart, Store};
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const DIR: &str = "KSNAF_TEST_CRASH_DIR";
const ROUND: &str = "KSNAF_TEST_CRASH_ROUND";
const ROUNDS: u64 = 16;
const SUBSCRIBERS: u64 = 8;
/// How many SEQ values a reservation takes: more than one, so that blocks that overlap are seen.
const BLOCK: u64 = 3;

/// What a killed process had told.
#[derive(Default)]
struct Acknowledged {
    runs: BTreeSet<u64>,
    sequence_numbers: BTreeSet<(u64, u64)>,
}

#[tokio::test]
async fn a_killed_process_loses_nothing_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.add_subscribers((0..SUBSCRIBERS).map(subscriber).collect(), false).await.unwrap();
    drop(store);

    let mut told = Acknowledged::default();
    for round in 0..ROUNDS {
        let known = told.runs.len();
        run_and_kill(dir.path(), round, &mut told);
        assert!(told.runs.len() > known || !works_first(round), "round {round} acknowledged nothing");
        let store = open(dir.path());
        for run in &told.runs {
            let association = association(*run, *run);
            let found = store.association(&b_tid(*run), at(0)).await.unwrap();
            assert_eq!(found.as_ref(), Some(&association), "round {round}, run {run}");
            assert_eq!(store.impi_of(&tmpi(*run), at(0)).await.unwrap(), Some(association.impi), "{run}");
        }
        let last = *told.runs.last().unwrap();
        let replayed = store.establish(association(1, last), at(5000)).await.unwrap();
        assert_eq!(replayed, Establishment::RandAlreadyUsed);
        for number in 0..SUBSCRIBERS {
            let first = store.reserve_seq(&imsi(number), SeqStart::Next, 1).await.unwrap().unwrap();
            assert!(told.sequence_numbers.insert((number, first)), "{number}: {first} given twice");
        }
    }
}

/// Lets a process work for a while, different in every round, and kills it; reads what it had told by then. In every
/// other round the while begins when the process does, so that it is killed while it opens the store too.
fn run_and_kill(dir: &Path, round: u64, told: &mut Acknowledged) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::embedded::tests::crash::the_process_that_is_killed", "--nocapture"])
        .env(DIR, dir)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut patience = Some(Duration::from_millis(5 + round * 53 % 97));
    if !works_first(round) {
        std::thread::sleep(patience.take().unwrap_or_default());
        child.kill().unwrap();
    }
    let mut line = String::new();
    // A last line that the kill has cut is no acknowledgement.
    while lines.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["established", run] => assert!(told.runs.insert(run.parse().unwrap())),
            ["reserved", number, first] => {
                let (number, first): (u64, u64) = (number.parse().unwrap(), first.parse().unwrap());
                for seq in first..first + BLOCK {
                    assert!(told.sequence_numbers.insert((number, seq)), "{number}: {seq} given twice");
                }
            }
            _ => {}
        }
        if words.first() == Some(&"established")
            && let Some(patience) = patience.take()
        {
            std::thread::sleep(patience);
            child.kill().unwrap();
        }
        line.clear();
    }
    child.wait().unwrap();
}

/// Whether the process gets to acknowledge something before its time is up.
const fn works_first(round: u64) -> bool {
    round.is_multiple_of(2)
}

/// Does nothing unless a directory is given: then bootstraps until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_that_is_killed() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let round: u64 = std::env::var(ROUND).unwrap().parse().unwrap();
    let store = Arc::new(open(Path::new(&dir)));
    let tasks = (0..16).map(|task| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let start = Instant::now();
            // Never for ever, should nobody kill it.
            for turn in (0..).take_while(|_| start.elapsed() < Duration::from_secs(20)) {
                let run = round * 10_000_000 + task * 100_000 + turn;
                let created = store.establish(association(run, run), at(5000)).await.unwrap();
                assert_eq!(created, Establishment::Created { replaced: None });
                tell(&format!("established {run}"));
                let number = run % SUBSCRIBERS;
                let first = store.reserve_seq(&imsi(number), SeqStart::Next, BLOCK as u32).await.unwrap();
                tell(&format!("reserved {number} {}", first.unwrap()));
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

/// A whole line at once: an acknowledgement is out or not.
fn tell(line: &str) {
    std::io::stdout().lock().write_all(format!("{line}\n").as_bytes()).unwrap();
}
