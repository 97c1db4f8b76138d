//! Every route times every foreign id; every form without its token, with somebody else's, and without a session. The lists
//! come from the program (`--print-routes`): a new route is walked by itself.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{Answer, Browser, PAUL, Portal, encode, fields, routes};
use rusqlite::Connection;

const NOAH: &str = "noah@fjord-foods.example";
/// Nobody has this id.
const UNKNOWN: &str = "01900000-0000-7000-8000-000000000000";

/// All rows of the library's database, table by table.
fn dump(folder: &Path) -> BTreeMap<String, Vec<String>> {
    let db = Connection::open(folder.join("portal.db")).unwrap();
    let mut tables =
        db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'mc_%'").unwrap();
    let names: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    // What the postman does meanwhile is nobody's request.
    let names = names.into_iter().filter(|name| name != "mc_outbox" && !name.starts_with("mc_search"));
    names
        .map(|name| {
            let mut rows = db.prepare(&format!("SELECT * FROM \"{name}\"")).unwrap();
            let columns = rows.column_count();
            let rows = rows
                .query_map([], |row| {
                    let cells = (0..columns).map(|at| row.get::<_, rusqlite::types::Value>(at));
                    Ok(format!("{:?}", cells.collect::<Result<Vec<_>, _>>()?))
                })
                .unwrap()
                .map(Result::unwrap)
                .collect();
            (name, rows)
        })
        .collect()
}

/// The public id that this question gives.
fn id(folder: &Path, sql: &str) -> String {
    let db = Connection::open(folder.join("portal.db")).unwrap();
    let bytes: Vec<u8> = db.query_row(sql, [], |row| row.get(0)).expect(sql);
    uuid::Uuid::from_slice(&bytes).unwrap().to_string()
}

fn customer_id(folder: &Path, identifier: &str) -> String {
    id(folder, &format!("SELECT public_id FROM mc_customer WHERE identifier = '{identifier}'"))
}

/// For each kind of id in an address: one that exists and is somebody else's, then ones that are nobody's.
struct Foreign {
    own: String,
    ids: Vec<(&'static str, [String; 3])>,
}

impl Foreign {
    fn of(folder: &Path) -> Self {
        let nobody = || [UNKNOWN.to_owned(), "not-an-id".to_owned()];
        let all = |existing: String| {
            let [unknown, malformed] = nobody();
            [existing, unknown, malformed]
        };
        let north = "(SELECT id FROM mc_customer WHERE identifier = 'north-energy')";
        let of_north = |table: &str| {
            id(folder, &format!("SELECT public_id FROM {table} WHERE customer = {north} LIMIT 1"))
        };
        Self {
            own: customer_id(folder, "fjord-foods"),
            ids: vec![
                ("{account}", all(customer_id(folder, "north-energy"))),
                ("{customer}", all(customer_id(folder, "north-energy"))),
                ("{user}", all(id(folder, "SELECT public_id FROM mc_user WHERE address LIKE 'emma@%'"))),
                ("{invitation}", all(of_north("mc_invitation"))),
                ("{project}", all(of_north("mc_project"))),
                ("{message}", all(of_north("mc_message"))),
            ],
        }
    }

    /// Every way to fill an address, but for the one that is all the attacker's own.
    fn fill(&self, route: &str) -> Vec<String> {
        let mut paths = vec![(route.to_owned(), true)];
        for (mark, values) in &self.ids {
            if !route.contains(mark) {
                continue;
            }
            let mut choices: Vec<(&str, bool)> = values.iter().map(|value| (value.as_str(), false)).collect();
            if *mark == "{account}" {
                choices.push((&self.own, true));
            }
            paths = paths
                .iter()
                .flat_map(|(path, own)| {
                    choices.iter().map(|(value, mine)| (path.replace(mark, value), *own && *mine))
                })
                .collect();
        }
        paths.into_iter().filter(|(_, own)| !own).map(|(path, _)| path).collect()
    }
}

/// What an answer says, without what differs from one to the next by design.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let changing = ["x-request-id", "date"];
    let headers = answer.headers.iter().filter(|(name, _)| !changing.contains(&name.as_str()));
    (answer.status, headers.cloned().collect(), answer.body.clone())
}

fn walkable(method: &str) -> Vec<String> {
    let own =
        ["{account}", "{customer}", "{user}", "{invitation}", "{project}", "{message}", "{token}", "{mail}"];
    let all = routes(method);
    for route in &all {
        let rest = own.iter().fold(route.clone(), |rest, mark| rest.replace(mark, ""));
        assert!(!rest.contains('{'), "{route} has an id that this test does not know");
    }
    all.into_iter().filter(|route| route.contains("{account}") || route.contains("{customer}")).collect()
}

#[test]
fn a45_every_route_with_every_foreign_id_answers_as_if_nothing_were_there() {
    let portal = Portal::start();
    let folder = portal.folder.path();
    let foreign = Foreign::of(folder);
    let mut noah = portal.signed_in(NOAH);
    let before = dump(folder);
    let nothing = seen(&noah.get(&format!("/a/{UNKNOWN}")));
    assert_eq!(nothing.0, 404);
    let mut walked = 0;
    for (method, route) in walkable("get")
        .into_iter()
        .map(|route| ("GET", route))
        .chain(walkable("post").into_iter().map(|route| ("POST", route)))
    {
        for path in foreign.fill(&route) {
            let address = if route.contains("export") { format!("{path}?format=csv") } else { path.clone() };
            let answer = if method == "GET" { noah.get(&address) } else { noah.post(&path, fields(&route)) };
            assert_eq!(seen(&answer), nothing, "{method} {address}");
            walked += 1;
        }
    }
    eprintln!("{walked} requests with ids of others and of nobody, one answer for all");
    assert!(walked > 350, "{walked}");
    assert_eq!(dump(folder), before, "nothing has changed");
}

/// The address that a manager may use, for what is asked of the manager's own rights.
fn managed(portal: &Portal, route: &str) -> String {
    let folder = portal.folder.path();
    let foreign = Foreign::of(folder);
    let path = route.replace("{account}", &customer_id(folder, "cloud-partner"));
    foreign.ids.iter().skip(1).fold(path, |path, (mark, [existing, ..])| path.replace(mark, existing))
}

#[test]
fn a93_every_form_without_its_token_or_session_changes_nothing() {
    let portal = Portal::start();
    let mut paul = portal.signed_in(PAUL);
    let mut other = portal.signed_in(NOAH);
    other.get("/");
    let origin = paul.origin.clone();
    let own = [("origin", origin.as_str()), ("sec-fetch-site", "same-origin")];
    let before = dump(portal.folder.path());
    let mut walked = 0;
    for route in routes("post").into_iter().filter(|route| route != "/sign-out") {
        let path = managed(&portal, &route).replace("{token}", UNKNOWN);
        let send = |browser: &mut Browser, token: Option<&str>, headers: &[(&str, &str)]| {
            let mut form: Vec<(&str, &str)> = fields(&route).to_vec();
            form.extend(token.map(|token| ("csrf", token)));
            browser.clone().request("POST", &path, headers, &encode(&form)).status
        };
        let good = paul.csrf.clone();
        assert_eq!(send(&mut paul, None, &own), 403, "{path} without its token");
        assert_eq!(send(&mut paul, Some(&other.csrf), &own), 403, "{path} with another session's token");
        assert_eq!(send(&mut paul, Some(""), &own), 403, "{path} with an empty token");
        let elsewhere = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
        assert_eq!(send(&mut paul, Some(&good), &elsewhere), 403, "{path} from another site");
        assert_eq!(send(&mut paul, Some(&good), &[]), 403, "{path} from nowhere");
        // Without a session: to the sign-in, or refused; never done.
        let stranger = send(&mut portal.browser(), Some(&good), &own);
        assert!(matches!(stranger, 303 | 403), "{path} without a session: {stranger}");
        walked += 6;
    }
    eprintln!("{walked} forms, none taken");
    assert_eq!(dump(portal.folder.path()), before, "nothing has changed");
}

#[test]
fn a23_no_get_or_head_of_any_address_changes_anything() {
    let portal = Portal::start();
    let mut paul = portal.signed_in(PAUL);
    let before = dump(portal.folder.path());
    for method in ["GET", "HEAD"] {
        for route in routes("get").into_iter().chain(routes("post")) {
            let path = managed(&portal, &route).replace("{token}", UNKNOWN).replace("{mail}", "1");
            let answer = paul.request(method, &path, &[], "");
            assert!(answer.status < 500, "{method} {path}: {}", answer.status);
        }
    }
    assert_eq!(dump(portal.folder.path()), before, "nothing has changed");
}
