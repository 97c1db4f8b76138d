//! What the rules say of each cell, written from R-STA-5 (and R-MNG-5, R-MNG-8, R-REG-5 and R-HIS-4 for the operator's own
//! commands), not from the code.

use crate::scene::{Cell, State, Who};

/// M: managers and the operator; AM: managers; AO: an `Admin` of an administrator account and the operator; Ad: `Admin`s of
/// the customer, its registrant among them; m: its members; reg: its registrant; inv: the invited person; Op: the operator.
///
/// A cell is `yes`, `=`, `-` for `NotFound`, or a code. Who is in no line of a command gets `NotFound` or `NotPermitted`;
/// where a command has two lines, the first that names somebody counts.
const RULES: &str = "
see_customer           M    yes               yes                 yes                 yes
see_customer           m    -                 yes                 yes                 -
see_members            M    yes               yes                 yes                 CUSTOMER_ENDED
see_members            m    -                 yes                 yes                 -
see_invitations        M    yes               yes                 yes                 CUSTOMER_ENDED
see_invitations        Ad   -                 yes                 yes                 -
see_receipts           M    yes               yes                 yes                 CUSTOMER_ENDED
see_projects           M    yes               yes                 yes                 CUSTOMER_ENDED
see_projects           m    -                 yes                 yes                 -
see_history            M    yes               yes                 yes                 yes
see_history            Ad   -                 yes                 yes                 -
see_account            m    -                 yes                 yes                 -
see_own_messages       m    -                 yes                 yes                 -
approve                M    yes               =                   =                   CUSTOMER_ENDED
reject                 M    yes               NOT_WAITING         NOT_WAITING         =
withdraw_registration  reg  yes               NOT_WAITING         NOT_WAITING         =
confirm                reg  yes               =                   =                   -
send_confirmation      reg  yes               =                   =                   -
add_myself             AM   CUSTOMER_WAITING  yes                 yes                 CUSTOMER_ENDED
send_message           M    CUSTOMER_WAITING  yes                 yes                 CUSTOMER_ENDED
withdraw_message       M    CUSTOMER_WAITING  yes                 yes                 CUSTOMER_ENDED
rename                 M    yes               yes                 yes                 CUSTOMER_ENDED
rename                 Ad   -                 yes                 CUSTOMER_DISABLED   -
edit_quota             M    yes               yes                 yes                 CUSTOMER_ENDED
disable                M    CUSTOMER_WAITING  yes                 =                   CUSTOMER_ENDED
enable                 M    CUSTOMER_WAITING  =                   yes                 CUSTOMER_ENDED
invite                 Ad   CUSTOMER_WAITING  yes                 CUSTOMER_DISABLED   -
resend                 Ad   CUSTOMER_WAITING  yes                 CUSTOMER_DISABLED   -
cancel_invitation      Ad   CUSTOMER_WAITING  yes                 CUSTOMER_DISABLED   -
change_role            Ad   CUSTOMER_WAITING  yes                 CUSTOMER_DISABLED   -
remove_member          Ad   CUSTOMER_WAITING  yes                 CUSTOMER_DISABLED   -
create_project         Ad   CUSTOMER_WAITING  yes                 CUSTOMER_DISABLED   -
delete_project         Ad   CUSTOMER_WAITING  yes                 CUSTOMER_DISABLED   -
accept                 inv  -                 yes                 CUSTOMER_DISABLED   -
decline                inv  -                 yes                 yes                 -
acknowledge            m    -                 yes                 yes                 -
leave                  m    -                 yes                 yes                 -
move_customer          AO   yes               yes                 yes                 CUSTOMER_ENDED
add_admin              Op   yes               yes                 yes                 CUSTOMER_ENDED
convert_customer       Op   CUSTOMER_WAITING  CONVERSION_BLOCKED  CONVERSION_BLOCKED  CUSTOMER_ENDED
lapse_registration     Op   =                 =                   =                   =
erase_label            Op   yes               yes                 yes                 yes
free_identifier        Op   =                 =                   =                   =
show_link              -    -                 -                   -                   -
rotate_link            -    -                 -                   -                   -
revoke_link            Op   =                 =                   =                   =
";

fn names(group: &str, who: Who) -> bool {
    let managers = matches!(who, Who::Administrator | Who::Manager);
    let admins = matches!(who, Who::Admin | Who::Registrant);
    match group {
        "M" => managers || who == Who::Operator,
        "AM" => managers,
        "AO" => matches!(who, Who::Administrator | Who::Operator),
        "Ad" => admins,
        "m" => admins || who == Who::Employee,
        "reg" => who == Who::Registrant,
        "inv" => who == Who::Invitee,
        "Op" => who == Who::Operator,
        "-" => false,
        other => panic!("{other} is nobody"),
    }
}

/// Where R-STA-5 says "yes" or "=" and which of its states is meant stands in another rule.
fn finer(what: &str, state: State) -> Option<&'static str> {
    Some(match (what, state) {
        // Approved already (R-REG-2).
        ("approve", State::Confirmation) => "=",
        // "Yes, once approved": before, there is no link to confirm by and none to send again (R-REG-3).
        ("confirm", State::Approval | State::Both) => "-",
        ("send_confirmation", State::Approval | State::Both) => "CUSTOMER_WAITING",
        // By the clock, and not written yet (R-REG-5).
        ("lapse_registration", State::Lapsed) => "yes",
        _ => return None,
    })
}

/// Whether a cell is what the rules say; otherwise what they say.
pub(crate) fn agrees(what: &str, who: Who, state: State, cell: &Cell) -> Result<(), String> {
    let what = &what.replace(' ', "_");
    let lines: Vec<Vec<&str>> = RULES
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|line| line.first().is_some_and(|first| first == what))
        .collect();
    assert!(!lines.is_empty(), "{what} has no line in the rules");
    // Members of what waits or has ended are its registrant and whom the operator has added, all Admins.
    let waits_or_ended = !matches!(state, State::Active | State::Disabled);
    let no_such_person =
        (who == Who::Employee && waits_or_ended) || (who == Who::Operator && is_personal(what));
    if no_such_person {
        return expect(*cell == Cell::Nobody, "nobody");
    }
    let Some(line) = lines.iter().find(|line| names(line[1], who)) else {
        // The genuine link of another person's registration tells whose it is.
        let foreign_link = what == "confirm" && *cell == Cell::Refused("OTHER_ACCOUNT");
        let hidden = *cell == Cell::Refused("NOT_FOUND") || foreign_link;
        // Members of what waits or has ended, the invited person and strangers are not even told that it is there.
        let outside = matches!(who, Who::Stranger | Who::Invitee)
            || (waits_or_ended && matches!(who, Who::Admin | Who::Registrant));
        if outside {
            return expect(hidden, "NOT_FOUND");
        }
        return expect(hidden || *cell == Cell::Refused("NOT_PERMITTED"), "NOT_FOUND or NOT_PERMITTED");
    };
    let column = match state {
        State::Approval | State::Confirmation | State::Both => 2,
        State::Active => 3,
        State::Disabled => 4,
        State::Rejected | State::Withdrawn | State::Lapsed | State::LapseWritten => 5,
    };
    let want = finer(what, state).unwrap_or(line[column]);
    let is = match cell {
        Cell::Done => "yes",
        Cell::Unchanged => "=",
        Cell::Refused("NOT_FOUND") => "-",
        Cell::Refused(code) => code,
        Cell::Nobody => ".",
    };
    expect(is == want, want)
}

/// Questions of a person about themselves; the operator is none.
fn is_personal(what: &str) -> bool {
    matches!(what, "see_account" | "see_own_messages")
}

fn expect(holds: bool, want: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(want.to_owned()) }
}
