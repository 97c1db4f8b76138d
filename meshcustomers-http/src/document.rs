//! The OpenAPI 3.1 description: what the operations say of themselves, and what is the same for all of them.

use std::collections::BTreeMap;

use axum::Router;
use axum::http::StatusCode;
use serde_json::{Value, json};
use utoipa::OpenApi as _;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Header, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder, ServerBuilder,
};
use utoipa_axum::router::OpenApiRouter;

use crate::call::Explanation;
use crate::host::Host;
use crate::operations::tag;
use crate::problem::{ApiCode, Document, FieldProblem, MEDIA_TYPE, status_of};
use crate::words::{CustomerOrder, EventType, ExportFormat};

const BEARER: &str = "bearer";
/// The codes that an operation names beside those of all.
const CODES: &str = "x-codes";
/// `false` at a POST that is no command of the library.
const COMMAND: &str = "x-command";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Customer administration", description = include_str!("description.md")),
    // Those that only parameters and problems name; the others come with their operations.
    components(schemas(Document, FieldProblem, Explanation, CustomerOrder, EventType, ExportFormat)),
    tags(
        (name = tag::ME, description = "Who the token stands for, the account selection, and what the person may do."),
        (name = tag::CUSTOMERS, description = "*Administration > Customers*: the customers that an account manages."),
        (name = tag::USERS, description = "*Customers > Users* and *Account > Users*: members and their roles."),
        (name = tag::INVITATIONS, description = "Invitations to e-mail addresses, from both sides."),
        (name = tag::PROJECTS, description = "Projects, and the quota that limits them."),
        (name = tag::MESSAGES, description = "Short messages that are acknowledged, from both sides."),
        (name = tag::REGISTRATIONS, description = "Registered customers, their approval and their confirmation."),
        (name = tag::LINKS, description = "A partner's Invitation Link: who registers with it is assigned to that partner."),
        (name = tag::HISTORY, description = "*Customer History*: the events of a customer."),
        (name = tag::OPERATOR, description = "What only the host's operator may; for everybody else it is not there."),
    )
)]
struct Base;

/// Routes and description, as mounted at `base_path`.
pub(crate) fn finished(operations: OpenApiRouter<Host>, base_path: &str) -> (Router<Host>, OpenApi) {
    let (router, mut document) =
        OpenApiRouter::with_openapi(Base::openapi()).merge(operations).split_for_parts();
    document.servers = Some(vec![ServerBuilder::new().url(base_path).build()]);
    let scheme = SecurityScheme::Http(
        Http::builder().scheme(HttpAuthScheme::Bearer).description(Some("A token of the host's.")).build(),
    );
    if let Some(components) = &mut document.components {
        components.add_security_scheme(BEARER, scheme);
    }
    for (path, item) in &mut document.paths.paths {
        for (operation, changes) in [(&mut item.get, false), (&mut item.post, true)] {
            if let Some(operation) = operation {
                complete(operation, path, changes);
            }
        }
    }
    (router, document)
}

/// Gives an operation what all of its kind have: parameters, answers, the codes by status.
fn complete(operation: &mut Operation, path: &str, changes: bool) {
    let mut extensions = operation.extensions.take().unwrap_or_default();
    let is_command = extensions.remove(COMMAND).is_none() && changes;
    let own: Vec<String> = match extensions.remove(CODES) {
        Some(Value::Array(codes)) => codes.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
        _ => Vec::new(),
    };
    operation.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);

    let mut parameters: Vec<RefOr<Parameter>> = path_parameters(path);
    parameters.append(&mut operation.parameters.take().unwrap_or_default());
    if changes {
        parameters.push(idempotency_key().into());
    }
    if is_command {
        parameters.push(explain().into());
        may_explain(operation);
    }
    operation.parameters = Some(parameters).filter(|parameters| !parameters.is_empty());

    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    let mut add = |status: StatusCode, code| {
        let codes = by_status.entry(status.as_u16()).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    };
    for code in &own {
        add(status_of(code), code.as_str());
    }
    for code in shared(operation.request_body.is_some(), changes, is_command) {
        match ApiCode::ALL.iter().find(|own| own.code() == code) {
            Some(own) => add(own.status(), code),
            None => add(status_of(code), code),
        }
    }
    for (status, codes) in by_status {
        operation.responses.responses.insert(status.to_string(), RefOr::T(problem(status, &codes)));
    }
    let listed: Vec<Value> = own.into_iter().map(Value::String).collect();
    extensions.insert(CODES.to_owned(), Value::Array(listed));
    operation.extensions = Some(extensions);
}

/// The codes that do not depend on the operation.
fn shared(body: bool, changes: bool, is_command: bool) -> Vec<&'static str> {
    let mut codes = vec![
        "INVALID_QUERY",
        "UNAUTHENTICATED",
        "USER_DISABLED",
        "BOUND_CALLER",
        "PERSON_NEEDED",
        "NOT_FOUND",
        "TOO_MANY_REQUESTS",
        "FAULT",
        "STORE_IO",
        "STORE_CORRUPT",
        "STORE_OTHER",
        "BUSY",
        "CALLER_UNAVAILABLE",
        "STORE_BUSY",
    ];
    if changes {
        codes.extend(["INVALID_IDEMPOTENCY_KEY", "READ_ONLY_CALLER", "CONSENT_NEEDED", "BODY_TOO_LARGE"]);
        codes.extend(["STORE_CONFLICT", "STORE_FULL", "STORE_READ_ONLY"]);
        if body {
            codes.extend(["MALFORMED_JSON", "UNSUPPORTED_MEDIA_TYPE", "INVALID_BODY"]);
        } else {
            codes.push("UNEXPECTED_BODY");
        }
    }
    if is_command {
        codes.extend(["KEY_REUSED", "COMMIT_UNKNOWN"]);
    }
    codes
}

/// An answer that is a problem document.
fn problem(status: u16, codes: &[&str]) -> Response {
    let listed: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
    let mut response = ResponseBuilder::new()
        .description(format!("{}.", listed.join(", ")))
        .content(MEDIA_TYPE, ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build());
    let header = |about: &str, kind: Type| {
        let mut header = Header::new(ObjectBuilder::new().schema_type(kind).build());
        header.description = Some(about.to_owned());
        header
    };
    if matches!(status, 429 | 503) {
        response = response
            .header("Retry-After", header("Seconds after which another try makes sense.", Type::Integer));
    }
    if status == 401 {
        response = response.header("WWW-Authenticate", header("`Bearer`.", Type::String));
    }
    response.build()
}

/// The ids that a path holds.
fn path_parameters(path: &str) -> Vec<RefOr<Parameter>> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names
        .map(|name| {
            let (about, schema) = match name {
                "account" => {
                    ("The account that is acted for (R-ACC-2).", Ref::from_schema_name("Uuid").into())
                }
                "customer" => ("The customer.", Ref::from_schema_name("Uuid").into()),
                "user" => ("The person.", Ref::from_schema_name("Uuid").into()),
                "number" => {
                    let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
                    let number = number.format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)));
                    ("The number of the event.", RefOr::T(number.build().into()))
                }
                "command" => {
                    ("The command, as a problem document named it.", Ref::from_schema_name("Uuid").into())
                }
                _ => ("Its id.", Ref::from_schema_name("Uuid").into()),
            };
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .description(Some(about))
                .schema(Some::<RefOr<_>>(schema))
                .build()
                .into()
        })
        .collect()
}

fn idempotency_key() -> Parameter {
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Names this request for 24 hours: sent again with the same key it is done once, and the outcome of the first \
             is the answer (R-CMD-2). With another body the key is refused.",
        ))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(255))
                .pattern(Some("^[!-~]{1,255}$")),
        ))
        .build()
}

fn explain() -> Parameter {
    ParameterBuilder::new()
        .name("explain")
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some("Do nothing, but say what would come of it (R-ACC-8)."))
        .schema(Some(ObjectBuilder::new().schema_type(Type::Boolean).default(Some(json!(false)))))
        .build()
}

/// An answer of 200 may be an explanation.
fn may_explain(operation: &mut Operation) {
    let explanation = Ref::from_schema_name("Explanation");
    let responses = &mut operation.responses.responses;
    let schema = match responses.get("200") {
        Some(RefOr::T(done)) => done.content.get("application/json").and_then(|content| match content {
            RefOr::T(content) => content.schema.clone(),
            RefOr::Ref(_) => None,
        }),
        _ => None,
    };
    let (about, schema) = match schema {
        Some(done) => {
            let about = match responses.get("200") {
                Some(RefOr::T(done)) => {
                    format!("{} With `explain`: what would come of it.", done.description)
                }
                _ => String::new(),
            };
            (about, RefOr::T(Schema::from(OneOfBuilder::new().item(done).item(explanation).build())))
        }
        None => ("With `explain`: what would come of it.".to_owned(), explanation.into()),
    };
    let response = ResponseBuilder::new()
        .description(about)
        .content("application/json", ContentBuilder::new().schema(Some(schema)).build())
        .build();
    responses.insert("200".to_owned(), RefOr::T(response));
}
