//! The memory store keeps every promise.

meshcustomers_conformance::store_suite!(|| meshcustomers_core::MemoryStore::new());
