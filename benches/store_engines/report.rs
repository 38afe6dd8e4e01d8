//! The table for people and the entries for tools.

use crate::Figures;
use crate::engine::{ENGINES, Outcome, STORE};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What a figure has to reach, where the store needs it to.
#[derive(Clone, Copy)]
enum Target {
    None,
    Value(f64),
    Ratio(f64),
}

/// What is measured, in which unit, whether more is better, and the target.
const MEASURES: &[(&str, &str, bool, Target)] = &[
    ("bulk_load", "associations/s", true, Target::None),
    ("subscriber_load", "subscribers/s", true, Target::None),
    ("write_rate", "durable writes/s", true, Target::Ratio(2.0)),
    ("write_p50", "ms", false, Target::Ratio(1.0)),
    ("write_p99", "ms", false, Target::None),
    ("write_max", "ms", false, Target::None),
    ("commit_rate", "commits/s", true, Target::None),
    ("write_octets", "disk octets/write", false, Target::Ratio(0.5)),
    ("read_idle_rate", "reads/s", true, Target::None),
    ("read_idle_p50", "µs", false, Target::None),
    ("read_idle_p99", "µs", false, Target::None),
    ("read_idle_handed_over_rate", "reads/s", true, Target::None),
    ("read_idle_handed_over_p50", "µs", false, Target::None),
    ("read_idle_handed_over_p99", "µs", false, Target::None),
    ("read_under_writes_rate", "reads/s", true, Target::None),
    ("read_under_writes_p50", "µs", false, Target::None),
    ("read_under_writes_p99", "µs", false, Target::None),
    ("sweep_rate", "entries/s", true, Target::Ratio(1.0)),
    ("file_size", "MB", false, Target::Ratio(1.0)),
    ("file_size_after_writes", "MB", false, Target::None),
    ("file_size_after_sweep", "MB", false, Target::None),
    ("memory", "MB", false, Target::None),
    ("memory_peak", "MB", false, Target::None),
    ("close", "ms", false, Target::None),
    ("clean_open", "ms", false, Target::Value(5_000.0)),
    ("recovery", "ms", false, Target::Value(5_000.0)),
    ("acknowledged", "associations", true, Target::None),
    ("lost", "associations", false, Target::Value(0.0)),
];

/// What the entries for tools compare: the engine that the store has with the one it has not, and the store with its
/// bare engine.
const COMPARED: [(&str, &str, &str); 2] = [("engine", "fjall", "redb"), ("store", STORE, "fjall")];

/// A line a measure, a column an engine.
pub(crate) fn table(all: &BTreeMap<&str, Figures>) -> String {
    let mut out = format!("{:<28}{:<20}", "measure", "unit");
    ENGINES.iter().for_each(|(engine, _)| out.push_str(&format!("{engine:>20}")));
    for (name, unit, ..) in MEASURES {
        out.push_str(&format!("\n{name:<28}{unit:<20}"));
        for (engine, _) in ENGINES {
            let value = all.get(engine).and_then(|figures| figures.get(*name));
            out.push_str(
                &value.map_or_else(|| format!("{:>20}", "-"), |value| format!("{:>20}", short(*value))),
            );
        }
    }
    out
}

fn short(value: f64) -> String {
    let digits = if value < 100.0 && value.fract() != 0.0 { 2 } else { 0 };
    format!("{value:.digits$}")
}

/// Writes `store_engines.json`: one entry for each measure of the engine in use and of the store.
pub(crate) fn write_json(all: &BTreeMap<&str, Figures>, dir: &Path) -> Outcome<()> {
    let mut entries = Vec::new();
    for (prefix, ours, theirs) in COMPARED {
        for (name, unit, more, target) in MEASURES.iter().filter(|(name, ..)| *name != "acknowledged") {
            let of = |engine| all.get(engine).and_then(|figures| figures.get(*name)).copied();
            let Some(value) = of(ours) else { continue };
            // A ratio is what the choice of the engine rests on; the store is held to values alone.
            let target = match target {
                Target::Ratio(_) if ours == STORE => Target::None,
                other => *other,
            };
            entries.push(entry(&format!("store/{prefix} {name}"), unit, value, of(theirs), *more, target));
        }
    }
    std::fs::create_dir_all(dir)?;
    std::fs::write(dir.join("store_engines.json"), serde_json::to_vec_pretty(&entries)?)?;
    Ok(())
}

fn entry(name: &str, unit: &str, value: f64, baseline: Option<f64>, more: bool, target: Target) -> Value {
    let ratio = baseline.filter(|baseline| *baseline != 0.0).map(|baseline| value / baseline);
    let (asked, reached, judged) = match target {
        Target::None => (None, None, "value"),
        Target::Value(asked) => (Some(asked), Some(value), "value"),
        Target::Ratio(asked) => (Some(asked), ratio, "ratio"),
    };
    let met =
        asked.zip(reached).map(|(asked, reached)| if more { reached >= asked } else { reached <= asked });
    json!({
        "name": name, "value": value, "unit": unit, "baseline": baseline, "ratio": ratio, "target": asked,
        "met": met, "judged": judged, "better": if more { "higher" } else { "lower" },
    })
}
