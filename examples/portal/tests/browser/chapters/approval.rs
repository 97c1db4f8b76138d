//! Approve Customer.

use crate::common::Portal;
use crate::eyes::{Eyes, Seen, play};

#[tokio::test(flavor = "multi_thread")]
async fn approve_customer() {
    let portal = Portal::start();
    play("approval", &portal, async |eyes| approval(eyes, &portal).await).await;
}

async fn approval(eyes: &Eyes, portal: &Portal) -> Seen {
    eyes.sentence("An installation can be configured to require a manual approval for new registrations");
    eyes.sign_in("emma@north-energy.example", &portal.password).await?;
    eyes.click("main a[href='/register-customer']").await?;
    eyes.look("register-customer").await?;
    eyes.type_into("main input[name=name]", "Emma's Bakery").await?;
    eyes.type_into("main input[name=identifier]", "emmas-bakery").await?;
    eyes.submit("/register-customer").await?;
    eyes.says("Emma's Bakery").await?;
    eyes.look("welcome-registration").await?;

    eyes.sentence(
        "Users who register receive an email notifying them, that their account is currently being verified",
    );
    let mail = portal.mail_with("emmas-bakery");
    assert!(mail.contains("verified"), "{mail}");

    eyes.sentence("As soon as a partner/admin approves the request");
    eyes.sign_in("ada@operations.example", &portal.password).await?;
    eyes.customers_of("operations").await?;
    eyes.sees(".strip a").await?;
    eyes.click(".strip a").await?;
    eyes.says("emmas-bakery").await?;
    eyes.look("waiting").await?;
    eyes.click_path("//tr[.//code[normalize-space(.)='blau-kunst']]//a[contains(@href, '/reject')]").await?;
    eyes.look("reject").await?;
    eyes.type_into("main [name=reason]", "Nobody knows this company").await?;
    eyes.submit("/reject").await?;
    eyes.sees("main .notice.good").await?;
    eyes.go_on("/customers").await?;
    eyes.click(".strip a").await?;
    eyes.says("emmas-bakery").await?;
    eyes.click_path(
        "//tr[.//code[normalize-space(.)='emmas-bakery']]//form[contains(@action, '/approve')]//button",
    )
    .await?;
    eyes.sees("main .notice.good").await?;

    eyes.sentence("they receive another email. This email informs the user, that he is now approved");
    let mail = (0..200)
        .map(|_| portal.mail_with("emmas-bakery"))
        .find(|mail| {
            std::thread::sleep(std::time::Duration::from_millis(25));
            mail.contains("approved")
        })
        .ok_or("no mail says approved")?;

    eyes.sentence(
        "the user may also have to confirm his email address via a confirmation link in the second email",
    );
    eyes.sign_in("emma@north-energy.example", &portal.password).await?;
    eyes.look("welcome-confirmation").await?;
    eyes.go(&portal.link_in(&mail)).await?;
    eyes.sees("main form[action^='/confirmation']").await?;
    eyes.look("confirmation").await?;
    eyes.send("/confirmation").await?;

    eyes.sentence("and can start working");
    eyes.sees("details.selection").await?;
    eyes.choose_account("emmas-bakery").await?;
    eyes.toolbox("/projects").await?;
    eyes.look("projects-none").await?;
    eyes.toolbox("/settings").await?;
    eyes.look("settings").await?;
    eyes.go("/me").await?;
    eyes.look("me").await?;
    Ok(())
}
