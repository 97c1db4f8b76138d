//! Administration > Customers, the actions of one row: users with "Add Myself", name, status.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use meshcustomers_core::{
    AddMyself, Command, Cursor, Customer, CustomerId, CustomerStatus, Disable, Enable, Error, Leave, Name,
    PageRequest, PageSize, Person, Reason, Rename,
};
use serde::Deserialize;

use super::account::NewName;
use super::members::{InvitationLine, MemberLine, invitation_lines, member_lines};
use super::{Ids, Nothing, Query};
use crate::csrf::Form;
use crate::error::{Problem, told};
use crate::frame::{Frame, Notice, SignedIn, page, page_with};
use crate::offer::Offer;
use crate::session;

#[derive(Template)]
#[template(path = "customer_users.html")]
struct UsersPage {
    frame: Frame,
    account: CustomerId,
    customer: Customer,
    members: Vec<MemberLine>,
    next: Option<String>,
    invitations: Vec<InvitationLine>,
    more_invitations: Option<String>,
    /// Add Myself.
    add: Offer,
    /// Remove Myself, for whoever is inside.
    leave: Option<Offer>,
}

/// The managed customer, if it is the actor's to see; and the frame of a page about it.
pub(super) async fn open(
    signed: &SignedIn,
    title: &str,
    account: CustomerId,
    customer: CustomerId,
) -> Result<(Frame, Customer), Problem> {
    let frame = signed.frame(title, account, "customers").await?;
    let actor = signed.acting_for(account);
    let customer = signed.app().admin().run(move |admin| admin.customer(&actor, customer)).await?;
    Ok((frame, customer))
}

/// From where on the two lists of the page go.
#[derive(Debug, Default, Deserialize)]
pub struct Shown {
    after: Option<Cursor>,
    invitations: Option<Cursor>,
}

/// The members of a managed customer.
pub async fn users(
    signed: SignedIn,
    Ids((account, id)): Ids<(CustomerId, CustomerId)>,
    Query(query): Query<Shown>,
) -> Result<Response, Problem> {
    let (frame, customer) = open(&signed, &say!("Customers Users"), account, id).await?;
    let (actor, user) = (signed.acting_for(account), signed.user.id);
    let (members, invitations, add, leave) = signed
        .app()
        .admin()
        .run(move |admin| {
            let request = PageRequest { size: PageSize::default(), after: query.after };
            let members = admin.members(&actor, id, &request)?;
            let request = PageRequest { size: PageSize::default(), after: query.invitations };
            let invitations = admin.invitations(&actor, id, &request)?;
            let person = Person::new(user).acting_for(id);
            let inside = admin.access(user, id)?.role;
            let leave = inside.map(|_| admin.explain(&person, &Leave { customer: id }));
            Ok::<_, Error>((members, invitations, admin.explain(&actor, &AddMyself { customer: id }), leave))
        })
        .await?;
    page(&UsersPage {
        frame,
        account,
        next: members.next.map(|next| format!("/a/{account}/customers/{id}/users?after={next}")),
        more_invitations: invitations
            .next
            .map(|next| format!("/a/{account}/customers/{id}/users?invitations={next}#invitations")),
        members: member_lines(members.items, user),
        invitations: invitation_lines(invitations.items),
        add: Offer::judged(add)?,
        leave: leave.map(Offer::judged).transpose()?,
        customer,
    })
}

/// Add Myself.
pub async fn add_myself(
    signed: SignedIn,
    Ids((account, id)): Ids<(CustomerId, CustomerId)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, Problem> {
    let actor = signed.acting_for(account);
    let result = signed.app().admin().run(move |admin| admin.add_myself(&actor, id)).await;
    let done = say!("You are a member now: choose the account in the selection on the top left.");
    signed.back(&format!("/a/{account}/customers/{id}/users"), &done, result).await
}

/// Remove Myself.
pub async fn remove_myself(
    signed: SignedIn,
    Ids((account, id)): Ids<(CustomerId, CustomerId)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, Problem> {
    let (person, actor) = (signed.person(), signed.acting_for(account));
    let result = signed
        .app()
        .admin()
        .run(move |admin| {
            admin.customer(&actor, id)?;
            admin.leave(&person, id)
        })
        .await;
    let done = say!("You are no member any more.");
    signed.back(&format!("/a/{account}/customers/{id}/users"), &done, result).await
}

#[derive(Template)]
#[template(path = "customer_rename.html")]
struct RenamePage {
    frame: Frame,
    account: CustomerId,
    customer: Customer,
    name: String,
    offer: Offer,
    problem: Option<String>,
}

/// The page about a customer, and what its button would do.
pub(super) async fn judged<C: Command + Send + 'static>(
    signed: &SignedIn,
    title: &str,
    account: CustomerId,
    id: CustomerId,
    command: impl FnOnce(&Customer) -> C + Send,
) -> Result<(Frame, Customer, Offer), Problem> {
    let (frame, customer) = open(signed, title, account, id).await?;
    let (actor, command) = (signed.acting_for(account), command(&customer));
    let explained = signed.app().admin().run(move |admin| admin.explain(&actor, &command)).await;
    Ok((frame, customer, Offer::of_a_form(explained)?))
}

/// The page of a new name.
async fn rename_page(signed: &SignedIn, account: CustomerId, id: CustomerId) -> Result<RenamePage, Problem> {
    let title = say!("Rename customer");
    let same = |customer: &Customer| Rename { customer: id, name: customer.name.clone() };
    let (frame, customer, offer) = judged(signed, &title, account, id, same).await?;
    Ok(RenamePage { frame, account, name: customer.name.to_string(), customer, offer, problem: None })
}

/// The form for another name.
pub async fn show_rename(
    signed: SignedIn,
    Ids((account, id)): Ids<(CustomerId, CustomerId)>,
) -> Result<Response, Problem> {
    page(&rename_page(&signed, account, id).await?)
}

/// Renames.
pub async fn rename(
    signed: SignedIn,
    Ids((account, id)): Ids<(CustomerId, CustomerId)>,
    Form(NewName { name }): Form<NewName>,
) -> Result<Response, Problem> {
    let (actor, typed) = (signed.acting_for(account), name.clone());
    let result = signed
        .app()
        .admin()
        .run(move |admin| admin.rename(&actor, Rename { customer: id, name: Name::parse(&name)? }))
        .await;
    match result {
        Ok(customer) => {
            done(&signed, account, &say!("The customer is called %{name} now.", name = customer.name)).await
        }
        Err(error) => {
            let wrong = acceptable(error)?;
            let shown = rename_page(&signed, account, id).await?;
            page_with(wrong.status, &RenamePage { name: typed, problem: Some(wrong.text), ..shown })
        }
    }
}

#[derive(Template)]
#[template(path = "customer_status.html")]
struct StatusPage {
    frame: Frame,
    account: CustomerId,
    customer: Customer,
    disabled: bool,
    offer: Offer,
    reason: String,
    problem: Option<String>,
}

/// The page of another status.
async fn status_page(signed: &SignedIn, account: CustomerId, id: CustomerId) -> Result<StatusPage, Problem> {
    let (frame, customer) = open(signed, &say!("Status of the customer"), account, id).await?;
    let disabled = customer.status == CustomerStatus::Disabled;
    let actor = signed.acting_for(account);
    let explained = signed
        .app()
        .admin()
        .run(move |admin| {
            let reason = Reason::default();
            if disabled {
                admin.explain(&actor, &Enable { customer: id, reason })
            } else {
                admin.explain(&actor, &Disable { customer: id, reason })
            }
        })
        .await;
    let offer = Offer::judged(explained)?;
    Ok(StatusPage { frame, account, customer, disabled, offer, reason: String::new(), problem: None })
}

/// The form for disabling and enabling.
pub async fn show_status(
    signed: SignedIn,
    Ids((account, id)): Ids<(CustomerId, CustomerId)>,
) -> Result<Response, Problem> {
    page(&status_page(&signed, account, id).await?)
}

/// What is to be done, and why. The form names it, so that two people who click at once do not undo each other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusForm {
    to: String,
    reason: String,
}

/// Disables or enables.
pub async fn change_status(
    signed: SignedIn,
    Ids((account, id)): Ids<(CustomerId, CustomerId)>,
    Form(form): Form<StatusForm>,
) -> Result<Response, Problem> {
    let (actor, typed) = (signed.acting_for(account), form.reason.clone());
    let enable = match form.to.as_str() {
        "active" => true,
        "disabled" => false,
        _ => {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                say!("A customer is made active or disabled."),
            ));
        }
    };
    let result = signed
        .app()
        .admin()
        .run(move |admin| {
            let reason = Reason::parse(&form.reason.replace("\r\n", "\n"))?;
            if enable {
                admin.enable(&actor, Enable { customer: id, reason })
            } else {
                admin.disable(&actor, Disable { customer: id, reason })
            }
        })
        .await;
    match result {
        Ok(customer) => {
            let text = if enable {
                say!("%{name} is enabled now.", name = customer.name)
            } else {
                say!("%{name} is disabled now.", name = customer.name)
            };
            done(&signed, account, &text).await
        }
        Err(error) => {
            let wrong = acceptable(error)?;
            let shown = status_page(&signed, account, id).await?;
            page_with(wrong.status, &StatusPage { reason: typed, problem: Some(wrong.text), ..shown })
        }
    }
}

/// Back to the list.
pub(super) async fn done(signed: &SignedIn, account: CustomerId, text: &str) -> Result<Response, Problem> {
    signed.app().wake_postman();
    session::tell(&signed.visitor.session, &Notice { good: true, text: text.to_owned() }).await?;
    Ok(Redirect::to(&format!("/a/{account}/customers")).into_response())
}

/// What is wrong with a form, and with which of its fields.
#[derive(Debug)]
pub(super) struct Wrong {
    /// The status of the answer.
    pub(super) status: StatusCode,
    /// The words.
    pub(super) text: String,
    /// The field; none: the form as a whole.
    pub(super) field: Option<&'static str>,
}

impl Wrong {
    /// What is wrong with this field, of those that the form has; what is wrong with no field of it stands under `""`.
    pub(super) fn of<'a>(wrong: Option<&'a Self>, form: &[&str], field: &str) -> Option<&'a str> {
        let said = wrong?;
        let of = said.field.filter(|of| form.contains(of)).unwrap_or_default();
        (of == field).then_some(said.text.as_str())
    }
}

/// What the form's page can say; everything else is a page of its own.
pub(super) fn acceptable(error: Error) -> Result<Wrong, Problem> {
    let said = told(&error);
    if said.internal || matches!(said.status, StatusCode::NOT_FOUND | StatusCode::FORBIDDEN) {
        return Err(error.into());
    }
    Ok(Wrong { status: said.status, text: said.text, field: said.field })
}
