//! Settings from flags, variables and files, and what is refused at start.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{Portal, portal};
use tempfile::TempDir;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    folder
}

fn run(data: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = portal();
    command.arg("--data").arg(data).args(arguments).envs(variables.iter().copied());
    // One that is wrongly not refused would serve for ever.
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let out = child.wait_with_output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
    (out.status.code(), text)
}

/// The start is refused with these words, and nothing was made.
fn refused(arguments: &[&str], words: &[&str]) {
    let data = folder();
    let (code, text) = run(data.path(), arguments, &[]);
    assert_eq!(code, Some(1), "{arguments:?}: {text}");
    for word in words {
        assert!(text.contains(word), "{arguments:?}: no {word} in {text}");
    }
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0, "{arguments:?} made something");
}

fn line<'a>(table: &'a str, key: &str) -> &'a str {
    table.lines().find(|line| line.split_whitespace().next() == Some(key)).unwrap_or_default()
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let data = folder();
    let file = data.path().join("portal.toml");
    std::fs::write(&file, "port = 1001\nsession_life = \"2 hours\"\nproduct_name = \"From File\"\n").unwrap();
    let variables = [("PORTAL_PORT", "1002"), ("PORTAL_SESSION_LIFE", "3 hours")];
    let (code, table) = run(data.path(), &["settings", "show", "--port", "1003"], &variables);
    assert_eq!(code, Some(0), "{table}");
    let (port, life) = (line(&table, "port"), line(&table, "session_life"));
    assert!(port.contains("1003") && port.ends_with("--port"), "{port}");
    assert!(life.contains("3h") && life.ends_with("variable PORTAL_SESSION_LIFE"), "{life}");
    let name = line(&table, "product_name");
    assert!(name.contains("From File") && name.ends_with("portal.toml, line 3"), "{name}");
    assert!(line(&table, "default_quota").ends_with("10                             default"), "{table}");
}

#[test]
fn wrong_settings_are_all_named_with_file_and_line() {
    let data = folder();
    let file = data.path().join("portal.toml");
    std::fs::write(&file, "smpt_url = \"smtp://127.0.0.1\"\n\nmail_leese = 3\n").unwrap();
    let (code, text) = run(data.path(), &["settings", "show"], &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("portal.toml, line 1: there is no setting \"smpt_url\"; did you mean smtp_url?"),
        "{text}"
    );
    assert!(text.contains("portal.toml, line 3: ") && text.contains("did you mean mail_lease?"), "{text}");

    std::fs::write(&file, "port = 70000\n\nmail_send_timeout = \"soon\"\napproval = \"maybe\"\n").unwrap();
    let (_, text) = run(data.path(), &["settings", "show"], &[("PORTAL_SUPPORT", "nobody")]);
    for told in [
        "portal.toml, line 1: port is \"70000\"; it takes a whole number from 0 to 65535",
        "portal.toml, line 3: mail_send_timeout is \"soon\"; it takes a span of time",
        "portal.toml, line 4: approval is \"maybe\"; it takes true or false",
        "variable PORTAL_SUPPORT: support is \"nobody\"; it takes an e-mail address",
    ] {
        assert!(text.contains(told), "no {told} in {text}");
    }

    // What the library finds is told with where it stands, too.
    std::fs::write(&file, "mail_lease = \"10 s\"\n").unwrap();
    let (_, text) = run(data.path(), &["--port", "0"], &[]);
    assert!(text.contains("mail_send_timeout: the time-out of a send is longer than zero"), "{text}");
    let (_, text) = run(data.path(), &["--config", "/nowhere/portal.toml"], &[]);
    assert!(text.contains("/nowhere/portal.toml: cannot be read") && text.contains("--config"), "{text}");
    std::fs::write(&file, "data = \"elsewhere\"\n").unwrap();
    let (_, text) = run(data.path(), &["settings", "show"], &[]);
    assert!(text.contains("portal.toml, line 1: data is the folder in which this file was found"), "{text}");
}

#[test]
fn r_tok_4_secrets_are_shown_nowhere() {
    let data = folder();
    let token = "a-token-of-more-than-thirty-two-characters";
    let secrets =
        [("PORTAL_SMTP_URL", "smtps://olga:geheimnis@mail.example"), ("PORTAL_METRICS_TOKEN", token)];
    let (code, table) = run(data.path(), &["settings", "show"], &secrets);
    assert_eq!(code, Some(0), "{table}");
    assert!(!table.contains("geheimnis") && !table.contains(token), "{table}");
    assert!(line(&table, "smtp_url").contains("smtps://olga:(hidden)@mail.example"), "{table}");
    // Nor when they are wrong.
    let wrong =
        [("PORTAL_SMTP_URL", "http://olga:geheimnis@mail.example"), ("PORTAL_METRICS_TOKEN", "geheimnis")];
    let (code, text) = run(data.path(), &["settings", "show"], &wrong);
    assert!(code == Some(1) && text.contains("32 characters") && !text.contains("geheimnis"), "{text}");
    let (_, help) = run(data.path(), &["--help"], &secrets);
    assert!(!help.contains("geheimnis") && !help.contains(token), "{help}");
}

#[test]
fn plain_http_is_for_this_machine_alone() {
    for url in ["http://portal.example", "http://127.0.0.1.evil.example", "http://10.0.0.1:8080"] {
        refused(&["--port", "0", "--base-url", url], &["--base-url: base_url", "https://"]);
    }
    refused(&["--port", "0", "--listen", "0.0.0.0"], &["--listen: listen is 0.0.0.0", "--key-file"]);
    let data = folder();
    let key = folder().path().join("portal.key");
    let (code, text) = run(
        data.path(),
        &["--port", "0", "--listen", "0.0.0.0", "--key-file", key.to_str().unwrap(), "--mailbox", "on"],
        &[],
    );
    assert!(code == Some(1) && text.contains("--base-url https://"), "{text}");
    // The start says what plain http costs.
    let portal = Portal::start_with(folder(), &["--base-url", "http://localhost:4711"]);
    assert!(portal.greeting.contains("without Secure and without the prefix __Host-"), "{}", portal.greeting);
}

#[test]
fn the_mailbox_is_on_this_machine_only_and_never_beside_a_mail_server() {
    let smtp = ["--port", "0", "--smtp-url", "smtp://127.0.0.1:1"];
    refused(&[&smtp[..], &["--mailbox", "on"]].concat(), &["--mailbox: mailbox is on, beside a mail server"]);
    refused(
        &["--port", "0", "--base-url", "https://portal.example"],
        &["mailbox shows everybody's mails", "https://portal.example", "smtp_url"],
    );
    refused(
        &["--port", "0", "--mailbox", "off"],
        &["smtp_url is not set, and mails would go nowhere", "mailbox = true"],
    );
    refused(
        &["--port", "0", "--smtp-url", "smtp://mail.example"],
        &["--smtp-url", "clear text", "tls=required"],
    );
}

#[test]
fn files_that_others_may_read_are_refused_with_the_command_that_mends_it() {
    let (code, data) = Portal::start().stop();
    assert_eq!(code, Some(0));
    let mode = |name: &str| std::fs::metadata(data.path().join(name)).unwrap().permissions().mode() & 0o777;
    for name in ["portal.db", "sign-ins.db", "host.key", "demo.txt", "portal.db.mc-migrate.lock"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    assert_eq!(mode(""), 0o700);
    for (name, wide, mended) in [
        ("portal.db", 0o640, "chmod 600 "),
        ("sign-ins.db", 0o604, "chmod 600 "),
        ("host.key", 0o644, "chmod 600 "),
        ("demo.txt", 0o644, "chmod 600 "),
        ("", 0o755, "chmod 700 "),
    ] {
        let path = data.path().join(name);
        let set = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        set(wide);
        for arguments in [&["--port", "0"][..], &["verify"], &["demo"]] {
            let (code, text) = run(data.path(), arguments, &[]);
            assert!(
                code == Some(1) && text.contains(mended) && text.contains(&format!("{wide:04o}")),
                "{text}"
            );
            assert!(text.contains(path.to_str().unwrap().trim_end_matches('/')), "{text}");
        }
        set(if name.is_empty() { 0o700 } else { 0o600 });
    }
    assert_eq!(run(data.path(), &["verify"], &[]).0, Some(0));
    // Nobody is told to close a folder that is not the portal's.
    let other = tempfile::tempdir().unwrap();
    std::fs::set_permissions(other.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(other.path().join("notes.txt"), "mine").unwrap();
    let (code, text) = run(other.path(), &["--port", "0"], &[]);
    assert!(code == Some(1) && text.contains("--data") && !text.contains("chmod"), "{text}");
    assert_eq!(std::fs::metadata(other.path()).unwrap().permissions().mode() & 0o777, 0o755);
    // While it runs, what SQLite puts beside the databases has the same rights.
    let running = Portal::start();
    let beside: Vec<_> =
        std::fs::read_dir(running.folder.path()).unwrap().map(|entry| entry.unwrap()).collect();
    assert!(beside.iter().any(|entry| entry.file_name() == "portal.db-wal"), "{beside:?}");
    for entry in beside {
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{entry:?}");
    }
    // A settings file with a password is its owner's alone; one without may be read by all.
    let file = data.path().join("portal.toml");
    std::fs::write(&file, "smtp_url = \"smtps://olga:geheimnis@mail.example\"\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (code, text) = run(data.path(), &["verify"], &[]);
    assert!(code == Some(1) && text.contains("chmod 600 ") && text.contains("portal.toml"), "{text}");
    std::fs::write(&file, "default_quota = 3\n").unwrap();
    assert_eq!(run(data.path(), &["verify"], &[]).0, Some(0));
}

#[test]
fn outside_the_demo_the_key_lies_elsewhere() {
    let (data, elsewhere) = (folder(), folder());
    let beside = data.path().join("my.key");
    let (code, text) =
        run(data.path(), &["--port", "0", "--mailbox", "on", "--key-file", beside.to_str().unwrap()], &[]);
    assert!(
        code == Some(1) && text.contains("lies in the data folder") && text.contains("--key-file"),
        "{text}"
    );
    assert!(!beside.exists() && !data.path().join("portal.db").exists(), "nothing was made");

    let key = elsewhere.path().join("my.key");
    let arguments = ["--key-file", key.to_str().unwrap(), "--mailbox", "on"];
    let portal = Portal::start_with(data, &arguments);
    assert!(portal.password.is_empty() && !portal.greeting.contains("demo"), "no demo: {}", portal.greeting);
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!portal.folder.path().join("host.key").exists());
    let (code, data) = portal.stop();
    assert_eq!(code, Some(0));
    assert_eq!(run(data.path(), &["--key-file", key.to_str().unwrap(), "verify"], &[]).0, Some(0));
    // Without its key the database is of no use; a new one would only hide that.
    std::fs::rename(&key, elsewhere.path().join("moved.key")).unwrap();
    let (code, text) = run(data.path(), &[&["--port", "0"], &arguments[..]].concat(), &[]);
    assert!(code == Some(1) && text.contains("put it back") && !key.exists(), "{text}");
    // No demo on real data, and nothing real on demo data.
    let (_, text) = run(data.path(), &[&["demo", "--customers", "1"], &arguments[..]].concat(), &[]);
    assert!(text.contains("leave key_file out"), "{text}");
    let (_, demo) = Portal::start().stop();
    let copied = elsewhere.path().join("copied.key");
    std::fs::copy(demo.path().join("host.key"), &copied).unwrap();
    let (code, text) =
        run(demo.path(), &["--port", "0", "--mailbox", "on", "--key-file", copied.to_str().unwrap()], &[]);
    assert!(code == Some(1) && text.contains("holds demo data"), "{text}");
}

#[test]
fn the_default_partner_is_named_by_its_identifier() {
    let (_, data) = Portal::start().stop();
    let (code, text) = run(data.path(), &["--default-partner", "nobody", "verify"], &[]);
    assert!(code == Some(1) && text.contains("there is no such account"), "{text}");
    assert_eq!(run(data.path(), &["--default-partner", "cloud-partner", "verify"], &[]).0, Some(0));
}

#[test]
fn the_support_address_may_be_a_page() {
    let portal = Portal::start_with(folder(), &["--support", "https://help.example/portal"]);
    let page = portal.signed_in(common::EMMA).open("/").body;
    assert!(page.contains("href=\"https://help.example/portal\""), "{page}");
    for bad in ["javascript:alert(1)", "http://help.example", "https://\"onclick", "nobody"] {
        refused(&["--port", "0", "--support", bad], &["--support: support is"]);
    }
}
