//! Whose the processor was: without this a figure from a shared machine says little.

use std::fmt;

use serde::Serialize;

/// Ticks of all processors since the machine started.
#[derive(Clone, Copy, Debug)]
pub struct Ticks([u64; 4]);

/// Shares of all processors, in per cent.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Cpu {
    user: f64,
    system: f64,
    idle: f64,
    /// Taken away by other machines on the same host.
    steal: f64,
}

impl Ticks {
    /// The ticks so far; all zero where there is no `/proc/stat`.
    pub fn now() -> Self {
        let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        let ticks: Vec<u64> = line.split_whitespace().skip(1).filter_map(|tick| tick.parse().ok()).collect();
        // user, nice, system, idle, iowait, irq, softirq, steal (proc(5)).
        let at = |place: usize| ticks.get(place).copied().unwrap_or(0);
        Self([at(0) + at(1), at(2) + at(5) + at(6), at(3) + at(4), at(7)])
    }

    /// Whose the processors have been since.
    pub fn since(self) -> Cpu {
        let Self(now) = Self::now();
        let spent: Vec<f64> = now.iter().zip(self.0).map(|(now, then)| now.saturating_sub(then) as f64).collect();
        let all = spent.iter().sum::<f64>().max(1.0);
        let share = |place: usize| spent[place] * 100.0 / all;
        Cpu { user: share(0), system: share(1), idle: share(2), steal: share(3) }
    }
}

impl Cpu {
    /// The mean of some runs.
    pub fn mean(all: &[Self]) -> Self {
        let mean = |part: fn(&Self) -> f64| all.iter().map(part).sum::<f64>() / all.len().max(1) as f64;
        Self {
            user: mean(|cpu| cpu.user),
            system: mean(|cpu| cpu.system),
            idle: mean(|cpu| cpu.idle),
            steal: mean(|cpu| cpu.steal),
        }
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0}/{:.0}/{:.0}/{:.0}", self.user, self.system, self.idle, self.steal)
    }
}
