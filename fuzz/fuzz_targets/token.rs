//! Link tokens: one spelling each, and no made-up one shows anything.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use meshcustomers_core::{Administration, HostKey, LinkToken, MemoryStore, SeededEntropy, Settings};

fn administration() -> &'static Administration {
    static ADMIN: OnceLock<Administration> = OnceLock::new();
    ADMIN.get_or_init(|| {
        let entropy = SeededEntropy::new(1);
        let key = HostKey::generate(&entropy).expect("a key");
        let settings = Settings::builder("https://portal.example").build().expect("settings");
        Administration::builder(MemoryStore::new(), key, settings)
            .entropy(entropy)
            .build()
            .expect("administration")
    })
}

fuzz_target!(|text: &str| {
    let Some(token) = LinkToken::parse(text) else { return };
    assert_eq!(token.expose(), text);
    assert!(administration().offer(&token).is_err());
});
