//! The frame of every page: account selection, toolbox, languages, and the pages of people who have not signed in.

use crate::common::Portal;
use crate::eyes::{Eyes, Seen, play};

#[tokio::test(flavor = "multi_thread")]
async fn the_frame() {
    let portal = Portal::start();
    play("frame", &portal, async |eyes| frame(eyes, &portal).await).await;
}

async fn frame(eyes: &Eyes, portal: &Portal) -> Seen {
    eyes.sentence("pages without a sign-in");
    eyes.go("/sign-in").await?;
    eyes.look("sign-in").await?;
    eyes.go("/register").await?;
    eyes.look("register").await?;
    eyes.go("/nowhere").await?;
    eyes.look("not-found").await?;

    eyes.sentence("the account selection on the top left");
    eyes.sign_in("paul@cloud-partner.example", &portal.password).await?;
    eyes.look("welcome").await?;
    eyes.click("details.selection > summary").await?;
    eyes.look("selection").await?;
    eyes.choose_account("cloud-partner").await?;
    eyes.look("overview").await?;

    eyes.sentence("You can access the administration area by opening the settings menu");
    eyes.click("details.toolbox > summary").await?;
    eyes.look("toolbox").await?;
    eyes.click(".toolbox .menu a[href$='/customers']").await?;
    eyes.sees("#customers").await?;

    eyes.sentence("English and German, chosen by the browser and switchable");
    eyes.click("details.toolbox > summary").await?;
    eyes.click(".toolbox button[lang=de]").await?;
    eyes.sees("html[lang=de]").await?;
    eyes.says("Kennungen können nicht geändert werden").await?;
    eyes.look("customers-german").await?;
    eyes.click("details.toolbox > summary").await?;
    eyes.click(".toolbox button[lang=en]").await?;
    eyes.sees("html[lang=en]").await?;

    eyes.sentence("times in the reader's zone with the exact one on hover");
    eyes.toolbox("/history").await?;
    eyes.sees("main .timeline").await?;
    let shown = eyes.text_of("main time").await?;
    assert!(!shown.contains("UTC") && !shown.is_empty(), "{shown}");
    assert!(eyes.has("main time[title$='Z']").await?);

    eyes.sentence(
        "In case you do not see Administration, your account is probably not a partner account yet",
    );
    eyes.sign_in("liam@harbour-labs.example", &portal.password).await?;
    eyes.says("support@portal.example").await?;
    eyes.look("welcome-no-partner").await?;
    eyes.choose_account("harbour-labs").await?;
    eyes.click("details.toolbox > summary").await?;
    assert!(!eyes.has("a[href$='/customers']").await?, "no Administration");
    eyes.says("support@portal.example").await?;
    Ok(())
}
