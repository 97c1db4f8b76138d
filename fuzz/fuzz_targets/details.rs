//! Details of events: no bytes panic, and what is read is written the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use meshcustomers_core::{EventDetails, EventType};

fuzz_target!(|input: (u16, &[u8])| {
    let (code, bytes) = input;
    let Some(kind) = EventType::from_code(code) else { return };
    let Some(details) = EventDetails::decode(kind, bytes) else { return };
    assert_eq!(details.kind(), kind);
    assert_eq!(EventDetails::decode(kind, &details.encode()), Some(details));
});
