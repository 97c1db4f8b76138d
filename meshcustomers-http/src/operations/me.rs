//! What a person asks about themselves: who they are, their accounts, what they may do.

use meshcustomers_core::{self as core, CustomerId, Outcome};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::tag;
use crate::call::{Answer, Ask};
use crate::host::Host;
use crate::input::{self, At, Customer, Nothing, Params, Run};
use crate::problem::{ApiCode, Problem};
use crate::view::{Account, Uuid, id, maybe};
use crate::words;

pub(super) fn operations() -> OpenApiRouter<Host> {
    OpenApiRouter::new()
        .routes(routes!(me))
        .routes(routes!(accounts))
        .routes(routes!(own_account))
        .routes(routes!(access))
        .routes(routes!(access_many))
        .routes(routes!(outcome_of))
}

/// A person, as they see themselves.
#[derive(Debug, Serialize, ToSchema)]
struct Me {
    /// Their id.
    id: Uuid,
    /// Their name.
    name: String,
    /// Their address.
    #[schema(example = "jane@acme.example")]
    address: String,
    #[schema(value_type = words::Verification)]
    verification: core::Verification,
    #[schema(value_type = words::Language)]
    language: String,
    #[schema(value_type = words::UserState)]
    state: core::UserState,
}

/// Who I am
///
/// The person whom the token stands for.
#[utoipa::path(get, path = "/me", tag = tag::ME, responses((status = OK, description = "The person.", body = Me)))]
async fn me(ask: Ask, Params(Nothing {}): Params<Nothing>) -> Answer {
    let person = ask.caller.person()?;
    ask.show(move |admin| {
        let user = admin.user(person.user())?.ok_or(core::Refusal::NotFound)?;
        Ok(Me {
            id: id(user.id),
            name: user.name.to_string(),
            address: user.address.to_string(),
            verification: user.verification,
            language: user.language.code().to_owned(),
            state: user.state,
        })
    })
    .await
}

/// An account in a person's own list.
#[derive(Debug, Serialize, ToSchema)]
struct OwnAccount {
    account: Account,
    #[schema(value_type = words::Role)]
    role: String,
}

impl From<core::OwnAccount> for OwnAccount {
    fn from(own: core::OwnAccount) -> Self {
        Self { role: own.role.to_string(), account: own.account.into() }
    }
}

/// All of a person's accounts.
#[derive(Debug, Serialize, ToSchema)]
struct OwnAccounts {
    /// By name; complete.
    items: Vec<OwnAccount>,
}

/// The account selection
///
/// The accounts that the person may choose among: memberships in force, partner accounts included, by name. The whole
/// list at once; for a token that is bound to single customers, those of them.
#[utoipa::path(get, path = "/me/accounts", tag = tag::ME,
    responses((status = OK, description = "The accounts.", body = OwnAccounts)))]
async fn accounts(ask: Ask, Params(Nothing {}): Params<Nothing>) -> Answer {
    let person = ask.caller.person()?;
    let caller = ask.caller.clone();
    ask.show(move |admin| {
        let accounts = admin.accounts(&person)?;
        let items =
            accounts.into_iter().filter(|own| caller.sees(own.account.id)).map(OwnAccount::from).collect();
        Ok(OwnAccounts { items })
    })
    .await
}

/// One of my accounts
///
/// As the account selection lists it.
#[utoipa::path(get, path = "/me/accounts/{account}", tag = tag::ME,
    responses((status = OK, description = "The account.", body = OwnAccount)))]
async fn own_account(At(at): At<input::Account>, ask: Ask, Params(Nothing {}): Params<Nothing>) -> Answer {
    let person = ask.caller.person()?;
    ask.caller.reaches(at.account)?;
    ask.show(move |admin| Ok(OwnAccount::from(admin.own_account(&person, at.account)?))).await
}

/// What a person may do with a customer now.
#[derive(Debug, Serialize, ToSchema)]
struct Access {
    /// The customer.
    customer: Uuid,
    #[schema(value_type = words::Phase)]
    status: core::Phase,
    /// The role of the person's membership, if it is in force.
    #[schema(value_type = Option<words::Role>, required = true)]
    role: Option<String>,
    /// The account through which the person manages the customer.
    #[schema(required = true)]
    manages_through: Option<Uuid>,
    /// All that the person may do, acting for the customer or for that account.
    #[schema(example = json!(["see_members", "leave"]))]
    permissions: Vec<String>,
}

impl Access {
    fn new(access: core::Access, caller: &crate::Caller) -> Self {
        Self {
            customer: id(access.customer),
            status: access.phase,
            role: access.role.map(|role| role.to_string()),
            manages_through: maybe(access.manages_through.filter(|account| caller.sees(*account))),
            permissions: access.permissions.into_iter().map(|permission| permission.to_string()).collect(),
        }
    }
}

/// What I may do with a customer
///
/// Through a membership and through the account by which the person manages it, from the one table of permissions
/// (R-ACC-7): what a screen needs to show or hide its buttons.
#[utoipa::path(get, path = "/me/access/{customer}", tag = tag::ME,
    responses((status = OK, description = "Role and permissions.", body = Access)))]
async fn access(At(at): At<Customer>, ask: Ask, Params(Nothing {}): Params<Nothing>) -> Answer {
    let person = ask.caller.person()?;
    ask.caller.reaches(at.customer)?;
    let caller = ask.caller.clone();
    ask.show(move |admin| Ok(Access::new(admin.access(person.user(), at.customer)?, &caller))).await
}

/// For each of some customers.
#[derive(Debug, Serialize, ToSchema)]
struct AccessMany {
    /// In the order that was asked for; null: it is not there for this person.
    items: Vec<Option<Access>>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AccessQuery {
    /// Ids of customers, with commas between them; 1 to 100.
    #[param(value_type = Vec<Uuid>, style = Form, explode = false, min_items = 1, max_items = 100)]
    customers: String,
}

/// What I may do with several customers
///
/// The same for a page of rows, in one snapshot.
#[utoipa::path(get, path = "/me/access", tag = tag::ME, params(AccessQuery),
    responses((status = OK, description = "One answer for each id.", body = AccessMany)))]
async fn access_many(ask: Ask, Params(asked): Params<AccessQuery>) -> Answer {
    let person = ask.caller.person()?;
    let ids: Result<Vec<CustomerId>, _> = asked.customers.split(',').map(str::parse).collect();
    let ids = ids.map_err(|error| Problem::because(ApiCode::InvalidQuery, &format!("customers: {error}")))?;
    if ids.len() > 100 {
        return Err(Problem::because(ApiCode::InvalidQuery, "customers: at most 100 ids"));
    }
    let caller = ask.caller.clone();
    ask.show(move |admin| {
        let found = admin.access_many(person.user(), &ids)?;
        let show = |(customer, access): (&CustomerId, Option<core::Access>)| {
            access.filter(|_| caller.sees(*customer)).map(|access| Access::new(access, &caller))
        };
        Ok(AccessMany { items: ids.iter().zip(found).map(show).collect() })
    })
    .await
}

/// What came of a command: the thing it made or touched.
#[derive(Debug, Default, Serialize, ToSchema)]
struct CommandOutcome {
    /// Whether it took effect. If not, nothing of it is there, and it may be sent again.
    took_effect: bool,
    /// The customer.
    #[schema(required = true)]
    customer: Option<Uuid>,
    /// The person whose membership it is.
    #[schema(required = true)]
    user: Option<Uuid>,
    /// The invitation.
    #[schema(required = true)]
    invitation: Option<Uuid>,
    /// The project.
    #[schema(required = true)]
    project: Option<Uuid>,
    /// The message.
    #[schema(required = true)]
    message: Option<Uuid>,
}

/// What came of a command
///
/// After an answer with the code `COMMIT_UNKNOWN`, which names the command. Only its actor may ask, and the operator
/// (R-CMD-1, R-CMD-2).
#[utoipa::path(get, path = "/me/commands/{command}", tag = tag::ME,
    responses((status = OK, description = "Its outcome.", body = CommandOutcome)))]
async fn outcome_of(At(at): At<Run>, ask: Ask, Params(Nothing {}): Params<Nothing>) -> Answer {
    let actor = ask.caller.actor();
    let caller = ask.caller.clone();
    ask.show(move |admin| {
        let Some(outcome) = admin.outcome_of(&actor, at.command)? else {
            return Ok(CommandOutcome::default());
        };
        let mut shown = CommandOutcome { took_effect: true, ..CommandOutcome::default() };
        let customer = match outcome {
            Outcome::Customer(customer) | Outcome::Done(customer) => customer,
            Outcome::Membership { customer, user } => {
                shown.user = Some(id(user));
                customer
            }
            Outcome::Invitation { customer, invitation } => {
                shown.invitation = Some(id(invitation));
                customer
            }
            Outcome::Project { customer, project } => {
                shown.project = Some(id(project));
                customer
            }
            Outcome::Message { customer, message } => {
                shown.message = Some(id(message));
                customer
            }
            _ => return Ok(shown),
        };
        if !caller.sees(customer) {
            return Err(core::Refusal::NotFound.into());
        }
        shown.customer = Some(id(customer));
        Ok(shown)
    })
    .await
}
