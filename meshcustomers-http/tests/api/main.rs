//! The API over its router, without a network: every answer is compared with the description.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod callers;
mod description;
mod export;
mod idempotency;
mod input;
mod story;
mod strangers;
mod world;
