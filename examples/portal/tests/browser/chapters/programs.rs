//! Programs that call in a person's name: tokens, the API's reference; and a person's own settings.

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
    eyes.type_into("main input[name=password]", "correct horse battery").await?;
    eyes.type_into("main input[name=again]", "correct horse battery").await?;
    eyes.submit("/me/password").await?;
    eyes.sees("main .notice.good").await?;
    eyes.sign_in("emma@north-energy.example", "correct horse battery").await?;

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
