//! The columns that each type is read from, in one order; `decode` reads them in the same.

/// Of `mc_user`.
macro_rules! user_columns {
    ($user:literal) => {
        concat!(
            $user,
            ".public_id, (SELECT h.host_id FROM mc_user_host h WHERE h.user = ",
            $user,
            ".id), ",
            $user,
            ".name, ",
            $user,
            ".address, ",
            $user,
            ".verified, ",
            $user,
            ".language, ",
            $user,
            ".state, ",
            $user,
            ".created_at, ",
            $user,
            ".version"
        )
    };
}

/// Of `mc_customer` and its quota of projects.
macro_rules! customer_columns {
    ($customer:literal, $quota:literal) => {
        concat!(
            $customer,
            ".public_id, ",
            $customer,
            ".identifier, ",
            $customer,
            ".name, ",
            $customer,
            ".kind, ",
            $customer,
            ".status, (SELECT p.public_id FROM mc_customer p WHERE p.id = ",
            $customer,
            ".partner), ",
            $customer,
            ".created_at, ",
            $customer,
            ".members, ",
            $quota,
            ".\"limit\", ",
            $quota,
            ".used, ",
            $customer,
            ".version, ",
            $customer,
            ".last_number, ",
            $customer,
            ".last_hash"
        )
    };
}

/// Joins a customer's quota of projects.
macro_rules! quota_join {
    ($customer:literal, $quota:literal) => {
        concat!(
            " LEFT JOIN mc_quota ",
            $quota,
            " ON ",
            $quota,
            ".customer = ",
            $customer,
            ".id AND ",
            $quota,
            ".kind = 'projects'"
        )
    };
}

/// The few columns of `mc_customer` by which an account is judged.
macro_rules! account_columns {
    ($account:literal) => {
        concat!(
            $account,
            ".public_id, ",
            $account,
            ".identifier, ",
            $account,
            ".name, ",
            $account,
            ".kind, ",
            $account,
            ".status"
        )
    };
}

/// Of `mc_membership`.
macro_rules! membership_columns {
    ($member:literal) => {
        concat!(
            $member,
            ".public_id, ",
            $member,
            ".role, ",
            $member,
            ".joined_at, (SELECT t.public_id FROM mc_customer t WHERE t.id = ",
            $member,
            ".through)"
        )
    };
}

/// Of a membership, the account through which it was made, and the person's membership in that.
macro_rules! member_columns {
    ($member:literal, $through:literal, $in_through:literal) => {
        concat!(
            membership_columns!($member),
            ", ",
            account_columns!($through),
            ", ",
            membership_columns!($in_through)
        )
    };
}

/// Joins the account through which a membership was made, and the person's membership in it.
macro_rules! member_join {
    ($member:literal, $through:literal, $in_through:literal) => {
        concat!(
            " LEFT JOIN mc_customer ",
            $through,
            " ON ",
            $through,
            ".id = ",
            $member,
            ".through LEFT JOIN mc_membership ",
            $in_through,
            " ON ",
            $in_through,
            ".customer = ",
            $through,
            ".id AND ",
            $in_through,
            ".user = ",
            $member,
            ".user"
        )
    };
}

/// Of `mc_invitation`.
macro_rules! invitation_columns {
    ($invitation:literal) => {
        concat!(
            $invitation,
            ".public_id, (SELECT ic.public_id FROM mc_customer ic WHERE ic.id = ",
            $invitation,
            ".customer), ",
            $invitation,
            ".address, ",
            $invitation,
            ".role, ",
            $invitation,
            ".language, (SELECT iu.public_id FROM mc_user iu WHERE iu.id = ",
            $invitation,
            ".inviter), (SELECT it.public_id FROM mc_customer it WHERE it.id = ",
            $invitation,
            ".inviter_through), ",
            $invitation,
            ".state, ",
            $invitation,
            ".ended_at, (SELECT ib.public_id FROM mc_user ib WHERE ib.id = ",
            $invitation,
            ".accepted_by), ",
            $invitation,
            ".created_at, ",
            $invitation,
            ".expires_at, ",
            $invitation,
            ".nonce, ",
            $invitation,
            ".generation, ",
            $invitation,
            ".key_number, ",
            $invitation,
            ".mails_day, ",
            $invitation,
            ".mails_count"
        )
    };
}

/// An invitation with all that its standing depends on; put before a condition on `i`.
macro_rules! invitation_facts {
    () => {
        concat!(
            "SELECT ",
            invitation_columns!("i"),
            ", ",
            customer_columns!("c", "q"),
            ", ",
            user_columns!("u"),
            ", ",
            member_columns!("m", "mt", "mtm"),
            ", ",
            account_columns!("t"),
            ", ",
            membership_columns!("tm"),
            " FROM mc_invitation i CROSS JOIN mc_customer c ON c.id = i.customer",
            quota_join!("c", "q"),
            " CROSS JOIN mc_user u ON u.id = i.inviter",
            " LEFT JOIN mc_membership m ON m.customer = i.customer AND m.user = i.inviter",
            member_join!("m", "mt", "mtm"),
            " LEFT JOIN mc_customer t ON t.id = i.inviter_through",
            " LEFT JOIN mc_membership tm ON tm.customer = t.id AND tm.user = i.inviter"
        )
    };
}

/// A member as lists show them; put before a condition on `m`.
macro_rules! member_rows {
    () => {
        concat!(
            "SELECT ",
            user_columns!("u"),
            ", ",
            member_columns!("m", "t", "tm"),
            " FROM mc_membership m CROSS JOIN mc_user u ON u.id = m.user",
            member_join!("m", "t", "tm")
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
    account_columns, customer_columns, invitation_columns, invitation_facts, mail_columns, member_columns,
    member_join, member_rows, membership_columns, quota_join, user_columns,
};
