//! The commands under their own names: each is [`Administration::run`] with its command.

use crate::actor::{Actor, Person};
use crate::administration::Administration;
use crate::customer::{AddAdmin, CreateCustomer, Customer, Disable, Enable, FreeIdentifier, Rename};
use crate::error::Error;
use crate::history::EraseLabel;
use crate::id::{CustomerId, UserId};
use crate::invitation::{Accept, CancelInvitation, Decline, Invitation, Invite, Resend};
use crate::link::LinkToken;
use crate::membership::{AddMyself, ChangeRole, Leave, Membership, RemoveMember};

macro_rules! facade {
    ($($(#[$doc:meta])* $name:ident($actor:ident: &$who:ty, $command:ident: $input:ty) -> $outcome:ty = $run:expr;)*) => {
        impl Administration {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// The refusals that the command lists, and the store's errors.
            pub fn $name(&self, $actor: &$who, $command: $input) -> Result<$outcome, Error> {
                self.run(&Actor::from($actor), &$run)
            }
        )*}
    };
}

facade! {
    /// Creates a customer; see [`CreateCustomer`].
    create_customer(actor: &Actor, command: CreateCustomer) -> Customer = command;
    /// Renames a customer; see [`Rename`].
    rename(actor: &Actor, command: Rename) -> Customer = command;
    /// Disables a customer; see [`Disable`].
    disable(actor: &Actor, command: Disable) -> Customer = command;
    /// Enables a customer again; see [`Enable`].
    enable(actor: &Actor, command: Enable) -> Customer = command;
    /// Makes a manager a member; see [`AddMyself`].
    add_myself(actor: &Actor, customer: CustomerId) -> Membership = AddMyself { customer };
    /// The operator makes somebody `Admin`; see [`AddAdmin`].
    add_admin(actor: &Actor, command: AddAdmin) -> Membership = command;
    /// The operator frees an identifier that rests; see [`FreeIdentifier`].
    free_identifier(actor: &Actor, command: FreeIdentifier) -> Customer = command;
    /// The operator erases a text beside an event; see [`EraseLabel`].
    erase_label(actor: &Actor, command: EraseLabel) -> () = command;
    /// Invites an address; see [`Invite`].
    invite(actor: &Actor, command: Invite) -> Invitation = command;
    /// Sends an invitation again; see [`Resend`].
    resend(actor: &Actor, command: Resend) -> Invitation = command;
    /// Cancels an invitation; see [`CancelInvitation`].
    cancel_invitation(actor: &Actor, command: CancelInvitation) -> Invitation = command;
    /// An invited person joins; see [`Accept`].
    accept(person: &Person, command: Accept) -> Membership = command;
    /// An invited person declines; see [`Decline`].
    decline(person: &Person, command: Decline) -> () = command;
    /// Changes a member's role; see [`ChangeRole`].
    change_role(actor: &Actor, command: ChangeRole) -> Membership = command;
    /// Removes a member; see [`RemoveMember`].
    remove_member(actor: &Actor, command: RemoveMember) -> () = command;
    /// A member leaves; see [`Leave`].
    leave(person: &Person, customer: CustomerId) -> () = Leave { customer };
}

impl Administration {
    /// Whoever has the genuine link declines without an account, by an explicit step (R-INV-14).
    ///
    /// # Errors
    /// `NotFound`, `InvitationExpired`.
    pub fn decline_without_account(&self, token: LinkToken) -> Result<(), Error> {
        let nobody = Person::new(UserId::from_bytes([0; 16]));
        self.run(&Actor::from(&nobody), &Decline::as_link_holder(token))
    }
}
