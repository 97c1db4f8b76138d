//! The API's reference, made from its own description: what stands here is what programs are told.
//!
//! The frame speaks the reader's language; the API's own words are English, as its answers are.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::LazyLock;

use askama::Template;
use askama::filters::HtmlSafe;
use axum::response::Response;
use pulldown_cmark::{Event, Parser};
use serde_json::{Map, Value};

use crate::api;
use crate::error::Problem;
use crate::frame::{Frame, Visitor, page};
use crate::tokens::PREFIX;

/// All that the page says of the API: made once, since the description is the program's own.
static REFERENCE: LazyLock<Reference> = LazyLock::new(|| Reference::of(api::document()));

#[derive(Template)]
#[template(path = "reference.html")]
struct ReferencePage {
    frame: Frame,
    reference: &'static Reference,
    signed_in: bool,
    prefix: &'static str,
}

/// The page.
pub async fn show(visitor: Visitor) -> Result<Response, Problem> {
    let frame = visitor.frame(&say!("Reference of the API")).await?;
    page(&ReferencePage { frame, reference: &REFERENCE, signed_in: visitor.user.is_some(), prefix: PREFIX })
}

#[derive(Debug)]
struct Reference {
    version: String,
    about: Prose,
    groups: Vec<Group>,
    schemas: Vec<Schema>,
}

/// The operations of one tag.
#[derive(Debug)]
struct Group {
    name: String,
    about: Prose,
    operations: Vec<Operation>,
}

#[derive(Debug)]
struct Operation {
    anchor: String,
    method: String,
    path: String,
    summary: String,
    about: Prose,
    parameters: Vec<Field>,
    body: Vec<Field>,
    body_type: Option<Kind>,
    answers: Vec<Answer>,
    example: String,
}

/// A parameter, or a field of a schema.
#[derive(Debug)]
struct Field {
    name: String,
    /// `path`, `query`, `header`; nothing in a schema.
    place: String,
    required: bool,
    kind: Kind,
    about: Prose,
}

/// A type in words; with the schema that it links to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Kind {
    text: String,
    link: Option<String>,
}

#[derive(Debug)]
struct Answer {
    status: String,
    about: Prose,
    kind: Option<Kind>,
}

#[derive(Debug)]
struct Schema {
    name: String,
    about: Prose,
    kind: Kind,
    values: Vec<String>,
    fields: Vec<Field>,
}

/// Words, as HTML.
#[derive(Debug, Default)]
struct Prose(String);

impl fmt::Display for Prose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// Made of the program's own description, and escaped where it was made.
impl HtmlSafe for Prose {}

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

impl Reference {
    fn of(document: &Value) -> Self {
        let paths = document.get("paths").and_then(Value::as_object);
        // Paths stand without the place where the portal has mounted the API.
        let base = document.pointer("/servers/0/url").and_then(Value::as_str).unwrap_or_default();
        let mut groups: BTreeMap<String, Vec<Operation>> = BTreeMap::new();
        for (path, item) in paths.into_iter().flatten() {
            for method in METHODS {
                let Some(operation) = item.get(method) else { continue };
                let tag = operation.pointer("/tags/0").and_then(Value::as_str).unwrap_or("other");
                let operation = Operation::of(document, &format!("{base}{path}"), method, item, operation);
                groups.entry(tag.to_owned()).or_default().push(operation);
            }
        }
        let tags = document.get("tags").and_then(Value::as_array);
        let mut told: Vec<Group> = Vec::new();
        for tag in tags.into_iter().flatten() {
            let name = text(tag, "name");
            if let Some(operations) = groups.remove(&name) {
                told.push(Group { name, about: prose(tag, "description"), operations });
            }
        }
        told.extend(groups.into_iter().map(|(name, operations)| Group {
            name,
            about: Prose::default(),
            operations,
        }));
        let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
        Self {
            version: document.pointer("/info/version").and_then(Value::as_str).unwrap_or_default().to_owned(),
            about: document.get("info").map(|info| prose(info, "description")).unwrap_or_default(),
            groups: told,
            schemas: schemas
                .into_iter()
                .flatten()
                .map(|(name, schema)| Schema {
                    name: name.clone(),
                    about: prose(schema, "description"),
                    kind: kind(schema),
                    values: values(schema),
                    fields: fields(document, schema),
                })
                .collect(),
        }
    }
}

impl Operation {
    fn of(document: &Value, path: &str, method: &str, item: &Value, operation: &Value) -> Self {
        let shared = item.get("parameters").and_then(Value::as_array);
        let own = operation.get("parameters").and_then(Value::as_array);
        let parameters: Vec<Field> = shared
            .into_iter()
            .chain(own)
            .flatten()
            .map(|parameter| resolved(document, parameter))
            .map(|parameter| Field {
                name: text(parameter, "name"),
                place: text(parameter, "in"),
                required: is_true(parameter, "required"),
                kind: parameter.get("schema").map(kind).unwrap_or_default(),
                about: prose(parameter, "description"),
            })
            .collect();
        let body = operation.get("requestBody").map(|body| resolved(document, body));
        let schema = body.and_then(schema_of);
        let answers = operation.get("responses").and_then(Value::as_object);
        Self {
            anchor: match text(operation, "operationId") {
                id if id.is_empty() => format!("{method}-{path}"),
                id => id,
            },
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(operation, "summary"),
            about: prose(operation, "description"),
            body: schema.map(|schema| fields(document, resolved(document, schema))).unwrap_or_default(),
            body_type: schema.map(kind),
            answers: answers
                .into_iter()
                .flatten()
                .map(|(status, answer)| {
                    let answer = resolved(document, answer);
                    Answer {
                        status: status.clone(),
                        about: prose(answer, "description"),
                        kind: schema_of(answer).map(kind),
                    }
                })
                .collect(),
            example: example(document, path, method, &parameters, schema),
            parameters,
        }
    }
}

/// The schema of the first content of a body or an answer.
fn schema_of(body: &Value) -> Option<&Value> {
    body.get("content")?.as_object()?.values().next()?.get("schema")
}

/// What a reference stands for.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    value
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|reference| document.pointer(reference.strip_prefix('#')?))
        .unwrap_or(value)
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().trim().replace('\n', " ")
}

/// A text of the description, which is Markdown.
fn prose(value: &Value, name: &str) -> Prose {
    let text = value.get(name).and_then(Value::as_str).unwrap_or_default();
    let parts = Parser::new(text).map(|part| match part {
        // No tag that a text may hold becomes one of the page.
        Event::Html(tag) | Event::InlineHtml(tag) => Event::Text(tag),
        other => other,
    });
    let mut made = String::new();
    pulldown_cmark::html::push_html(&mut made, parts);
    Prose(made)
}

fn is_true(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// The fields of an object, those of its parts included.
fn fields(document: &Value, schema: &Value) -> Vec<Field> {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let own = schema.get("properties").and_then(Value::as_object);
    let mut all: Vec<Field> = own
        .into_iter()
        .flatten()
        .map(|(name, property)| Field {
            name: name.clone(),
            place: String::new(),
            required: required.contains(&name.as_str()),
            kind: kind(property),
            about: prose(property, "description"),
        })
        .collect();
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        all.extend(fields(document, resolved(document, part)));
    }
    all
}

/// The words of an enumeration.
fn values(schema: &Value) -> Vec<String> {
    let words = |word: &Value| word.as_str().map_or_else(|| word.to_string(), str::to_owned);
    let all = schema.get("enum").and_then(Value::as_array).into_iter().flatten().map(words);
    all.chain(schema.get("const").map(words)).collect()
}

/// A schema's type in a few words.
fn kind(schema: &Value) -> Kind {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap_or_default().to_owned();
        return Kind { text: name.clone(), link: Some(name) };
    }
    for several in ["oneOf", "anyOf", "allOf"] {
        if let Some(parts) = schema.get(several).and_then(Value::as_array) {
            let parts: Vec<Kind> = parts.iter().map(kind).collect();
            let texts: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
            let between = if several == "allOf" { " and " } else { " or " };
            let link = parts.iter().find_map(|part| part.link.clone());
            return Kind { text: texts.join(between), link };
        }
    }
    let names: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let words = values(schema);
    if !words.is_empty() {
        let null = if names.contains(&"null") { " or null" } else { "" };
        return Kind { text: format!("{}{null}", words.join(" | ")), link: None };
    }
    if names.contains(&"array") {
        let items = schema.get("items").map(kind).unwrap_or_default();
        return Kind { text: format!("list of {}", items.text), link: items.link };
    }
    let mut told = names.join(" or ");
    for (name, before) in
        [("format", ""), ("pattern", "pattern "), ("minLength", "from "), ("minimum", "from ")]
            .into_iter()
            .chain([("maxLength", "to "), ("maximum", "to ")])
    {
        if let Some(value) = schema.get(name) {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let _ = write!(told, ", {before}{value}");
        }
    }
    Kind { text: if told.is_empty() { "any".to_owned() } else { told }, link: None }
}

/// A call of the operation, to be copied.
fn example(document: &Value, path: &str, method: &str, parameters: &[Field], body: Option<&Value>) -> String {
    let mut address = String::new();
    for (at, part) in path.split('/').enumerate() {
        if at > 0 {
            address.push('/');
        }
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => {
                let _ = write!(address, "${}", name.to_uppercase());
            }
            None => address.push_str(part),
        }
    }
    let required = parameters.iter().filter(|parameter| parameter.required && parameter.place == "query");
    for (at, parameter) in required.enumerate() {
        let _ = write!(
            address,
            "{}{}=${}",
            if at == 0 { '?' } else { '&' },
            parameter.name,
            parameter.name.to_uppercase()
        );
    }
    let mut told = format!("curl --request {} \\\n", method.to_uppercase());
    told.push_str("  --header \"Authorization: Bearer $TOKEN\" \\\n");
    if parameters.iter().any(|parameter| parameter.name.eq_ignore_ascii_case("idempotency-key")) {
        told.push_str("  --header \"Idempotency-Key: $(uuidgen)\" \\\n");
    }
    if let Some(body) = body {
        let sample = sample(document, body, 0);
        let sample = serde_json::to_string(&sample).unwrap_or_default();
        let _ = writeln!(told, "  --json '{sample}' \\");
    }
    let _ = write!(told, "  \"$PORTAL{address}\"");
    told
}

/// A value that fits a schema, as far as one can be made up; only what is required.
fn sample(document: &Value, schema: &Value, depth: usize) -> Value {
    if depth > 5 {
        return Value::Null;
    }
    let schema = resolved(document, schema);
    let given =
        schema.get("example").or_else(|| schema.pointer("/examples/0")).or_else(|| schema.get("default"));
    if let Some(given) = given.or_else(|| schema.pointer("/enum/0")).or_else(|| schema.get("const")) {
        return given.clone();
    }
    for several in ["oneOf", "anyOf"] {
        if let Some(first) = schema.pointer(&format!("/{several}/0")) {
            return sample(document, first, depth + 1);
        }
    }
    let of_type = match schema.get("type") {
        Some(Value::Array(several)) => several.first().and_then(Value::as_str),
        one => one.and_then(Value::as_str),
    };
    match of_type {
        Some("string") => match schema.get("format").and_then(Value::as_str) {
            Some("uuid") => "01900000-0000-7000-8000-000000000000".into(),
            Some("date-time") => "2027-01-31T23:59:59.000Z".into(),
            Some("email") => "jane@acme.example".into(),
            _ => "…".into(),
        },
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| 1.into()),
        Some("boolean") => true.into(),
        Some("array") => Value::Array(
            schema.get("items").map(|items| sample(document, items, depth + 1)).into_iter().collect(),
        ),
        _ => {
            let required = schema.get("required").and_then(Value::as_array);
            let mut object = Map::new();
            for name in required.into_iter().flatten().filter_map(Value::as_str) {
                if let Some(property) = schema.get("properties").and_then(|all| all.get(name)) {
                    object.insert(name.to_owned(), sample(document, property, depth + 1));
                }
            }
            Value::Object(object)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_the_description_stands_on_the_page() {
        let document = api::document();
        let told: usize = REFERENCE.groups.iter().map(|group| group.operations.len()).sum();
        let paths = document["paths"].as_object().unwrap();
        let there: usize = paths
            .values()
            .map(|item| METHODS.iter().filter(|method| item.get(method).is_some()).count())
            .sum();
        assert_eq!(told, there);
        assert!(told > 20, "{told}");
        for operation in REFERENCE.groups.iter().flat_map(|group| &group.operations) {
            assert!(!operation.summary.is_empty(), "{} {} has no summary", operation.method, operation.path);
            assert!(!operation.answers.is_empty(), "{} {} has no answers", operation.method, operation.path);
            assert!(
                !operation.example.contains('{') || operation.example.contains("--json"),
                "{}",
                operation.example
            );
        }
        let names: Vec<&str> = REFERENCE.schemas.iter().map(|schema| schema.name.as_str()).collect();
        for field in REFERENCE.schemas.iter().flat_map(|schema| &schema.fields) {
            if let Some(link) = &field.kind.link {
                assert!(names.contains(&link.as_str()), "{link} leads nowhere");
            }
        }
    }

    #[test]
    fn every_reference_of_the_description_leads_somewhere() {
        fn walk(document: &Value, value: &Value, seen: &mut usize) {
            if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
                let found = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
                assert!(found.is_some(), "{reference} leads nowhere");
                *seen += 1;
            }
            match value {
                Value::Object(fields) => fields.values().for_each(|field| walk(document, field, seen)),
                Value::Array(items) => items.iter().for_each(|item| walk(document, item, seen)),
                _ => {}
            }
        }
        let mut seen = 0;
        walk(api::document(), api::document(), &mut seen);
        assert!(seen > 100, "{seen}");
    }

    #[test]
    fn words_are_markdown_and_their_tags_are_none() {
        let told = |text: &str| prose(&serde_json::json!({ "about": text }), "about").to_string();
        assert_eq!(told("the `code` *here*"), "<p>the <code>code</code> <em>here</em></p>\n");
        assert_eq!(told("a <script>alert(1)</script>"), "<p>a &lt;script&gt;alert(1)&lt;/script&gt;</p>\n");
        assert_eq!(told("<img src=x>"), "&lt;img src=x&gt;");
        assert_eq!(told(""), "");
    }

    #[test]
    fn types_in_words() {
        let told = |json: &str| kind(&serde_json::from_str(json).unwrap()).text;
        assert_eq!(told(r#"{"type":["string","null"],"maxLength":9}"#), "string or null, to 9");
        assert_eq!(told(r#"{"enum":["a","b"],"type":"string"}"#), "a | b");
        assert_eq!(
            told(r##"{"type":"array","items":{"$ref":"#/components/schemas/Customer"}}"##),
            "list of Customer"
        );
        assert_eq!(told(r##"{"oneOf":[{"type":"null"},{"$ref":"#/x/Quota"}]}"##), "null or Quota");
        assert_eq!(told("{}"), "any");
    }
}
