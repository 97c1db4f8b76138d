//! The table of commands and states (R-STA-5), the one table of permissions (R-ACC-7, R-ACC-12).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::customer::Phase;
use crate::rule::in_force;

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $key:literal),* $(,)?) => {
        /// Something that somebody may do with a customer; a row of [`TABLE`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Permission { $($(#[$doc])* $name),* }

        impl Permission {
            /// Its text.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $key),* }
            }
        }
    };
}

permissions! {
    /// Accept an invitation.
    AcceptInvitation = "accept_invitation",
    /// Acknowledge a message.
    Acknowledge = "acknowledge",
    /// Become a member as a manager.
    AddMyself = "add_myself",
    /// Approve a registration.
    Approve = "approve",
    /// Cancel an invitation.
    CancelInvitation = "cancel_invitation",
    /// Change a member's role.
    ChangeRole = "change_role",
    /// Confirm a registration, or have the link sent again.
    Confirm = "confirm",
    /// Decline an invitation.
    DeclineInvitation = "decline_invitation",
    /// Disable or enable.
    ChangeStatus = "change_status",
    /// Raise or lower the quota.
    EditQuota = "edit_quota",
    /// Invite an address, or send an invitation again.
    Invite = "invite",
    /// Leave.
    Leave = "leave",
    /// Move to another partner.
    Move = "move",
    /// Create and delete projects.
    RunProjects = "run_projects",
    /// Reject a registration.
    Reject = "reject",
    /// Remove a member.
    RemoveMember = "remove_member",
    /// Give another name.
    Rename = "rename",
    /// Rotate or revoke the registration link.
    RotateLink = "rotate_link",
    /// See the customer in the administration area.
    SeeCustomer = "see_customer",
    /// See the history.
    SeeHistory = "see_history",
    /// See the invitations.
    SeeInvitations = "see_invitations",
    /// See the account and its members.
    SeeMembers = "see_members",
    /// See the messages with their receipts.
    SeeReceipts = "see_receipts",
    /// Send and withdraw messages.
    SendMessage = "send_message",
    /// Show and copy the registration link.
    ShowLink = "show_link",
    /// Withdraw one's own registration.
    WithdrawRegistration = "withdraw_registration",
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who may: any of those that are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WhoMay(u8);

impl WhoMay {
    /// M: an enabled member of the active partner that the customer is assigned to, or of an administrator account.
    pub const MANAGER: Self = Self(1);
    /// Ad: an `Admin` of the customer.
    pub const ADMIN: Self = Self(2);
    /// m: any member of the customer.
    pub const MEMBER: Self = Self(4);
    /// Op: the host program.
    pub const OPERATOR: Self = Self(8);
    /// An `Admin` of an active administrator account that manages the customer.
    pub const ADMINISTRATOR: Self = Self(16);
    /// The person to whom the thing itself belongs: invitee, registrant. The command's own rule says who that is.
    pub const CONCERNED: Self = Self(32);

    /// Both of them.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether one of `other` is among them.
    pub const fn includes(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// What a status says to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// It may be done, or changes nothing: the command's rule tells which.
    Yes,
    /// Managers and the operator only; a member gets `NotFound` where members have no rights yet or no longer, and
    /// `CustomerDisabled` in a disabled customer.
    ManagersOnly,
    /// `NotFound`.
    NotFound,
    /// `CustomerWaiting`.
    CustomerWaiting,
    /// `CustomerDisabled`.
    CustomerDisabled,
    /// `CustomerEnded`.
    CustomerEnded,
    /// `NotWaiting`.
    NotWaiting,
}

/// A row of the table: who may, and what each status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What.
    pub permission: Permission,
    /// Who.
    pub who: WhoMay,
    /// While waiting, active, disabled, ended.
    pub cells: [Cell; 4],
}

impl Row {
    /// What a status says.
    pub const fn cell(&self, phase: Phase) -> Cell {
        let [waiting, active, disabled, ended] = self.cells;
        match phase {
            Phase::Waiting => waiting,
            Phase::Active => active,
            Phase::Disabled => disabled,
            Phase::Ended => ended,
        }
    }
}

const M: WhoMay = WhoMay::MANAGER;
const AD: WhoMay = WhoMay::ADMIN;
const MEMBER: WhoMay = WhoMay::MEMBER;
const OP: WhoMay = WhoMay::OPERATOR;
const CONCERNED: WhoMay = WhoMay::CONCERNED;
const ADMINISTRATOR: WhoMay = WhoMay::ADMINISTRATOR;

const YES: Cell = Cell::Yes;
const M_ONLY: Cell = Cell::ManagersOnly;
const NONE: Cell = Cell::NotFound;
const WAIT: Cell = Cell::CustomerWaiting;
const DIS: Cell = Cell::CustomerDisabled;
const END: Cell = Cell::CustomerEnded;
const NOT_W: Cell = Cell::NotWaiting;

const fn row(permission: Permission, who: WhoMay, cells: [Cell; 4]) -> Row {
    Row { permission, who, cells }
}

/// The table of commands and states, as `docs/rules.md` prints it under R-STA-5.
#[rustfmt::skip]
pub const TABLE: &[Row] = {
    use Permission as P;
    &[
        //                                                           waiting  active disabled ended
        row(P::SeeCustomer,          M.or(OP),                       [YES,    YES,   YES,    YES]),
        row(P::SeeMembers,           M.or(OP).or(MEMBER),            [M_ONLY, YES,   YES,    END]),
        row(P::SeeInvitations,       M.or(OP).or(AD),                [M_ONLY, YES,   YES,    END]),
        row(P::SeeReceipts,          M.or(OP),                       [YES,    YES,   YES,    END]),
        row(P::SeeHistory,           M.or(OP).or(AD),                [M_ONLY, YES,   YES,    M_ONLY]),
        row(P::Approve,              M.or(OP),                       [YES,    YES,   YES,    END]),
        row(P::Reject,               M.or(OP),                       [YES,    NOT_W, NOT_W,  YES]),
        row(P::WithdrawRegistration, CONCERNED,                      [YES,    NOT_W, NOT_W,  YES]),
        row(P::Confirm,              CONCERNED,                      [YES,    YES,   YES,    NONE]),
        row(P::AddMyself,            M,                              [WAIT,   YES,   YES,    END]),
        row(P::SendMessage,          M.or(OP),                       [WAIT,   YES,   YES,    END]),
        row(P::Rename,               M.or(OP).or(AD),                [M_ONLY, YES,   M_ONLY, END]),
        row(P::EditQuota,            M.or(OP),                       [YES,    YES,   YES,    END]),
        row(P::ChangeStatus,         M.or(OP),                       [WAIT,   YES,   YES,    END]),
        row(P::Invite,               AD,                             [WAIT,   YES,   DIS,    NONE]),
        row(P::CancelInvitation,     AD,                             [WAIT,   YES,   DIS,    NONE]),
        row(P::ChangeRole,           AD,                             [WAIT,   YES,   DIS,    NONE]),
        row(P::RemoveMember,         AD,                             [WAIT,   YES,   DIS,    NONE]),
        row(P::RunProjects,          AD,                             [WAIT,   YES,   DIS,    NONE]),
        row(P::AcceptInvitation,     CONCERNED,                      [NONE,   YES,   DIS,    NONE]),
        row(P::DeclineInvitation,    CONCERNED,                      [NONE,   YES,   YES,    NONE]),
        row(P::Acknowledge,          MEMBER,                         [NONE,   YES,   YES,    NONE]),
        row(P::Leave,                MEMBER,                         [NONE,   YES,   YES,    NONE]),
        row(P::Move,                 ADMINISTRATOR.or(OP),           [YES,    YES,   YES,    END]),
        row(P::ShowLink,             MEMBER,                         [NONE,   YES,   NONE,   NONE]),
        row(P::RotateLink,           AD,                             [NONE,   YES,   NONE,   NONE]),
    ]
};

impl Permission {
    /// Its row of the table.
    pub fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.permission == self || !in_force("R-ACC-12"))
    }
}
