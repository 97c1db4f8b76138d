//! The commands under their own names: each is [`Administration::run`] with its command.

use crate::actor::{Actor, Person};
use crate::administration::Administration;
use crate::customer::{
    AddAdmin, ConvertCustomer, CreateCustomer, Customer, Disable, Enable, FreeIdentifier, MoveCustomer,
    Rename,
};
use crate::error::Error;
use crate::history::EraseLabel;
use crate::id::{CustomerId, UserId};
use crate::invitation::{Accept, CancelInvitation, Decline, Invitation, Invite, Resend};
use crate::link::LinkToken;
use crate::membership::{AddMyself, ChangeRole, Leave, Membership, RemoveMember};
use crate::message::{Acknowledge, Acknowledgement, Message, SendMessage, WithdrawMessage};
use crate::project::{CreateProject, DeleteProject, EditQuota, Project};
use crate::registration::{
    Approve, Confirm, Register, Registration, Reject, SendConfirmation, WithdrawRegistration,
};
use crate::registration_link::RevokeLink;

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
    /// The operator gives an account another kind; see [`ConvertCustomer`].
    convert_customer(actor: &Actor, command: ConvertCustomer) -> Customer = command;
    /// Assigns a customer to another partner; see [`MoveCustomer`].
    move_customer(actor: &Actor, command: MoveCustomer) -> Customer = command;
    /// A user registers a customer; see [`Register`].
    register(person: &Person, command: Register) -> Customer = command;
    /// A registrant confirms their address by the link of the mail; see [`Confirm`].
    confirm(person: &Person, token: LinkToken) -> Customer = Confirm::by_link(token);
    /// A registrant has the confirmation link sent again; see [`SendConfirmation`].
    send_confirmation(person: &Person, customer: CustomerId) -> Registration = SendConfirmation { customer };
    /// A registrant withdraws; see [`WithdrawRegistration`].
    withdraw_registration(person: &Person, customer: CustomerId) -> Customer = WithdrawRegistration { customer };
    /// A manager approves a registration; see [`Approve`].
    approve(actor: &Actor, customer: CustomerId) -> Customer = Approve { customer };
    /// A manager rejects a registration; see [`Reject`].
    reject(actor: &Actor, command: Reject) -> Customer = command;
    /// Revokes a partner's registration link; see [`RevokeLink`].
    revoke_link(actor: &Actor, partner: CustomerId) -> () = RevokeLink { partner };
    /// Raises or lowers a quota; see [`EditQuota`].
    edit_quota(actor: &Actor, command: EditQuota) -> Customer = command;
    /// Creates a project; see [`CreateProject`].
    create_project(actor: &Actor, command: CreateProject) -> Project = command;
    /// Deletes a project; see [`DeleteProject`].
    delete_project(actor: &Actor, command: DeleteProject) -> () = command;
    /// Sends a message to a customer's members; see [`SendMessage`].
    send_message(actor: &Actor, command: SendMessage) -> Message = command;
    /// Takes a message back; see [`WithdrawMessage`].
    withdraw_message(actor: &Actor, command: WithdrawMessage) -> Message = command;
    /// A member acknowledges a message; see [`Acknowledge`].
    acknowledge(person: &Person, command: Acknowledge) -> Acknowledgement = command;
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
