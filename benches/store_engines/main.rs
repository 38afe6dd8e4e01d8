//! Which embedded engine carries the store: redb and fjall under the same load, and the store on the one it has.
//!
//! `cargo bench --bench store_engines` prints a table and writes `bench/store_engines.json` in the target
//! directory. `KSNAF_BENCH_RECORDS` (default 1000000) sets how many associations the database holds,
//! `KSNAF_BENCH_SECONDS` (default 16) how long each timed phase lasts, `KSNAF_BENCH_CACHE_MIB` (default 32) the cache.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark speaks on standard output")]

mod engine;
mod fjall_engine;
mod load;
mod measure;
mod phases;
mod redb_engine;
mod report;
mod store_phases;

use engine::{ENGINES, Outcome};
use phases::Scale;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Tells a process of this program which phase it is, on which engine, in which directory.
const PHASE: &str = "KSNAF_BENCH_PHASE";

/// Figures by name.
pub(crate) type Figures = BTreeMap<String, f64>;

fn main() -> Outcome<()> {
    let scale = Scale {
        records: setting("KSNAF_BENCH_RECORDS", 1_000_000)?,
        seconds: setting("KSNAF_BENCH_SECONDS", 16)?,
        cache_octets: usize::try_from(setting("KSNAF_BENCH_CACHE_MIB", 32)? << 20)?,
    };
    if let Ok(phase) = std::env::var(PHASE) {
        let mut words = phase.splitn(3, ' ');
        let [Some(phase), Some(engine), Some(dir)] = [words.next(), words.next(), words.next()] else {
            return Err("a phase without engine and directory".into());
        };
        return phases::run(phase, engine, Path::new(dir), &scale);
    }
    let target_tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut all = BTreeMap::new();
    let dirs = tempfile::tempdir_in(target_tmp)?;
    for (at, (engine, dir)) in ENGINES.into_iter().enumerate() {
        eprintln!("{engine}: {} associations", scale.records);
        let place = dirs.path().join(dir);
        std::fs::create_dir_all(&place)?;
        all.insert(engine, compare(engine, &place, &scale)?);
        if !ENGINES.iter().skip(at + 1).any(|(_, later)| *later == dir) {
            std::fs::remove_dir_all(place)?;
        }
    }
    println!("{}", report::table(&all));
    let target = target_tmp.parent().ok_or("no target directory")?;
    report::write_json(&all, &target.join("bench"))
}

/// Every phase on one engine.
fn compare(engine: &str, dir: &Path, scale: &Scale) -> Outcome<Figures> {
    let mut figures = Figures::new();
    for phase in ["load", "clean-open"] {
        let child = spawn(phase, engine, dir)?;
        collect(child, &mut figures)?;
    }
    crash(engine, dir, scale)?;
    collect(spawn("recover", engine, dir)?, &mut figures)?;
    Ok(figures)
}

/// Kills a bootstrapping process in the middle and keeps what it had acknowledged.
fn crash(engine: &str, dir: &Path, scale: &Scale) -> Outcome<()> {
    let mut child = spawn("crash", engine, dir)?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no pipe")?).lines();
    let mut acknowledged = File::create(dir.join("acknowledged"))?;
    let mut killed = None;
    while let Some(line) = lines.next().transpose()? {
        writeln!(acknowledged, "{line}")?;
        let started = *killed.get_or_insert_with(Instant::now);
        if started.elapsed() > Duration::from_secs(scale.seconds.div_ceil(4)) {
            child.kill()?;
        }
    }
    child.wait()?;
    Ok(())
}

fn spawn(phase: &str, engine: &str, dir: &Path) -> Outcome<Child> {
    let dir = dir.to_str().ok_or("a directory name that is not text")?;
    Ok(Command::new(std::env::current_exe()?)
        .env(PHASE, format!("{phase} {engine} {dir}"))
        .stdout(Stdio::piped())
        .spawn()?)
}

fn collect(mut child: Child, figures: &mut Figures) -> Outcome<()> {
    for line in BufReader::new(child.stdout.take().ok_or("no pipe")?).lines() {
        let line = line?;
        let (name, value) = line.split_once(' ').ok_or("a figure without a value")?;
        figures.insert(name.to_owned(), value.parse()?);
        eprintln!("  {line}");
    }
    if child.wait()?.success() { Ok(()) } else { Err("a phase failed".into()) }
}

fn setting(name: &str, default: u64) -> Outcome<u64> {
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|_| format!("{name} is not a number: {text}").into()),
        Err(_) => Ok(default),
    }
}
