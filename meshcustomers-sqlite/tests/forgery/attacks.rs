//! What somebody does to the file, and what `verify` finds of it.

use meshcustomers_core::{EventDetails, HistoryProblem as Problem, LabelSlot, Role, VerifyLevel};

use super::Scene;

const ACME: &str = "(SELECT id FROM mc_customer WHERE identifier = 'acme')";

/// What somebody does, and what `verify` finds: at which level, from which event on, and what. A number of 0: a row that no
/// event made.
pub(super) struct Attack {
    pub(super) what: &'static str,
    pub(super) who: Victim,
    pub(super) does: fn(&Scene),
    pub(super) found: &'static [(VerifyLevel, u64, Problem)],
}

#[derive(Clone, Copy)]
pub(super) enum Victim {
    Acme,
    North,
    Gamma,
}

use VerifyLevel::{Anchored, Folded, Sealed, Whole};
use Victim::{Acme, Gamma, North};

macro_rules! rows {
    ($sql:literal) => {
        |scene| scene.sql(&$sql.replace("ACME", ACME))
    };
}

pub(super) const ATTACKS: &[Attack] = &[
    // ---- on the history -------------------------------------------------------------------------------------------
    Attack {
        what: "changes an event and leaves its hash",
        who: Acme,
        does: rows!("UPDATE mc_event SET at = at + 1 WHERE number = 12 AND customer = ACME"),
        found: &[(Whole, 12, Problem::Hash)],
    },
    Attack {
        what: "rewrites an event and chains all that follow anew",
        who: Acme,
        does: |scene| {
            scene.rewrite(|events| {
                events[4].details = EventDetails::UserRoleChanged {
                    membership: match EventDetails::decode(events[4].kind, &events[4].details) {
                        Some(EventDetails::UserRoleChanged { membership, .. }) => membership,
                        other => panic!("{other:?}"),
                    },
                    old: Role::EMPLOYEE,
                    new: Role::EMPLOYEE,
                }
                .encode();
            });
        },
        found: &[(Sealed, 5, Problem::Seal), (Anchored, 12, Problem::Anchor), (Folded, 6, Problem::Event)],
    },
    Attack {
        what: "rewrites an event, chains anew, and changes the row with it: a forged rename",
        who: Acme,
        does: |scene| {
            scene.rewrite(|events| {
                let label = events[11].labels.iter_mut().find(|label| label.slot == LabelSlot::Name).unwrap();
                "Evil Tools".clone_into(&mut label.text.as_mut().unwrap().text);
            });
            scene.sql("UPDATE mc_customer SET name = 'Evil Tools', sort_key = 'evil tools' WHERE identifier = 'acme'");
        },
        found: &[(Sealed, 12, Problem::Seal), (Anchored, 12, Problem::Anchor)],
    },
    Attack {
        what: "writes another event at the end, with a seal copied from elsewhere",
        who: Acme,
        does: |scene| {
            scene.rewrite(|events| {
                let mut forged = events[5].clone();
                forged.details = match EventDetails::decode(forged.kind, &forged.details) {
                    Some(EventDetails::UserRoleChanged { membership, .. }) => {
                        EventDetails::UserRoleChanged { membership, old: Role::EMPLOYEE, new: Role::ADMIN }
                    }
                    other => panic!("{other:?}"),
                }
                .encode();
                events.push(forged);
            });
            scene.sql(&format!("UPDATE mc_membership SET role = 'Admin' WHERE customer = {ACME}"));
        },
        found: &[(Sealed, 13, Problem::Seal)],
    },
    Attack {
        what: "says that events were sealed with a key that nobody has",
        who: Acme,
        does: rows!("UPDATE mc_event SET seal_key = 9 WHERE number > 3 AND customer = ACME"),
        found: &[(Sealed, 4, Problem::UnknownKey)],
    },
    Attack {
        what: "takes an event out of the middle and chains anew",
        who: Acme,
        does: |scene| scene.rewrite(|events| drop(events.remove(10))),
        found: &[(Sealed, 11, Problem::Seal), (Anchored, 12, Problem::Anchor), (Folded, 0, Problem::Message)],
    },
    Attack {
        what: "cuts the tail, and turns the row back with it",
        who: Acme,
        does: |scene| {
            scene.rewrite(|events| drop(events.pop()));
            scene.sql("UPDATE mc_customer SET name = 'ACME', sort_key = 'acme' WHERE identifier = 'acme'");
        },
        found: &[(Anchored, 12, Problem::Anchor)],
    },
    Attack {
        what: "drops a customer with all that is its own",
        who: Gamma,
        does: |scene| {
            let gamma = "(SELECT id FROM mc_customer WHERE identifier = 'gamma')";
            for table in
                ["mc_label", "mc_event", "mc_membership", "mc_quota", "mc_registration", "mc_identifier"]
            {
                scene.sql(&format!("DELETE FROM {table} WHERE customer = {gamma}"));
            }
            scene.sql(&format!("DELETE FROM mc_search WHERE rowid = {gamma}"));
            scene.sql("DELETE FROM mc_customer WHERE identifier = 'gamma'");
            // Its registration was a use of North's link.
            scene.sql("UPDATE mc_registration_link SET uses = 0");
        },
        found: &[(Anchored, 1, Problem::MissingCustomer)],
    },
    Attack {
        what: "moves a label to another event, with its salt",
        who: Acme,
        does: rows!(
            "UPDATE mc_label SET (text, salt) = (SELECT text, salt FROM mc_label x WHERE x.customer = ACME \
             AND x.number = 12 AND x.slot = 6) WHERE customer = ACME AND number = 1 AND slot = 6"
        ),
        found: &[(Whole, 1, Problem::Label)],
    },
    Attack {
        what: "changes a label's text",
        who: Acme,
        does: rows!(
            "UPDATE mc_label SET text = 'mallory@evil.example' WHERE customer = ACME AND number = 9 AND slot = 4"
        ),
        found: &[(Whole, 9, Problem::Label), (Folded, 9, Problem::Invitation)],
    },
    Attack {
        what: "changes a label's text with salt and commitment",
        who: Acme,
        does: |scene| {
            scene.rewrite(|events| {
                let label =
                    events[8].labels.iter_mut().find(|label| label.slot == LabelSlot::Address).unwrap();
                "mallory@evil.example".clone_into(&mut label.text.as_mut().unwrap().text);
            });
        },
        found: &[
            (Sealed, 9, Problem::Seal),
            (Anchored, 12, Problem::Anchor),
            (Folded, 9, Problem::Invitation),
        ],
    },
    Attack {
        what: "erases a label without an event",
        who: Acme,
        does: rows!(
            "UPDATE mc_label SET text = NULL, salt = NULL WHERE customer = ACME AND number = 9 AND slot = 4"
        ),
        found: &[(Whole, 9, Problem::LabelErased)],
    },
    // ---- on the rows ----------------------------------------------------------------------------------------------
    Attack {
        what: "puts a membership in",
        who: Acme,
        does: rows!(
            "INSERT INTO mc_membership (customer, user, public_id, role, joined_at, since) SELECT ACME, id, zeroblob(16), \
             'Admin', 0, 1 FROM mc_user WHERE name = 'paula'; UPDATE mc_customer SET members = 3 WHERE id = ACME"
        ),
        found: &[(Folded, 0, Problem::Membership)],
    },
    Attack {
        what: "raises a membership",
        who: Acme,
        does: rows!("UPDATE mc_membership SET role = 'Admin' WHERE customer = ACME"),
        found: &[(Folded, 6, Problem::Membership)],
    },
    Attack {
        what: "gives a membership to somebody else",
        who: Acme,
        does: rows!(
            "UPDATE mc_membership SET user = (SELECT id FROM mc_user WHERE name = 'rita') \
             WHERE customer = ACME AND role = 'Admin'"
        ),
        found: &[(Folded, 0, Problem::Membership)],
    },
    Attack {
        what: "lets a member's rights hang on another account",
        who: Acme,
        does: rows!(
            "UPDATE mc_membership SET through = (SELECT id FROM mc_customer WHERE identifier = 'north') \
             WHERE customer = ACME AND role = 'Admin'"
        ),
        found: &[(Folded, 2, Problem::Membership)],
    },
    Attack {
        what: "takes a membership away",
        who: Acme,
        does: rows!(
            "DELETE FROM mc_membership WHERE customer = ACME AND role = 'Admin'; \
             UPDATE mc_customer SET members = 1 WHERE id = ACME"
        ),
        found: &[(Folded, 2, Problem::Membership)],
    },
    Attack {
        what: "lets a member see messages of before they came",
        who: Acme,
        does: rows!("UPDATE mc_membership SET since = 0 WHERE customer = ACME AND role = 'Employee'"),
        found: &[(Folded, 6, Problem::Membership)],
    },
    Attack {
        what: "changes an invited address",
        who: Acme,
        does: rows!(
            "UPDATE mc_invitation SET address = 'mallory@evil.example', email_key = 'mallory@evil.example' \
             WHERE customer = ACME AND state = 'open'"
        ),
        found: &[(Folded, 9, Problem::Invitation)],
    },
    Attack {
        what: "raises an invited role",
        who: Acme,
        does: rows!("UPDATE mc_invitation SET role = 'Admin' WHERE customer = ACME AND state = 'open'"),
        found: &[(Folded, 9, Problem::Invitation)],
    },
    Attack {
        what: "opens a cancelled invitation again",
        who: Acme,
        does: rows!(
            "UPDATE mc_invitation SET state = 'open', ended_at = NULL, nonce = randomblob(32) \
             WHERE customer = ACME AND state = 'cancelled'"
        ),
        found: &[(Folded, 8, Problem::Invitation)],
    },
    Attack {
        what: "lets an invitation live longer",
        who: Acme,
        does: rows!(
            "UPDATE mc_invitation SET expires_at = expires_at + 1 WHERE customer = ACME AND state = 'open'"
        ),
        found: &[(Folded, 9, Problem::Invitation)],
    },
    Attack {
        what: "edits the quota",
        who: Acme,
        does: rows!("UPDATE mc_quota SET \"limit\" = 100000 WHERE customer = ACME"),
        found: &[(Folded, 1, Problem::Quota)],
    },
    Attack {
        what: "counts less of the quota than is used",
        who: Acme,
        does: rows!("UPDATE mc_quota SET used = 0 WHERE customer = ACME"),
        found: &[(Folded, 12, Problem::Project)],
    },
    Attack {
        what: "changes the status",
        who: Acme,
        does: rows!("UPDATE mc_customer SET status = 'disabled' WHERE id = ACME"),
        found: &[(Folded, 1, Problem::Status)],
    },
    Attack {
        what: "moves the customer to no partner",
        who: Acme,
        does: rows!("UPDATE mc_customer SET partner = NULL WHERE id = ACME"),
        found: &[(Folded, 1, Problem::Partner)],
    },
    Attack {
        what: "makes a partner an administrator account",
        who: North,
        does: rows!("UPDATE mc_customer SET kind = 'administrator' WHERE identifier = 'north'"),
        found: &[(Folded, 1, Problem::Kind)],
    },
    Attack {
        what: "renames the customer",
        who: Acme,
        does: rows!("UPDATE mc_customer SET name = 'Evil', sort_key = 'evil' WHERE id = ACME"),
        found: &[(Folded, 12, Problem::Name)],
    },
    Attack {
        what: "changes a message's text",
        who: Acme,
        does: rows!("UPDATE mc_message SET text = 'Send your password to mallory.' WHERE customer = ACME"),
        found: &[(Folded, 11, Problem::Message)],
    },
    Attack {
        what: "takes a project away",
        who: Acme,
        does: rows!(
            "DELETE FROM mc_project WHERE customer = ACME; UPDATE mc_quota SET used = 0 WHERE customer = ACME"
        ),
        found: &[(Folded, 10, Problem::Project)],
    },
    Attack {
        what: "names another registrant",
        who: Gamma,
        does: rows!("UPDATE mc_registration SET registrant = (SELECT id FROM mc_user WHERE name = 'emil')"),
        found: &[(Folded, 1, Problem::Registration)],
    },
    Attack {
        what: "lets a registration link have more uses",
        who: North,
        does: rows!("UPDATE mc_registration_link SET max_uses = NULL"),
        found: &[(Folded, 3, Problem::RegistrationLink)],
    },
    Attack {
        what: "gives a registration link a use back",
        who: North,
        does: rows!("UPDATE mc_registration_link SET uses = 0"),
        found: &[(Folded, 3, Problem::LinkUses)],
    },
];
