//! A mail server that speaks just enough SMTP to take every mail, or to misbehave at a chosen stage.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What the sink got for one mail.
#[derive(Debug)]
pub struct Got {
    pub from: Vec<String>,
    pub to: Vec<String>,
    pub data: String,
    /// Whether the line was encrypted, and who had signed in.
    pub encrypted: bool,
    pub signed_in: bool,
}

impl Got {
    /// A header of the mail.
    pub fn header(&self, name: &str) -> String {
        let mark = format!("{}: ", name.to_ascii_lowercase());
        let line = self.data.lines().find(|line| line.to_ascii_lowercase().starts_with(&mark));
        line.map(|line| line[mark.len()..].to_owned()).unwrap_or_default()
    }
}

/// Where in the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Greeting,
    Hello,
    SignIn,
    From,
    To,
    Data,
    /// After all of the mail.
    Body,
}

/// What the sink does at a stage, once, instead of what is right.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// Answers this.
    Says(Stage, &'static str),
    /// Cuts the line.
    Cuts(Stage),
    /// Says nothing for so long; then goes on.
    Waits(Stage, Duration),
}

/// How its line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Plain,
    StartTls,
    Tls,
}

/// `portal` and `geheim`, as AUTH PLAIN says them.
const LOGIN: &str = "AHBvcnRhbABnZWhlaW0=";

/// A running sink.
pub struct Sink {
    pub port: u16,
    pub got: Receiver<Got>,
    deeds: Arc<Mutex<VecDeque<Deed>>>,
    certificate: String,
}

struct Server {
    mails: Sender<Got>,
    deeds: Arc<Mutex<VecDeque<Deed>>>,
    line: Line,
    tls: Arc<ServerConfig>,
}

/// Listens on a free port; each mail comes out of the channel.
pub fn sink() -> (String, Receiver<Got>) {
    let sink = Sink::start(Line::Plain);
    (format!("smtp://127.0.0.1:{}", sink.port), sink.got)
}

impl Sink {
    pub fn start(line: Line) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let (mails, got) = channel();
        let deeds = Arc::new(Mutex::new(VecDeque::new()));
        let server = Arc::new(Server { mails, deeds: Arc::clone(&deeds), line, tls: Arc::new(tls) });
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let server = Arc::clone(&server);
                std::thread::spawn(move || server.serve(stream.unwrap()));
            }
        });
        Self { port, got, deeds, certificate: made.cert.pem() }
    }

    /// Does this when it comes to that stage, once each, in this order.
    pub fn will(&self, deeds: &[Deed]) {
        self.deeds.lock().unwrap().extend(deeds);
    }

    /// Whether all that it should do was done.
    pub fn is_done(&self) -> bool {
        self.deeds.lock().unwrap().is_empty()
    }

    /// Writes the certificate of its TLS.
    pub fn write_certificate(&self, path: &Path) {
        std::fs::write(path, &self.certificate).unwrap();
    }
}

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

/// How the conversation goes on.
enum Next {
    Encrypts,
    Ends,
}

/// One conversation, or the part of it before or after STARTTLS.
struct Talk<'a> {
    server: &'a Server,
    stream: &'a mut dyn Stream,
    encrypted: bool,
}

impl Server {
    fn serve(&self, mut stream: TcpStream) {
        if self.line == Line::Tls {
            let session = ServerConnection::new(Arc::clone(&self.tls)).unwrap();
            let mut stream = StreamOwned::new(session, stream);
            let _ = Talk { server: self, stream: &mut stream, encrypted: true }.greets();
            return;
        }
        let mut talk = Talk { server: self, stream: &mut stream, encrypted: false };
        if matches!(talk.greets(), Some(Next::Encrypts)) {
            let session = ServerConnection::new(Arc::clone(&self.tls)).unwrap();
            let mut stream = StreamOwned::new(session, stream);
            let _ = Talk { server: self, stream: &mut stream, encrypted: true }.goes_on();
        }
    }

    /// What is to be done at this stage instead of what is right.
    fn deed(&self, stage: Stage) -> Option<Deed> {
        let mut deeds = self.deeds.lock().unwrap();
        let here = deeds.front().is_some_and(|deed| match deed {
            Deed::Says(at, _) | Deed::Cuts(at) | Deed::Waits(at, _) => *at == stage,
        });
        if here { deeds.pop_front() } else { None }
    }
}

impl Talk<'_> {
    fn line(&mut self) -> Option<String> {
        let (mut line, mut byte) = (Vec::new(), [0]);
        while byte != *b"\n" {
            self.stream.read_exact(&mut byte).ok()?;
            line.push(byte[0]);
        }
        let line = String::from_utf8(line).expect("UTF-8");
        Some(line.strip_suffix("\r\n").expect("every line ends with CR LF").to_owned())
    }

    fn say(&mut self, line: &str) -> Option<()> {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).ok()?;
        self.stream.flush().ok()
    }

    /// Whether the stage went as it should; `None`: the line is cut.
    fn passes(&mut self, stage: Stage) -> Option<bool> {
        match self.server.deed(stage) {
            None => Some(true),
            Some(Deed::Says(_, words)) => self.say(words).map(|()| false),
            Some(Deed::Cuts(_)) => None,
            Some(Deed::Waits(_, span)) => {
                std::thread::sleep(span);
                Some(true)
            }
        }
    }

    fn greets(&mut self) -> Option<Next> {
        if !self.passes(Stage::Greeting)? {
            return Some(Next::Ends);
        }
        self.say("220 sink")?;
        self.goes_on()
    }

    fn goes_on(&mut self) -> Option<Next> {
        let (mut from, mut to, mut signed_in) = (Vec::new(), Vec::new(), false);
        loop {
            let line = self.line()?;
            let upper = line.to_ascii_uppercase();
            match upper.split([' ', ':']).next().unwrap() {
                "EHLO" => {
                    if self.passes(Stage::Hello)? {
                        self.say("250-sink")?;
                        if self.server.line == Line::StartTls && !self.encrypted {
                            self.say("250-STARTTLS")?;
                        }
                        self.say("250-AUTH PLAIN")?;
                        self.say("250 8BITMIME")?;
                    }
                }
                "STARTTLS" => {
                    self.say("220 go on")?;
                    return Some(Next::Encrypts);
                }
                "AUTH" => {
                    if self.passes(Stage::SignIn)? {
                        signed_in = line.ends_with(LOGIN);
                        self.say(if signed_in { "235 welcome" } else { "535 5.7.8 wrong password" })?;
                    }
                }
                "MAIL" => {
                    (from, to) = (vec![line], Vec::new());
                    if self.passes(Stage::From)? {
                        self.say("250 ok")?;
                    }
                }
                "RCPT" => {
                    to.push(line);
                    if self.passes(Stage::To)? {
                        self.say("250 ok")?;
                    }
                }
                "DATA" => {
                    if !self.passes(Stage::Data)? {
                        continue;
                    }
                    self.say("354 go on")?;
                    let mut data = String::new();
                    loop {
                        let line = self.line()?;
                        if line == "." {
                            break;
                        }
                        data.push_str(line.strip_prefix('.').unwrap_or(&line));
                        data.push_str("\r\n");
                    }
                    let (from, to) = (std::mem::take(&mut from), std::mem::take(&mut to));
                    let got = Got { from, to, data, encrypted: self.encrypted, signed_in };
                    // A server that cuts the line, or waits too long, here has the mail all the same; one that refuses has not.
                    let refuses =
                        matches!(self.server.deeds.lock().unwrap().front(), Some(Deed::Says(Stage::Body, _)));
                    if !refuses {
                        let _ = self.server.mails.send(got);
                    }
                    if self.passes(Stage::Body)? {
                        self.say("250 taken")?;
                    }
                }
                "QUIT" => {
                    self.say("221 bye")?;
                    return Some(Next::Ends);
                }
                _ => self.say("250 ok")?,
            }
        }
    }
}
