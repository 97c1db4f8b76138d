#![allow(missing_docs)]
use std::sync::Arc;
use std::time::Instant;
use meshcustomers_conformance::*;
use meshcustomers_core::*;
#[test]
fn cost() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (admin, operator) = Administration::builder(Arc::clone(&store), HostKey::generate(&SeededEntropy::new(1)).unwrap(), Settings::builder("https://x.example").build().unwrap())
        .entropy(SeededEntropy::new(1)).clock(SharedClock::default()).build_with_operator().unwrap();
    let op = operator.act("a", "b", "c").unwrap();
    let ids: Vec<_> = (0..2000).map(|n| admin.create_customer(&op, CreateCustomer::new("Name", &format!("c-{n}")).unwrap()).unwrap().id).collect();
    let mut last = Instant::now();
    for n in 0..200_000_usize {
        let name = Name::parse(&format!("Name {n}")).unwrap();
        admin.rename(&op, Rename { customer: ids[n % 2000], name }).unwrap();
        if n % 40_000 == 39_999 { println!("{} commands: {:?} each", n + 1, last.elapsed() / 40_000); last = Instant::now(); }
    }
}
