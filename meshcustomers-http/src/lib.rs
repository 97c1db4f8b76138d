#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod api;
mod call;
mod caller;
mod document;
mod host;
mod input;
mod operations;
mod problem;
mod view;
mod words;

pub use api::{Api, openapi};
pub use caller::{Caller, CallerError, Callers};
