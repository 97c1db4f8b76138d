//! The API over its router, without a network: every answer is compared with the description.

mod callers;
mod description;
mod export;
mod idempotency;
mod input;
mod story;
mod strangers;
mod world;
