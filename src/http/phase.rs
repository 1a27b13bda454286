//! What a socket is doing: how long it may, and whether it makes room, follows from it.

/// What a socket is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Phase {
    /// No request yet, or none since the last answer.
    Waiting,
    /// A request has begun, and its head is not whole.
    Head,
    /// Its body is coming.
    Body,
    /// It is whole, and is worked on.
    Working,
    /// It is being answered: its client takes as long as it wants, as long as it takes something.
    Answering,
    /// It was answered before its body was whole.
    Draining,
}

impl Phase {
    const ALL: [Self; 6] = [Self::Waiting, Self::Head, Self::Body, Self::Working, Self::Answering, Self::Draining];

    /// The one that is kept as this number.
    pub(super) fn of(number: u8) -> Self {
        Self::ALL[usize::from(number).min(Self::ALL.len() - 1)]
    }
}
