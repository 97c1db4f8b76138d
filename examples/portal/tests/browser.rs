//! The product page in a real browser, with a picture of every page in `target/screenshots`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::Portal;
use thirtyfour::cdp::Cdp;
use thirtyfour::prelude::*;

const CHROMIUM: &str = "/usr/bin/chromium";
const CHROMEDRIVER: &str = "/usr/bin/chromedriver";

/// Ends the driver, and with it the browser.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A browser with pictures.
struct Eyes {
    driver: WebDriver,
    tools: Cdp,
    folder: PathBuf,
    base: String,
}

type Seen = Result<(), Box<dyn std::error::Error>>;

impl Eyes {
    async fn open(driver_url: &str, base: &str, profile: &Path) -> Self {
        let mut wanted = DesiredCapabilities::chrome();
        wanted.set_binary(CHROMIUM).unwrap();
        for argument in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--window-size=1280,860",
        ] {
            wanted.add_arg(argument).unwrap();
        }
        wanted.add_arg(&format!("--user-data-dir={}", profile.display())).unwrap();
        let driver = WebDriver::new(driver_url, wanted).await.unwrap();
        let tools = driver.cdp();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        Self { driver, tools, folder, base: base.to_owned() }
    }

    /// Pictures of this page: desktop, phone, and dark.
    async fn look(&self, name: &str) -> Seen {
        for (device, width, scheme) in
            [("desktop", 1280, "light"), ("phone", 390, "light"), ("dark", 1280, "dark")]
        {
            let features = serde_json::json!([
                { "name": "prefers-color-scheme", "value": scheme },
                { "name": "prefers-reduced-motion", "value": "reduce" },
            ]);
            self.tools
                .send_raw("Emulation.setEmulatedMedia", serde_json::json!({ "features": features }))
                .await?;
            let size = |height: i64| {
                serde_json::json!({
                    "width": width, "height": height, "deviceScaleFactor": 1, "mobile": device == "phone"
                })
            };
            self.tools.send_raw("Emulation.setDeviceMetricsOverride", size(800)).await?;
            let page = self
                .driver
                .execute(
                    "return [document.documentElement.scrollHeight, document.documentElement.scrollWidth]",
                    vec![],
                )
                .await?;
            let page: (i64, i64) = page.convert()?;
            assert!(page.1 <= width, "{name} is wider than a {device}: {page:?}");
            let height = page.0.clamp(800, 2_400);
            self.tools.send_raw("Emulation.setDeviceMetricsOverride", size(height)).await?;
            self.driver.screenshot(&self.folder.join(format!("{device}-{name}.png"))).await?;
        }
        self.tools.send_raw("Emulation.clearDeviceMetricsOverride", serde_json::json!({})).await?;
        self.tools.send_raw("Emulation.setEmulatedMedia", serde_json::json!({ "features": [] })).await?;
        Ok(())
    }

    async fn go(&self, path: &str) -> Seen {
        Ok(self.driver.goto(format!("{}{path}", self.base)).await?)
    }

    async fn type_into(&self, css: &str, text: &str) -> Seen {
        let field = self.driver.query(By::Css(css)).first().await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    async fn click(&self, css: &str) -> Seen {
        Ok(self.driver.query(By::Css(css)).and_clickable().first().await?.click().await?)
    }

    /// Clicks the button or link with exactly these words.
    async fn click_words(&self, words: &str) -> Seen {
        let path = format!("//main//*[(self::a or self::button) and normalize-space(.)='{words}']");
        Ok(self.driver.query(By::XPath(path.as_str())).and_clickable().first().await?.click().await?)
    }

    async fn says(&self, words: &str) -> Seen {
        let path = format!("//body[contains(., \"{words}\")]");
        self.driver
            .query(By::XPath(path.as_str()))
            .wait(Duration::from_secs(10), Duration::from_millis(50))
            .first()
            .await
            .map(drop)
            .map_err(|_| format!("the page does not say: {words}").into())
    }

    async fn choose_account(&self, words: &str) -> Seen {
        let path = format!("//select[@id='account']/option[contains(., '{words}')]");
        self.driver.query(By::XPath(path.as_str())).first().await?.click().await?;
        self.says("Overview").await
    }

    async fn sign_in(&self, address: &str, password: &str) -> Seen {
        self.go("/sign-in").await?;
        self.type_into("input[name=address]", address).await?;
        self.type_into("input[name=password]", password).await?;
        self.click_words("Sign in").await?;
        self.says("Your accounts").await
    }
}

/// The driver's address, or why there is none.
fn driver() -> Result<(Driver, String), String> {
    for program in [CHROMIUM, CHROMEDRIVER] {
        if !Path::new(program).exists() {
            return Err(format!(
                "{program} is missing; get it with: apt-get install chromium chromium-driver fonts-dejavu-core"
            ));
        }
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new(CHROMEDRIVER)
        .arg(format!("--port={port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let driver = Driver(child);
    for _ in 0..200 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok((driver, format!("http://127.0.0.1:{port}")));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err("chromedriver did not start".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_in_a_browser() {
    let (_driver, url) = match driver() {
        Ok(driver) => driver,
        Err(why) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
            eprintln!("\n*** SKIPPED: the browser test did not run. {why} ***\n");
            return;
        }
    };
    let portal = Portal::start();
    let profile = tempfile::tempdir().unwrap();
    let eyes = Eyes::open(&url, &portal.base, profile.path()).await;
    let played = play(&eyes, &portal).await;
    if let Err(error) = &played {
        let _ = eyes.driver.screenshot(&eyes.folder.join("failed.png")).await;
        let page = eyes.driver.source().await.unwrap_or_default();
        eprintln!("{error}\n{page}");
    }
    let Eyes { driver, .. } = eyes;
    driver.quit().await.unwrap();
    assert!(played.is_ok(), "{played:?}");
}

async fn play(eyes: &Eyes, portal: &Portal) -> Seen {
    eyes.go("/sign-in").await?;
    eyes.look("sign-in").await?;
    eyes.go("/register").await?;
    eyes.look("register").await?;
    eyes.go("/nowhere").await?;
    eyes.look("not-found").await?;

    // The partner signs in, selects the partner account on the top left, and opens Administration > Customers.
    eyes.sign_in("paul@cloud-partner.example", &portal.password).await?;
    eyes.look("welcome").await?;
    eyes.choose_account("(cloud-partner)").await?;
    eyes.look("overview").await?;
    eyes.click("details.toolbox > summary").await?;
    eyes.look("toolbox").await?;
    eyes.click(".menu a[href$='/customers']").await?;
    eyes.says("identifiers can not be changed").await?;
    eyes.look("customers").await?;

    // An identifier that is taken, then a free one.
    eyes.type_into("input[name=name][form=create]", "ACME").await?;
    eyes.type_into("input[name=identifier]", "meridian").await?;
    eyes.click("button[form=create]").await?;
    eyes.says("This identifier is not available").await?;
    eyes.look("customers-problem").await?;
    eyes.type_into("input[name=identifier]", "acme").await?;
    eyes.click("button[form=create]").await?;
    eyes.says("ACME (acme) is created").await?;

    // Users > Add Myself, then the account can be chosen.
    eyes.click("a[aria-label='Users of ACME']").await?;
    eyes.says("This account contains no users yet").await?;
    eyes.look("customer-users").await?;
    eyes.click_words("Add Myself").await?;
    eyes.says("You are a member now").await?;
    eyes.choose_account("(acme)").await?;

    // Account > Users: invite Jane.
    eyes.click(".side a[href$='/users']").await?;
    eyes.says("Invite a user").await?;
    eyes.type_into("input[name=address]", "jane@acme.example").await?;
    eyes.click_words("Invite").await?;
    eyes.says("jane@acme.example is invited").await?;
    eyes.look("users").await?;

    // Other pages of the partner, for their pictures.
    eyes.choose_account("(cloud-partner)").await?;
    eyes.click(".side a[href$='/customers']").await?;
    eyes.click("a[aria-label='Rename North Energy Group']").await?;
    eyes.look("rename").await?;
    eyes.driver.back().await?;
    eyes.click("a[aria-label='Disable North Energy Group']").await?;
    eyes.look("status").await?;
    eyes.driver.back().await?;
    eyes.click("a[aria-label='History of North Energy Group']").await?;
    eyes.click_words("Verify").await?;
    eyes.says("Verified: all").await?;
    eyes.look("history").await?;

    // The mail, its link, a new sign-in, acceptance.
    eyes.go("/mailbox").await?;
    eyes.says("jane@acme.example").await?;
    eyes.look("mailbox").await?;
    let link = eyes.driver.query(By::Css("article a")).first().await?.attr("href").await?.unwrap_or_default();
    eyes.driver.delete_all_cookies().await?;
    eyes.driver.goto(&link).await?;
    eyes.says("New here?").await?;
    assert_eq!(eyes.driver.current_url().await?.path(), "/link", "the address holds no token");
    eyes.look("link").await?;
    eyes.type_into("input[name=name]", "Jane Doe").await?;
    eyes.type_into("input[name=password]", "correct horse battery").await?;
    eyes.type_into("input[name=again]", "correct horse battery").await?;
    eyes.click_words("Register").await?;
    eyes.says("Signed in as Jane Doe").await?;
    eyes.look("link-accept").await?;
    eyes.click_words("Accept").await?;
    eyes.says("you are a member of this account now").await?;
    eyes.click(".side a[href$='/users']").await?;
    eyes.says("Jane Doe").await?;
    eyes.says("Paul Weber").await?;

    // Somebody with an open invitation and no partner account.
    eyes.driver.delete_all_cookies().await?;
    eyes.sign_in("liam@harbour-labs.example", &portal.password).await?;
    eyes.says("There is no Administration area").await?;
    eyes.look("welcome-invitation").await?;
    eyes.click_words("Accept").await?;
    eyes.says("you are a member of this account now").await?;

    let log = eyes.driver.execute("return window.location.href", vec![]).await?;
    assert!(log.json().as_str().is_some_and(|address| address.contains("/a/")));
    manages(eyes, portal).await?;
    registers(eyes, portal).await
}

/// Quota, messages, the Invitation Link, the waiting registrations: what a partner does besides.
async fn manages(eyes: &Eyes, portal: &Portal) -> Seen {
    eyes.driver.delete_all_cookies().await?;
    eyes.sign_in("paul@cloud-partner.example", &portal.password).await?;
    eyes.choose_account("(cloud-partner)").await?;
    eyes.click(".side a[href$='/customers']").await?;
    eyes.says("Waiting registrations: 1").await?;

    eyes.click("a[aria-label='Quota of North Energy Group']").await?;
    eyes.says("uses 3 of 2 projects").await?;
    eyes.look("quota").await?;
    eyes.type_into("input[name=quota]", "5").await?;
    eyes.click_words("Save").await?;
    eyes.says("may have 5 projects now").await?;

    eyes.click("a[aria-label='Messages to North Energy Group']").await?;
    eyes.type_into("input[name=title]", "Maintenance").await?;
    eyes.type_into("textarea[name=text]", "On Sunday from 2 to 4 a.m.").await?;
    eyes.click("input[value=single_read]").await?;
    eyes.look("message").await?;
    eyes.click_words("Send").await?;
    eyes.says("The message is sent").await?;
    eyes.click_words("New terms").await?;
    eyes.says("not yet").await?;
    eyes.look("recipients").await?;

    eyes.click(".side a[href$='/customers']").await?;
    eyes.click_words("Waiting registrations: 1").await?;
    eyes.says("Fjord Bakery").await?;
    eyes.look("waiting").await?;
    eyes.click_words("Reject").await?;
    eyes.look("reject").await?;
    eyes.driver.back().await?;
    eyes.click_words("Approve").await?;
    eyes.says("Approved: the registrant gets a mail").await?;

    eyes.click(".side a[href$='/registration-link']").await?;
    eyes.says("assigned to this account at once").await?;
    eyes.look("registration-link").await?;
    Ok(())
}

/// Somebody registers a customer with the link that is shown, waits, is approved, and confirms.
async fn registers(eyes: &Eyes, portal: &Portal) -> Seen {
    let link =
        eyes.driver.query(By::Css("input[readonly]")).first().await?.value().await?.unwrap_or_default();
    eyes.driver.delete_all_cookies().await?;
    eyes.driver.goto(&link).await?;
    eyes.says("Sign in first; the link waits here for you").await?;
    assert_eq!(eyes.driver.current_url().await?.path(), "/registration", "the address holds no token");
    eyes.click_words("Sign in").await?;
    eyes.type_into("input[name=address]", "emma@north-energy.example").await?;
    eyes.type_into("input[name=password]", &portal.password).await?;
    eyes.click_words("Sign in").await?;
    eyes.says("your customer is assigned to Cloud Partner").await?;
    eyes.look("register-customer").await?;
    eyes.type_into("input[name=name]", "Emma's Bakery").await?;
    eyes.type_into("input[name=identifier]", "emmas-bakery").await?;
    eyes.click_words("Register").await?;
    eyes.says("Waits for approval, then confirmation of the address").await?;
    eyes.says("New terms").await?;
    eyes.look("welcome-messages").await?;
    eyes.click_words("Acknowledge").await?;
    eyes.says("The message is acknowledged").await?;
    eyes.choose_account("(north-energy)").await?;
    eyes.click(".side a[href$='/projects']").await?;
    eyes.says("3 of 5").await?;
    eyes.look("projects").await?;
    eyes.click(".side a[href$='/messages']").await?;
    eyes.says("You have acknowledged it").await?;
    eyes.look("messages").await?;

    eyes.driver.delete_all_cookies().await?;
    eyes.sign_in("paul@cloud-partner.example", &portal.password).await?;
    eyes.choose_account("(cloud-partner)").await?;
    eyes.click(".side a[href$='/customers']").await?;
    eyes.click_words("Waiting registrations: 1").await?;
    eyes.click_words("Approve").await?;
    eyes.says("Approved: the registrant gets a mail").await?;

    eyes.driver.delete_all_cookies().await?;
    eyes.sign_in("emma@north-energy.example", &portal.password).await?;
    let mut link = String::new();
    for _ in 0..100 {
        eyes.go("/mailbox").await?;
        let mail = eyes.driver.query(By::Css("article")).first().await?;
        if mail.text().await?.contains("was approved") {
            link = mail.query(By::Css("a")).first().await?.attr("href").await?.unwrap_or_default();
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    eyes.driver.goto(&link).await?;
    eyes.says("is your address").await?;
    eyes.look("confirmation").await?;
    eyes.click_words("Confirm").await?;
    eyes.says("is active, you can start").await?;
    Ok(())
}
