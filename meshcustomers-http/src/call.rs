//! One request: its caller, and the ways to ask and to do.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use meshcustomers_core::{
    self as core, Actor, Administration, Command, CustomerId, Error, Explanation as Explained,
    IdempotencyKey, PageRequest, Refusal,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::host::Host;
use crate::input::query;
use crate::problem::{ApiCode, Document, Problem, status_of};

/// What an operation answers.
pub(crate) type Answer = Result<Response, Problem>;

/// The header that names a request, so that it is done once however often it is sent.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A question: who asks, and the library.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) host: Host,
    pub(crate) caller: Caller,
}

impl Ask {
    /// Asks the library on a blocking thread; what it gives is shown as JSON.
    pub(crate) async fn show<T: Serialize + Send + 'static>(
        self,
        ask: impl FnOnce(&Administration) -> Result<T, Error> + Send + 'static,
    ) -> Answer {
        let shown = self.host.ask(move |admin| Ok(ask(admin)?)).await?;
        json(StatusCode::OK, &shown)
    }
}

impl Ask {
    /// The actor for what a person asks acting for an account, of a customer (R-ACC-2).
    pub(crate) fn touching(&self, account: CustomerId, customer: CustomerId) -> Result<Actor, Problem> {
        self.caller.reaches(customer)?;
        self.caller.acting_for(account)
    }

    /// One page of a list.
    pub(crate) async fn list<T, V>(
        self,
        page: PageRequest,
        ask: impl FnOnce(&Administration, &PageRequest) -> Result<core::Page<T>, Error> + Send + 'static,
        view: impl FnMut(T) -> V + Send + 'static,
    ) -> Answer
    where
        V: Serialize + Send + 'static,
    {
        self.show(move |admin| Ok(Page::from(ask(admin, &page)?.map(view)))).await
    }
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The rows.
    items: Vec<T>,
    /// The `cursor` of the next page; null: this was the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

impl<T> From<core::Page<T>> for Page<T> {
    fn from(page: core::Page<T>) -> Self {
        Self { items: page.items, next_cursor: page.next.map(|cursor| cursor.to_string()) }
    }
}

impl FromRequestParts<Host> for Ask {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Parts, host: &Host) -> Result<Self, Problem> {
        // The layer of `Api` puts it there; a route without that layer has no caller.
        let caller = head.extensions.get::<Caller>().cloned();
        let caller = caller.ok_or_else(|| Problem::api(ApiCode::Unauthenticated))?;
        Ok(Self { host: host.clone(), caller })
    }
}

/// A command: who gives it, under which idempotency key, and whether it is only explained.
#[derive(Debug)]
pub(crate) struct Do {
    pub(crate) ask: Ask,
    key: Option<IdempotencyKey>,
    explain: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandQuery {
    #[serde(default)]
    explain: bool,
}

impl FromRequestParts<Host> for Do {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Parts, host: &Host) -> Result<Self, Problem> {
        let ask = Ask::from_request_parts(head, host).await?;
        let CommandQuery { explain } = query(head)?;
        Ok(Self { ask, key: key(&head.headers)?, explain })
    }
}

fn key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    let invalid = || Problem::api(ApiCode::InvalidIdempotencyKey);
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(invalid());
    }
    let text = value.to_str().map_err(|_| invalid())?;
    IdempotencyKey::parse(text).map(Some).map_err(|_| invalid())
}

/// What would come of a command; nothing was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Explanation {
    /// `would_change`: it would do something. `nothing_to_do`: it is so already. `refused`: `refusal` says why.
    #[schema(value_type = crate::words::ExplainedAs)]
    explanation: &'static str,
    /// The answer that the command would get.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Document>,
}

impl Do {
    /// The actor for what a person does acting for an account, on a customer (R-ACC-2).
    pub(crate) fn acting_for(&self, account: CustomerId, customer: CustomerId) -> Result<Actor, Problem> {
        self.ask.touching(account, customer)
    }

    /// The actor for a yes or no that the person must say themselves. By a link's token it is not known beforehand which
    /// customer it touches: then not for a caller who is bound to some.
    pub(crate) fn consenting(&self, customer: Option<CustomerId>) -> Result<Actor, Problem> {
        let caller = &self.ask.caller;
        let person = caller.person()?;
        match customer {
            Some(customer) => caller.reaches(customer)?,
            None => caller.unbound()?,
        }
        caller.may_consent()?;
        Ok(Actor::from(person))
    }

    /// What is no command of the library, and as good twice as once: nothing to explain, no key to keep.
    pub(crate) async fn other(
        self,
        act: impl FnOnce(&Administration) -> Result<(), Error> + Send + 'static,
    ) -> Answer {
        if self.explain {
            return Err(Problem::because(ApiCode::InvalidQuery, "this operation cannot be explained"));
        }
        self.ask.caller.may_write()?;
        self.ask.host.change(move |admin| Ok(act(admin)?)).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    /// Does the command, or explains it; what comes of it is shown with this status.
    pub(crate) async fn run<C, T>(
        self,
        actor: Actor,
        command: C,
        status: StatusCode,
        view: fn(C::Outcome) -> T,
    ) -> Answer
    where
        C: Command + Send + 'static,
        T: Serialize + Send + 'static,
    {
        let done = self.decide(actor, command, move |_, outcome| Ok(view(outcome))).await?;
        match done {
            Done::Explained(explanation) => json(StatusCode::OK, &explanation),
            Done::Done(shown) => json(status, &shown),
        }
    }

    /// The same for a command of which nothing is left to show: 204.
    pub(crate) async fn end<C>(self, actor: Actor, command: C) -> Answer
    where
        C: Command + Send + 'static,
    {
        match self.decide(actor, command, |_, _| Ok(())).await? {
            Done::Explained(explanation) => json(StatusCode::OK, &explanation),
            Done::Done(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        }
    }

    async fn decide<C, T>(
        self,
        actor: Actor,
        command: C,
        view: impl FnOnce(&Administration, C::Outcome) -> Result<T, Problem> + Send + 'static,
    ) -> Result<Done<T>, Problem>
    where
        C: Command + Send + 'static,
        T: Send + 'static,
    {
        let Self { ask, key, explain } = self;
        if explain {
            let asked = move |admin: &Administration| explained(admin.explain(&actor, &command));
            return Ok(Done::Explained(Box::new(ask.host.ask(asked).await?)));
        }
        ask.caller.may_write()?;
        ask.host
            .change(move |admin| {
                let outcome = match key {
                    Some(key) => admin.run_once(&actor, key, &command)?,
                    None => admin.run(&actor, &command)?,
                };
                Ok(Done::Done(view(admin, outcome)?))
            })
            .await
    }
}

enum Done<T> {
    Explained(Box<Explanation>),
    Done(T),
}

/// A refusal is what was asked for. For a stranger there is nothing to explain, a wrong field is wrong here, too, and a fault
/// is a fault (R-ACC-6, R-ACC-8).
fn explained(told: Result<Explained, Error>) -> Result<Explanation, Problem> {
    let explanation = match told {
        Ok(Explained::NothingToDo) => "nothing_to_do",
        Ok(_) => "would_change",
        Err(error) => match error {
            Error::Refused(Refusal::NotFound) => return Err(error.into()),
            Error::Refused(_) if status_of(error.code()) != StatusCode::UNPROCESSABLE_ENTITY => {
                let refusal = Some(Problem::from(error).into_document());
                return Ok(Explanation { explanation: "refused", refusal });
            }
            error => return Err(error.into()),
        },
    };
    Ok(Explanation { explanation, refusal: None })
}

/// JSON with this status.
pub(crate) fn json<T: Serialize>(status: StatusCode, shown: &T) -> Answer {
    let body = serde_json::to_vec(shown).map_err(|error| Problem::fault(&error))?;
    Ok((status, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}
