//! Commands on invitations: load the facts, ask the rule.

use serde::{Serialize, Serializer};

use super::rules::{self, CancelFacts, InviteFacts, InviteeFacts, Proof, ResendFacts};
use super::{Invitation, Offer};
use crate::access::Permission;
use crate::access::rules::author;
use crate::command::sealed::Sealed;
use crate::command::{Ask, Command, access, mails_today, permit_on};
use crate::decision::{Author, Context, Decision};
use crate::error::Error;
use crate::field::{EmailAddress, EmailKey, Language};
use crate::history::EventActor;
use crate::id::{CustomerId, InvitationId};
use crate::keys::Keys;
use crate::link::{LinkKind, LinkSubject, LinkToken};
use crate::membership::{MemberFacts, Membership, Role, recall_membership};
use crate::record::{CommandKind, Outcome};
use crate::refusal::Refusal;
use crate::rule::in_force;
use crate::store::{InvitationFacts, ReadTx};
use crate::user::User;

/// An `Admin` invites an address (R-INV-1).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`, `CUSTOMER_WAITING`, `CUSTOMER_DISABLED`, `ROLE_ABOVE_OWN`,
/// `ALREADY_MEMBER`, `ALREADY_INVITED`, `INVITATION_DECLINED`, `TOO_MANY`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Invite {
    /// The customer.
    pub customer: CustomerId,
    /// Whom.
    pub address: EmailAddress,
    /// The role that acceptance gives.
    pub role: Role,
    /// The language of the mail; the host's default without.
    pub language: Option<Language>,
}

/// The member whose verified address it is: only such a one is a member for an inviter (R-USR-3, R-INV-13).
fn holder(
    tx: &mut dyn ReadTx,
    customer: CustomerId,
    address: &EmailKey,
) -> Result<Option<(User, MemberFacts)>, Error> {
    let Some(user) = tx.user_by_address(address)? else { return Ok(None) };
    // Whether a user has the address is nobody's business (R-INV-13).
    if !in_force("R-INV-13") {
        return Err(Refusal::AlreadyMember { user: user.id }.into());
    }
    Ok(tx.member(customer, user.id)?.map(|member| (user, member)))
}

fn open_count(tx: &mut dyn ReadTx, customer: CustomerId, cx: &Context) -> Result<u32, Error> {
    Ok(tx.open_invitation_count(customer, cx.now, cx.settings.open_invitations)?)
}

fn record_invitation(invitation: &Invitation) -> Outcome {
    Outcome::Invitation { customer: invitation.customer, invitation: invitation.id }
}

fn recall_invitation(tx: &mut dyn ReadTx, outcome: Outcome) -> Result<Invitation, Error> {
    let Outcome::Invitation { customer, invitation } = outcome else {
        return Err(Refusal::NotFound.into());
    };
    Ok(tx.invitation(customer, invitation)?.ok_or(Refusal::NotFound)?.invitation)
}

impl Sealed for Invite {
    type Outcome = Invitation;

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, ask: Ask) -> Result<(), Error> {
        permit_on(tx, cx, self.customer, Permission::Invite, ask)
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<Invitation>, Error> {
        let facts = InviteFacts {
            access: access(tx, cx, Some(self.customer))?,
            holder: holder(tx, self.customer, self.address.key())?,
            open: tx.open_invitation(self.customer, self.address.key())?,
            open_count: open_count(tx, self.customer, cx)?,
            declined_at: tx.declined_at(self.customer, self.address.key())?,
            mails: mails_today(tx, cx, self.customer)?,
        };
        Ok(rules::invite(&facts, &self.address, self.role, self.language, cx)?)
    }

    fn record(&self, outcome: &Invitation) -> Outcome {
        record_invitation(outcome)
    }

    fn recall(&self, tx: &mut dyn ReadTx, outcome: Outcome) -> Result<Invitation, Error> {
        recall_invitation(tx, outcome)
    }
}

impl Command for Invite {
    const KIND: CommandKind = CommandKind::Invite;
}

/// Sends an open or expired invitation again (R-INV-8).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`, `CUSTOMER_WAITING`, `CUSTOMER_DISABLED`, `ROLE_ABOVE_OWN`,
/// `ALREADY_MEMBER`, `ALREADY_INVITED`, `INVITATION_DECLINED`, `TOO_MANY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Resend {
    /// The customer.
    pub customer: CustomerId,
    /// The invitation.
    pub invitation: InvitationId,
}

impl Sealed for Resend {
    type Outcome = Invitation;

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, ask: Ask) -> Result<(), Error> {
        permit_on(tx, cx, self.customer, Permission::Invite, ask)
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<Invitation>, Error> {
        let access = access(tx, cx, Some(self.customer))?;
        let invitation = tx.invitation(self.customer, self.invitation)?;
        let (holder, open, declined_at) = match &invitation {
            Some(facts) => {
                let address = facts.invitation.address.key();
                (
                    holder(tx, self.customer, address)?,
                    tx.open_invitation(self.customer, address)?,
                    tx.declined_at(self.customer, address)?,
                )
            }
            None => (None, None, None),
        };
        let open_count = open_count(tx, self.customer, cx)?;
        let mails = mails_today(tx, cx, self.customer)?;
        let facts = ResendFacts { access, invitation, holder, open, open_count, declined_at, mails };
        Ok(rules::resend(&facts, cx)?)
    }

    fn record(&self, outcome: &Invitation) -> Outcome {
        record_invitation(outcome)
    }

    fn recall(&self, tx: &mut dyn ReadTx, outcome: Outcome) -> Result<Invitation, Error> {
        recall_invitation(tx, outcome)
    }
}

impl Command for Resend {
    const KIND: CommandKind = CommandKind::Resend;
}

/// An `Admin` cancels an invitation (R-INV-7).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`, `CUSTOMER_WAITING`, `CUSTOMER_DISABLED`, `ROLE_ABOVE_OWN`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CancelInvitation {
    /// The customer.
    pub customer: CustomerId,
    /// The invitation.
    pub invitation: InvitationId,
}

impl Sealed for CancelInvitation {
    type Outcome = Invitation;

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, ask: Ask) -> Result<(), Error> {
        permit_on(tx, cx, self.customer, Permission::CancelInvitation, ask)
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<Invitation>, Error> {
        let facts = CancelFacts {
            access: access(tx, cx, Some(self.customer))?,
            invitation: tx.invitation(self.customer, self.invitation)?,
        };
        Ok(rules::cancel(&facts, cx)?)
    }

    fn record(&self, outcome: &Invitation) -> Outcome {
        record_invitation(outcome)
    }

    fn recall(&self, tx: &mut dyn ReadTx, outcome: Outcome) -> Result<Invitation, Error> {
        recall_invitation(tx, outcome)
    }
}

impl Command for CancelInvitation {
    const KIND: CommandKind = CommandKind::CancelInvitation;
}

/// How an invited person names the invitation.
#[derive(Clone, Debug)]
enum Named {
    Link(LinkToken),
    Id(CustomerId, InvitationId),
}

/// Serialised for the fingerprint of a request only: the ids, never the token (R-TOK-4).
impl Serialize for Named {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let invitation = match self {
            Self::Link(token) => InvitationId::from_bytes(token.id()),
            Self::Id(_, invitation) => *invitation,
        };
        (self.customer(), invitation).serialize(serializer)
    }
}

impl Named {
    fn customer(&self) -> CustomerId {
        match self {
            Self::Link(token) => token.customer(),
            Self::Id(customer, _) => *customer,
        }
    }

    /// The invitation and how it was proven to be the person's; `None` if the link is not genuine.
    fn find(&self, tx: &mut dyn ReadTx, keys: &Keys) -> Result<(Option<InvitationFacts>, Proof), Error> {
        match self {
            Self::Link(token) => Ok((find_by_link(tx, keys, token)?, Proof::Link)),
            Self::Id(customer, invitation) => Ok((tx.invitation(*customer, *invitation)?, Proof::Address)),
        }
    }
}

/// The invitation that a genuine link names: the MAC first and at the same cost for unknown ids (R-TOK-3). An accepted
/// link of somebody who is no member any more names nothing (R-INV-14).
pub(crate) fn find_by_link(
    tx: &mut dyn ReadTx,
    keys: &Keys,
    token: &LinkToken,
) -> Result<Option<InvitationFacts>, Error> {
    let facts = tx.invitation(token.customer(), InvitationId::from_bytes(token.id()))?;
    let address = facts.as_ref().map(|facts| facts.invitation.address.key().clone());
    let subject = LinkSubject {
        kind: LinkKind::Invitation,
        customer: token.customer(),
        id: token.id(),
        address: address.as_ref(),
    };
    let secret = facts.as_ref().map(|facts| facts.invitation.link);
    let genuine = keys.links(tx)?.is_genuine(token, &subject, secret.as_ref());
    let Some(facts) = facts.filter(|_| genuine) else { return Ok(None) };
    let led_somewhere = match rules::accepted_by(&facts.invitation) {
        Some(user) => tx.member(facts.customer.id, user)?.is_some(),
        None => true,
    };
    Ok(led_somewhere.then_some(facts))
}

/// What a genuine link shows of an invitation.
pub(crate) fn offer(facts: &InvitationFacts, cx: &Context) -> Offer {
    Offer {
        invitation: facts.invitation.id,
        account: facts.customer.account(),
        role: facts.invitation.role,
        address: facts.invitation.address.clone(),
        inviter_name: facts.inviter.user.name.clone(),
        standing: rules::standing(facts, cx.now, &cx.settings),
        expires_at: facts.invitation.expires_at,
    }
}

fn invitee_facts(
    named: &Named,
    tx: &mut dyn ReadTx,
    cx: &Context,
    keys: &Keys,
) -> Result<InviteeFacts, Error> {
    let access = access(tx, cx, None)?;
    let (invitation, proof) = named.find(tx, keys)?;
    // Asked whether or not there is such an invitation: both cost the same (R-ACC-6).
    let member = match &access.user {
        Some(user) => tx.member(named.customer(), user.id)?,
        None => None,
    };
    Ok(InviteeFacts { access, invitation, member, proof })
}

/// An invited person joins (R-INV-4).
///
/// # Refusals
/// `NOT_FOUND`, `USER_DISABLED`, `OTHER_ACCOUNT`, `ADDRESS_UNVERIFIED`, `INVITATION_EXPIRED`, `INVITATION_HELD`,
/// `CUSTOMER_DISABLED`.
#[derive(Clone, Debug, Serialize)]
pub struct Accept {
    invitation: Named,
}

impl Accept {
    /// By the link of the mail.
    pub const fn by_link(token: LinkToken) -> Self {
        Self { invitation: Named::Link(token) }
    }

    /// By its id, found in [`own_invitations`](crate::Administration::own_invitations): the mail is not needed (R-INV-5).
    pub const fn by_id(customer: CustomerId, invitation: InvitationId) -> Self {
        Self { invitation: Named::Id(customer, invitation) }
    }
}

impl Sealed for Accept {
    type Outcome = Membership;

    /// A stranger is one for whom the invitation is not there; everybody else hears the rule's own answer.
    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, keys: &Keys, _ask: Ask) -> Result<(), Error> {
        let facts = invitee_facts(&self.invitation, tx, cx, keys)?;
        rules::accept(&facts, cx)?;
        Ok(())
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, keys: &Keys) -> Result<Decision<Membership>, Error> {
        Ok(rules::accept(&invitee_facts(&self.invitation, tx, cx, keys)?, cx)?)
    }

    fn record(&self, outcome: &Membership) -> Outcome {
        Outcome::Membership { customer: outcome.customer, user: outcome.user }
    }

    fn recall(&self, tx: &mut dyn ReadTx, outcome: Outcome) -> Result<Membership, Error> {
        recall_membership(tx, outcome)
    }
}

impl Command for Accept {
    const KIND: CommandKind = CommandKind::Accept;
}

/// An invited person declines (R-INV-7); with the genuine link also without an account (R-INV-14).
///
/// # Refusals
/// `NOT_FOUND`, `USER_DISABLED`, `OTHER_ACCOUNT`, `ADDRESS_UNVERIFIED`, `INVITATION_EXPIRED`.
#[derive(Clone, Debug, Serialize)]
pub struct Decline {
    invitation: Named,
    as_link_holder: bool,
}

impl Decline {
    /// By the link of the mail.
    pub const fn by_link(token: LinkToken) -> Self {
        Self { invitation: Named::Link(token), as_link_holder: false }
    }

    /// By its id, found in [`own_invitations`](crate::Administration::own_invitations).
    pub const fn by_id(customer: CustomerId, invitation: InvitationId) -> Self {
        Self { invitation: Named::Id(customer, invitation), as_link_holder: false }
    }

    /// By the link of the mail, by whoever shows it.
    pub(crate) const fn as_link_holder(token: LinkToken) -> Self {
        Self { invitation: Named::Link(token), as_link_holder: true }
    }
}

impl Sealed for Decline {
    type Outcome = ();

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, keys: &Keys, ask: Ask) -> Result<(), Error> {
        match ask {
            Ask::Visible => {
                self.decide(tx, cx, keys)?;
            }
            // It ended; what is left to ask is whether the person may still do anything (R-USR-4).
            Ask::Permitted if self.as_link_holder => {}
            Ask::Permitted => {
                author(&access(tx, cx, None)?, cx)?;
            }
        }
        Ok(())
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, keys: &Keys) -> Result<Decision<()>, Error> {
        if self.as_link_holder {
            let (invitation, _) = self.invitation.find(tx, keys)?;
            let author = Author { actor: EventActor::LinkHolder, labels: Vec::new(), at: cx.now };
            return Ok(rules::decline_by_link(invitation.as_ref(), &author, cx)?);
        }
        Ok(rules::decline(&invitee_facts(&self.invitation, tx, cx, keys)?, cx)?)
    }

    fn record(&self, (): &()) -> Outcome {
        Outcome::Done(self.invitation.customer())
    }

    fn recall(&self, _tx: &mut dyn ReadTx, _outcome: Outcome) -> Result<(), Error> {
        Ok(())
    }
}

impl Command for Decline {
    const KIND: CommandKind = CommandKind::Decline;
}

/// Whether a genuine, open link was shown for this address: its holder's new account starts verified (R-INV-5).
///
/// Never for partner and administrator accounts, and not where the host turned it off.
pub(crate) fn proves_address(
    facts: Option<&InvitationFacts>,
    address: &EmailAddress,
    cx: &Context,
) -> Result<bool, Error> {
    let facts = rules::show(facts, cx.now)?;
    let open = facts.invitation.state == super::InvitationState::Open;
    let same = facts.invitation.address == *address;
    let standard = facts.customer.kind == crate::customer::CustomerKind::Standard;
    let wanted = cx.settings.link_sign_up == crate::settings::LinkSignUp::StartsVerified;
    Ok(open && same && (standard && wanted || !in_force("R-INV-5")))
}
