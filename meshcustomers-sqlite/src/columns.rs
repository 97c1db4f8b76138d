//! The columns that each type is read from, in one order; `decode` reads them in the same.

/// Columns of one table.
macro_rules! of {
    ($table:literal: $first:literal $(, $more:literal)*) => {
        concat!($table, ".", $first $(, ", ", $table, ".", $more)*)
    };
}

/// The public id of the row of a table that a column refers to.
macro_rules! public_id {
    ($table:literal, $column:literal) => {
        concat!("(SELECT x.public_id FROM ", $table, " x WHERE x.id = ", $column, ")")
    };
}

/// Of `mc_user`.
macro_rules! user_columns {
    () => {
        concat!(
            of!("u": "public_id", "name", "address", "verified", "language", "state", "created_at", "version"),
            ", (SELECT x.host_id FROM mc_user_host x WHERE x.user = u.id)"
        )
    };
}

/// Of `mc_customer` and its quota of projects.
macro_rules! customer_columns {
    () => {
        concat!(
            account_columns!("c"),
            ", ",
            of!("c": "created_at", "lapses_at", "members", "version", "last_number", "last_hash"),
            ", q.\"limit\", q.used, ",
            public_id!("mc_customer", "c.partner")
        )
    };
}

/// Joins a customer's quota of projects.
macro_rules! quota_join {
    () => {
        " LEFT JOIN mc_quota q ON q.customer = c.id AND q.kind = 'projects'"
    };
}

/// The few columns of `mc_customer` by which an account is judged.
macro_rules! account_columns {
    ($account:literal) => {
        of!($account: "public_id", "identifier", "name", "kind", "status")
    };
}

/// Of `mc_membership`.
macro_rules! membership_columns {
    ($member:literal, $through:literal) => {
        concat!(of!($member: "public_id", "role", "joined_at", "since"), ", ", public_id!("mc_customer", $through))
    };
}

/// Of a membership, the account through which it was made, and the person's membership in that.
macro_rules! member_columns {
    () => {
        concat!(
            membership_columns!("m", "m.through"),
            ", ",
            account_columns!("t"),
            ", ",
            membership_columns!("tm", "tm.through")
        )
    };
}

/// Joins the account through which a membership was made, and the person's membership in it.
macro_rules! member_join {
    () => {
        " LEFT JOIN mc_customer t ON t.id = m.through \
         LEFT JOIN mc_membership tm ON tm.customer = t.id AND tm.user = m.user"
    };
}

/// Of `mc_invitation`.
macro_rules! invitation_columns {
    () => {
        concat!(
            of!("i": "public_id", "address", "role", "language", "state", "ended_at", "created_at", "expires_at"),
            ", ",
            of!("i": "nonce", "generation", "key_number", "mails_day", "mails_count"),
            ", ",
            public_id!("mc_customer", "i.customer"),
            ", ",
            public_id!("mc_user", "i.inviter"),
            ", ",
            public_id!("mc_customer", "i.inviter_through"),
            ", ",
            public_id!("mc_user", "i.accepted_by")
        )
    };
}

/// An invitation with all that its standing depends on; put before a condition on `i`.
macro_rules! invitation_facts {
    () => {
        concat!(
            "SELECT ",
            invitation_columns!(),
            ", ",
            customer_columns!(),
            ", ",
            user_columns!(),
            ", ",
            member_columns!(),
            ", ",
            account_columns!("a"),
            ", ",
            membership_columns!("am", "am.through"),
            " FROM mc_invitation i CROSS JOIN mc_customer c ON c.id = i.customer",
            quota_join!(),
            " CROSS JOIN mc_user u ON u.id = i.inviter \
             LEFT JOIN mc_membership m ON m.customer = i.customer AND m.user = i.inviter",
            member_join!(),
            " LEFT JOIN mc_customer a ON a.id = i.inviter_through \
             LEFT JOIN mc_membership am ON am.customer = a.id AND am.user = i.inviter"
        )
    };
}

/// A member as lists show them, from that source of `m`; put before a condition on it.
macro_rules! member_rows {
    ($source:literal) => {
        concat!(
            "SELECT ",
            user_columns!(),
            ", ",
            member_columns!(),
            " FROM ",
            $source,
            " CROSS JOIN mc_user u ON u.id = m.user",
            member_join!()
        )
    };
}

/// The statuses of a registration that is not decided on; spelled as the indexes spell it.
macro_rules! waiting {
    () => {
        "c.status IN ('waiting_approval', 'waiting_confirmation', 'waiting_both')"
    };
}

/// The statuses of a customer that has ended.
macro_rules! ended {
    () => {
        "c.status IN ('rejected', 'withdrawn', 'lapsed', 'deleted')"
    };
}

/// A registration that has not lapsed by `$now`.
macro_rules! not_lapsed {
    ($now:literal) => {
        concat!("(c.lapses_at IS NULL OR c.lapses_at > ", $now, ")")
    };
}

/// Of `mc_registration`, with when it was made.
macro_rules! registration_columns {
    () => {
        concat!(
            of!("r": "customer", "address", "link", "confirmation", "nonce", "generation", "key_number", "expires_at"),
            ", ",
            of!("r": "mails_day", "mails_count", "reason", "dismissed_at"),
            ", c.registered_at, ",
            public_id!("mc_customer", "r.link_partner")
        )
    };
}

/// A registration with its customer and registrant; put before a source of `c` and `r`.
macro_rules! registration_facts {
    () => {
        concat!(
            "SELECT ",
            registration_columns!(),
            ", ",
            customer_columns!(),
            ", ",
            user_columns!(),
            " FROM "
        )
    };
}

/// Joins what belongs to a registration.
macro_rules! registration_join {
    () => {
        concat!(" CROSS JOIN mc_user u ON u.id = r.registrant", quota_join!())
    };
}

/// Of `mc_project`.
macro_rules! project_columns {
    () => {
        "public_id, identifier, name, created_at"
    };
}

/// Of `mc_message`.
macro_rules! message_columns {
    () => {
        concat!(
            of!("g": "public_id", "number", "title", "text", "salt", "mode", "sender_name", "account_name", "sent_at"),
            ", ",
            of!("g": "ends_at", "state", "closed_at"),
            ", ",
            public_id!("mc_user", "g.sender"),
            ", ",
            public_id!("mc_customer", "g.account"),
            ", ",
            public_id!("mc_user", "g.taken_by")
        )
    };
}

/// Of `mc_outbox`.
macro_rules! mail_columns {
    () => {
        "public_id, queued_at, recipient_user, recipient_name, recipient_address, language, content, state, due_at, \
         lease, settled_at, tries, last_error"
    };
}

pub(crate) use {
    account_columns, customer_columns, ended, invitation_columns, invitation_facts, mail_columns,
    member_columns, member_join, member_rows, membership_columns, message_columns, not_lapsed, of,
    project_columns, public_id, quota_join, registration_columns, registration_facts, registration_join,
    user_columns, waiting,
};
