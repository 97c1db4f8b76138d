//! What a person asks for themselves.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::call::{Answer, Ask};
use crate::host::Host;
use crate::view;

pub(super) fn operations() -> OpenApiRouter<Host> {
    OpenApiRouter::new().routes(routes!(accounts))
}

/// An account in a person's own list.
#[derive(Debug, Serialize, ToSchema)]
struct OwnAccount {
    account: view::Account,
    /// The person's role in it.
    #[schema(value_type = crate::words::Role)]
    role: String,
}

/// All of a person's accounts.
#[derive(Debug, Serialize, ToSchema)]
struct OwnAccounts {
    /// By name; complete.
    items: Vec<OwnAccount>,
}

/// The accounts to choose among
///
/// Memberships in force, partner accounts included, by name; the whole list at once.
#[utoipa::path(get, path = "/me/accounts", tag = "Me", responses((status = OK, body = OwnAccounts)))]
async fn accounts(ask: Ask) -> Answer {
    let person = ask.caller.person()?;
    let caller = ask.caller.clone();
    ask.show(move |admin| {
        let accounts = admin.accounts(&person)?;
        let items = accounts
            .into_iter()
            .filter(|own| caller.sees(own.account.id))
            .map(|own| OwnAccount { role: own.role.to_string(), account: own.account.into() })
            .collect();
        Ok(OwnAccounts { items })
    })
    .await
}
