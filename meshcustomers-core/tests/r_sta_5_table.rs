//! Every command that acts on a customer, in every state of R-STA-5, by everybody: what came out, row by row, in
//! `tests/tables/r_sta_5.txt`. `MESHCUSTOMERS_WRITE_TABLES=1 cargo test --test r_sta_5_table` writes it anew; what the rules
//! say is asserted besides, so a table that was written anew cannot hide a change.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

#[path = "r_sta_5_table/expected.rs"]
mod expected;
#[path = "r_sta_5_table/scene.rs"]
mod scene;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use common::{World, settings};
use meshcustomers_core::{CommandKind, RegistrationLinks, RevokeLink, RotateLink};
use scene::{Cell, Scene, State, Who};

/// Those that act on no customer that is there: one makes it, the other asks for it.
const MAKING: [CommandKind; 2] = [CommandKind::CreateCustomer, CommandKind::Register];
/// Questions with a row in R-STA-5.
const QUESTIONS: [&str; 9] = [
    "see customer",
    "see members",
    "see invitations",
    "see receipts",
    "see projects",
    "see history",
    "see own messages",
    "see account",
    "show link",
];

/// A row of the table: what was asked, by whom, and what came out in each state.
struct Row {
    what: String,
    who: Who,
    cells: Vec<Cell>,
}

fn commands() -> Vec<CommandKind> {
    CommandKind::ALL.iter().copied().filter(|kind| !MAKING.contains(kind)).collect()
}

fn played() -> Vec<Row> {
    let scenes: Vec<Scene> = State::ALL.iter().map(|state| Scene::of(*state)).collect();
    let mut rows = Vec::new();
    for kind in commands() {
        for who in Who::ALL {
            let cells = scenes.iter().map(|scene| scene.command(kind, who)).collect();
            rows.push(Row { what: kind.as_str().to_owned(), who, cells });
        }
    }
    for what in QUESTIONS {
        for who in Who::ALL {
            let cells = scenes.iter().map(|scene| scene.question(what, who)).collect();
            rows.push(Row { what: what.to_owned(), who, cells });
        }
    }
    rows
}

fn printed(rows: &[Row]) -> String {
    let mut text = String::from(
        "What came of every command that acts on a customer, in every state, by everybody (R-STA-5).\n\n\
         done  it was done, or was shown        =  nothing to change        .  no such person can be\n\
         Refusals stand with their codes. \"lapsed\" has passed by the clock; \"lapse written\" is after housekeeping.\n",
    );
    let mut last = String::new();
    for row in rows {
        if row.what != last {
            write!(text, "\n{:<22}", row.what).unwrap();
            for state in State::ALL {
                write!(text, " {:<20}", state.as_str()).unwrap();
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
            last.clone_from(&row.what);
        }
        write!(text, "  {:<20}", row.who.as_str()).unwrap();
        for cell in &row.cells {
            write!(text, " {:<20}", cell.to_string()).unwrap();
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text.push_str("\nThe registration link of a partner\n");
    for (what, who, cells) in partner_rows() {
        write!(text, "{what:<22} {who:<20}").unwrap();
        for (state, cell) in ["active", "disabled"].iter().zip(cells) {
            write!(text, " {state}: {cell:<15}").unwrap();
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// The last row of R-STA-5: a partner neither waits nor ends.
fn partner_rows() -> Vec<(&'static str, &'static str, [Cell; 2])> {
    let scene = |state: State| {
        let w = World::with(settings().registration_links(RegistrationLinks::On));
        w.partner_link(None);
        if state == State::Disabled {
            w.disable(&w.north);
        }
        w
    };
    let scenes = [State::Active, State::Disabled].map(scene);
    let mut rows = Vec::new();
    for what in ["show link", "rotate_link", "revoke_link"] {
        for who in ["administrator", "operator", "Admin", "Employee", "stranger"] {
            let cells = scenes.each_ref().map(|w| {
                let partner = w.north.id;
                let actor = match who {
                    "administrator" => w.hanna(),
                    "operator" => w.operator.clone(),
                    "Admin" => w.paula(),
                    "Employee" => w.by(&w.pete, &w.north),
                    _ => w.by(&w.stranger, &w.north),
                };
                match what {
                    "show link" => scene::cell(w.admin.registration_link(&actor, partner)),
                    "rotate_link" => {
                        let rotate = RotateLink { partner, expires_at: None, max_uses: None };
                        scene::run(w, partner, &actor, &rotate)
                    }
                    _ => scene::run(w, partner, &actor, &RevokeLink { partner }),
                }
            });
            rows.push((what, who, cells));
        }
    }
    rows
}

#[test]
fn r_sta_5_the_partners_people_have_its_link_while_it_is_active() {
    for (what, who, cells) in partner_rows() {
        let want = match (what, who) {
            (_, "Admin") | ("show link", "Employee") => [Cell::Done, Cell::Refused("NOT_FOUND")],
            // Also of a disabled partner (R-LNK-1).
            ("revoke_link", "operator") => [Cell::Done, Cell::Done],
            (_, "stranger") => [Cell::Refused("NOT_FOUND"); 2],
            _ => [Cell::Refused("NOT_PERMITTED"), Cell::Refused("NOT_FOUND")],
        };
        assert_eq!(cells, want, "{what} by {who}");
    }
}

#[test]
fn r_sta_5_the_table_reads_as_it_was_proofread() {
    let now = printed(&played());
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tables/r_sta_5.txt");
    if std::env::var_os("MESHCUSTOMERS_WRITE_TABLES").is_some() {
        std::fs::write(&path, now).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differing: Vec<_> =
        now.lines().zip(kept.lines()).filter(|(now, kept)| now != kept).take(20).collect();
    assert!(now == kept, "{} reads otherwise now; (now, kept): {differing:#?}", path.display());
}

#[test]
fn r_sta_5_every_command_comes_out_as_the_rules_say() {
    let mut wrong = Vec::new();
    let mut spoken_of = BTreeSet::new();
    for row in played() {
        for (state, cell) in State::ALL.iter().zip(&row.cells) {
            spoken_of.insert(row.what.clone());
            if let Err(want) = expected::agrees(&row.what, row.who, *state, cell) {
                let (what, who, state) = (&row.what, row.who.as_str(), state.as_str());
                wrong.push(format!("{what}, {who}, {state}: {cell}, but the rules say {want}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
    let all: BTreeSet<_> = commands().iter().map(|kind| kind.as_str().to_owned()).collect();
    assert!(spoken_of.is_superset(&all));
}

#[test]
fn r_sta_5_writing_a_lapse_changes_no_answer() {
    let at = |wanted| State::ALL.iter().position(|state| *state == wanted).unwrap();
    let (by_the_clock, written) = (at(State::Lapsed), at(State::LapseWritten));
    for row in played() {
        if row.what != CommandKind::LapseRegistration.as_str() {
            assert_eq!(row.cells[by_the_clock], row.cells[written], "{} by {}", row.what, row.who.as_str());
        }
    }
}
