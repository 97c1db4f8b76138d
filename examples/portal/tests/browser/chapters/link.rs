//! Invite Customer via Link.

use thirtyfour::prelude::*;

use crate::common::Portal;
use crate::eyes::{Eyes, Seen, play};

#[tokio::test(flavor = "multi_thread")]
async fn invite_customer_via_link() {
    let portal = Portal::start();
    play("link", &portal, async |eyes| link(eyes, &portal).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn this_feature_must_be_enabled_by_the_operator() {
    let portal = Portal::start_with(tempfile::tempdir().unwrap(), &["--registration-links", "off"]);
    play("no link", &portal, async |eyes| {
        eyes.sentence("it is only visible if it is enabled by the operator");
        eyes.sign_in("paul@cloud-partner.example", &portal.password).await?;
        eyes.customers_of("cloud-partner").await?;
        eyes.click("details.toolbox > summary").await?;
        assert!(!eyes.has("a[href$='/registration-link']").await?);
        Ok(())
    })
    .await;
}

async fn link(eyes: &Eyes, portal: &Portal) -> Seen {
    eyes.sentence("click on the Invitation Link button");
    eyes.sign_in("paul@cloud-partner.example", &portal.password).await?;
    eyes.customers_of("cloud-partner").await?;
    eyes.click("main a[href$='/registration-link']").await?;
    eyes.sees("input[readonly]").await?;
    eyes.look("registration-link").await?;

    eyes.sentence("Copy the link and give it to the people who should register a new customer");
    eyes.click("[data-copy]").await?;
    let link = eyes.driver.query(By::Css("input[readonly]")).first().await?;
    let link = link.value().await?.unwrap_or_default();

    eyes.sentence(
        "If a new user registers with this link his customer account will be directly added to yours",
    );
    eyes.driver.delete_all_cookies().await?;
    eyes.driver.goto(&link).await?;
    eyes.look("registration-link-arrived").await?;
    assert_eq!(eyes.driver.current_url().await?.path(), "/registration", "the address holds no secret");
    eyes.click("main a[href^='/sign-in']").await?;
    eyes.type_into("input[name=address]", "emma@north-energy.example").await?;
    eyes.type_into("input[name=password]", &portal.password).await?;
    eyes.submit("/sign-in").await?;
    eyes.says("Cloud Partner").await?;
    eyes.look("register-by-link").await?;
    eyes.type_into("main input[name=name]", "Emma's Bakery").await?;
    eyes.type_into("main input[name=identifier]", "emmas-bakery").await?;
    eyes.send("/registration").await?;
    eyes.says("Emma's Bakery").await?;
    eyes.sign_in("paul@cloud-partner.example", &portal.password).await?;
    eyes.customers_of("cloud-partner").await?;
    eyes.action("emmas-bakery", "/waiting").await?;
    eyes.says("emmas-bakery").await?;

    eyes.sentence("rotate, revoke");
    eyes.toolbox("/registration-link").await?;
    eyes.submit_and_say_yes("/rotate").await?;
    eyes.sees("input[readonly]").await?;
    eyes.submit_and_say_yes("/revoke").await?;
    eyes.sees("main .notice.good").await?;
    eyes.look("registration-link-revoked").await?;
    eyes.driver.goto(&link).await?;
    eyes.look("registration-link-dead").await?;
    Ok(())
}
