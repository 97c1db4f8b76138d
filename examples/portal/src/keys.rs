//! What the operator does with host keys: list, rotate, retire (R-TOK-2). No key is ever printed.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use meshcustomers_core::{Clock as _, KeyCheck, KeyUse, Store as _, SystemClock};

use crate::command_line::KeyCommand;
use crate::config::Config;
use crate::files::Files;
use crate::ring::{KeyFile, KeyRing};
use crate::start::{self, Opened, Outcome};

/// Does it on the files of a portal that may be running.
///
/// # Errors
/// What the library, SQLite or the system says, and what cannot be done now.
pub fn run(config: &Config, files: &Files, command: KeyCommand) -> Outcome<String> {
    let ring = files.keys()?;
    match command {
        KeyCommand::List => list(&start::open_beside(config, files, ring.host_keys()?)?, &ring),
        KeyCommand::Rotate { finish: false } => rotate(config, files, ring),
        KeyCommand::Rotate { finish: true } => finish(config, files, &ring),
        KeyCommand::Retire { number, force } => retire(config, files, &ring, number, force),
    }
}

/// The keys that the database knows.
fn known(opened: &Opened) -> Outcome<Vec<KeyCheck>> {
    Ok(opened.store.read()?.instance()?.map(|instance| instance.keys).unwrap_or_default())
}

fn uses(opened: &Opened) -> Outcome<Vec<KeyUse>> {
    Ok(opened.admin.links_per_key(&opened.operator.act("portal", "keys", "")?)?)
}

/// A key that is to make links, and never did.
fn waiting<'a>(ring: &'a KeyRing, known: &[KeyCheck]) -> Option<&'a KeyFile> {
    let fresh = |key: &&KeyFile| !known.iter().any(|check| check.number == key.number && check.has_made);
    ring.others.iter().rfind(fresh)
}

fn list(opened: &Opened, ring: &KeyRing) -> Outcome<String> {
    let (known, uses) = (known(opened)?, uses(opened)?);
    let files = std::iter::once(&ring.making).chain(&ring.others).map(|key| key.number);
    let numbers: BTreeSet<u8> =
        uses.iter().map(|key| key.number).chain(files).chain(ring.retired.iter().copied()).collect();
    let mut text = "key  made        age        open links  state    file".to_owned();
    for number in numbers {
        let links = uses.iter().find(|key| key.number == number).map_or(0, |key| key.living_links);
        let file = ring.find(number);
        let has_made = known.iter().any(|key| key.number == number && key.has_made);
        let state = match file {
            Some(_) if number == ring.making.number => "makes",
            Some(_) if has_made => "checks",
            Some(_) => "waits",
            None if ring.retired.contains(&number) => "retired",
            None => "missing",
        };
        let (made, age, path) = file.map_or_else(
            || ("-".to_owned(), "-".to_owned(), String::new()),
            |key| {
                let days = (SystemClock.now() - key.made).num_days();
                (
                    key.made.format("%Y-%m-%d").to_string(),
                    format!("{days} days"),
                    key.path.display().to_string(),
                )
            },
        );
        let _ = write!(text, "\n{number:<3}  {made:<10}  {age:<9}  {links:<10}  {state:<7}  {path}");
    }
    Ok(text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"))
}

/// The first step: a key that every process knows before it makes anything.
fn rotate(config: &Config, files: &Files, mut ring: KeyRing) -> Outcome<String> {
    let opened = start::open_beside(config, files, ring.host_keys()?)?;
    let known = known(&opened)?;
    if let Some(key) = waiting(&ring, &known) {
        return Err(format!(
            "host key {} is made already and waits; start the portal again, then run: portal key rotate --finish",
            key.number
        )
        .into());
    }
    let taken = known.iter().map(|key| key.number).chain(ring.retired.iter().copied());
    let last = taken.chain([ring.making.number]).chain(ring.others.iter().map(|key| key.number)).max();
    let number =
        last.unwrap_or(0).checked_add(1).ok_or("there were 255 host keys; there is no number left")?;
    ring.draw(number)?;
    drop(opened);
    // The database hears of it.
    start::open_beside(config, files, ring.host_keys()?)?;
    Ok(format!(
        "host key {number} is made, in {folder}; host key {old} still makes new links. Two steps are left:\n\
         1. Start the portal again: it then knows both keys.\n\
         2. portal key rotate --finish\n\
         Keep a copy of {folder} where you keep the key, apart from the backups.",
        folder = files.ring().display(),
        old = ring.making.number
    ))
}

/// The second step: it makes from now on, and the one that did only checks.
fn finish(config: &Config, files: &Files, ring: &KeyRing) -> Outcome<String> {
    let opened = start::open_beside(config, files, ring.host_keys()?)?;
    let known = known(&opened)?;
    let new = waiting(ring, &known).ok_or("no new host key waits; first run: portal key rotate")?;
    drop(opened);
    ring.change(new)?;
    // The database hears of it, and what is on the disk now is read once before the portal needs it.
    let ring = files.keys()?;
    start::open_beside(config, files, ring.host_keys()?)?;
    Ok(format!(
        "host key {new} is in {path} now, the earlier one in {folder}. Start the portal again: from then on, host key {new} makes \
         new links. Those of before stay good; `portal key list` shows when no open one is left.\n\
         Keep a copy of both anew, apart from the backups.",
        new = new.number,
        path = ring.making.path.display(),
        folder = files.ring().display()
    ))
}

fn retire(config: &Config, files: &Files, ring: &KeyRing, number: u8, force: bool) -> Outcome<String> {
    if number == ring.making.number {
        return Err(format!("host key {number} makes the new links; first run: portal key rotate").into());
    }
    if ring.find(number).is_none() && ring.retired.contains(&number) {
        return Ok(format!("host key {number} was given up before"));
    }
    // Also one whose file is lost: without it nothing else could start.
    let opened = start::open_beside(config, files, ring.host_keys()?.without(number))?;
    let uses = uses(&opened)?;
    let used = uses.iter().find(|key| key.number == number);
    if used.is_none() && ring.find(number).is_none() {
        return Err(format!("there is no host key {number}; `portal key list` shows them").into());
    }
    let links = used.map_or(0, |key| key.living_links);
    if links > 0 && !force {
        return Err(format!(
            "host key {number} is needed: {links} open links hang on it, which would be dead. Wait until they are used or over, or \
             give it up all the same with --force"
        )
        .into());
    }
    let mark = ring.retire(number)?;
    Ok(format!(
        "host key {number} is given up; links that are dead now: {links}. Start the portal again. What this key sealed cannot be \
         checked any more: `portal verify` says so. {mark} is not read, and must stay, empty or not; to take the key back, name \
         it {number}.key again.",
        mark = mark.display()
    ))
}
