//! The phases of the comparison, each run in a process of its own so that memory and disk octets are its own.

use crate::engine::{Engine, Outcome, STORE, Table, open};
use crate::load::{FIRST_EXPIRY, LIFETIME, Request, apply, b_tid, group_commit, imsi, mix, queue};
use crate::measure::{figure, memory, octets_under, percentile, written_octets};
use crate::store_phases;
use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Threads that bootstrap at the same time.
pub(crate) const WRITERS: u64 = 64;
/// Associations in one transaction of the bulk load.
const BULK: u64 = 100_000;

/// How much to do.
pub(crate) struct Scale {
    /// Associations in the database.
    pub(crate) records: u64,
    /// How long each timed phase lasts.
    pub(crate) seconds: u64,
    /// What the engine may use as a cache.
    pub(crate) cache_octets: usize,
}

/// Runs one phase and prints its figures, `name value` a line.
pub(crate) fn run(phase: &str, engine: &str, dir: &Path, scale: &Scale) -> Outcome<()> {
    if engine == STORE {
        return store_phases::run(phase, dir, scale);
    }
    match phase {
        "load" => load(engine, dir, scale),
        "clean-open" => reopen(engine, dir, scale, "clean_open"),
        "crash" => crash(engine, dir, scale),
        "recover" => reopen(engine, dir, scale, "recovery"),
        other => Err(format!("no phase {other}").into()),
    }
}

fn load(name: &str, dir: &Path, scale: &Scale) -> Outcome<()> {
    let engine = open(name, dir, scale.cache_octets)?;
    if engine.get(Table::Seq, &imsi(0))?.is_none() {
        fill(&*engine, scale)?;
        figure("file_size", octets_under(dir)? as f64 / 1e6);
    }
    reads(&*engine, scale, "read_idle", None)?;
    writes(&*engine, scale)?;
    figure("memory", memory("VmRSS:")?);
    figure("memory_peak", memory("VmHWM:")?);
    figure("file_size_after_writes", octets_under(dir)? as f64 / 1e6);
    sweep(&*engine)?;
    figure("file_size_after_sweep", octets_under(dir)? as f64 / 1e6);
    let start = Instant::now();
    engine.close()?;
    figure("close", start.elapsed().as_secs_f64() * 1e3);
    Ok(())
}

/// Puts all records in, in a few large transactions.
fn fill(engine: &dyn Engine, scale: &Scale) -> Outcome<()> {
    let start = Instant::now();
    let mut next = 0;
    while next < scale.records {
        let until = scale.records.min(next + BULK);
        engine.write(&mut |transaction| {
            for subscriber in next..until {
                apply(transaction, Request::Reserve(subscriber))?;
                apply(transaction, Request::Establish(subscriber, 0))?;
            }
            Ok(())
        })?;
        next = until;
    }
    figure("bulk_load", scale.records as f64 / start.elapsed().as_secs_f64());
    Ok(())
}

/// Bootstraps from 64 threads, each a reservation and then an association, beside one reader.
fn writes(engine: &dyn Engine, scale: &Scale) -> Outcome<()> {
    let (writer, receiver) = queue();
    let (stop, run) = (AtomicBool::new(false), AtomicU64::new(1));
    let latencies = Mutex::new(Vec::new());
    let written = written_octets()?;
    let start = Instant::now();
    thread::scope(|scope| {
        let committer = scope.spawn(move || group_commit(engine, receiver));
        for _ in 0..WRITERS {
            let writer = writer.clone();
            scope.spawn(|| {
                let (writer, mut own) = (writer, Vec::new());
                while !stop.load(Ordering::Relaxed) {
                    let run = run.fetch_add(1, Ordering::Relaxed);
                    let subscriber = mix(run, 7) % scale.records;
                    for request in [Request::Reserve(subscriber), Request::Establish(subscriber, run)] {
                        let start = Instant::now();
                        if writer.call(request).is_err() {
                            return;
                        }
                        own.push(start.elapsed());
                    }
                }
                if let Ok(mut all) = latencies.lock() {
                    all.extend(own);
                }
            });
        }
        drop(writer);
        thread::sleep(Duration::from_secs(scale.seconds / 2));
        reads(engine, scale, "read_under_writes", Some(scale.seconds.div_ceil(2)))?;
        stop.store(true, Ordering::Relaxed);
        let commits = committer.join().map_err(|_| "the writer panicked")??;
        let mut all = latencies.lock().map_err(|_| "poisoned")?;
        let count = all.len() as f64;
        figure("write_rate", count / start.elapsed().as_secs_f64());
        figure("write_p50", percentile(&mut all, 0.50) * 1e3);
        figure("write_p99", percentile(&mut all, 0.99) * 1e3);
        figure("write_max", percentile(&mut all, 1.0) * 1e3);
        figure("commit_rate", commits as f64 / start.elapsed().as_secs_f64());
        figure("write_octets", (written_octets()? - written) / count);
        Ok(())
    })
}

/// Reads random associations of the bulk load from one thread; those replaced since count too.
fn reads(engine: &dyn Engine, scale: &Scale, name: &str, seconds: Option<u64>) -> Outcome<()> {
    let seconds = seconds.unwrap_or(scale.seconds / 2).max(1);
    let (start, mut latencies, mut found) = (Instant::now(), Vec::new(), 0_u64);
    while start.elapsed() < Duration::from_secs(seconds) {
        let key = b_tid(mix(latencies.len() as u64, 11) % scale.records, 0);
        let start = Instant::now();
        found += u64::from(engine.get(Table::Association, &key)?.is_some());
        latencies.push(start.elapsed());
    }
    if found == 0 {
        return Err("no association could be read".into());
    }
    figure(&format!("{name}_rate"), latencies.len() as f64 / start.elapsed().as_secs_f64());
    figure(&format!("{name}_p50"), percentile(&mut latencies, 0.50) * 1e6);
    figure(&format!("{name}_p99"), percentile(&mut latencies, 0.99) * 1e6);
    Ok(())
}

/// Removes the tenth of everything that expires first: a sweep for every minute, a thousand a commit at the most.
fn sweep(engine: &dyn Engine) -> Outcome<()> {
    let (mut gone, start) = (0, Instant::now());
    for from in (FIRST_EXPIRY..FIRST_EXPIRY + LIFETIME / 10).step_by(60) {
        loop {
            let mut now = 0;
            engine.write(&mut |transaction| {
                now = apply(transaction, Request::Sweep(from, from + 60, 1000))?;
                Ok(())
            })?;
            gone += now;
            if now < 1000 {
                break;
            }
        }
    }
    figure("sweep_rate", gone as f64 / start.elapsed().as_secs_f64());
    Ok(())
}

/// Bootstraps and prints each acknowledged one, until it is killed.
fn crash(name: &str, dir: &Path, scale: &Scale) -> Outcome<()> {
    let engine = open(name, dir, scale.cache_octets)?;
    let (writer, receiver) = queue();
    let next = AtomicU64::new(scale.records);
    thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                loop {
                    let subscriber = next.fetch_add(1, Ordering::Relaxed);
                    if writer.call(Request::Establish(subscriber, 1)).is_err() {
                        return;
                    }
                    let _closed = writeln!(std::io::stdout(), "{subscriber}");
                }
            });
        }
        group_commit(&*engine, receiver).map(|_| ())
    })
}

/// Time from open to the first durable write, then whether the acknowledged associations are there.
fn reopen(name: &str, dir: &Path, scale: &Scale, figure_name: &str) -> Outcome<()> {
    let start = Instant::now();
    let engine = open(name, dir, scale.cache_octets)?;
    engine.write(&mut |transaction| apply(transaction, Request::Reserve(0)).map(|_| ()))?;
    figure(figure_name, start.elapsed().as_secs_f64() * 1e3);
    let acknowledged = dir.join("acknowledged");
    if acknowledged.exists() {
        let (mut count, mut lost) = (0_u64, 0_u64);
        for line in std::io::BufReader::new(std::fs::File::open(acknowledged)?).lines() {
            let key = b_tid(line?.parse()?, 1);
            count += 1;
            lost += u64::from(engine.get(Table::Association, &key)?.is_none());
        }
        figure("acknowledged", count as f64);
        figure("lost", lost as f64);
    }
    engine.close()
}
