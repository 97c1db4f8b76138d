//! A browser that takes a picture of every page, and finds what people who hear or tab a page would stumble over.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use thirtyfour::cdp::Cdp;
use thirtyfour::prelude::*;

use crate::common::Portal;

const CHROMIUM: &str = "/usr/bin/chromium";
const CHROMEDRIVER: &str = "/usr/bin/chromedriver";
/// Finds missing labels, poor contrast, wrong headings and roles: WCAG 2.2 A and AA, and good practice.
const AXE: &str = include_str!("vendor/axe.min.js");

/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at it.
const MOMENT: Duration = Duration::from_millis(50);

pub type Seen = Result<(), Box<dyn std::error::Error>>;

/// Ends the driver, and with it the browser.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A browser with pictures.
pub struct Eyes {
    pub driver: WebDriver,
    tools: Cdp,
    folder: PathBuf,
    base: String,
    /// The sentence of the product page that is played, for the report of a failure.
    sentence: std::sync::Mutex<String>,
}

/// Plays one chapter in a portal and a browser of its own. Without Chromium it is skipped, but never in CI.
pub async fn play<F>(chapter: &str, portal: &Portal, story: F)
where
    F: AsyncFnOnce(&Eyes) -> Seen,
{
    let (_driver, url) = match driver() {
        Ok(driver) => driver,
        Err(why) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
            eprintln!("\n*** SKIPPED: the browser test did not run. {why} ***\n");
            return;
        }
    };
    let profile = tempfile::tempdir().unwrap();
    let eyes = Eyes::open(&url, &portal.base, profile.path()).await;
    let played = story(&eyes).await;
    let sentence = eyes.sentence.lock().unwrap().clone();
    if let Err(error) = &played {
        let _ = eyes.driver.screenshot(&eyes.folder.join(format!("failed-{chapter}.png"))).await;
        let page = eyes.driver.source().await.unwrap_or_default();
        eprintln!("{chapter}: {sentence}\n{error}\n{page}");
    }
    let Eyes { driver, .. } = eyes;
    driver.quit().await.unwrap();
    assert!(played.is_ok(), "{chapter}: {sentence}\n{played:?}");
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
            "--lang=en",
        ] {
            wanted.add_arg(argument).unwrap();
        }
        wanted.add_arg(&format!("--user-data-dir={}", profile.display())).unwrap();
        let driver = WebDriver::new(driver_url, wanted).await.unwrap();
        let tools = driver.cdp();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        Self { driver, tools, folder, base: base.to_owned(), sentence: std::sync::Mutex::default() }
    }

    /// Names the sentence of the product page that the next steps play.
    pub fn sentence(&self, sentence: &str) {
        println!("  {sentence}");
        sentence.clone_into(&mut self.sentence.lock().unwrap());
    }

    /// Fails with what axe-core finds on the page as it is now.
    async fn accessible(&self, name: &str) -> Seen {
        self.driver.execute(AXE, vec![]).await?;
        let run = "const done = arguments[arguments.length - 1]; \
                   axe.run(document, { resultTypes: ['violations'] }).then( \
                     found => done(found.violations.map(v => [v.id, v.help, v.nodes.map(n => n.html + ' :: ' + n.failureSummary)])), \
                     error => done([['axe failed', String(error), []]]));";
        let found = self.driver.execute_async(run, vec![]).await?.json().clone();
        let none = found.as_array().is_some_and(Vec::is_empty);
        if none { Ok(()) } else { Err(format!("{name} is hard to use for some: {found:#}").into()) }
    }

    /// Pictures of this page, and what axe-core says of it: desktop, phone, and dark.
    pub async fn look(&self, name: &str) -> Seen {
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
            self.accessible(&format!("{device}-{name}")).await?;
        }
        self.tools.send_raw("Emulation.clearDeviceMetricsOverride", serde_json::json!({})).await?;
        self.tools.send_raw("Emulation.setEmulatedMedia", serde_json::json!({ "features": [] })).await?;
        Ok(())
    }

    pub async fn go(&self, path: &str) -> Seen {
        Ok(self.driver.goto(format!("{}{path}", self.base)).await?)
    }

    pub async fn type_into(&self, css: &str, text: &str) -> Seen {
        self.steadily(async || {
            let field = self.driver.query(By::Css(css)).first().await?;
            field.clear().await?;
            field.send_keys(text).await
        })
        .await
    }

    pub async fn click(&self, css: &str) -> Seen {
        self.click_by(By::Css(css)).await
    }

    pub async fn click_path(&self, path: &str) -> Seen {
        self.click_by(By::XPath(path)).await
    }

    async fn click_by(&self, by: By) -> Seen {
        self.steadily(async || {
            let found = self.driver.query(by.clone()).wait(PATIENCE, MOMENT).and_clickable().first().await?;
            found.click().await
        })
        .await
    }

    /// A page that is just being exchanged takes its elements away between finding and using them: then once more.
    async fn steadily<T>(
        &self,
        step: impl AsyncFn() -> WebDriverResult<T>,
    ) -> Result<T, Box<dyn std::error::Error>> {
        let started = Instant::now();
        loop {
            match step().await {
                Err(error) if error.to_string().contains("stale element") && started.elapsed() < PATIENCE => {
                    tokio::time::sleep(MOMENT).await;
                }
                done => return Ok(done?),
            }
        }
    }

    /// The menu entry of the selected account with this ending, on the left.
    pub async fn go_on(&self, ending: &str) -> Seen {
        self.click(&format!(".side a[href$='{ending}']")).await?;
        self.sees("main h1").await
    }

    pub async fn says(&self, words: &str) -> Seen {
        let path = format!("//body[contains(., \"{words}\")]");
        self.driver
            .query(By::XPath(path.as_str()))
            .wait(PATIENCE, MOMENT)
            .first()
            .await
            .map(drop)
            .map_err(|_| format!("the page does not say: {words}").into())
    }

    pub async fn choose_account(&self, identifier: &str) -> Seen {
        if !self.has("details.selection[open]").await? {
            self.click("details.selection > summary").await?;
        }
        self.type_into("details.selection input[type=search]", identifier).await?;
        let path = format!("//*[@id='account-list']/a[code[normalize-space(.)='{identifier}']]");
        self.click_path(&path).await?;
        self.says(&format!("({identifier})")).await
    }

    /// Opens the toolbox and takes one of its entries.
    pub async fn toolbox(&self, ending: &str) -> Seen {
        if !self.has("details.toolbox[open]").await? {
            self.click("details.toolbox > summary").await?;
        }
        self.click(&format!(".toolbox .menu a[href$='{ending}']")).await
    }

    pub async fn sign_in(&self, address: &str, password: &str) -> Seen {
        self.driver.delete_all_cookies().await?;
        self.go("/sign-in").await?;
        self.type_into("input[name=address]", address).await?;
        self.type_into("input[name=password]", password).await?;
        self.submit("/sign-in").await?;
        self.sees("details.toolbox").await
    }

    /// Sends the form that goes to an address with this ending, by its first button.
    pub async fn submit(&self, ending: &str) -> Seen {
        self.click(&format!("main form[action$='{ending}'] button[type=submit]")).await
    }

    /// Sends the form whose address begins so, and names an opened link behind it.
    pub async fn send(&self, beginning: &str) -> Seen {
        self.click(&format!("main form[action^='{beginning}?of='] button[type=submit]")).await
    }

    /// The same where the button asks first, if it does: says yes.
    pub async fn submit_and_say_yes(&self, ending: &str) -> Seen {
        self.submit(ending).await?;
        // Some buttons ask on a page of their own instead.
        let _ = self.driver.accept_alert().await;
        Ok(())
    }

    /// Waits until something is on the page.
    pub async fn sees(&self, css: &str) -> Seen {
        self.driver
            .query(By::Css(css))
            .wait(PATIENCE, MOMENT)
            .first()
            .await
            .map(drop)
            .map_err(|_| format!("the page has no {css}").into())
    }

    /// What stands in a part of the page.
    pub async fn text_of(&self, css: &str) -> Result<String, Box<dyn std::error::Error>> {
        self.steadily(async || self.driver.query(By::Css(css)).first().await?.text().await).await
    }

    /// Fails if the words are on the page now.
    pub async fn does_not_say(&self, words: &str) -> Seen {
        let text = self.text_of("body").await?;
        if text.contains(words) { Err(format!("the page says {words}").into()) } else { Ok(()) }
    }

    /// The row of a customer in Administration > Customers, searched by its identifier; its action with this ending.
    pub async fn action(&self, identifier: &str, ending: &str) -> Seen {
        let path = format!(
            "//tbody[@id='customers']/tr[.//code[normalize-space(.)='{identifier}']]//a[contains(@href, '{ending}')]"
        );
        let done = self.click_path(&path).await;
        done.map_err(|error| format!("{identifier} has no action {ending}: {error}").into())
    }

    /// Selects the partner account on the top left and opens Administration > Customers by the toolbox.
    pub async fn customers_of(&self, partner: &str) -> Seen {
        self.choose_account(partner).await?;
        self.toolbox("/customers").await?;
        self.sees("#customers").await
    }

    /// Whether something is on the page now.
    pub async fn has(&self, css: &str) -> Result<bool, Box<dyn std::error::Error>> {
        Ok(self.driver.query(By::Css(css)).nowait().exists().await?)
    }
}
