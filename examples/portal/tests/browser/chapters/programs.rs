//! Programs that call in a person's name: tokens, the API's reference; and a person's own settings: name, password, address.

use thirtyfour::prelude::*;

use crate::common::Portal;
use crate::eyes::{Eyes, Seen, play};

#[tokio::test(flavor = "multi_thread")]
async fn programs_and_own_settings() {
    let portal = Portal::start();
    play("programs", &portal, async |eyes| programs(eyes, &portal).await).await;
}

async fn programs(eyes: &Eyes, portal: &Portal) -> Seen {
    eyes.sentence(
        "bearer tokens that a signed-in person creates, shows once, limits to read or write, and revokes",
    );
    eyes.sign_in("emma@north-energy.example", &portal.password).await?;
    eyes.go("/me/tokens").await?;
    eyes.look("tokens-none").await?;
    eyes.type_into("main input[name=name]", "Nightly report").await?;
    eyes.type_into("main input[name=password]", "not my password").await?;
    eyes.submit("/me/tokens").await?;
    eyes.sees("#password-problem").await?;
    eyes.look("tokens-problem").await?;
    eyes.type_into("main input[name=password]", &portal.password).await?;
    eyes.submit("/me/tokens").await?;
    eyes.sees("main input[readonly]").await?;
    let secret = eyes.driver.query(By::Css("main input[readonly]")).first().await?.value().await?;
    assert!(secret.is_some_and(|secret| secret.starts_with("meshcustomers_")));
    eyes.look("token-made").await?;
    eyes.go("/me/tokens").await?;
    eyes.says("Nightly report").await?;
    eyes.look("tokens").await?;
    eyes.submit_and_say_yes("/revoke").await?;
    eyes.sees("main .notice.good").await?;

    eyes.sentence("A page that renders the API's reference");
    eyes.go("/api").await?;
    eyes.says("/accounts/{account}/customers").await?;
    eyes.look("api").await?;

    eyes.sentence("name, language of mails, password");
    eyes.go("/me").await?;
    eyes.type_into("main input[name=name]", "Emma Fischer-Wolf").await?;
    eyes.submit("/me").await?;
    eyes.sees("main .notice.good").await?;
    eyes.click("details.toolbox > summary").await?;
    eyes.says("Emma Fischer-Wolf").await?;
    eyes.go("/me").await?;
    eyes.type_into("main input[name=old]", &portal.password).await?;
    eyes.type_into("form[action='/me/password'] input[name=password]", "correct horse battery").await?;
    eyes.type_into("main input[name=again]", "correct horse battery").await?;
    eyes.submit("/me/password").await?;
    eyes.sees("main .notice.good").await?;
    eyes.sign_in("emma@north-energy.example", "correct horse battery").await?;

    another_address(eyes, portal).await?;

    eyes.sentence("every page in German, too");
    eyes.click("details.toolbox > summary").await?;
    eyes.click(".toolbox button[lang=de]").await?;
    eyes.sees("html[lang=de]").await?;
    eyes.look("welcome-german").await?;
    eyes.choose_account("north-energy").await?;
    for (ending, name) in [
        ("/users", "users-german"),
        ("/projects", "projects-german"),
        ("/settings", "settings-german"),
        ("/history", "history-german"),
    ] {
        eyes.toolbox(ending).await?;
        eyes.sees("main h1").await?;
        eyes.look(name).await?;
    }
    let words = eyes.driver.query(By::Css("main details summary")).first().await?.text().await?;
    assert_eq!(words, "Details");
    Ok(())
}

/// Emma takes another address, by the link that it gets.
async fn another_address(eyes: &Eyes, portal: &Portal) -> Seen {
    eyes.sentence("another e-mail address, proven by a link to it");
    let ask = async |address: &str, password: &str| -> Seen {
        eyes.type_into("main input[name=address]", address).await?;
        eyes.type_into("form[action='/me/address'] input[name=password]", password).await?;
        eyes.submit("/me/address").await
    };
    eyes.go("/me").await?;
    ask("emma.wolf@north-energy.example", "not my password").await?;
    eyes.sees("#proof-problem").await?;
    eyes.look("me-problem").await?;
    ask("emma.wolf@north-energy.example", "correct horse battery").await?;
    eyes.says("We have sent a link to emma.wolf@north-energy.example").await?;
    eyes.look("me").await?;
    let link = portal.link_in(&portal.mail_with("confirm that you sign in with this address"));
    eyes.go(&link).await?;
    eyes.says("instead of emma@north-energy.example").await?;
    assert_eq!(eyes.driver.current_url().await?.path(), "/new-address", "the address holds no secret");
    eyes.look("new-address").await?;
    eyes.send("/new-address").await?;
    eyes.says("You sign in with emma.wolf@north-energy.example from now on").await?;
    eyes.sign_in("emma.wolf@north-energy.example", "correct horse battery").await
}
