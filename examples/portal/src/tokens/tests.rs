//! Tests beside the code.

use meshcustomers_core::EmailAddress;

use super::*;
use crate::sign_in::SignIns;

const USER: UserId = UserId::from_bytes([7; 16]);

struct Desk {
    db: Db,
    tokens: Tokens,
    owner: SignIn,
}

fn desk() -> Desk {
    let db = Db::open(std::path::Path::new(":memory:")).unwrap();
    let address = EmailAddress::parse("jane@acme.example").unwrap();
    let owner = SignIns::new(db.clone()).register_verified_now("Jane", &address, "long enough 1").unwrap();
    Desk { tokens: Tokens::new(db.clone()), db, owner }
}

impl Desk {
    async fn make(&self, reach: &Reach) -> String {
        let made = self.tokens.make(random::uuid(), &self.owner, USER, "A program", reach, 30).await.unwrap();
        let Made::New(secret) = made else { panic!("{made:?}") };
        secret.expose().to_owned()
    }

    async fn show(&self, token: &str) -> Option<Bearer> {
        match self.tokens.show(token, "::1").await.unwrap() {
            Shown::Right(bearer) => Some(bearer),
            Shown::Wrong => None,
            Shown::TooMany(_) => panic!("too many"),
        }
    }

    fn sql(&self, text: &str) {
        assert_eq!(self.db.with(|db| db.execute(text, [])).unwrap(), 1, "{text}");
    }

    fn used(&self) -> Option<i64> {
        self.db.with(|db| db.query_row("SELECT used_at FROM token", [], |row| row.get(0))).unwrap()
    }
}

fn all() -> Reach {
    Reach { writes: true, accounts: None }
}

#[tokio::test]
async fn a_token_speaks_for_its_person_within_its_reach() {
    let desk = desk();
    let bound = Reach { writes: false, accounts: Some(vec![CustomerId::from_bytes([1; 16])]) };
    for reach in [all(), bound] {
        let token = desk.make(&reach).await;
        assert_eq!(desk.show(&token).await, Some(Bearer { user: USER, reach }));
    }
    assert_eq!(desk.tokens.of(USER).await.unwrap().len(), 2);
    assert!(desk.tokens.of(UserId::from_bytes([8; 16])).await.unwrap().is_empty());
}

#[tokio::test]
async fn only_the_very_token_is_right() {
    let desk = desk();
    let token = desk.make(&all()).await;
    let secret = token.strip_prefix(PREFIX).unwrap();
    let hash = random::hex(&token_hash(&token));
    for wrong in [
        String::new(),
        PREFIX.to_owned(),
        secret.to_owned(),
        format!("{PREFIX}{}", secret.to_uppercase()),
        format!("{token}0"),
        format!(" {token}"),
        token[..token.len() - 1].to_owned(),
        format!("{PREFIX}{hash}"),
        format!("{PREFIX}{}", "0".repeat(64)),
    ] {
        assert_eq!(desk.show(&wrong).await, None, "{wrong}");
    }
    assert!(desk.show(&token).await.is_some());
}

#[tokio::test]
async fn another_password_or_address_ends_it_for_good() {
    for change in ["address = 'jane@other.example'", "hash = 'another'", "verified = 0"] {
        let desk = desk();
        let token = desk.make(&all()).await;
        let hash: String =
            desk.db.with(|db| db.query_row("SELECT hash FROM sign_in", [], |row| row.get(0))).unwrap();
        desk.sql(&format!("UPDATE sign_in SET {change}"));
        assert_eq!(desk.show(&token).await, None, "{change}");
        if !change.starts_with("verified") {
            assert!(desk.tokens.of(USER).await.unwrap().is_empty(), "{change}");
            let back = "UPDATE sign_in SET address = ?1, hash = ?2";
            desk.db.with(|db| db.execute(back, (&desk.owner.address, &hash))).unwrap();
            assert_eq!(desk.show(&token).await, None, "it does not come back: {change}");
        }
    }
}

#[tokio::test]
async fn its_last_day_ends_it_and_the_sweep_takes_it_out() {
    let desk = desk();
    let token = desk.make(&all()).await;
    let lasts = desk.tokens.of(USER).await.unwrap()[0].expires_at - SystemClock.now();
    assert!((29..=30).contains(&lasts.num_days()), "{lasts}");
    assert_eq!(desk.tokens.sweep().await.unwrap(), [USER]);
    desk.sql(&format!("UPDATE token SET expires_at = {}", now()));
    assert_eq!(desk.show(&token).await, None);
    assert!(desk.tokens.sweep().await.unwrap().is_empty());
    assert_eq!(desk.tokens.count().await.unwrap(), 0);
}

#[tokio::test]
async fn its_last_use_is_kept_by_the_hour() {
    let desk = desk();
    let token = desk.make(&all()).await;
    assert_eq!(desk.used(), None);
    desk.show(&token).await.unwrap();
    let hour = desk.used().unwrap();
    assert_eq!(hour % HOUR, 0);
    assert!(now() - hour <= HOUR);
    let trigger = "CREATE TRIGGER no_write BEFORE UPDATE ON token BEGIN SELECT RAISE(FAIL, 'a write'); END";
    desk.db.with(|db| db.execute_batch(trigger)).unwrap();
    desk.show(&token).await.expect("no write in the same hour");
    desk.db.with(|db| db.execute_batch("DROP TRIGGER no_write")).unwrap();
    desk.sql(&format!("UPDATE token SET used_at = used_at - {HOUR}"));
    desk.show(&token).await.unwrap();
    assert_eq!(desk.used(), Some(hour));
}

#[tokio::test]
async fn a_person_has_so_many_and_no_more() {
    let desk = desk();
    for _ in 0..MAX_TOKENS {
        desk.make(&all()).await;
    }
    let more = desk.tokens.make(random::uuid(), &desk.owner, USER, "x", &all(), 7).await.unwrap();
    assert!(matches!(more, Made::TooMany));
    let first = desk.tokens.of(USER).await.unwrap()[0].id;
    assert!(!desk.tokens.revoke(UserId::from_bytes([8; 16]), first).await.unwrap(), "another's");
    assert!(desk.tokens.revoke(USER, first).await.unwrap());
    desk.make(&all()).await;
    desk.tokens.revoke_all(USER).await.unwrap();
    assert_eq!(desk.tokens.count().await.unwrap(), 0);
}

#[tokio::test]
async fn a101_calls_and_wrong_tokens_are_limited_apart() {
    let desk = desk();
    let token = desk.make(&all()).await;
    let wrong = format!("{PREFIX}{}", "0".repeat(64));
    let mut tries = 0;
    let wait = loop {
        match desk.tokens.show(&wrong, "::1").await.unwrap() {
            Shown::TooMany(wait) => break wait,
            _ => tries += 1,
        }
    };
    assert_eq!(tries, 20);
    assert!(wait > Duration::ZERO && wait <= Duration::from_secs(3), "{wait:?}");
    assert!(matches!(desk.tokens.show(&wrong, "::2").await.unwrap(), Shown::Wrong), "others are not");
    assert!(desk.show(&token).await.is_some(), "the right one is not locked out");
    let mut calls = 0;
    while matches!(desk.tokens.show(&token, "::3").await.unwrap(), Shown::Right(_)) {
        calls += 1;
        assert!(calls < 400);
    }
    assert!(calls >= 199, "{calls}");
}

#[test]
fn one_header_one_scheme_one_token() {
    let told = |values: &[&str]| {
        let mut headers = axum::http::HeaderMap::new();
        for value in values {
            headers.append("authorization", value.parse().unwrap());
        }
        bearer(&headers).map(str::to_owned)
    };
    assert_eq!(told(&["Bearer abc"]).as_deref(), Some("abc"));
    assert_eq!(told(&["bearer abc"]).as_deref(), Some("abc"), "schemes have no case");
    for none in [&[][..], &["abc"], &["Basic abc"], &["Bearer a", "Bearer a"], &["Bearer"]] {
        assert_eq!(told(none), None, "{none:?}");
    }
}

#[test]
fn a87_a_new_token_is_not_printed() {
    assert_eq!(format!("{:?}", Made::New(Secret::new())), "New(Secret)");
}
