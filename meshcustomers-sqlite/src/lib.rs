#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

/// The examples of the project's front page compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod front_page {}

mod adopt;
mod append;
mod apply;
mod backup;
mod columns;
mod connection;
mod counts;
mod customers;
mod decode;
mod error;
mod facts;
mod keep;
mod lists;
mod messages;
mod migrate;
mod open;
mod projects;
mod registration_links;
mod registrations;
mod search;
mod store;
#[cfg(test)]
mod testing;
mod transaction;
mod unit;
mod verify;
mod writer;

pub use connection::Durability;
pub use error::OpenError;
pub use open::{OpenMode, SqliteOptions};
pub use rusqlite;
pub use store::SqliteStore;
pub use unit::Unit;
pub use verify::{CounterFault, ForeignKeyFault, VerifyReport};
