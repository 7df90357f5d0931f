//! A tiny HTTP server on loopback, as a provider's autoconfig page or OAuth authority would be, and a name server that
//! knows what it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A request as a handler sees it.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Query and form fields, decoded, in their order.
    pub fields: Vec<(String, String)>,
}

impl Request {
    /// The first field of that name; empty when there is none.
    pub fn field(&self, name: &str) -> &str {
        self.fields
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value)
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Header lines beside the length.
    pub headers: Vec<String>,
    /// Body.
    pub body: String,
}

impl Answer {
    /// A status with a JSON body.
    pub fn json(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: vec!["Content-Type: application/json".to_owned()],
            body: body.to_owned(),
        }
    }

    /// A page.
    pub fn page(body: &str) -> Self {
        Self {
            status: 200,
            headers: vec!["Content-Type: text/xml".to_owned()],
            body: body.to_owned(),
        }
    }

    /// There is no such page.
    pub fn missing() -> Self {
        Self::json(404, "{}")
    }
}

/// A running web server; ends when it is dropped.
pub struct Web {
    /// Its port on 127.0.0.1.
    pub port: u16,
    stop: Arc<AtomicBool>,
}

impl Web {
    /// Serves what `answer` says, one thread a connection.
    pub fn serve(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, answer) = (stop.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let answer = answer.clone();
                std::thread::spawn(move || {
                    if let Ok(stream) = stream {
                        let _ = converse(stream, answer.as_ref());
                    }
                });
            }
        });
        Self { port, stop }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn converse(stream: TcpStream, answer: &dyn Fn(&Request) -> Answer) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, target) = (
        words.next().unwrap_or_default().to_owned(),
        words.next().unwrap_or_default().to_owned(),
    );
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut fields = form(query);
    fields.extend(form(&String::from_utf8_lossy(&body)));
    let request = Request {
        method,
        path: path.to_owned(),
        fields,
    };
    let Answer { status, headers, body } = answer(&request);
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} -\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    )?;
    for header in headers {
        write!(stream, "{header}\r\n")?;
    }
    write!(stream, "\r\n{body}")?;
    stream.flush()
}

/// `a=b&c=d`, decoded.
pub fn form(text: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        let bytes = text.replace('+', " ").into_bytes();
        let (mut plain, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let hex = bytes.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok());
            match (bytes[at], hex.and_then(|two| u8::from_str_radix(two, 16).ok())) {
                (b'%', Some(byte)) => {
                    plain.push(byte);
                    at += 3;
                }
                (byte, _) => {
                    plain.push(byte);
                    at += 1;
                }
            }
        }
        String::from_utf8_lossy(&plain).into_owned()
    };
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (decoded(key), decoded(value))).collect()
}

/// Answers every SRV question for `name` with one record, and no other question. Lives as long as the test.
pub fn name_server(name: &str, target: &str, port: u16) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    let labels = |name: &str| -> Vec<u8> {
        let mut bytes: Vec<u8> = name
            .split('.')
            .flat_map(|label| std::iter::once(u8::try_from(label.len()).unwrap()).chain(label.bytes()))
            .collect();
        bytes.push(0);
        bytes
    };
    let (known, target) = (labels(name), labels(target));
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let question = &buffer[..length];
            let asked = &question[12..];
            let hit = asked.starts_with(&known) && asked[known.len()..].starts_with(&[0, 33]);
            let mut answer = question.to_vec();
            answer[2..4].copy_from_slice(&[0x81, if hit { 0x80 } else { 0x83 }]);
            if hit {
                answer[7] = 1;
                answer.extend([0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60]);
                answer.extend(u16::try_from(target.len() + 6).unwrap().to_be_bytes());
                answer.extend([0, 0, 0, 0]);
                answer.extend(port.to_be_bytes());
                answer.extend(&target);
            }
            let _ = socket.send_to(&answer, from);
        }
    });
    address
}
