//! Creating Managed Customer Accounts.

use crate::common::Portal;
use crate::eyes::{Eyes, Seen, play};

#[tokio::test(flavor = "multi_thread")]
async fn creating_managed_customer_accounts() {
    let portal = Portal::start();
    play("creating", &portal, async |eyes| creating(eyes, &portal).await).await;
}

async fn creating(eyes: &Eyes, portal: &Portal) -> Seen {
    eyes.sentence("Login to the meshPanel with your partner credentials");
    eyes.sign_in("paul@cloud-partner.example", &portal.password).await?;

    eyes.sentence(
        "make sure that you have selected your Partner account in the account selection on the top left",
    );
    eyes.choose_account("cloud-partner").await?;

    eyes.sentence("Select Administration from the toolbox and go to Customers in the menu bar on the left");
    eyes.toolbox("/customers").await?;
    eyes.click(".side a[href$='/customers']").await?;

    eyes.sentence("you can see the list of all customers managed by you");
    for identifier in ["atelier-rossi", "north-energy", "quarry", "zephyr"] {
        eyes.says(identifier).await?;
    }
    eyes.look("customers").await?;

    eyes.sentence("search as you type, filters");
    eyes.type_into("main input[name=q]", "ener").await?;
    eyes.sees("#customers:not([aria-busy]) tr:only-child a[href*='/users']").await?;
    eyes.says("north-energy").await?;
    eyes.type_into("main input[name=q]", "no such customer").await?;
    eyes.sees("#customers td.empty").await?;
    eyes.look("customers-none").await?;
    eyes.go_on("/customers").await?;

    eyes.sentence("On the top of the table enter the new managed customer's name and identifier");
    eyes.type_into("input[name=name][form=create]", "Meridian").await?;
    eyes.says("meridian is not available").await?;
    eyes.look("customers-suggestion").await?;
    eyes.click("[data-fill]").await?;
    eyes.says("meridian-2 is free").await?;

    eyes.sentence("an error stands beside its field");
    eyes.type_into("input[name=identifier]", "meridian").await?;
    eyes.click("button[form=create]").await?;
    eyes.sees("#identifier-problem").await?;
    eyes.look("customers-problem").await?;

    eyes.sentence("Then click on the + button. Your managed customer is created");
    eyes.type_into("input[name=name][form=create]", "ACME").await?;
    eyes.type_into("input[name=identifier]", "acme").await?;
    eyes.click("button[form=create]").await?;
    eyes.says("ACME (acme) is created").await?;
    eyes.look("customers-created").await?;

    eyes.sentence("Attention: The identifiers can not be changed. Please choose them carefully");
    eyes.says("identifiers can not be changed").await?;
    eyes.action("acme", "/rename").await?;
    eyes.sees("main form[action$='/rename']").await?;
    assert!(!eyes.has("main input[name=identifier]").await?);
    eyes.look("rename").await?;
    eyes.type_into("main input[name=name]", "ACME Works").await?;
    eyes.submit("/rename").await?;
    eyes.says("ACME Works").await?;

    eyes.sentence("status (with reason)");
    eyes.action("acme", "/status").await?;
    eyes.look("status").await?;
    eyes.type_into("main [name=reason]", "Contract ended").await?;
    eyes.submit("/status").await?;
    eyes.sees("#customers").await?;
    eyes.action("acme", "/status").await?;
    eyes.type_into("main [name=reason]", "They came back").await?;
    eyes.look("status-enable").await?;
    eyes.submit("/status").await?;
    eyes.sees("#customers").await?;
    Ok(())
}
