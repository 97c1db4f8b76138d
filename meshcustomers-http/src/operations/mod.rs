//! The operations, one file for each area of the product.

use utoipa_axum::router::OpenApiRouter;

use crate::host::Host;

mod customers;
mod export;
mod history;
mod invitations;
mod links;
mod me;
mod messages;
mod operator;
mod own;
mod projects;
mod registrations;
mod users;

/// The tags: areas in the words of the product page.
pub(crate) mod tag {
    pub(crate) const ME: &str = "Me";
    pub(crate) const CUSTOMERS: &str = "Customers";
    pub(crate) const USERS: &str = "Users";
    pub(crate) const INVITATIONS: &str = "Invitations";
    pub(crate) const PROJECTS: &str = "Projects and Quota";
    pub(crate) const MESSAGES: &str = "Messages";
    pub(crate) const REGISTRATIONS: &str = "Registrations";
    pub(crate) const LINKS: &str = "Invitation Link";
    pub(crate) const HISTORY: &str = "History";
    pub(crate) const OPERATOR: &str = "Operator";
}

/// Every operation.
pub(crate) fn all() -> OpenApiRouter<Host> {
    OpenApiRouter::new()
        .merge(me::operations())
        .merge(own::operations())
        .merge(customers::operations())
        .merge(users::operations())
        .merge(invitations::operations())
        .merge(projects::operations())
        .merge(messages::operations())
        .merge(registrations::operations())
        .merge(links::operations())
        .merge(history::operations())
        .merge(export::operations())
        .merge(operator::operations())
}
