//! Send messages to customer users.

use crate::common::Portal;
use crate::eyes::{Eyes, Seen, play};

#[tokio::test(flavor = "multi_thread")]
async fn send_messages_to_customer_users() {
    let portal = Portal::start();
    play("messages", &portal, async |eyes| messages(eyes, &portal).await).await;
}

async fn send(eyes: &Eyes, portal: &Portal, title: &str, mode: &str) -> Seen {
    eyes.sign_in("paul@cloud-partner.example", &portal.password).await?;
    eyes.customers_of("cloud-partner").await?;
    eyes.action("north-energy", "/messages").await?;
    eyes.type_into("main input[name=title]", title).await?;
    eyes.type_into("main textarea[name=text]", "On Sunday from 2 to 4 a.m.").await?;
    eyes.click(&format!("main input[value={mode}]")).await?;
    eyes.look("message").await?;
    eyes.submit("/messages").await?;
    eyes.says(title).await
}

async fn messages(eyes: &Eyes, portal: &Portal) -> Seen {
    eyes.sentence("In the Actions column click on the envelope icon");
    eyes.sentence("All must read will show the message to all recipients and everyone has to acknowledge it");
    send(eyes, portal, "Maintenance for all", "all_must_read").await?;
    eyes.look("messages-sent").await?;

    eyes.sentence("Recipients will see these notifications upon login");
    eyes.sign_in("emma@north-energy.example", &portal.password).await?;
    eyes.says("Maintenance for all").await?;
    eyes.look("welcome-messages").await?;
    let path = "//li[.//*[normalize-space(.)='Maintenance for all']]//form[contains(@action, '/acknowledge')]//button";
    eyes.click_path(path).await?;
    eyes.sees("main .notice.good").await?;
    eyes.does_not_say("Maintenance for all").await?;
    eyes.sign_in("liam@harbour-labs.example", &portal.password).await?;
    eyes.says("Maintenance for all").await?;

    eyes.sentence(
        "Single read only will hide the message for all other users if one single user has acknowledged it",
    );
    send(eyes, portal, "Renew the certificate now", "single_read").await?;
    eyes.sign_in("liam@harbour-labs.example", &portal.password).await?;
    let path = "//li[.//*[normalize-space(.)='Renew the certificate now']]//form[contains(@action, '/acknowledge')]//button";
    eyes.click_path(path).await?;
    eyes.sees("main .notice.good").await?;
    eyes.sign_in("emma@north-energy.example", &portal.password).await?;
    eyes.does_not_say("Renew the certificate now").await?;
    eyes.choose_account("north-energy").await?;
    eyes.toolbox("/messages").await?;
    eyes.look("messages").await?;

    eyes.sentence("receipts, withdraw");
    eyes.sign_in("paul@cloud-partner.example", &portal.password).await?;
    eyes.customers_of("cloud-partner").await?;
    eyes.action("north-energy", "/messages").await?;
    eyes.click_path("//main//a[normalize-space(.)='Maintenance for all']").await?;
    eyes.says("Emma Fischer").await?;
    eyes.look("recipients").await?;
    eyes.driver.back().await?;
    eyes.submit_and_say_yes("/withdraw").await?;
    eyes.sees("main .notice.good").await?;
    Ok(())
}
