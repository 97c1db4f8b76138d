//! The faults, each with the promise that it breaks.

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $promise:literal;)*) => {
        /// What a [`Broken`](super::Broken) store does wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Fault { $($(#[$doc])* $name),* }

        impl Fault {
            /// Every fault.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The beginning of the names of the cases that must catch it: its promise.
            pub const fn promise(self) -> &'static str {
                match self { $(Self::$name => $promise),* }
            }
        }
    };
}

faults! {
    /// Each query of a reader sees the newest state.
    ReadsNotFromASnapshot = "s_1_";
    /// A writer takes its turn at its first write only, and has read before.
    BeginsDeferred = "s_2_";
    /// What is applied is there at once.
    CommitsEachApply = "s_3_";
    /// A dropped transaction is committed.
    CommitsOnDrop = "s_3_";
    /// A refused transaction is committed.
    CommitsOnRefuse = "s_3_";
    /// A conflict is not told, and the set is not written either.
    IgnoresConflicts = "s_5_";
    /// The command of a failed set is there.
    KeepsTheCommandOfAFailedSet = "s_5_";
    /// A second customer with an identifier is taken without a word.
    IgnoresUniqueIdentifiers = "s_6_";
    /// Likewise a second membership.
    IgnoresUniqueMemberships = "s_6_";
    /// Likewise a second open invitation.
    IgnoresUniqueInvitations = "s_6_";
    /// Likewise a second user with a host id or a verified address.
    IgnoresUniqueUsers = "s_6_";
    /// Likewise a second command with an id.
    IgnoresUniqueCommands = "s_6_";
    /// Likewise a second project with an identifier in a customer.
    IgnoresUniqueProjects = "s_6_";
    /// An identifier that a lapsed registration holds is not free.
    HoldsLapsedIdentifiers = "s_6_";
    /// Idempotency keys are not kept.
    ForgetsKeys = "s_6_";
    /// Mails of a set are not queued.
    LosesMails = "s_7_";
    /// Commands are not kept.
    LosesCommands = "s_7_";
    /// Receipts are taken and not found again.
    LosesReceipts = "s_6_";
    /// The salt of a message is not kept.
    LosesSalts = "s_7_";
    /// Of several events of one command only the first is there.
    LosesEvents = "s_8_";
    /// Two events that stand side by side change places.
    ReordersEvents = "s_8_";
    /// The line ends of labels are changed.
    ChangesLabels = "s_8_";
    /// Time filters count the end in.
    FiltersInclusively = "s_8_";
    /// A page after a position skips a row.
    SkipsARow = "s_9_";
    /// A page after a position repeats the row of the position.
    RepeatsARow = "s_9_";
    /// A search finds beginnings only.
    SearchesBeginnings = "s_9_";
    /// Ended customers are listed.
    ListsEndedCustomers = "s_9_";
    /// Who has lapsed still counts as waiting.
    KeepsLapsedWaiting = "s_9_";
    /// Who left is no recipient of a message any more.
    ForgetsWhoLeft = "s_9_";
    /// Open *single read* messages do not show to later members.
    HidesOldMessages = "s_9_";
    /// A registration that was put away is listed.
    ListsDismissed = "s_9_";
    /// Lists of one customer show rows of another.
    LeaksOtherCustomers = "s_10_";
    /// Anybody's lease settles a mail.
    DoesNotFenceLeases = "s_11_";
    /// A leased mail stays due.
    LeasesNothing = "s_11_";
    /// A mail is due a millisecond late.
    IsDueLate = "s_11_";
    /// Urgent mails wait like all others.
    KnowsNoUrgency = "s_11_";
    /// A day's count is one too low.
    CountsDaysWrongly = "s_12_";
    /// The number of projects is one too low.
    CountsProjectsWrongly = "s_12_";
    /// Uses of lapsed registrations are not given back.
    KeepsLapsedUses = "s_12_";
    /// The number of members is one too low.
    CountsWrongly = "s_12_";
    /// A writer sees the state from before it.
    HidesOwnWrites = "s_13_";
    /// A self-added membership comes without the account through which it was made.
    HidesTheThroughAccount = "s_13_";
    /// It is not known when an address declined.
    ForgetsDeclines = "s_13_";
    /// A disabled user counts as another `Admin`.
    CountsDisabledAdmins = "s_13_";
}
