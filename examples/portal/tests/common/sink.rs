//! A mail server that speaks just enough SMTP to take every mail.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, Sender, channel};

/// What the sink got for one mail.
#[derive(Debug)]
pub struct Got {
    pub from: Vec<String>,
    pub to: Vec<String>,
    pub data: String,
}

/// Listens on a free port; each mail comes out of the channel.
pub fn sink() -> (String, Receiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let (mails, got) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mails = mails.clone();
            std::thread::spawn(move || serve(stream.unwrap(), &mails));
        }
    });
    (url, got)
}

fn serve(stream: std::net::TcpStream, mails: &Sender<Got>) {
    let mut out = stream.try_clone().unwrap();
    let mut say = move |line: &str| out.write_all(format!("{line}\r\n").as_bytes()).is_ok();
    let mut lines = BufReader::new(stream).split(b'\n').map_while(Result::ok).map(|line| {
        let line = String::from_utf8(line).expect("UTF-8");
        line.strip_suffix('\r').expect("every line ends with CR LF").to_owned()
    });
    let (mut from, mut to) = (Vec::new(), Vec::new());
    say("220 sink");
    while let Some(line) = lines.next() {
        let upper = line.to_ascii_uppercase();
        let ok = match upper.split([' ', ':']).next().unwrap() {
            "EHLO" => say("250-sink") && say("250 8BITMIME"),
            "MAIL" => {
                from.push(line);
                say("250 ok")
            }
            "RCPT" => {
                to.push(line);
                say("250 ok")
            }
            "DATA" => {
                say("354 go on");
                let mut data = String::new();
                for line in lines.by_ref().take_while(|line| line != ".") {
                    data.push_str(line.strip_prefix('.').unwrap_or(&line));
                    data.push_str("\r\n");
                }
                mails
                    .send(Got { from: std::mem::take(&mut from), to: std::mem::take(&mut to), data })
                    .unwrap();
                say("250 taken")
            }
            "QUIT" => {
                say("221 bye");
                return;
            }
            _ => say("250 ok"),
        };
        if !ok {
            return;
        }
    }
}
