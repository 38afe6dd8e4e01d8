//! What a phase can say of itself and of its directory.

use crate::engine::Outcome;
use std::path::Path;
use std::time::Duration;

/// One figure for the parent process: `name value` on a line of its own.
pub(crate) fn figure(name: &str, value: f64) {
    println!("{name} {value}");
}

/// The latency in seconds that this part of all stays below.
pub(crate) fn percentile(durations: &mut [Duration], part: f64) -> f64 {
    durations.sort_unstable();
    let at = ((durations.len() as f64 - 1.0) * part).max(0.0) as usize;
    durations.get(at).map_or(0.0, Duration::as_secs_f64)
}

/// A line of this process's status, kibibytes, as megabytes.
pub(crate) fn memory(line: &str) -> Outcome<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|text| text.starts_with(line)).ok_or("no such line")?;
    Ok(line.split_whitespace().nth(1).ok_or("no value")?.parse::<f64>()? * 1024.0 / 1e6)
}

/// Octets this process has sent to the disk.
pub(crate) fn written_octets() -> Outcome<f64> {
    let io = std::fs::read_to_string("/proc/self/io")?;
    let line = io.lines().find_map(|text| text.strip_prefix("write_bytes: ")).ok_or("no such line")?;
    Ok(line.trim().parse()?)
}

/// Octets that the files under a directory take on the disk: a preallocated tail does not count.
pub(crate) fn octets_under(dir: &Path) -> Outcome<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let mut sum = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        sum += if metadata.is_dir() { octets_under(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(sum)
}
