//! Registration links (R-LNK).

use chrono::{DateTime, Utc};
use meshcustomers_core::{
    CustomerId, LinkSecret, RegistrationLink, RegistrationLinkFacts, RegistrationLinkId, StoreResult,
};
use rusqlite::{Connection, params};

use crate::columns::{account_columns, of};
use crate::decode::{self, Cells, all, one};
use crate::lists::limit;

pub(crate) fn registration_link(
    connection: &Connection,
    partner: CustomerId,
    now: DateTime<Utc>,
) -> StoreResult<Option<RegistrationLinkFacts>> {
    // Those that have lapsed and that nobody has ended yet are few; those that ever came by a link may be many.
    const SQL: &str = concat!(
        "SELECT ",
        of!("l": "public_id", "nonce", "generation", "key_number", "made_at", "expires_at", "max_uses", "uses"),
        ", l.revoked_at, (SELECT count(*) FROM mc_customer x INDEXED BY mc_customer_lapse",
        " CROSS JOIN mc_registration r ON r.customer = x.id WHERE x.lapses_at <= ?2 AND r.link = l.public_id), ",
        account_columns!("c"),
        " FROM mc_registration_link l CROSS JOIN mc_customer c ON c.public_id = l.partner WHERE l.partner = ?1"
    );
    one(connection, SQL, params![partner.as_bytes(), now.timestamp_millis()], |row| {
        let mut cells = Cells::new(row, "mc_registration_link");
        let id = RegistrationLinkId::from_bytes(cells.bytes("public_id")?);
        let nonce = cells.optional_bytes("nonce")?;
        let secret = LinkSecret {
            nonce,
            generation: cells.number("generation")?,
            key_number: cells.number("key_number")?,
        };
        let link = RegistrationLink {
            id,
            partner,
            secret,
            made_at: cells.time("made_at")?,
            expires_at: cells.optional_time("expires_at")?,
            max_uses: cells.optional_number("max_uses")?,
            uses: cells.number("uses")?,
            revoked_at: cells.optional_time("revoked_at")?,
        };
        let lapsed = cells.number("lapsed")?;
        Ok(RegistrationLinkFacts { link, lapsed, partner: decode::account(&mut cells)? })
    })
}

pub(crate) fn linked_partners(
    connection: &Connection,
    after: Option<CustomerId>,
    rows: usize,
) -> StoreResult<Vec<CustomerId>> {
    const SQL: &str = "SELECT partner FROM mc_registration_link INDEXED BY mc_registration_link_living \
                       WHERE revoked_at IS NULL AND partner > ?1 ORDER BY partner LIMIT ?2";
    // Every id comes after no bytes.
    let after = after.as_ref().map_or(&[][..], |after| &after.as_bytes()[..]);
    all(connection, SQL, params![after, limit(rows)], |row| {
        Ok(CustomerId::from_bytes(Cells::new(row, "mc_registration_link").bytes("partner")?))
    })
}
