//! Administration, customer by customer, in German: that each page is whole in the other language, too.

use crate::common::Portal;
use crate::eyes::{Eyes, Seen, play};

#[tokio::test(flavor = "multi_thread")]
async fn administration_in_german() {
    let portal = Portal::start();
    play("administration", &portal, async |eyes| german(eyes, &portal).await).await;
}

async fn german(eyes: &Eyes, portal: &Portal) -> Seen {
    eyes.sentence("English and German, chosen by the browser and switchable");
    eyes.sign_in("paul@cloud-partner.example", &portal.password).await?;
    eyes.click("details.toolbox > summary").await?;
    eyes.click(".toolbox button[lang=de]").await?;
    eyes.sees("html[lang=de]").await?;
    eyes.customers_of("cloud-partner").await?;
    for (identifier, ending) in [
        ("north-energy", "users"),
        ("north-energy", "rename"),
        ("north-energy", "status"),
        ("quarry", "status"),
        ("lindenau", "users"),
        ("lindenau", "messages"),
        ("north-energy", "history"),
        ("fjord-bakery", "waiting"),
    ] {
        eyes.action(identifier, &format!("/{ending}")).await?;
        eyes.sees("main .crumbs").await?;
        eyes.look(&format!("german-{ending}-{identifier}")).await?;
        eyes.click("main .crumbs a").await?;
        eyes.sees("#customers").await?;
    }
    eyes.sentence("Then you can increase and decrease the number of projects per customer");
    eyes.action("north-energy", "/quota").await?;
    eyes.look("german-quota-below").await?;
    eyes.click("[data-step='1']").await?;
    eyes.sees("#quota-below[hidden]").await?;
    eyes.click("[data-step='-1']").await?;
    eyes.sees("#quota-below:not([hidden])").await?;
    eyes.click("main .crumbs a").await?;
    eyes.sees("#customers").await?;

    eyes.sentence("envelope: message in both modes, receipts, withdraw");
    eyes.action("north-energy", "/messages").await?;
    eyes.look("german-messages").await?;
    eyes.click("main td.name a").await?;
    eyes.sees("main .written").await?;
    eyes.look("german-receipts").await?;

    eyes.sentence("Invitation Link (only when the operator enabled it; copy, rotate, revoke, uses)");
    eyes.go_on("/registration-link").await?;
    eyes.look("german-registration-link").await?;
    eyes.go_on("/customers").await?;

    eyes.sentence("a verify button that shows the chain is whole");
    eyes.action("north-energy", "/history").await?;
    eyes.click("main button[name=verify]").await?;
    eyes.sees("main .verified").await?;
    eyes.click("main .timeline details summary").await?;
    eyes.look("german-history-verified").await?;
    let database = portal.folder.path().join("portal.db");
    let database = meshcustomers_sqlite::rusqlite::Connection::open(database)?;
    database.execute_batch(
        "DROP TRIGGER mc_label_keep_update; UPDATE mc_label SET text = 'Mallory' WHERE slot = 1 AND number = 3;",
    )?;
    eyes.click("main button[name=verify]").await?;
    eyes.sees("main .broken").await?;
    eyes.look("german-history-broken").await?;
    Ok(())
}
