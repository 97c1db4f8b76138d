//! Search by any part of the text (R-FLD-9).
//!
//! There are two ways, and each alone is slow. The index of three characters (FTS5 trigram) finds rare terms at once, but has
//! no order: the hits of a common term would have to be fetched and sorted whole. Walking the ordered index and looking at
//! each row fills a page of a common term at once, but goes through everything for a rare one. So:
//!
//! 1. The trigram index is asked for at most `few` + 1 hits; if they are few, they are fetched and sorted.
//! 2. Else the ordered index is walked for `steps` rows; mostly they fill the page.
//! 3. Else the term is rare or stands together somewhere: up to `many` hits are fetched and sorted.
//! 4. Else the walk goes on to the end.
//!
//! A term of one or two characters has no trigram of its own, but those that begin with it are in the index's list of
//! terms: at the ends of texts too, since each text is indexed with two more characters at its end ([`indexed`]). It starts
//! with the second step.
//!
//! Measured at a million customers in 550 MB, pages of 50, 2 shared cores, in ms (median of 9): a rare term 1 to 1.5, a
//! missing one 0.03, a common one 1 to 2, one whose rows stand together far from the list's beginning 18 to 37, a missing term of
//! two characters 7 to 11. With only the first way and a plain walk, and 200 for `few`: 95 for the term that stands
//! together, 144 to 270 for the missing short one, and 62 for a term with 1,100 hits (now 2). The two characters at the ends of
//! texts cost 3 % of the file.

use meshcustomers_core::{Customer, CustomerQuery, SearchTerm, StoreResult};
use rusqlite::{Connection, Params, params};

use crate::customers::{Walk, Way, along, place_after};
use crate::decode::{Cells, all};
use crate::lists::limit;

/// When one way is given up for another.
pub(crate) struct Thresholds {
    /// So many hits are fetched and sorted at once.
    few: usize,
    /// So many rows are looked at before other ways are tried.
    steps: i64,
    /// So many hits are fetched and sorted if the walk did not fill the page.
    pub(crate) many: usize,
    /// Of so many trigrams a short term is made up at most.
    trigrams: usize,
}

pub(crate) const THRESHOLDS: Thresholds =
    Thresholds { few: 2_000, steps: 20_000, many: 20_000, trigrams: 128 };

/// No name, identifier or term has this character.
const END: &str = "\u{1}\u{1}";

/// A text as it is put into the trigram index.
pub(crate) fn indexed(text: &str) -> String {
    format!("{text}{END}")
}

/// A page of each walk.
pub(crate) fn customers(
    connection: &Connection,
    query: &CustomerQuery,
    walks: &[Walk],
    term: &SearchTerm,
    thresholds: &Thresholds,
) -> StoreResult<Vec<Customer>> {
    let few = if is_short(term) { None } else { asked(connection, &phrase(term.as_str()), thresholds.few)? };
    let mut found = Vec::new();
    for walk in walks {
        found.extend(match &few {
            Some(few) => along(connection, query, *walk, &Way::These { hits: few, term: None })?,
            None => look(connection, query, *walk, term, thresholds)?,
        });
    }
    Ok(found)
}

/// Steps 2 to 4.
fn look(
    connection: &Connection,
    query: &CustomerQuery,
    walk: Walk,
    term: &SearchTerm,
    thresholds: &Thresholds,
) -> StoreResult<Vec<Customer>> {
    if let Some(place) = place_after(connection, query, walk, thresholds.steps)? {
        let page = along(connection, query, walk, &Way::Looking { term, until: Some(&place) })?;
        if page.len() >= query.list.limit {
            return Ok(page);
        }
        let question = if is_short(term) {
            beginning_with(connection, term.as_str(), thresholds.trigrams)?
        } else {
            Some(phrase(term.as_str()))
        };
        let many = match question {
            None => None,
            Some(question) if question.is_empty() => Some("[]".to_owned()),
            Some(question) => asked(connection, &question, thresholds.many)?,
        };
        if let Some(many) = many {
            return along(connection, query, walk, &Way::These { hits: &many, term: None });
        }
    }
    along(connection, query, walk, &Way::Looking { term, until: None })
}

/// Whether a term has no trigram.
fn is_short(term: &SearchTerm) -> bool {
    term.as_str().chars().nth(2).is_none()
}

/// A text as FTS5 reads it: inside quotes it is itself only; a quote is doubled.
fn phrase(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// A question for all trigrams that begin with a short term; empty: there is none; `None`: there are too many.
fn beginning_with(connection: &Connection, term: &str, most: usize) -> StoreResult<Option<String>> {
    let last = format!("{term}{}", char::MAX);
    let trigrams = all(
        connection,
        "SELECT term FROM mc_search_term WHERE term >= ?1 AND term <= ?2 LIMIT ?3",
        params![term, last, limit(most.saturating_add(1))],
        |row| Cells::new(row, "mc_search_term").text("term", |text| Some(phrase(text))),
    )?;
    Ok((trigrams.len() <= most).then(|| trigrams.join(" OR ")))
}

/// The rows that a question finds.
fn asked(connection: &Connection, question: &str, most: usize) -> StoreResult<Option<String>> {
    const SQL: &str = "SELECT rowid FROM mc_search WHERE mc_search MATCH ?1 LIMIT ?2";
    list_of(connection, SQL, params![question, limit(most.saturating_add(1))], most)
}

/// The integers that a statement finds, as a JSON list, if there are no more than that; the statement stops one later.
pub(crate) fn list_of(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    most: usize,
) -> StoreResult<Option<String>> {
    let hits: Vec<i64> =
        all(connection, sql, parameters, |row| Cells::new(row, "mc_search").number("rowid"))?;
    Ok((hits.len() <= most).then(|| serde_json::json!(hits).to_string()))
}

#[cfg(test)]
mod tests {
    use meshcustomers_core::{
        CreateCustomer, CustomerKind, CustomerOrder, CustomerScope, ListQuery, Position, SortKey, from_millis,
    };

    use super::*;
    use crate::SqliteStore;
    use crate::customers::list;
    use crate::testing::administration;

    fn pages(store: &SqliteStore, mut query: CustomerQuery, thresholds: &Thresholds) -> Vec<Customer> {
        let mut found = Vec::new();
        loop {
            let reading = store.begin_read().unwrap();
            let page = list(reading.sql().unwrap(), &query, thresholds).unwrap();
            let Some(last) = page.last() else { return found };
            let key = match query.order {
                CustomerOrder::Name => SortKey::Text(last.name.sort_key()),
                CustomerOrder::Newest => SortKey::Number(last.created_at.timestamp_millis()),
            };
            query.list.after = Some(Position { key, id: *last.id.as_bytes() });
            found.extend(page);
        }
    }

    #[test]
    fn r_fld_9_r_quo_2_every_way_finds_the_same() {
        let store = SqliteStore::open_temporary().unwrap();
        let (admin, operator) = administration(&store);
        let words = ["müller", "bau", "süd", "x", "za\"q", "100%", "東京", "zz"];
        for number in 0_usize..160 {
            let name = format!("{} {} co", words[number % 8], words[number / 8 % 8]);
            let kind = if number % 5 == 0 { CustomerKind::Partner } else { CustomerKind::Standard };
            let command = CreateCustomer::new(&name, &format!("id-{number}")).unwrap().of_kind(kind);
            admin.create_customer(&operator, command).unwrap();
        }
        let some_over = "UPDATE mc_quota SET used = \"limit\" + (customer % 3 = 0)";
        store.unit(|unit| unit.sql().map(|sql| sql.execute(some_over, []).unwrap())).unwrap();
        let ways = [
            // Everything sorted; everything walked; a short walk, then sorted; a short walk, then a long one.
            Thresholds { few: 1000, steps: 1000, many: 1000, trigrams: 1000 },
            Thresholds { few: 0, steps: 1000, many: 0, trigrams: 0 },
            Thresholds { few: 0, steps: 3, many: 1000, trigrams: 1000 },
            Thresholds { few: 0, steps: 3, many: 5, trigrams: 2 },
        ];
        for term in [
            "m", "ü", "ll", "co", "o", "zz", "z", "\"q", "%", "東", "東京", "京", "co", "qy", "9", "-1",
            "müller", "id-1", "nope", " ",
        ] {
            let Ok(term) = SearchTerm::parse(term) else { continue };
            for order in [CustomerOrder::Name, CustomerOrder::Newest] {
                for scope in [CustomerScope::Standard, CustomerScope::StandardAndPartners] {
                    let query = CustomerQuery {
                        scope,
                        phase: None,
                        search: None,
                        without_admin: false,
                        over_quota: false,
                        now: from_millis(0),
                        order,
                        list: ListQuery { after: None, limit: 7 },
                    };
                    let all = pages(&store, query.clone(), &THRESHOLDS);
                    assert!(all.len() >= 128);
                    for (search, over_quota) in [(Some(&term), false), (Some(&term), true), (None, true)] {
                        let mut expected = all.clone();
                        expected.retain(|customer| {
                            let is_over = customer
                                .projects
                                .limit
                                .limit()
                                .is_some_and(|limit| customer.projects.used > limit);
                            let is_found = search.is_none_or(|term| {
                                term.finds(&customer.name.sort_key(), &customer.identifier)
                            });
                            is_found && (is_over || !over_quota)
                        });
                        let query = CustomerQuery { search: search.cloned(), over_quota, ..query.clone() };
                        for (number, way) in ways.iter().enumerate() {
                            assert!(
                                pages(&store, query.clone(), way) == expected,
                                "{search:?} {over_quota} {order:?} {scope:?}, way {number}"
                            );
                        }
                    }
                }
            }
        }
    }
}
