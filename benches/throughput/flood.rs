//! A thousand hostile sockets of eight networks, on a thread of their own, beside verified webhooks and live answers; and
//! the same without them.

use std::time::Duration;

use super::cluster::{Bench, secret};
use super::cpu::{Cpu, Ticks};
use super::load::{self, Sent};
use super::program::Program;
use super::report::{Figure, Line, Report, Target};
use super::{Scale, hostile, live, memory, payload, progress};

/// Webhooks and questions a second, and the sockets that they come on.
const WEBHOOKS: usize = 200;
const QUESTIONS: usize = 50;
const SENDERS: usize = 32;
/// Callers who are known.
const CALLERS: usize = 1_000;
/// Between two pieces that one hostile socket sends.
const PAUSE: Duration = Duration::from_millis(100);
/// Before the clock starts, and until the flood is there.
const WARM_UP_SECONDS: usize = 3;

/// Webhooks, answers, and what the processor did meanwhile.
type Run = (Sent, Sent, Cpu);

/// Measures both, calm and under the flood.
pub async fn measure(bench: &mut Bench, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    switchhook::http::Descriptors::raise();
    let mut database = bench.database().await?;
    memory::fill(&mut database, CALLERS * 5, CALLERS).await?;
    let program = bench.serve(&database, &[], &[]).await?;
    let seconds = usize::try_from(scale.live_seconds)?;
    let mut first = 0;
    both(&program, &mut first, WARM_UP_SECONDS).await?;
    progress(&format!("flood: {WEBHOOKS} webhooks/s and {QUESTIONS} questions/s for {seconds} s, calm"));
    let calm = both(&program, &mut first, seconds).await?;
    progress(&format!("flood: the same beside {} hostile sockets", hostile::HOSTILE));
    let flood = Flood::start(format!("http://{}", program.address))?;
    tokio::time::sleep(Duration::from_secs(u64::try_from(WARM_UP_SECONDS)?)).await;
    let flooded = both(&program, &mut first, seconds).await?;
    drop(flood);
    let memory = program.memory_max_mb()?;
    program.stop().await?;
    bench.drop(database).await?;
    tell(report, "calm", &calm, (Target::None, Target::None));
    let targets = (Target::AtMost(100.0, 50.0), Target::AtMost(500.0, 250.0));
    tell(report, &format!("beside {} hostile sockets", hostile::HOSTILE), &flooded, targets);
    report.add(Line::new("… memory", "MB", Figure::of(vec![memory]), Target::AtMost(300.0, 150.0)));
    Ok(())
}

async fn both(program: &Program, first: &mut usize, seconds: usize) -> anyhow::Result<Run> {
    let webhooks = payload::requests(*first..*first + WEBHOOKS * seconds, &secret())?;
    let questions = live::questions(*first..*first + QUESTIONS * seconds, CALLERS)?;
    *first += WEBHOOKS * seconds;
    let ticks = Ticks::now();
    let (webhooks, questions) = tokio::try_join!(
        load::open_loop(&program.address, SENDERS, u32::try_from(WEBHOOKS)?, webhooks),
        load::open_loop(&program.address, SENDERS, u32::try_from(QUESTIONS)?, questions),
    )?;
    Ok((webhooks, questions, ticks.since()))
}

fn tell(report: &mut Report, when: &str, (webhooks, questions, cpu): &Run, targets: (Target, Target)) {
    for (what, sent, target) in [("verified webhooks", webhooks, targets.0), ("live answers", questions, targets.1)] {
        let p50 = Figure { runs: vec![sent.quantile_ms(0.5)], cpu: vec![*cpu] };
        let note =
            format!("{} were 200, {} were not, {} fallbacks", sent.latencies_us.len(), sent.refused, sent.fallbacks);
        report.add(Line::new(format!("{what}, {when}, p50"), "ms", p50, Target::None).note(note));
        report.add(Line::new("… p99", "ms", Figure::of(vec![sent.quantile_ms(0.99)]), target));
        report.add(Line::new("… longest", "ms", Figure::of(vec![sent.quantile_ms(1.0)]), Target::None));
    }
}

/// The hostile sockets; dropped, they are closed.
struct Flood {
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Flood {
    fn start(base: String) -> anyhow::Result<Self> {
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                let mut sockets = tokio::task::JoinSet::new();
                for number in 0..hostile::HOSTILE {
                    let base = base.clone();
                    sockets.spawn(async move {
                        loop {
                            hostile::attack(&base, number, PAUSE).await;
                        }
                    });
                }
                stopped.await.ok();
            });
        });
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended already.
            stop.send(()).ok();
        }
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
