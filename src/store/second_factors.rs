//! `second_factors`, `recovery_codes`, `pending_sign_ins`: what is asked for beside a password.

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::redact::Secret;

/// Whether somebody has a second factor, and must have one.
#[derive(Debug)]
pub struct State {
    /// It is confirmed, and asked for.
    pub is_on: bool,
    /// An admin obliges them.
    pub is_required: bool,
}

/// How long one may take to set it up: as long as a sign-in waits for its code.
pub const SET_UP_SECONDS: u32 = 600;

/// Wrong codes of one user in a day, from browsers that they have not signed in with; then no code of such a browser is
/// looked at, and people are told. Three of a million codes are good at any time: slowed to one a minute, somebody who
/// knows the password would find one within a year by four in five chances; so it is one in twenty. Nobody mistypes so often.
pub const WRONG_CODES_PER_DAY: i32 = 50;

/// A second factor.
#[derive(Debug)]
pub struct Factor {
    /// Its secret, sealed.
    pub secret: String,
}

/// How it stands with a user.
pub async fn state(executor: impl PgExecutor<'_>, user_id: Uuid) -> Result<State, sqlx::Error> {
    let found =
        sqlx::query_file_as!(State, "sql/console/second_factor_state.sql", user_id).fetch_optional(executor).await?;
    Ok(found.unwrap_or(State { is_on: false, is_required: false }))
}

/// Keeps a secret that is being set up; one that the same session was shown just now stays. Returns the one that is kept.
pub async fn begin(
    executor: impl PgExecutor<'_>,
    user_id: Uuid,
    sealed: &str,
    begun_by: &[u8],
) -> Result<String, sqlx::Error> {
    let seconds = f64::from(SET_UP_SECONDS);
    sqlx::query_file_scalar!("sql/console/begin_second_factor.sql", user_id, sealed, seconds, begun_by)
        .fetch_one(executor)
        .await
}

/// The second factor of a user: the one that is confirmed, or that this session is setting up.
pub async fn find(
    executor: impl PgExecutor<'_>,
    user_id: Uuid,
    begun_by: Option<&[u8]>,
) -> Result<Option<Factor>, sqlx::Error> {
    let seconds = f64::from(SET_UP_SECONDS);
    sqlx::query_file_as!(Factor, "sql/console/find_second_factor.sql", user_id, begun_by, seconds)
        .fetch_optional(executor)
        .await
}

/// Confirms the secret that is being set up, with the step of its first code; `false`: it is no longer that one.
pub async fn confirm(
    executor: impl PgExecutor<'_>,
    user_id: Uuid,
    step: i64,
    sealed: &str,
) -> Result<bool, sqlx::Error> {
    let done =
        sqlx::query_file!("sql/console/confirm_second_factor.sql", user_id, step, sealed).execute(executor).await?;
    Ok(done.rows_affected() > 0)
}

/// Counts a code of this day as wrong, before it is looked at. `Some`: it is one too many, and none is looked at for so many
/// seconds.
pub async fn count_code(executor: impl PgExecutor<'_>, user_id: Uuid) -> Result<Option<u64>, sqlx::Error> {
    let wait = sqlx::query_file_scalar!("sql/console/count_code.sql", user_id, WRONG_CODES_PER_DAY)
        .fetch_optional(executor)
        .await?;
    Ok(wait.flatten().map(i64::unsigned_abs))
}

/// It was right.
pub async fn take_code_back(executor: impl PgExecutor<'_>, user_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/console/take_code_back.sql", user_id).execute(executor).await?;
    Ok(())
}

/// Uses the code of a step; `false`: it, or a later one, was used before.
pub async fn use_step(executor: impl PgExecutor<'_>, user_id: Uuid, step: i64) -> Result<bool, sqlx::Error> {
    let done = sqlx::query_file!("sql/console/use_code.sql", user_id, step).execute(executor).await?;
    Ok(done.rows_affected() > 0)
}

/// Keeps the digests of new recovery codes in place of all before.
pub async fn keep_recovery_codes(
    executor: impl PgExecutor<'_>,
    user_id: Uuid,
    digests: &[Vec<u8>],
) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/console/keep_recovery_codes.sql", user_id, digests).execute(executor).await?;
    Ok(())
}

/// Uses a recovery code; `false`: there is none, or it was used before.
pub async fn use_recovery_code(
    executor: impl PgExecutor<'_>,
    user_id: Uuid,
    digest: &[u8],
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query_file!("sql/console/use_recovery_code.sql", user_id, digest).execute(executor).await?;
    Ok(done.rows_affected() > 0)
}

/// Takes a user's second factor away, with its recovery codes.
pub async fn remove(executor: impl PgExecutor<'_>, user_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/console/remove_second_factor.sql", user_id).execute(executor).await?;
    Ok(())
}

/// Obliges a user to have one, or no longer.
pub async fn require(executor: impl PgExecutor<'_>, user_id: Uuid, is_required: bool) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/console/require_second_factor.sql", user_id, is_required).execute(executor).await?;
    Ok(())
}

/// Somebody who has given the right password and is asked for more.
#[derive(Clone, Copy, Debug)]
pub struct PendingRow {
    /// The user.
    pub user_id: Uuid,
    /// Whether they had to set up a second factor when it began.
    pub must_set_up: bool,
}

/// Keeps for so long that somebody has given the password of this hash; `false`: it is theirs no longer.
pub async fn open_pending(
    executor: impl PgExecutor<'_>,
    digest: &[u8],
    PendingRow { user_id, must_set_up }: PendingRow,
    hash: &Secret,
    seconds: u32,
) -> Result<bool, sqlx::Error> {
    let (hash, seconds) = (hash.expose(), f64::from(seconds));
    let done = sqlx::query_file!("sql/console/open_pending.sql", digest, user_id, hash, must_set_up, seconds)
        .execute(executor)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Who has given the right password, and not yet so many wrong codes.
pub async fn find_pending(
    executor: impl PgExecutor<'_>,
    digest: &[u8],
    codes_max: i32,
) -> Result<Option<PendingRow>, sqlx::Error> {
    sqlx::query_file_as!(PendingRow, "sql/console/find_pending.sql", digest, codes_max).fetch_optional(executor).await
}

/// Ends what a user has begun with their password: sign-ins that wait for a code, and a second factor that is being set up.
pub async fn end_pending(executor: impl PgExecutor<'_>, user_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/console/end_pending.sql", user_id).execute(executor).await?;
    Ok(())
}

/// Counts a code; `false`: it is one too many.
pub async fn count_pending(executor: impl PgExecutor<'_>, digest: &[u8], codes_max: i32) -> Result<bool, sqlx::Error> {
    let done = sqlx::query_file!("sql/console/count_pending.sql", digest, codes_max).execute(executor).await?;
    Ok(done.rows_affected() > 0)
}

/// Ends it; `false`: it had ended.
pub async fn close_pending(executor: impl PgExecutor<'_>, digest: &[u8]) -> Result<bool, sqlx::Error> {
    let done = sqlx::query_file!("sql/console/close_pending.sql", digest).execute(executor).await?;
    Ok(done.rows_affected() > 0)
}
