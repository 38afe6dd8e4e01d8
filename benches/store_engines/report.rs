//! The table for people and the entries for tools.

use crate::Figures;
use crate::engine::Outcome;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What is measured, in which unit, whether more is better, and what the store needs, where it needs something.
const MEASURES: &[(&str, &str, bool, Option<f64>)] = &[
    ("bulk_load", "associations/s", true, None),
    ("write_rate", "durable writes/s", true, Some(2_000.0)),
    ("write_p50", "ms", false, None),
    ("write_p99", "ms", false, Some(250.0)),
    ("write_max", "ms", false, None),
    ("commit_rate", "commits/s", true, None),
    ("write_octets", "disk octets/write", false, None),
    ("read_idle_rate", "reads/s", true, Some(50_000.0)),
    ("read_idle_p50", "µs", false, None),
    ("read_idle_p99", "µs", false, None),
    ("read_under_writes_rate", "reads/s", true, None),
    ("read_under_writes_p50", "µs", false, None),
    ("read_under_writes_p99", "µs", false, None),
    ("sweep_rate", "entries/s", true, None),
    ("file_size", "MB", false, None),
    ("file_size_after_writes", "MB", false, None),
    ("file_size_after_sweep", "MB", false, None),
    ("memory", "MB", false, None),
    ("memory_peak", "MB", false, None),
    ("close", "ms", false, None),
    ("clean_open", "ms", false, None),
    ("recovery", "ms", false, Some(5_000.0)),
    ("acknowledged", "associations", true, None),
    ("lost", "associations", false, Some(0.0)),
];

/// The engine that the others are compared with: the one the store does not use.
const BASELINE: &str = "fjall";

/// A line a measure, a column an engine.
pub(crate) fn table(all: &BTreeMap<&str, Figures>) -> String {
    let mut out = format!("{:<24}{:<20}", "measure", "unit");
    all.keys().for_each(|engine| out.push_str(&format!("{engine:>20}")));
    for (name, unit, ..) in MEASURES {
        out.push_str(&format!("\n{name:<24}{unit:<20}"));
        for figures in all.values() {
            let value = figures.get(*name).copied().unwrap_or(f64::NAN);
            let digits = if value.abs() < 100.0 && value.fract() != 0.0 { 2 } else { 0 };
            out.push_str(&format!("{value:>20.digits$}"));
        }
    }
    out
}

/// Writes `store_engines.json`: one entry for each measure of each engine.
pub(crate) fn write_json(all: &BTreeMap<&str, Figures>, dir: &Path) -> Outcome<()> {
    let mut entries = Vec::new();
    for (engine, figures) in all {
        for (name, unit, more, target) in MEASURES {
            let value = figures.get(*name).copied().ok_or("a figure is missing")?;
            let baseline = all.get(BASELINE).and_then(|figures| figures.get(*name)).copied();
            let ratio = baseline.filter(|baseline| *baseline != 0.0).map(|baseline| value / baseline);
            let met = target.map(|target| if *more { value >= target } else { value <= target });
            let entry: Value = json!({
                "name": format!("store/{engine}/{name}"), "value": value, "unit": unit,
                "baseline": baseline, "ratio": ratio, "target": target, "met": met,
            });
            entries.push(entry);
        }
    }
    std::fs::create_dir_all(dir)?;
    std::fs::write(dir.join("store_engines.json"), serde_json::to_vec_pretty(&entries)?)?;
    Ok(())
}
