//! Administration > Customers: the list, the search, and the row on top that creates one.

use std::borrow::Cow;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use meshcustomers_core::{
    Access, Availability, CreateCustomer, Cursor, Customer, CustomerFilter, CustomerId, CustomerKind,
    CustomerOrder, CustomerStatus, Error, Identifier, PageRequest, PageSize, Permission, Phase, SearchTerm,
    WaitingRegistration,
};
use serde::Deserialize;

use super::{Ids, Query};
use crate::csrf::Form;
use crate::error::{Problem, told};
use crate::frame::{Frame, Notice, SignedIn, Used, page, page_with};
use crate::session;

/// How many customers a page has.
const ROWS: u32 = 20;
/// How many waiting registrations stand above the list.
const STRIP: u32 = 3;

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

    /// Whether the list is not narrowed.
    const fn is_all(&self) -> bool {
        self.q.is_empty() && self.status.is_empty() && self.only.is_empty()
    }

    fn address(&self, account: CustomerId, after: Option<&Cursor>) -> String {
        let after = after.map(ToString::to_string).unwrap_or_default();
        let pairs = [
            ("q", &self.q),
            ("status", &self.status),
            ("sort", &self.sort),
            ("only", &self.only),
            ("after", &after),
        ];
        let asked = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let query = serde_urlencoded::to_string(asked.collect::<Vec<_>>()).unwrap_or_default();
        format!("/a/{account}/customers?{query}")
    }

    /// The same list from its beginning.
    fn first(&self, account: &CustomerId) -> String {
        self.address(*account, None)
    }
}

struct Row {
    customer: Customer,
    used: Used,
    status: Status,
    disabled: bool,
    waiting: bool,
    access: Option<Access>,
}

impl Row {
    /// Buttons ask the one table of permissions (R-ACC-7).
    fn may(&self, permission: Permission) -> bool {
        self.access.as_ref().is_some_and(|access| access.may(permission))
    }

    fn kind(&self) -> Option<Cow<'static, str>> {
        kind_word(self.customer.kind)
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

    fn link(&self) -> bool {
        self.may(Permission::ShowLink)
    }

    fn decide(&self) -> bool {
        self.waiting && self.may(Permission::Approve)
    }

    fn history(&self) -> bool {
        self.may(Permission::SeeHistory)
    }
}

/// A status as a page shows it: the class of its badge, and its word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The phase, in the words of the rules.
    pub class: &'static str,
    /// The same in the reader's language.
    pub word: Cow<'static, str>,
}

impl From<CustomerStatus> for Status {
    fn from(status: CustomerStatus) -> Self {
        let (class, word) = match status.phase() {
            Phase::Waiting => ("waiting", say!("waiting")),
            Phase::Active => ("active", say!("active")),
            Phase::Disabled => ("disabled", say!("disabled")),
            Phase::Ended => ("ended", say!("ended")),
        };
        Self { class, word }
    }
}

/// The word of a status, in the reader's language.
pub fn status_word(status: CustomerStatus) -> Cow<'static, str> {
    Status::from(status).word
}

/// The class of its badge.
pub fn status_class(status: CustomerStatus) -> &'static str {
    Status::from(status).class
}

/// The kind of an account, where it is not the usual one.
pub fn kind_word(kind: CustomerKind) -> Option<Cow<'static, str>> {
    match kind {
        CustomerKind::Partner => Some(say!("partner")),
        CustomerKind::Administrator => Some(say!("administrator")),
        CustomerKind::Standard => None,
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
    /// The registrations that wait longest.
    waiting: Vec<WaitingRegistration>,
    more_wait: bool,
    next: Option<String>,
    form: CreateForm,
    name_problem: Option<String>,
    identifier_problem: Option<String>,
    problem: Option<String>,
}

impl CustomersPage {
    fn statuses() -> [(&'static str, Cow<'static, str>); 4] {
        [
            ("active", say!("active")),
            ("disabled", say!("disabled")),
            ("waiting", say!("waiting")),
            ("ended", say!("ended")),
        ]
    }
}

async fn list(signed: &SignedIn, account: CustomerId, asked: Asked) -> Result<CustomersPage, Problem> {
    let frame = signed.frame(&say!("Customers"), account, "customers").await?;
    let search = match asked.q.trim() {
        "" => Ok(None),
        text => SearchTerm::parse(text).map(Some),
    };
    let search_problem = search.as_ref().err().map(|error| told(&error.clone().into()).text);
    let filter = CustomerFilter {
        phase: asked.phase(),
        search: search.unwrap_or_default(),
        without_admin: asked.only == "without_admin",
        over_quota: asked.only == "over_quota",
        order: asked.order(),
    };
    let request = PageRequest { size: PageSize::new(ROWS)?, after: asked.after.clone() };
    let first = PageRequest { size: PageSize::new(STRIP)?, after: None };
    let (actor, user) = (signed.acting_for(account), signed.user.id);
    let (customers, access, waiting) = signed
        .app()
        .admin()
        .run(move |admin| {
            let customers = admin.customers(&actor, &filter, &request)?;
            let ids: Vec<_> = customers.items.iter().map(|customer| customer.id).collect();
            let access = admin.access_many(user, &ids)?;
            let waiting = admin.waiting_registrations(&actor, &first)?;
            Ok::<_, Error>((customers, access, waiting))
        })
        .await?;
    Ok(CustomersPage {
        frame,
        account,
        more_wait: waiting.next.is_some(),
        waiting: waiting.items,
        search_problem,
        next: customers.next.map(|next| asked.address(account, Some(&next))),
        rows: customers
            .items
            .into_iter()
            .zip(access)
            .map(|(customer, access)| Row {
                used: Used(customer.projects),
                status: customer.status.into(),
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
            let text = say!(
                "%{name} (%{identifier}) is created. It has no users yet: add yourself by the Users icon.",
                name = customer.name,
                identifier = customer.identifier
            )
            .into_owned();
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

/// The same row while somebody types: what is empty is not sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    name: String,
    identifier: String,
}

#[derive(Template)]
#[template(path = "availability.html")]
struct AvailabilityPart {
    /// What to say of the identifier that was typed.
    text: String,
    good: bool,
    /// A free identifier, for whoever wants it.
    suggestion: Option<String>,
}

/// Says while somebody types whether an identifier is free, and suggests one from the name if none is typed yet.
pub async fn availability(
    signed: SignedIn,
    Ids(account): Ids<CustomerId>,
    Query(form): Query<Typed>,
) -> Result<Response, Problem> {
    // Whose account this is not gets the same answer whatever they type.
    let actor = signed.acting_for(account);
    signed.app().admin().run(move |admin| admin.customer(&actor, account)).await?;
    let typed = form.identifier.trim();
    let wished = if typed.is_empty() { slug::slugify(&form.name) } else { typed.to_owned() };
    let identifier = match Identifier::parse(&wished) {
        Ok(identifier) => identifier,
        // Nothing was typed, and nothing can be made of the name.
        Err(_) if typed.is_empty() => {
            return page(&AvailabilityPart { text: String::new(), good: true, suggestion: None });
        }
        Err(error) => {
            let text = told(&Error::from(error)).text;
            return page(&AvailabilityPart { text, good: false, suggestion: None });
        }
    };
    let (actor, asked) = (signed.acting_for(account), identifier.clone());
    let available = signed.app().admin().run(move |admin| admin.availability(&actor, &asked)).await?;
    page(&match available {
        Availability::Free if typed.is_empty() => AvailabilityPart {
            text: say!("Free is:").into_owned(),
            good: true,
            suggestion: Some(identifier.to_string()),
        },
        Availability::Free => AvailabilityPart {
            text: say!("%{identifier} is free.", identifier = identifier).into_owned(),
            good: true,
            suggestion: None,
        },
        Availability::NotAvailable { suggestion } => AvailabilityPart {
            text: say!("%{identifier} is not available.", identifier = identifier).into_owned(),
            good: false,
            suggestion: suggestion.map(|free| free.to_string()),
        },
    })
}
