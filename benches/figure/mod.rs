//! What a benchmark measures, in the form that `scripts/bench-summary` reads.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;
const ROUND: Duration = Duration::from_millis(40);

/// How often two things can be done in a second, measured side by side.
#[derive(serde::Serialize)]
pub(crate) struct Figure {
    name: &'static str,
    unit: &'static str,
    value: f64,
    baseline: f64,
    target: f64,
    judged: &'static str,
}

impl Figure {
    /// Alternates short rounds of both, so that a busy machine slows both, and takes each one's median.
    /// `target` is the least ratio of ours to theirs.
    pub(crate) fn side_by_side<A, B>(
        name: &'static str,
        target: f64,
        mut ours: impl FnMut() -> A,
        mut theirs: impl FnMut() -> B,
    ) -> Self {
        let (mut value, mut baseline) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            value.push(rate(&mut ours));
            baseline.push(rate(&mut theirs));
        }
        Self { name, unit: "1/s", value: median(value), baseline: median(baseline), target, judged: "ratio" }
    }
}

/// Writes `bench/NAME.json` in the target directory.
pub(crate) fn write(name: &str, figures: &[Figure]) -> Result<(), Box<dyn std::error::Error>> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("no target directory")?;
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join(name).with_extension("json"), serde_json::to_vec_pretty(figures)?)?;
    Ok(())
}

/// How often `work` is done in a second, over one round.
fn rate<T>(work: &mut impl FnMut() -> T) -> f64 {
    let start = Instant::now();
    let mut done = 0.0;
    while start.elapsed() < ROUND {
        for _ in 0..100 {
            black_box(work());
        }
        done += 100.0;
    }
    done / start.elapsed().as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}
