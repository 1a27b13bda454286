//! Who is calling: questions over HTTP at a fixed rate, over a database with many calls and leads, while webhooks come
//! in and are worked off by the same process; then the same with Postgres standing still for a moment.

use std::time::Duration;

use super::cluster::{Bench, secret};
use super::cpu::{Cpu, Ticks};
use super::drain::wait_until_idle;
use super::ingest::CONNECTIONS;
use super::load::{self, Sent};
use super::program::Program;
use super::report::{Figure, Line, Report, Target};
use super::{Scale, memory, payload, progress};

/// Questions and webhooks a second.
const QUESTIONS: usize = 200;
const WEBHOOKS: usize = 1_000;
/// While Postgres stands still, each question takes `live.caller_timeout`: 80 wait at once, and some more in the crowd.
const QUESTION_CONNECTIONS: usize = 160;
/// Seconds before the clock starts.
const WARM_UP_SECONDS: u64 = 3;
/// How long Postgres stands still.
const PAUSE: Duration = Duration::from_secs(2);
/// What an answer should take at most (`live.budget`): `live.caller_timeout`, and a margin.
const BUDGET: Duration = Duration::from_millis(500);
/// So that free slots are looked for as well.
/// One source asks for everybody, so none of its questions is held back.
const SETTINGS: &[(&str, &str)] = &[
    ("APPOINTMENTS__HOURS", "mon-sun 09:00-17:00"),
    ("LIVE__LOOKUPS__NUMBERS_PER_MINUTE", "1000000"),
    ("LIVE__LOOKUPS__NEW_NUMBERS_PER_MINUTE", "1000000"),
];

/// What came of some seconds.
struct Run {
    questions: Sent,
    webhooks: Sent,
    cpu: Cpu,
}

/// Numbers of calls and questions that are not used yet.
struct Next {
    webhook: usize,
    question: usize,
    callers: usize,
}

/// Measures the answers, first undisturbed and then with a pause in the middle.
pub async fn measure(bench: &mut Bench, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    progress(&format!("live: filling in {} calls and {} leads", scale.live_calls, scale.live_leads));
    let mut database = bench.database().await?;
    memory::fill(&mut database, scale.live_calls, scale.live_leads).await?;
    let program = bench.serve(&database, &[], SETTINGS).await?;
    // One caller in eleven is new.
    let mut next = Next { webhook: 0, question: 0, callers: scale.live_leads + scale.live_leads / 10 };
    both(&program, &mut next, WARM_UP_SECONDS).await?;
    wait_until_idle(&mut database).await?;
    progress(&format!("live: {QUESTIONS} questions/s beside {WEBHOOKS} webhooks/s for {} s", scale.live_seconds));
    let calm = both(&program, &mut next, scale.live_seconds).await?;
    wait_until_idle(&mut database).await?;
    progress(&format!("live: the same, with Postgres standing still for {PAUSE:?}"));
    let paused = {
        let pause = async {
            tokio::time::sleep(Duration::from_secs(scale.live_seconds) / 2).await;
            let pause = bench.pause().await?;
            tokio::time::sleep(PAUSE).await;
            drop(pause);
            anyhow::Ok(())
        };
        tokio::try_join!(both(&program, &mut next, scale.live_seconds), pause)?.0
    };
    wait_until_idle(&mut database).await?;
    program.stop().await?;
    bench.drop(database).await?;
    let size = format!("{} calls, {} leads", scale.live_calls, scale.live_leads);
    tell(report, &format!("live: {QUESTIONS}/s who is calling, beside {WEBHOOKS} webhooks/s ({size})"), &calm);
    tell(report, &format!("live, Postgres standing still for {PAUSE:?}"), &paused);
    Ok(())
}

/// Questions and webhooks, each at its rate.
async fn both(program: &Program, next: &mut Next, seconds: u64) -> anyhow::Result<Run> {
    let seconds = usize::try_from(seconds)?;
    let webhooks = payload::requests(next.webhook..next.webhook + WEBHOOKS * seconds, &secret())?;
    let questions = questions(next.question..next.question + QUESTIONS * seconds, next.callers)?;
    next.webhook += WEBHOOKS * seconds;
    next.question += QUESTIONS * seconds;
    let ticks = Ticks::now();
    let (questions, webhooks) = tokio::try_join!(
        load::open_loop(&program.address, QUESTION_CONNECTIONS, u32::try_from(QUESTIONS)?, questions),
        load::open_loop(&program.address, CONNECTIONS, u32::try_from(WEBHOOKS)?, webhooks),
    )?;
    Ok(Run { questions, webhooks, cpu: ticks.since() })
}

/// Retell's question before a call, signed now, of one caller after the other from all over the table.
pub fn questions(numbers: std::ops::Range<usize>, callers: usize) -> anyhow::Result<Vec<Vec<u8>>> {
    let body = |number: usize| {
        // A prime larger than any table here, so that all callers come before one comes again.
        let caller = memory::phone(number * 15_485_863 % callers);
        format!(
            r#"{{"event":"call_inbound","call_inbound":{{"call_id":"question_{number:024}","agent_id":"agent_3f7b1c9d2e","agent_version":3,"from_number":"{caller}","to_number":"+15550109999"}}}}"#
        )
    };
    payload::signed("/webhooks/retell/default/inbound", numbers.map(body), &secret())
}

fn tell(report: &mut Report, what: &str, run: &Run) {
    let Run { questions, webhooks, cpu } = run;
    let one = |value: f64| Figure::of(vec![value]);
    let note = format!(
        "{} answers; meanwhile {:.0} webhooks/s answered 200, p50 {:.1} ms, p99 {:.1} ms, {} refused",
        questions.latencies_us.len(),
        webhooks.per_second(),
        webhooks.quantile_ms(0.5),
        webhooks.quantile_ms(0.99),
        webhooks.refused,
    );
    let p50 = Figure { runs: vec![questions.quantile_ms(0.5)], cpu: vec![*cpu] };
    report.add(Line::new(format!("{what}, p50"), "ms", p50, Target::None).note(note));
    for (name, quantile) in [("p99", 0.99), ("p99.9", 0.999)] {
        report.add(Line::new(format!("… {name}"), "ms", one(questions.quantile_ms(quantile)), Target::None));
    }
    let budget_ms = BUDGET.as_secs_f64() * 1000.0;
    let longest = one(questions.quantile_ms(1.0));
    report.add(Line::new("… longest", "ms", longest, Target::AtMost(budget_ms, budget_ms / 2.0)));
    let late = one(questions.longer_than(BUDGET) as f64);
    report.add(Line::new(format!("… over {BUDGET:?}"), "", late, Target::AtMost(0.0, 0.0)));
    report.add(Line::new("… fallbacks", "", one(questions.fallbacks as f64), Target::None));
    report.add(Line::new("… not answered", "", one(questions.refused as f64), Target::AtMost(0.0, 0.0)));
}
