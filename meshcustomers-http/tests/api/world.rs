//! A portal in memory: its people, their tokens, its mails, and requests that are checked against the description.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use meshcustomers_core::{
    Actor, Administration, Approval, EmailConfirmation, HostKey, KnownUser, MemoryMailer, MemoryStore,
    Operator, Postman, RegistrationLinks, RegistrationMode, SeededEntropy, Settings, UserId,
};
use meshcustomers_http::{Api, Caller, CallerError, Callers, openapi};
use serde_json::Value;
use tower::ServiceExt as _;

/// Tokens are names; `limited` and `unavailable` are refused as such.
#[derive(Clone, Default)]
pub(crate) struct Tokens(Arc<Mutex<HashMap<String, Caller>>>);

impl Callers for Tokens {
    async fn caller(&self, head: &Parts) -> Result<Caller, CallerError> {
        let given = head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = given.and_then(|value| value.strip_prefix("Bearer ")).ok_or(CallerError::Unknown)?;
        match token {
            "limited" => Err(CallerError::Limited { retry_after: std::time::Duration::from_millis(1500) }),
            "unavailable" => Err(CallerError::Unavailable),
            _ => self.0.lock().unwrap().get(token).cloned().ok_or(CallerError::Unknown),
        }
    }
}

pub(crate) struct World {
    pub(crate) admin: Administration,
    pub(crate) operator: Operator,
    pub(crate) tokens: Tokens,
    pub(crate) router: Router,
    pub(crate) document: Value,
    pub(crate) postman: Postman<MemoryMailer>,
    pub(crate) people: Mutex<HashMap<String, UserId>>,
}

/// An answer, read as a whole.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The answer, if it has this status.
    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// The problem document, if it has this status and this code.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let document = self.is(status);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(document["code"], code, "{}", self.text);
        assert_eq!(document["status"], status);
        assert_eq!(document["type"], format!("urn:meshcustomers:problem:{code}"));
        document
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let entropy = SeededEntropy::new(4);
        let key = HostKey::generate(&entropy).unwrap();
        let settings = Settings::builder("https://portal.example")
            .registration(RegistrationMode::Open)
            .approval(Approval::Manual)
            .confirmation(EmailConfirmation::Required)
            .registration_links(RegistrationLinks::On)
            .build()
            .unwrap();
        let builder = Administration::builder(MemoryStore::new(), key, settings).entropy(entropy);
        let (admin, operator) = builder.build_with_operator().unwrap();
        let tokens = Tokens::default();
        let router = Api::new(admin.clone(), tokens.clone()).body_limit(8 * 1024).router();
        let document = serde_json::to_value(openapi("/")).unwrap();
        let postman = Postman::new(admin.clone(), MemoryMailer::default());
        let world = Self { admin, operator, tokens, router, document, postman, people: Mutex::default() };
        world.token("operator", Caller::operator(world.act()));
        world
    }

    pub(crate) fn act(&self) -> Actor {
        self.operator.act("tests", "Olga", "a test").unwrap()
    }

    /// A token for this caller.
    pub(crate) fn token(&self, token: &str, caller: Caller) {
        self.tokens.0.lock().unwrap().insert(token.to_owned(), caller);
    }

    /// A person with a verified address, and a token of the same name.
    pub(crate) fn person(&self, name: &str) -> UserId {
        let known = KnownUser::new(name, name, &format!("{}@mail.example", name.to_lowercase())).unwrap();
        let id = self.admin.upsert_user(&known.verified()).unwrap().id;
        self.people.lock().unwrap().insert(name.to_owned(), id);
        self.token(name, Caller::new(id));
        id
    }

    pub(crate) fn id_of(&self, name: &str) -> UserId {
        self.people.lock().unwrap()[name]
    }

    /// An account of this kind with one `Admin`, made by the operator through the API.
    pub(crate) async fn account(&self, kind: &str, identifier: &str, of: &str) -> String {
        let body = serde_json::json!({ "name": identifier, "identifier": identifier, "kind": kind });
        let made = self.post("operator", "/operator/customers", &body).await.is(201);
        let account = made["id"].as_str().unwrap().to_owned();
        let body = serde_json::json!({ "user": self.id_of(of).to_string(), "reason": "first Admin" });
        self.post("operator", &format!("/operator/customers/{account}/admins"), &body).await.is(200);
        account
    }

    /// The tokens of the links in the mails since the last look, oldest first.
    pub(crate) fn links(&self) -> Vec<String> {
        self.postman.deliver_due(100).unwrap();
        let mails = self.postman.mailer().take();
        let lines = mails.iter().flat_map(|mail| mail.text.lines());
        lines
            .filter_map(|line| line.strip_prefix("https://portal.example/link/"))
            .map(ToOwned::to_owned)
            .collect()
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> Reply {
        self.send(token, Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, token: &str, path: &str, body: &Value) -> Reply {
        self.send(token, Method::POST, path, Some(body)).await
    }

    /// A command without a body.
    pub(crate) async fn act_on(&self, token: &str, path: &str) -> Reply {
        self.send(token, Method::POST, path, None).await
    }

    async fn send(&self, token: &str, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let request =
            Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
        let request = match body {
            Some(body) => {
                request.header("content-type", "application/json").body(Body::from(body.to_string()))
            }
            None => request.body(Body::empty()),
        };
        self.raw(request.unwrap()).await
    }

    /// Sends any request, and compares the answer with what the description says of its operation.
    pub(crate) async fn raw(&self, request: Request<Body>) -> Reply {
        let (method, path) = (request.method().as_str().to_lowercase(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let reply = Reply { status: head.status, headers: head.headers, text };
        assert_eq!(reply.headers[header::CACHE_CONTROL], "no-store");
        if let Some(operation) = self.operation(&method, &path) {
            let status = reply.status.as_u16().to_string();
            let documented = &operation["responses"][&status];
            assert!(documented.is_object(), "{method} {path} answers {status}, undocumented: {}", reply.text);
            let media = reply.headers.get(header::CONTENT_TYPE).map_or("", |value| value.to_str().unwrap());
            let media = media.split(';').next().unwrap();
            let known = documented["content"].as_object();
            assert!(
                known.map_or(media.is_empty(), |known| known.contains_key(media)),
                "{method} {path} answers {status} with \"{media}\""
            );
            if status.starts_with(['4', '5']) {
                let (code, listed) =
                    (reply.json()["code"].clone(), documented["description"].as_str().unwrap());
                let code = code.as_str().unwrap();
                let field = meshcustomers_core::FieldError::ALL_CODES.contains(&code);
                assert!(
                    field || listed.contains(&format!("`{code}`")),
                    "{method} {path}: {code} is not documented"
                );
            }
        }
        reply
    }

    /// The described operation of a path.
    pub(crate) fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let parts: Vec<&str> = path.split('/').collect();
        let matches = |template: &str| {
            let wanted: Vec<&str> = template.split('/').collect();
            wanted.len() == parts.len()
                && wanted.iter().zip(&parts).all(|(wanted, part)| wanted.starts_with('{') || wanted == part)
        };
        // `/me/invitations/accept` and the like have no template of the same length, so the first match is the one.
        let paths = self.document["paths"].as_object().unwrap();
        let exact = paths.get(path);
        let item =
            exact.or_else(|| paths.iter().find(|(template, _)| matches(template)).map(|(_, item)| item))?;
        item.get(method)
    }

    /// Every described operation: method, template, operation.
    pub(crate) fn operations(&self) -> Vec<(Method, String, Value)> {
        let mut all = Vec::new();
        for (path, item) in self.document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                all.push((method, path.clone(), operation.clone()));
            }
        }
        all
    }

    /// A request to an operation with these ids, and otherwise what the description gives as examples.
    pub(crate) fn example(
        &self,
        method: &Method,
        template: &str,
        operation: &Value,
        ids: &HashMap<&str, String>,
    ) -> Request<Body> {
        let mut path = template.to_owned();
        let mut query = Vec::new();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            if parameter["in"] == "path" {
                path =
                    path.replace(&format!("{{{name}}}"), ids.get(name).unwrap_or_else(|| panic!("{name}?")));
            } else if parameter["in"] == "query" && (parameter["required"] == true || ids.contains_key(name))
            {
                let value = match (ids.get(name), name) {
                    (Some(value), _) => value.clone(),
                    (None, "identifier") => "free-one".to_owned(),
                    (None, "format") => "csv".to_owned(),
                    (None, "state") => "dead".to_owned(),
                    (None, other) => panic!("an example for {other}?"),
                };
                query.push(format!("{name}={value}"));
            }
        }
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        let request = Request::builder().method(method.clone()).uri(path);
        match operation["requestBody"]["content"]["application/json"]["schema"].as_object() {
            Some(schema) => {
                let body = self.sample(&Value::Object(schema.clone()), ids);
                request.header("content-type", "application/json").body(Body::from(body.to_string()))
            }
            None => request.body(Body::empty()),
        }
        .unwrap()
    }

    /// A value that a schema allows.
    fn sample(&self, schema: &Value, ids: &HashMap<&str, String>) -> Value {
        if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
            if name == "Uuid" {
                return Value::String(ids["customer"].clone());
            }
            return self.sample(&self.document["components"]["schemas"][name], ids);
        }
        if !schema["example"].is_null() {
            return schema["example"].clone();
        }
        if let Some(word) = schema["enum"].get(0) {
            return word.clone();
        }
        if let Some(first) = schema["oneOf"].get(0) {
            return self.sample(first, ids);
        }
        match schema["type"].as_str().or_else(|| schema["type"][0].as_str()) {
            Some("object") => {
                let required = schema["required"].as_array().cloned().unwrap_or_default();
                let fields = required.iter().map(|field| {
                    let field = field.as_str().unwrap();
                    (field.to_owned(), self.sample(&schema["properties"][field], ids))
                });
                Value::Object(fields.collect())
            }
            Some("string") if schema["minLength"] == 88 => Value::String("A".repeat(88)),
            Some("string") => Value::String("words".into()),
            Some("integer") => schema.get("minimum").cloned().unwrap_or_else(|| 1.into()),
            other => panic!("a sample of {other:?}?"),
        }
    }
}

/// The same request with a token.
pub(crate) fn with_token(mut request: Request<Body>, token: &str) -> Request<Body> {
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// The same request, only asked about.
pub(crate) fn explained(mut request: Request<Body>) -> Request<Body> {
    *request.uri_mut() = format!("{}?explain=true", request.uri()).parse().unwrap();
    request
}
