//! Settings that are one of a few values.

/// Whether people register customers themselves (R-REG-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationMode {
    /// Everybody who is signed in.
    Open,
    /// Only with a partner's registration link.
    LinkOnly,
    /// Nobody.
    Closed,
}

/// Whether a manager approves registrations (R-REG-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// Nobody has to.
    Automatic,
    /// A manager does, and until then it waits.
    Manual,
}

/// Whether a registrant confirms their address (R-REG-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailConfirmation {
    /// The customer becomes active only when the link of a mail was confirmed.
    Required,
    /// No; then only people with a verified address may register (R-REG-4).
    NotRequired,
}

/// Whether partners' registration links work (R-LNK-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationLinks {
    /// They do.
    On,
    /// Links are invisible and dead. Turned on again, those that were not revoked work.
    Off,
}

/// Whether an account that is made in the step that shows a genuine link starts verified (R-INV-5).
///
/// For partner and administrator accounts it never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkSignUp {
    /// The link came by mail, so the address is theirs.
    StartsVerified,
    /// The address is proven in another step.
    StartsUnverified,
}
