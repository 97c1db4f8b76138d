//! A program that calls the API: how it gets its token, and how it calls.

use super::{Answer, Browser, Portal, between};

pub const PREFIX: &str = "meshcustomers_";

/// Fills the form of the page as it stands.
pub fn make(browser: &mut Browser, password: &str, fields: &[(&str, &str)]) -> Answer {
    let page = browser.get("/me/tokens").body;
    let id = between(&page, "name=\"id\" value=\"", "\"").to_owned();
    let mut all = vec![("id", id.as_str()), ("password", password)];
    for default in [("name", "A program"), ("reach", "read"), ("accounts", "all"), ("days", "30")] {
        if !fields.iter().any(|(name, _)| *name == default.0) {
            all.push(default);
        }
    }
    all.extend(fields);
    browser.post("/me/tokens", &all)
}

/// The token that the page shows.
pub fn secret(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    between(&answer.body, "id=\"token\" value=\"", "\"").to_owned()
}

pub fn token(portal: &Portal, browser: &mut Browser, fields: &[(&str, &str)]) -> String {
    secret(&make(browser, &portal.password, fields))
}

/// Calls the API as a program does: no cookie, no page of this portal.
pub fn call(portal: &Portal, token: &str, method: &str, path: &str, body: &str) -> Answer {
    send(portal, token, method, path, &[], body)
}

/// The same with headers of one's own.
pub fn send(
    portal: &Portal,
    token: &str,
    method: &str,
    path: &str,
    more: &[(&str, &str)],
    body: &str,
) -> Answer {
    let authorization = format!("Bearer {token}");
    let mut headers = vec![("authorization", authorization.as_str())];
    if !body.is_empty() || method == "POST" {
        headers.push(("content-type", "application/json"));
    }
    headers.extend(more);
    portal.browser().request(method, &format!("/api/v1{path}"), &headers, body)
}

pub fn json(answer: &Answer) -> serde_json::Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.body))
}

/// The code of a problem document.
pub fn code(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.body);
    let document = json(answer);
    assert_eq!(document["status"], answer.status);
    document["code"].as_str().unwrap().to_owned()
}
