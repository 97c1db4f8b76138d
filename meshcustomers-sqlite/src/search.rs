//! Lists of customers, and the search in them (R-FLD-9, R-MNG-2).
//!
//! A search by any part of the text has two ways, and each alone is slow. The index of three characters finds rare terms at
//! once, but has no order: a common term would have to be collected and sorted whole. Walking the ordered index with
//! `instr` fills a page of a common term at once, but looks through everything for a rare one. So the index is asked for at
//! most [`FEW`] + 1 hits: up to [`FEW`] they are fetched and sorted, else the ordered index is walked.

use meshcustomers_core::{
    Customer, CustomerOrder, CustomerQuery, CustomerScope, Phase, SearchTerm, SortKey, StoreResult,
};
use rusqlite::{Connection, ToSql};

use crate::columns::{account_columns, customer_columns, of, public_id, quota_join};
use crate::decode::{self, Cells, all};
use crate::error::misuse;
use crate::lists::{limit, number_position};

/// So many hits are fetched and sorted.
const FEW: usize = 2_000;

pub(crate) fn customers(connection: &Connection, query: &CustomerQuery) -> StoreResult<Vec<Customer>> {
    let hits = match &query.search {
        Some(term) => few_hits(connection, term.as_str())?,
        None => None,
    };
    // Of several kinds each is walked along its own part of the index, and they are merged: one statement over all of them
    // would sort the whole table.
    let walks: &[Walk] = match query.scope {
        CustomerScope::Partner(_) => &[Walk::Partner],
        CustomerScope::Standard => &[Walk::Kind("standard")],
        CustomerScope::StandardAndPartners => &[Walk::Kind("standard"), Walk::Kind("partner")],
        CustomerScope::All => &[Walk::Kind("standard"), Walk::Kind("partner"), Walk::Kind("administrator")],
    };
    let mut found = Vec::new();
    for walk in walks {
        found.extend(along(connection, query, *walk, hits.as_deref())?);
    }
    if walks.len() > 1 {
        match query.order {
            CustomerOrder::Name => {
                found.sort_by_cached_key(|customer| (customer.name.sort_key(), customer.id));
            }
            CustomerOrder::Newest => {
                found.sort_by_key(|customer| std::cmp::Reverse((customer.created_at, customer.id)));
            }
        }
        found.truncate(query.list.limit);
    }
    Ok(found)
}

/// The rows that contain the term, as a JSON list of their integers, if they are few; `None`: not known, or many.
fn few_hits(connection: &Connection, term: &str) -> StoreResult<Option<String>> {
    // The index knows nothing shorter than three characters.
    if term.chars().nth(2).is_none() {
        return Ok(None);
    }
    // Inside quotes a term is itself only; a quote is doubled.
    let phrase = format!("\"{}\"", term.replace('"', "\"\""));
    let most = limit(FEW.saturating_add(1));
    let hits: Vec<i64> = all(
        connection,
        "SELECT rowid FROM mc_search WHERE mc_search MATCH ?1 LIMIT ?2",
        rusqlite::params![phrase, most],
        |row| Cells::new(row, "mc_search").number("rowid"),
    )?;
    Ok((hits.len() <= FEW).then(|| serde_json::json!(hits).to_string()))
}

/// The part of an index that is walked.
#[derive(Clone, Copy)]
enum Walk {
    Partner,
    Kind(&'static str),
}

fn along(
    connection: &Connection,
    query: &CustomerQuery,
    walk: Walk,
    hits: Option<&str>,
) -> StoreResult<Vec<Customer>> {
    const HEAD: &str = concat!("SELECT ", customer_columns!(), " FROM ");
    let mut sql = String::from(HEAD);
    // The index is named: its order is what keeps a page from being sorted.
    let index = match (walk, query.order) {
        (Walk::Partner, CustomerOrder::Name) => "mc_customer_partner_name",
        (Walk::Partner, CustomerOrder::Newest) => "mc_customer_partner_newest",
        (Walk::Kind(_), CustomerOrder::Name) => "mc_customer_kind_name",
        (Walk::Kind(_), CustomerOrder::Newest) => "mc_customer_kind_newest",
    };
    if hits.is_some() {
        sql.push_str("json_each(:hits) h CROSS JOIN mc_customer c ON c.id = h.value");
    } else {
        sql.push_str("mc_customer c INDEXED BY ");
        sql.push_str(index);
    }
    sql.push_str(quota_join!());
    sql.push_str(match walk {
        Walk::Partner => " WHERE c.partner = (SELECT id FROM mc_customer WHERE public_id = :whose)",
        Walk::Kind(_) => " WHERE c.kind = :whose",
    });
    sql.push_str(match query.phase {
        None => " AND c.status NOT IN ('rejected', 'withdrawn', 'lapsed', 'deleted')",
        Some(Phase::Waiting) => {
            " AND c.status IN ('waiting_approval', 'waiting_confirmation', 'waiting_both')"
        }
        Some(Phase::Active) => " AND c.status = 'active'",
        Some(Phase::Disabled) => " AND c.status = 'disabled'",
        Some(Phase::Ended) => " AND c.status IN ('rejected', 'withdrawn', 'lapsed', 'deleted')",
    });
    let walked_for = query.search.as_ref().filter(|_| hits.is_none());
    if walked_for.is_some() {
        // instr, not LIKE: that folds ASCII again and gives % and _ a meaning.
        sql.push_str(" AND (instr(c.sort_key, :term) > 0 OR instr(c.identifier, :term) > 0)");
    }
    if query.without_admin {
        sql.push_str(
            " AND NOT EXISTS (SELECT 1 FROM mc_membership m CROSS JOIN mc_user u ON u.id = m.user \
             WHERE m.customer = c.id AND m.role = 'Admin' AND m.through IS NULL AND u.state = 'enabled')",
        );
    }
    if query.list.after.is_some() {
        sql.push_str(match query.order {
            CustomerOrder::Name => " AND (c.sort_key, c.public_id) > (:key, :id)",
            CustomerOrder::Newest => " AND (c.created_at, c.public_id) < (:key, :id)",
        });
    }
    sql.push_str(match query.order {
        CustomerOrder::Name => " ORDER BY c.sort_key, c.public_id LIMIT :limit",
        CustomerOrder::Newest => " ORDER BY c.created_at DESC, c.public_id DESC LIMIT :limit",
    });

    let rows = limit(query.list.limit);
    let partner = match query.scope {
        CustomerScope::Partner(partner) => *partner.as_bytes(),
        _ => [0; 16],
    };
    let whose: &dyn ToSql = match &walk {
        Walk::Partner => &partner,
        Walk::Kind(kind) => kind,
    };
    let mut parameters: Vec<(&str, &dyn ToSql)> = vec![(":whose", whose), (":limit", &rows)];
    if let Some(hits) = &hits {
        parameters.push((":hits", hits));
    }
    let term = walked_for.map(SearchTerm::as_str);
    if let Some(term) = &term {
        parameters.push((":term", term));
    }
    let number;
    if let Some(after) = &query.list.after {
        let key: &dyn ToSql = match (query.order, &after.key) {
            (CustomerOrder::Name, SortKey::Text(text)) => text,
            (CustomerOrder::Newest, _) => {
                number = number_position(after)?.0;
                &number
            }
            (CustomerOrder::Name, SortKey::Number(_)) => return Err(misuse("a position of another list")),
        };
        parameters.push((":key", key));
        parameters.push((":id", &after.id));
    }
    all(connection, &sql, parameters.as_slice(), |row| decode::customer(&mut Cells::new(row, "mc_customer")))
}
