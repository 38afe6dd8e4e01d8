//! The store itself under the load of the comparison: what sealing, checking and asynchronous callers cost on top of
//! the engine, and which way of reading keeps them waiting least.

use crate::engine::Outcome;
use crate::load::{FIRST_EXPIRY, LIFETIME, mix};
use crate::measure::{figure, memory, octets_under, percentile, written_octets};
use crate::phases::{Scale, WRITERS};
use ksnaf::store::embedded::{EmbeddedStore, Options};
use ksnaf::store::{Establishment, SeqStart, Store, Subscriber};
use ksnaf_proto::aka::{AkaKey, Amf, Rand, Sqn};
use ksnaf_proto::gba::{Association, BTid, GbaMode, GbaType, Ks, Tmpi};
use ksnaf_proto::identity::{Fqdn, Impi, Imsi, MncLength};
use ksnaf_proto::secret::Secret;
use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// Tasks that fill the store at the same time.
const FILLERS: u64 = 256;

/// Runs one phase and prints its figures.
pub(crate) fn run(phase: &str, dir: &Path, scale: &Scale) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build()?;
    let start = Instant::now();
    let options = Options { cache_octets: scale.cache_octets as u64, ..Options::default() };
    let store = Arc::new(EmbeddedStore::open(dir, &options)?);
    match phase {
        "load" => load(&runtime, &store, dir, scale)?,
        "clean-open" => first_write(&runtime, &store, "clean_open", start)?,
        "crash" => crash(&runtime, &store, scale)?,
        "recover" => {
            first_write(&runtime, &store, "recovery", start)?;
            lost(&runtime, &store, dir)?;
        }
        other => return Err(format!("no phase {other}").into()),
    }
    let start = Instant::now();
    drop(store);
    if phase == "load" {
        figure("close", start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(())
}

fn load(runtime: &Runtime, store: &Arc<EmbeddedStore>, dir: &Path, scale: &Scale) -> Outcome<()> {
    let start = Instant::now();
    let mut next = 0;
    while next < scale.records {
        let until = scale.records.min(next + 50_000);
        let subscribers = (next..until).map(subscriber).collect::<Outcome<Vec<_>>>()?;
        runtime.block_on(store.add_subscribers(subscribers, false))?;
        next = until;
    }
    figure("subscriber_load", scale.records as f64 / start.elapsed().as_secs_f64());
    let (start, records, next) = (Instant::now(), scale.records, Arc::new(AtomicU64::new(0)));
    let fillers = (0..FILLERS).map(|_| {
        let (store, next) = (Arc::clone(store), Arc::clone(&next));
        runtime.spawn(async move {
            loop {
                let subscriber = next.fetch_add(1, Ordering::Relaxed);
                if subscriber >= records {
                    return Ok(());
                }
                establish(&*store, subscriber, 0).await?;
            }
        })
    });
    join(runtime, fillers.collect::<Vec<_>>())?;
    figure("bulk_load", scale.records as f64 / start.elapsed().as_secs_f64());
    figure("file_size", octets_under(dir)? as f64 / 1e6);

    let seconds = Duration::from_secs((scale.seconds / 2).max(1));
    reads(runtime, store, scale, seconds, "read_idle", false)?;
    reads(runtime, store, scale, seconds, "read_idle_handed_over", true)?;
    writes(runtime, store, scale)?;
    figure("memory", memory("VmRSS:")?);
    figure("memory_peak", memory("VmHWM:")?);
    figure("file_size_after_writes", octets_under(dir)? as f64 / 1e6);
    sweep(runtime, store)?;
    figure("file_size_after_sweep", octets_under(dir)? as f64 / 1e6);
    Ok(())
}

/// Bootstraps from 64 tasks, each a reservation and then an association; in the second half beside a reader.
fn writes(runtime: &Runtime, store: &Arc<EmbeddedStore>, scale: &Scale) -> Outcome<()> {
    let (stop, run, records) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(1)), scale.records);
    let (written, start) = (written_octets()?, Instant::now());
    let writers = (0..WRITERS).map(|_| {
        let (store, stop, run) = (Arc::clone(store), Arc::clone(&stop), Arc::clone(&run));
        runtime.spawn(async move {
            let mut latencies = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let run = run.fetch_add(1, Ordering::Relaxed);
                let number = mix(run, 7) % records;
                let start = Instant::now();
                store.reserve_seq(&imsi(number)?, SeqStart::Next, 32).await?;
                let reserved = Instant::now();
                establish(&*store, number, run).await?;
                latencies.extend([reserved - start, reserved.elapsed()]);
            }
            Ok(latencies)
        })
    });
    let writers: Vec<_> = writers.collect();
    std::thread::sleep(Duration::from_secs(scale.seconds / 2));
    reads(runtime, store, scale, Duration::from_secs(scale.seconds.div_ceil(2)), "read_under_writes", false)?;
    stop.store(true, Ordering::Relaxed);
    let mut latencies: Vec<Duration> = join(runtime, writers)?.concat();
    let count = latencies.len() as f64;
    figure("write_rate", count / start.elapsed().as_secs_f64());
    figure("write_p50", percentile(&mut latencies, 0.50) * 1e3);
    figure("write_p99", percentile(&mut latencies, 0.99) * 1e3);
    figure("write_max", percentile(&mut latencies, 1.0) * 1e3);
    figure("write_octets", (written_octets()? - written) / count);
    Ok(())
}

/// Reads random associations from one task, on its own thread or handed over to one that may block.
fn reads(
    runtime: &Runtime,
    store: &Arc<EmbeddedStore>,
    scale: &Scale,
    time: Duration,
    name: &str,
    hand_over: bool,
) -> Outcome<()> {
    let (store, records) = (Arc::clone(store), scale.records);
    let reader = runtime.spawn(async move {
        let (start, mut latencies, now) = (Instant::now(), Vec::new(), moment(0));
        while start.elapsed() < time {
            let b_tid = b_tid(mix(latencies.len() as u64, 11) % records, 0)?;
            let start = Instant::now();
            if hand_over {
                let store = Arc::clone(&store);
                let read = move || tokio::runtime::Handle::current().block_on(store.association(&b_tid, now));
                tokio::task::spawn_blocking(read).await??;
            } else {
                store.association(&b_tid, now).await?;
            }
            latencies.push(start.elapsed());
            if latencies.len() % 64 == 0 {
                tokio::task::yield_now().await;
            }
        }
        Ok((latencies, start.elapsed()))
    });
    let mut read = join(runtime, vec![reader])?;
    let (mut latencies, time) = read.pop().ok_or("no reader")?;
    figure(&format!("{name}_rate"), latencies.len() as f64 / time.as_secs_f64());
    figure(&format!("{name}_p50"), percentile(&mut latencies, 0.50) * 1e6);
    figure(&format!("{name}_p99"), percentile(&mut latencies, 0.99) * 1e6);
    Ok(())
}

/// Removes the tenth of everything that expires first: a sweep for every minute, a thousand a commit at the most.
fn sweep(runtime: &Runtime, store: &EmbeddedStore) -> Outcome<()> {
    let (mut gone, start) = (0, Instant::now());
    for minute in (60..=LIFETIME / 10).step_by(60) {
        loop {
            let swept = runtime.block_on(store.sweep(moment(minute), 1000))?;
            gone += swept;
            if swept < 1000 {
                break;
            }
        }
    }
    figure("sweep_rate", gone as f64 / start.elapsed().as_secs_f64());
    Ok(())
}

/// Bootstraps and prints each acknowledged one, until it is killed.
fn crash(runtime: &Runtime, store: &Arc<EmbeddedStore>, scale: &Scale) -> Outcome<()> {
    let next = Arc::new(AtomicU64::new(scale.records));
    let writers = (0..WRITERS).map(|_| {
        let (store, next) = (Arc::clone(store), Arc::clone(&next));
        runtime.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                establish(&*store, number, 1).await?;
                let _closed = writeln!(std::io::stdout(), "{number}");
            }
        })
    });
    join::<()>(runtime, writers.collect::<Vec<_>>()).map(|_| ())
}

fn first_write(runtime: &Runtime, store: &EmbeddedStore, name: &str, start: Instant) -> Outcome<()> {
    runtime.block_on(store.reserve_seq(&imsi(0)?, SeqStart::Next, 1))?.ok_or("the subscriber is gone")?;
    figure(name, start.elapsed().as_secs_f64() * 1e3);
    Ok(())
}

fn lost(runtime: &Runtime, store: &EmbeddedStore, dir: &Path) -> Outcome<()> {
    let (mut count, mut lost) = (0_u64, 0_u64);
    for line in std::io::BufReader::new(std::fs::File::open(dir.join("acknowledged"))?).lines() {
        let b_tid = b_tid(line?.parse()?, 1)?;
        count += 1;
        lost += u64::from(runtime.block_on(store.association(&b_tid, moment(0)))?.is_none());
    }
    figure("acknowledged", count as f64);
    figure("lost", lost as f64);
    Ok(())
}

fn join<T>(runtime: &Runtime, tasks: Vec<JoinHandle<Outcome<T>>>) -> Outcome<Vec<T>> {
    tasks.into_iter().map(|task| runtime.block_on(task)?).collect()
}

async fn establish(store: &dyn Store, number: u64, run: u64) -> Outcome<()> {
    let expires_at = moment(1 + mix(number, run) % LIFETIME);
    let association = Association {
        b_tid: b_tid(number, run)?,
        rand: rand(number, run),
        ks: Ks::new([number as u8; 32]),
        impi: Impi::from_imsi(&imsi(number)?, MncLength::Two),
        tmpi: Tmpi::parse(&format!("{:032x}@{}", u128::from(mix(number, !run)), Tmpi::DOMAIN)),
        gba_mode: GbaMode::Me,
        gba_type: GbaType::ThreeG,
        created_at: moment(0),
        expires_at,
        guss: None,
    };
    match store.establish(association, expires_at).await? {
        Establishment::Created { .. } => Ok(()),
        Establishment::RandAlreadyUsed => Err("a RAND came twice".into()),
    }
}

fn rand(number: u64, run: u64) -> Rand {
    Rand(((u128::from(mix(number, run)) << 64) | u128::from(number)).to_be_bytes())
}

fn b_tid(number: u64, run: u64) -> Outcome<BTid> {
    Ok(BTid::new(&rand(number, run), &Fqdn::parse("bsf.mnc001.mcc001.pub.3gppnetwork.org")?))
}

fn imsi(number: u64) -> Outcome<Imsi> {
    Ok(Imsi::parse(&format!("00101{number:010}"))?)
}

fn subscriber(number: u64) -> Outcome<Subscriber> {
    let imsi = imsi(number)?;
    Ok(Subscriber {
        impi: Impi::from_imsi(&imsi, MncLength::Two),
        imsi,
        key: Some(AkaKey::Milenage { k: Secret::new([number as u8; 16]), opc: Secret::new([2; 16]) }),
        amf: Amf([0x80, 0]),
        sqn: Sqn::default(),
        gba_mode: GbaMode::Me,
        card: ksnaf_proto::zh::CardAka::Umts,
        digest: None,
        msisdn: None,
        impus: Vec::new(),
        key_lifetime: None,
        consent: false,
        guss: None,
    })
}

fn moment(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(FIRST_EXPIRY + seconds)
}
