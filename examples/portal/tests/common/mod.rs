//! The real program as a process on a free port with a folder of its own, and a browser of 100 lines.

#![allow(dead_code, unreachable_pub, missing_debug_implementations, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub mod program;
pub mod sink;

/// A running portal; ends with the test.
pub struct Portal {
    child: Child,
    pub folder: TempDir,
    /// `http://127.0.0.1:PORT`.
    pub local: String,
    /// What the portal calls itself.
    pub base: String,
    pub password: String,
    /// All that it said at its start.
    pub greeting: String,
}

pub fn portal() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portal"));
    // Nothing of the machine's own settings.
    for (name, _) in std::env::vars_os() {
        if name == "RUST_LOG" || name.to_string_lossy().starts_with("PORTAL_") {
            command.env_remove(name);
        }
    }
    command
}

impl Portal {
    pub fn start() -> Self {
        Self::start_with(tempfile::tempdir().unwrap(), &[])
    }

    pub fn start_with(folder: TempDir, more: &[&str]) -> Self {
        Self::run(portal(), folder, more)
    }

    /// One that logs all that it can, into this file.
    pub fn start_logging(folder: TempDir, more: &[&str], log: &Path) -> Self {
        let mut command = portal();
        command.env("RUST_LOG", "trace").stderr(File::create(log).unwrap());
        Self::run(command, folder, more)
    }

    /// This command, which ends in the program, with a folder and a port of its own.
    pub fn run(mut command: Command, folder: TempDir, more: &[&str]) -> Self {
        let mut child = command
            .args(["--data"])
            .arg(folder.path())
            .args(if more.contains(&"--port") { &[] } else { &["--port", "0"][..] })
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut greeting = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        while !greeting.contains("Data:") {
            assert!(out.read_line(&mut greeting).unwrap() > 0, "the portal ended: {greeting}");
        }
        let after = |mark: &str| {
            let rest = greeting.split_once(mark).map(|(_, rest)| rest.trim_start()).unwrap_or_default();
            rest.split([' ', '\n', ',']).next().unwrap_or_default().to_owned()
        };
        let base = after("The portal runs at");
        let local = Some(after("Listens:")).filter(|local| !local.is_empty()).unwrap_or_else(|| base.clone());
        let password = after("demo people:");
        Self { child, folder, local, base, password, greeting }
    }

    pub fn browser(&self) -> Browser {
        Browser {
            peer: self.local.trim_start_matches("http://").to_owned(),
            origin: self.base.clone(),
            cookies: Vec::new(),
            csrf: String::new(),
        }
    }

    /// Somebody who has signed in with the demo's password.
    pub fn signed_in(&self, address: &str) -> Browser {
        let mut browser = self.browser();
        browser.get("/sign-in");
        let answer = browser.post("/sign-in", &[("address", address), ("password", &self.password)]);
        assert_eq!(answer.status, 303, "{}", answer.body);
        browser.get("/");
        browser
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM; gives the exit code.
    pub fn stop(self) -> (Option<i32>, TempDir) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(asked.success());
        self.ended()
    }

    /// Waits for its end; gives the exit code.
    pub fn ended(mut self) -> (Option<i32>, TempDir) {
        let status = self.child.wait().unwrap();
        (status.code(), std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap()))
    }

    /// The newest mail that contains this, as the mailbox page shows it.
    pub fn mail_with(&self, text: &str) -> String {
        let started = Instant::now();
        loop {
            let page = self.browser().get("/mailbox").body;
            let found = page.split("<article").skip(1).find(|mail| mail.contains(text));
            if let Some(mail) = found {
                return mail.to_owned();
            }
            assert!(started.elapsed() < Duration::from_secs(10), "no mail with {text} in {page}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The path of the first link of this portal in a mail.
    pub fn link_in(&self, mail: &str) -> String {
        let link = between(mail, "href=\"", "\"");
        link.strip_prefix(&self.base).unwrap_or_else(|| panic!("a foreign link: {link}")).to_owned()
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before)
        .and_then(|(_, rest)| rest.split_once(after))
        .map_or_else(|| panic!("no {before} in {text}"), |(inner, _)| inner)
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value)
    }

    pub fn cookies(&self) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(name, _)| name == "set-cookie")
            .map(|(_, value)| value.as_str())
            .collect()
    }
}

/// Keeps cookies and the form token of the last page, as a browser does.
#[derive(Clone)]
pub struct Browser {
    pub peer: String,
    pub origin: String,
    /// In the order of their creation, as browsers send them (RFC 6265, section 5.4).
    pub cookies: Vec<(String, String)>,
    pub csrf: String,
}

impl Browser {
    pub fn get(&mut self, path: &str) -> Answer {
        self.request("GET", path, &[], "")
    }

    /// Follows redirects.
    pub fn open(&mut self, path: &str) -> Answer {
        let mut answer = self.get(path);
        for _ in 0..5 {
            if answer.status != 303 {
                break;
            }
            answer = self.get(answer.header("location"));
        }
        answer
    }

    /// Sends a form of the last page.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.csrf.clone();
        let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("csrf", token.as_str())]).collect();
        let origin = self.origin.clone();
        self.request(
            "POST",
            path,
            &[("origin", &origin), ("sec-fetch-site", "same-origin")],
            &encode(&fields),
        )
    }

    pub fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let text = self.written(method, path, headers, body);
        let mut stream = TcpStream::connect(&self.peer).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        // A server that refuses a large body does not read all of it.
        let _ = stream.write_all(body.as_bytes());
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        self.take(&String::from_utf8_lossy(&bytes))
    }

    /// Sends a form to a server that may end at any moment; gives all that came.
    pub fn try_post(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let fields: Vec<_> = fields.iter().copied().chain([("csrf", self.csrf.as_str())]).collect();
        let body = encode(&fields);
        let headers = [("origin", self.origin.as_str()), ("sec-fetch-site", "same-origin")];
        let text = self.written("POST", path, &headers, &body) + body.as_str();
        let mut bytes = Vec::new();
        if let Ok(mut stream) = TcpStream::connect(&self.peer) {
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.read_to_end(&mut bytes));
        }
        String::from_utf8(bytes).unwrap()
    }

    /// The head of a request.
    fn written(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
        let given = |name: &str| headers.iter().any(|(given, _)| *given == name);
        let mut text = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !given("host") {
            let host = self.origin.split_once("://").unwrap().1;
            let _ = write!(text, "host: {host}\r\n");
        }
        if !body.is_empty() || method == "POST" {
            let _ = write!(text, "content-length: {}\r\n", body.len());
        }
        if method == "POST" && !given("content-type") {
            text.push_str("content-type: application/x-www-form-urlencoded\r\n");
        }
        if !self.cookies.is_empty() {
            let all: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let _ = write!(text, "cookie: {}\r\n", all.join("; "));
        }
        for (name, value) in headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        text.push_str("\r\n");
        text
    }

    /// Keeps a cookie; one that is there keeps its place.
    pub fn keep(&mut self, name: &str, value: &str) {
        if let Some((_, kept)) = self.cookies.iter_mut().find(|(kept, _)| kept == name) {
            value.clone_into(kept);
        } else {
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Reads an answer, and keeps what it says to keep.
    fn take(&mut self, text: &str) -> Answer {
        let answer = parse(text);
        for cookie in answer.cookies() {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.to_ascii_lowercase().contains("max-age=0") {
                self.cookies.retain(|(kept, _)| kept != name);
            } else {
                self.keep(name, value);
            }
        }
        if let Some((_, rest)) = answer.body.split_once("name=\"csrf\" value=\"") {
            rest.split('"').next().unwrap().clone_into(&mut self.csrf);
        }
        answer
    }
}

/// The body of an answer that was sent in chunks; it must have come to its end.
fn whole(mut chunks: &str) -> String {
    let mut body = String::new();
    loop {
        let (length, rest) = chunks.split_once("\r\n").expect("a chunk begins with its length");
        let length = usize::from_str_radix(length, 16).expect("in hex");
        if length == 0 {
            return body;
        }
        body.push_str(&rest[..length]);
        chunks = rest[length..].strip_prefix("\r\n").expect("a chunk ends with its line");
    }
}

pub fn parse(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let status =
        lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok()).unwrap_or(0);
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect::<Vec<(String, String)>>();
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    Answer { status, body: if chunked { whole(body) } else { body.to_owned() }, headers }
}

pub fn encode(fields: &[(&str, &str)]) -> String {
    let escape = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
                _ => format!("%{byte:02X}"),
            })
            .collect()
    };
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}

/// The id of an account in the account selection, by its identifier.
pub fn account(page: &str, identifier: &str) -> String {
    let mark = format!("<code>{identifier}</code>");
    let mut links = page.split("<a ").map(|link| link.split("</a>").next().unwrap_or_default());
    let own = links.find(|link| link.contains("href=\"/a/") && link.contains(&mark));
    let own = own.unwrap_or_else(|| panic!("{identifier} is not in the selection of {page}"));
    between(own, "href=\"/a/", "\"").to_owned()
}

/// Whether an account is in the account selection, whose page this is.
pub fn selects(accounts: &str, identifier: &str) -> bool {
    let list = accounts.split("id=\"accounts-found\"").nth(1).unwrap();
    list.contains(&format!("<code>{identifier}</code>"))
}

/// The id of a customer in the list, by its identifier.
pub fn customer(page: &str, identifier: &str) -> String {
    let mark = format!("<code>{identifier}</code>");
    let row = page.split("<tr>").skip(1).find(|row| row.contains(&mark));
    let row = row.unwrap_or_else(|| panic!("{identifier} is not in the list of {page}"));
    let rest = row.split_once("/customers/").unwrap().1;
    rest.split('/').next().unwrap().to_owned()
}

pub const PAUL: &str = "paul@cloud-partner.example";
pub const EMMA: &str = "emma@north-energy.example";

/// Paul, his partner account, and the list of its customers.
pub fn paul(portal: &Portal) -> (Browser, String, String) {
    let mut paul = portal.signed_in(PAUL);
    let partner = account(&paul.get("/").body, "cloud-partner");
    let list = paul.get(&format!("/a/{partner}/customers")).body;
    (paul, partner, list)
}

pub fn routes(method: &str) -> Vec<String> {
    let out = portal().arg("--print-routes").output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let routes: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix(method))
        .map(|path| path.trim().to_owned())
        .collect();
    assert!(routes.len() > 10, "{text}");
    routes
}

/// The fields that a form of this route has.
pub fn fields(route: &str) -> &'static [(&'static str, &'static str)] {
    match route.rsplit('/').next().unwrap() {
        "sign-in" | "address" => &[("address", "x@y.example"), ("password", "nothing at all")],
        "register" if route.starts_with("/link") => {
            &[("name", "X"), ("password", "long enough"), ("again", "long enough")]
        }
        "register" => &[
            ("name", "X"),
            ("address", "x@y.example"),
            ("password", "long enough"),
            ("again", "long enough"),
        ],
        "{token}" => &[("password", "long enough")],
        "rename" => &[("name", "Renamed by a stranger")],
        "invite" => &[("address", "x@y.example"), ("role", "Employee"), ("language", "en")],
        "role" => &[("role", "Employee")],
        "customers" | "projects" | "registration" | "register-customer" => {
            &[("name", "Forged"), ("identifier", "forged")]
        }
        "status" => &[("to", "disabled"), ("reason", "forged")],
        "reject" => &[("reason", "forged")],
        "quota" => &[("seen", "10"), ("quota", "1")],
        "messages" => &[("title", "Forged"), ("text", "forged"), ("mode", "all_must_read"), ("last_day", "")],
        "language" => &[("language", "de"), ("back", "/")],
        "tokens" => &[
            ("id", "6f9b1c1e-9d55-4a55-8d0f-6b6f6f6b6f6b"),
            ("name", "Forged"),
            ("reach", "write"),
            ("accounts", "all"),
            ("days", "90"),
            ("password", "nothing at all"),
        ],
        "rotate" => &[("last_day", ""), ("max_uses", "")],
        _ => &[],
    }
}
