//! Administration > Customers: the list, the search, and the row on top that creates one.

use askama::Template;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use meshcustomers_core::{
    Access, CreateCustomer, Cursor, Customer, CustomerFilter, CustomerId, CustomerKind, CustomerOrder,
    CustomerStatus, PageRequest, PageSize, Permission, Phase, SearchTerm,
};
use serde::Deserialize;

use super::Ids;
use crate::csrf::Form;
use crate::error::{Problem, sentence, told};
use crate::frame::{Frame, Notice, SignedIn, page_with};
use crate::session;

/// How many customers a page has.
const ROWS: u32 = 20;

/// Which customers are asked for, as the address says it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    status: String,
    sort: String,
    only: String,
    after: Option<Cursor>,
}

impl Asked {
    fn order(&self) -> CustomerOrder {
        if self.sort == "newest" { CustomerOrder::Newest } else { CustomerOrder::Name }
    }

    fn phase(&self) -> Option<Phase> {
        match self.status.as_str() {
            "active" => Some(Phase::Active),
            "disabled" => Some(Phase::Disabled),
            "waiting" => Some(Phase::Waiting),
            "ended" => Some(Phase::Ended),
            _ => None,
        }
    }

    /// The same list from there on.
    fn address(&self, account: CustomerId, after: &Cursor) -> String {
        let pairs = [
            ("q", &self.q),
            ("status", &self.status),
            ("sort", &self.sort),
            ("only", &self.only),
            ("after", &after.to_string()),
        ];
        let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
        format!("/a/{account}/customers?{query}")
    }
}

struct Row {
    customer: Customer,
    limit: String,
    status: &'static str,
    disabled: bool,
    waiting: bool,
    access: Option<Access>,
}

impl Row {
    /// Buttons ask the one table of permissions (R-ACC-7).
    fn may(&self, permission: Permission) -> bool {
        self.access.as_ref().is_some_and(|access| access.may(permission))
    }

    fn users(&self) -> bool {
        self.may(Permission::SeeMembers)
    }

    fn rename(&self) -> bool {
        self.may(Permission::Rename)
    }

    fn change_status(&self) -> bool {
        self.may(Permission::ChangeStatus)
    }

    fn quota(&self) -> bool {
        self.may(Permission::EditQuota) && self.customer.kind == CustomerKind::Standard
    }

    fn message(&self) -> bool {
        self.may(Permission::SendMessage)
    }

    fn decide(&self) -> bool {
        self.waiting && self.may(Permission::Approve)
    }

    fn over_quota(&self) -> bool {
        self.customer.projects.limit.limit().is_some_and(|limit| self.customer.projects.used > limit)
    }

    fn history(&self) -> bool {
        self.may(Permission::SeeHistory)
    }
}

/// A status in the words of the rules.
pub const fn status_word(status: CustomerStatus) -> &'static str {
    match status.phase() {
        Phase::Waiting => "waiting",
        Phase::Active => "active",
        Phase::Disabled => "disabled",
        Phase::Ended => "ended",
    }
}

#[derive(Template)]
#[template(path = "customers.html")]
struct CustomersPage {
    frame: Frame,
    account: CustomerId,
    asked: Asked,
    search_problem: Option<String>,
    rows: Vec<Row>,
    /// How many registrations wait; with a `+` if there are more than shown.
    waiting: String,
    next: Option<String>,
    form: CreateForm,
    name_problem: Option<String>,
    identifier_problem: Option<String>,
    problem: Option<String>,
}

async fn list(signed: &SignedIn, account: CustomerId, asked: Asked) -> Result<CustomersPage, Problem> {
    let frame = signed.frame("Customers", account, "customers").await?;
    let search = match asked.q.trim() {
        "" => Ok(None),
        text => SearchTerm::parse(text).map(Some),
    };
    let search_problem = search.as_ref().err().map(|error| sentence(&error.to_string()));
    let filter = CustomerFilter {
        phase: asked.phase(),
        search: search.unwrap_or_default(),
        without_admin: asked.only == "without_admin",
        over_quota: asked.only == "over_quota",
        order: asked.order(),
    };
    let request = PageRequest { size: PageSize::new(ROWS)?, after: asked.after.clone() };
    let (actor, user) = (signed.acting_for(account), signed.user.id);
    let (customers, access, waiting) = signed
        .app()
        .admin()
        .run(move |admin| {
            let customers = admin.customers(&actor, &filter, &request)?;
            let ids: Vec<_> = customers.items.iter().map(|customer| customer.id).collect();
            let access = admin.access_many(user, &ids)?;
            let waiting = admin.waiting_registrations(&actor, &PageRequest::default())?;
            Ok::<_, meshcustomers_core::Error>((customers, access, waiting))
        })
        .await?;
    Ok(CustomersPage {
        frame,
        account,
        waiting: match (waiting.items.len(), waiting.next) {
            (0, None) => String::new(),
            (count, None) => count.to_string(),
            (count, Some(_)) => format!("{count}+"),
        },
        search_problem,
        next: customers.next.map(|next| asked.address(account, &next)),
        rows: customers
            .items
            .into_iter()
            .zip(access)
            .map(|(customer, access)| Row {
                limit: customer.projects.limit.to_string(),
                status: status_word(customer.status),
                disabled: customer.status == CustomerStatus::Disabled,
                waiting: customer.status.phase() == Phase::Waiting,
                customer,
                access,
            })
            .collect(),
        asked,
        form: CreateForm::default(),
        name_problem: None,
        identifier_problem: None,
        problem: None,
    })
}

/// The list.
pub async fn show(
    signed: SignedIn,
    Ids(account): Ids<CustomerId>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let list = list(&signed, account, asked).await?;
    let status =
        if list.search_problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page_with(status, &list)
}

/// The row on top of the table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateForm {
    name: String,
    identifier: String,
}

/// Creates a customer for the account that the person acts for.
pub async fn create(
    signed: SignedIn,
    Ids(account): Ids<CustomerId>,
    Form(form): Form<CreateForm>,
) -> Result<Response, Problem> {
    let (actor, typed) = (signed.acting_for(account), form.clone());
    let result = signed
        .app()
        .admin()
        .run(move |admin| admin.create_customer(&actor, CreateCustomer::new(&form.name, &form.identifier)?))
        .await;
    let error = match result {
        Ok(customer) => {
            let text =
                format!("{} ({}) is created. It has no users yet.", customer.name, customer.identifier);
            session::tell(&signed.visitor.session, &Notice { good: true, text }).await?;
            return Ok(Redirect::to(&format!("/a/{account}/customers")).into_response());
        }
        Err(error) => error,
    };
    let said = told(&error);
    if said.internal || said.status == StatusCode::NOT_FOUND || said.status == StatusCode::FORBIDDEN {
        return Err(error.into());
    }
    let mut shown = CustomersPage { form: typed, ..list(&signed, account, Asked::default()).await? };
    match said.field {
        Some("name") => shown.name_problem = Some(said.text),
        Some("identifier") => shown.identifier_problem = Some(said.text),
        _ => shown.problem = Some(said.text),
    }
    page_with(said.status, &shown)
}
