//! Account > Users: members and invitations, as the account itself sees them.

use std::borrow::Cow;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use meshcustomers_core::{
    CancelInvitation, ChangeRole, CustomerId, EmailAddress, Force, InvitationId, InvitationRow,
    InvitationStanding, Invite, Language, Member, Origin, PageRequest, PageSize, Permission, RemoveMember,
    Resend, Role, UserId,
};
use serde::Deserialize;

use super::home::After;
use super::{Ids, Nothing, Query};
use crate::csrf::Form;
use crate::error::{Problem, told};
use crate::frame::{Frame, Notice, SignedIn, page, page_with};
use crate::session;
use crate::words::Moment;

/// A member as a page shows them.
pub struct MemberLine {
    /// The person.
    pub user: UserId,
    /// Their name.
    pub name: String,
    /// Their first letters, for the round sign beside the name.
    pub initials: String,
    /// Their address.
    pub address: String,
    /// Their role.
    pub role: Role,
    /// Whether they came by "Add Myself".
    pub self_added: bool,
    /// Whether they have no rights (R-MNG-7).
    pub lapsed: bool,
    /// Since when.
    pub since: Moment,
    /// Whether it is the one who looks.
    pub own: bool,
}

/// An invitation as a page shows it.
pub struct InvitationLine {
    /// Which.
    pub id: InvitationId,
    /// To whom.
    pub address: String,
    /// As what.
    pub role: String,
    /// By whom.
    pub inviter: String,
    /// Until when.
    pub until: Moment,
    /// The class of its badge.
    pub class: &'static str,
    /// How it stands, in words.
    pub standing: Cow<'static, str>,
    /// Whether it can be sent again: open, held and expired ones (R-INV-8).
    pub resend: bool,
    /// Whether it can be cancelled.
    pub cancel: bool,
}

/// Members for a page.
pub fn member_lines(members: Vec<Member>, looking: UserId) -> Vec<MemberLine> {
    members
        .into_iter()
        .map(|member| MemberLine {
            user: member.user,
            initials: member
                .name
                .as_str()
                .split(' ')
                .filter_map(|word| word.chars().next())
                .take(2)
                .collect(),
            name: member.name.to_string(),
            address: member.address.map(|address| address.to_string()).unwrap_or_default(),
            role: member.role,
            self_added: matches!(member.origin, Origin::SelfAdded { .. }),
            lapsed: member.force == Force::Lapsed,
            since: Moment(member.joined_at),
            own: member.user == looking,
        })
        .collect()
}

/// Invitations for a page; accepted ones are members and left out.
pub fn invitation_lines(rows: Vec<InvitationRow>) -> Vec<InvitationLine> {
    rows.into_iter()
        .filter(|row| row.standing != InvitationStanding::Accepted)
        .map(|row| {
            let standing = row.standing;
            let (class, word) = match standing {
                InvitationStanding::Open => ("open", say!("open")),
                InvitationStanding::Held => ("held", say!("held")),
                InvitationStanding::Accepted => ("accepted", say!("accepted")),
                InvitationStanding::Declined => ("declined", say!("declined")),
                InvitationStanding::Cancelled => ("cancelled", say!("cancelled")),
                InvitationStanding::Expired => ("expired", say!("expired")),
                InvitationStanding::Withdrawn => ("withdrawn", say!("withdrawn")),
            };
            let waits = matches!(standing, InvitationStanding::Open | InvitationStanding::Held);
            InvitationLine {
                id: row.invitation.id,
                address: row.invitation.address.to_string(),
                role: row.invitation.role.to_string(),
                inviter: row.inviter_name.to_string(),
                until: Moment(row.invitation.expires_at),
                class,
                standing: word,
                resend: waits || standing == InvitationStanding::Expired,
                cancel: waits,
            }
        })
        .collect()
}

#[derive(Template)]
#[template(path = "users.html")]
struct UsersPage {
    frame: Frame,
    account: CustomerId,
    members: Vec<MemberLine>,
    next: Option<String>,
    invitations: Vec<InvitationLine>,
    form: InviteForm,
    address_problem: Option<String>,
    problem: Option<String>,
}

impl UsersPage {
    /// Buttons ask the one table of permissions (R-ACC-7).
    fn may(&self, permission: Permission) -> bool {
        self.frame.current.as_ref().is_some_and(|current| current.may(permission))
    }
}

async fn list(signed: &SignedIn, id: CustomerId, query: After) -> Result<UsersPage, Problem> {
    let frame = signed.frame(&say!("Users"), id, "users").await?;
    let see_invitations =
        frame.current.as_ref().is_some_and(|current| current.may(Permission::SeeInvitations));
    let actor = signed.acting_for(id);
    let (members, invitations) = signed
        .app()
        .admin()
        .run(move |admin| {
            let request = PageRequest { size: PageSize::default(), after: query.after };
            let members = admin.members(&actor, id, &request)?;
            let invitations = if see_invitations {
                admin.invitations(&actor, id, &PageRequest::first(PageSize::MAX))?.items
            } else {
                Vec::new()
            };
            Ok::<_, meshcustomers_core::Error>((members, invitations))
        })
        .await?;
    Ok(UsersPage {
        frame,
        account: id,
        next: members.next.map(|next| format!("/a/{id}/users?after={next}")),
        members: member_lines(members.items, signed.user.id),
        invitations: invitation_lines(invitations),
        form: InviteForm { role: "Employee".to_owned(), ..InviteForm::default() },
        address_problem: None,
        problem: None,
    })
}

/// The members and invitations of an account.
pub async fn show(
    signed: SignedIn,
    Ids(account): Ids<CustomerId>,
    Query(query): Query<After>,
) -> Result<Response, Problem> {
    page(&list(&signed, account, query).await?)
}

/// Whom to invite.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InviteForm {
    address: String,
    role: String,
    language: String,
}

impl InviteForm {
    fn command(&self, customer: CustomerId) -> Result<Invite, meshcustomers_core::Error> {
        Ok(Invite {
            customer,
            address: EmailAddress::parse(self.address.trim())?,
            role: role(&self.role)?,
            language: match self.language.as_str() {
                "" => None,
                code => Some(Language::parse(code)?),
            },
        })
    }
}

/// The role with exactly this spelling; another one is nothing that the page offers.
fn role(text: &str) -> Result<Role, meshcustomers_core::Error> {
    Ok(Role::parse(text).ok_or(meshcustomers_core::Refusal::RoleAboveOwn)?)
}

/// Invites.
pub async fn invite(
    signed: SignedIn,
    Ids(account): Ids<CustomerId>,
    Form(form): Form<InviteForm>,
) -> Result<Response, Problem> {
    let (actor, typed) = (signed.acting_for(account), form.clone());
    let result = signed.app().admin().run(move |admin| admin.invite(&actor, form.command(account)?)).await;
    let error = match result {
        Ok(invitation) => {
            signed.app().wake_postman();
            let text = say!("%{address} is invited: a mail is on its way.", address = invitation.address)
                .into_owned();
            session::tell(&signed.visitor.session, &Notice { good: true, text }).await?;
            return Ok(Redirect::to(&format!("/a/{account}/users")).into_response());
        }
        Err(error) => error,
    };
    let said = told(&error);
    if said.internal || matches!(said.status, StatusCode::NOT_FOUND | StatusCode::FORBIDDEN) {
        return Err(error.into());
    }
    let mut shown = UsersPage { form: typed, ..list(&signed, account, After::default()).await? };
    match said.field {
        Some("address") => shown.address_problem = Some(said.text),
        _ => shown.problem = Some(said.text),
    }
    page_with(said.status, &shown)
}

/// Another role.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleForm {
    role: String,
}

/// Changes a member's role.
pub async fn change_role(
    signed: SignedIn,
    Ids((account, user)): Ids<(CustomerId, UserId)>,
    Form(form): Form<RoleForm>,
) -> Result<Redirect, Problem> {
    let actor = signed.acting_for(account);
    let result = signed
        .app()
        .admin()
        .run(move |admin| {
            admin.change_role(&actor, ChangeRole { customer: account, user, role: role(&form.role)? })
        })
        .await;
    signed.back(&format!("/a/{account}/users"), &say!("The role is changed."), result).await
}

/// Removes a member.
pub async fn remove(
    signed: SignedIn,
    Ids((account, user)): Ids<(CustomerId, UserId)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, Problem> {
    let actor = signed.acting_for(account);
    let command = RemoveMember { customer: account, user };
    let result = signed.app().admin().run(move |admin| admin.remove_member(&actor, command)).await;
    signed
        .back(&format!("/a/{account}/users"), &say!("The member is removed, and is told by mail."), result)
        .await
}

/// Leaves the account.
pub async fn leave(
    signed: SignedIn,
    Ids(account): Ids<CustomerId>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, Problem> {
    let person = signed.person();
    let result = signed.app().admin().run(move |admin| admin.leave(&person, account)).await;
    let to = if result.is_ok() { "/".to_owned() } else { format!("/a/{account}/users") };
    signed.back(&to, &say!("You have left the account."), result).await
}

/// Sends an invitation again.
pub async fn resend(
    signed: SignedIn,
    Ids((account, invitation)): Ids<(CustomerId, InvitationId)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, Problem> {
    let actor = signed.acting_for(account);
    let command = Resend { customer: account, invitation };
    let result = signed.app().admin().run(move |admin| admin.resend(&actor, command)).await;
    signed
        .back(
            &format!("/a/{account}/users"),
            &say!("The invitation is sent again; the earlier link is dead."),
            result,
        )
        .await
}

/// Cancels an invitation.
pub async fn cancel(
    signed: SignedIn,
    Ids((account, invitation)): Ids<(CustomerId, InvitationId)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, Problem> {
    let actor = signed.acting_for(account);
    let command = CancelInvitation { customer: account, invitation };
    let result = signed.app().admin().run(move |admin| admin.cancel_invitation(&actor, command)).await;
    signed.back(&format!("/a/{account}/users"), &say!("The invitation is cancelled."), result).await
}
