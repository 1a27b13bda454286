//! The two merge rules that everything else is made of. Null loses against anything, as in SQL.

/// The larger known value: `greatest(a, b)` of Postgres.
pub fn greatest<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    a.max(b)
}

/// The smaller known value: `least(a, b)` of Postgres.
pub fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
