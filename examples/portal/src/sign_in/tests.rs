//! What a sign-in is good for, and how often one may guess.

use super::*;

fn sign_ins() -> SignIns {
    SignIns::new(Db::open(std::path::Path::new(":memory:")).unwrap())
}

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

#[tokio::test]
async fn an_unverified_sign_in_is_good_for_nothing_and_reserves_nothing() {
    let all = sign_ins();
    let theft = all.register("Mallory", &address("jane@acme.example"), "long enough 1".into()).await.unwrap();
    let tried = all.check("jane@acme.example", "long enough 1".into(), "::1").await.unwrap();
    assert!(matches!(tried, Tried::Wrong));

    let own = all.register("Jane", &address("Jane@acme.example"), "long enough 2".into()).await.unwrap();
    let token = all.new_proof(&own.id).await.unwrap();
    let other = all.new_proof(&theft.id).await.unwrap();
    assert!(matches!(all.proven(&token, "long enough 1".into(), "::1").await.unwrap(), Tried::Wrong));
    assert!(matches!(all.proven(&token, "long enough 2".into(), "::1").await.unwrap(), Tried::Right(_)));
    all.verified(&own.id).await.unwrap();

    assert!(all.by_proof(&token).await.unwrap().is_none(), "a token works once");
    assert!(all.by_proof(&other).await.unwrap().is_none(), "other claims are gone");
    let tried = all.check("JANE@acme.example", "long enough 2".into(), "::1").await.unwrap();
    assert!(matches!(tried, Tried::Right(found) if found.id == own.id));
}

#[tokio::test]
async fn a102_guessing_is_limited_for_known_and_unknown_addresses_alike() {
    for known in [true, false] {
        let all = sign_ins();
        if known {
            all.register_verified_now("Jane", &address("jane@acme.example"), "long enough 1").unwrap();
        }
        let mut wrong = 0;
        while matches!(all.check("jane@acme.example", "guess".into(), "::1").await.unwrap(), Tried::Wrong) {
            wrong += 1;
            assert!(wrong <= 20);
        }
        assert_eq!(wrong, 10);
        let right = all.check("jane@acme.example", "long enough 1".into(), "::1").await.unwrap();
        assert!(matches!(right, Tried::TooMany), "the right password tells nothing either");
        let elsewhere = all.check("jane@acme.example", "long enough 1".into(), "::2").await.unwrap();
        assert_eq!(matches!(elsewhere, Tried::Right(_)), known, "others are not locked out");
    }
}

#[tokio::test]
async fn a_change_of_address_ends_other_claims_and_an_expired_one_is_swept() {
    let all = sign_ins();
    let jane = all.register_verified_now("Jane", &address("jane@acme.example"), "long enough 1").unwrap();
    let new = address("Jane.Doe@acme.example");
    let other = all.register("Mallory", &new, "long enough 2".into()).await.unwrap();
    let (own, claim) = (all.new_proof(&jane.id).await.unwrap(), all.new_proof(&other.id).await.unwrap());
    let token = all.new_address_change(&jane.id, &new).await.unwrap();
    assert!(all.address_change(&token, &other.id).await.unwrap().is_none(), "somebody else's");
    let change = all.address_change(&token, &jane.id).await.unwrap().unwrap();
    assert_eq!(
        (change.sign_in.address.as_str(), change.address.as_str()),
        ("jane@acme.example", "Jane.Doe@acme.example")
    );
    assert_ne!(change.done().fingerprint(), jane.fingerprint(), "what was given before ends");
    assert!(!all.change_address(&token, &other.id, &new).await.unwrap());
    assert!(all.change_address(&token, &jane.id, &new).await.unwrap());
    assert!(!all.change_address(&token, &jane.id, &new).await.unwrap(), "a token works once");
    for proof in [own, claim] {
        assert!(all.by_proof(&proof).await.unwrap().is_none());
    }
    assert!(all.by_id(&other.id).await.unwrap().is_none(), "unproven claims reserve nothing");
    assert_eq!(all.holder(&address("jane.doe@acme.example")).await.unwrap().unwrap().id, jane.id);
    assert!(!all.exists(&address("jane@acme.example")).await.unwrap());

    let token = all.new_address_change(&jane.id, &address("jane@acme.example")).await.unwrap();
    let count = || {
        all.db.with(|db| db.query_row("SELECT count(*) FROM address_change", [], |row| row.get::<_, i64>(0)))
    };
    all.sweep().await.unwrap();
    assert_eq!(count().unwrap(), 1);
    all.db.with(|db| db.execute("UPDATE address_change SET expires_at = ?1", [now()])).unwrap();
    assert!(all.address_change(&token, &jane.id).await.unwrap().is_none());
    assert!(!all.change_address(&token, &jane.id, &address("jane@acme.example")).await.unwrap());
    all.sweep().await.unwrap();
    assert_eq!(count().unwrap(), 0);
}
