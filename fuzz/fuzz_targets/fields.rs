//! Every field: no input panics, and what is taken comes back the same from its own text.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use meshcustomers_core::{
    EmailAddress, HostUserId, Identifier, Language, MessageText, Name, ProjectIdentifier, Quota, Reason,
    SearchTerm, Title,
};

fn round_trip<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    let Ok(value) = text.parse::<T>() else { return };
    let printed = value.to_string();
    match printed.parse::<T>() {
        Ok(again) => assert_eq!(again, value, "{printed:?}"),
        Err(_) => panic!("what was taken is refused when printed: {printed:?}"),
    }
}

fuzz_target!(|text: &str| {
    round_trip::<EmailAddress>(text);
    round_trip::<HostUserId>(text);
    round_trip::<Identifier>(text);
    round_trip::<Language>(text);
    round_trip::<MessageText>(text);
    round_trip::<Name>(text);
    round_trip::<ProjectIdentifier>(text);
    round_trip::<Quota>(text);
    round_trip::<Reason>(text);
    round_trip::<SearchTerm>(text);
    round_trip::<Title>(text);
    if let Ok(address) = text.parse::<EmailAddress>() {
        assert_eq!(address.to_wire().parse::<EmailAddress>().ok(), Some(address.clone()));
        assert!(address.to_wire().len() <= 254 && !address.to_wire().contains(['\r', '\n', ' ', ',']));
    }
});
