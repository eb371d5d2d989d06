//! A plain HTTP/1.1 client for what the load generator does not do: logins, blobs, and connections that are held open.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::failure::Failure;

/// How long the server may be silent.
const SILENCE: Duration = Duration::from_secs(30);
/// What is read at once of a blob.
const PIECE: usize = 256 * 1024;

/// A POST request with a JSON body, as octets.
pub(super) fn post(address: &str, path: &str, session: Option<&str>, body: &str) -> String {
    let authorization = session.map(|text| format!("authorization: Bearer {text}\r\n")).unwrap_or_default();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\n{authorization}content-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Sends a request that closes its connection, and returns head and body of the response if it is a 200.
pub(super) fn exchange(address: &str, request: &str) -> Result<(String, String), Failure> {
    let mut stream = connect(address)?;
    let failed = |error: std::io::Error| Failure::Failed(format!("no response from {address}: {error}"));
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut text = String::new();
    stream.read_to_string(&mut text).map_err(failed)?;
    match text.split_once("\r\n\r\n") {
        Some((head, body)) if is_ok(head) => Ok((head.to_owned(), body.to_owned())),
        _ => Err(Failure::Failed(format!("unexpected response from {address}:\n{text}"))),
    }
}

/// The text of a member of a JSON object.
pub(super) fn member(json: &str, name: &str) -> Result<String, Failure> {
    let value: Option<serde_json::Value> = serde_json::from_str(json).ok();
    let text = value.as_ref().and_then(|value| value.get(name)?.as_str());
    text.map(str::to_owned).ok_or_else(|| Failure::Failed(format!("no member `{name}` in {json}")))
}

/// A connection.
pub(super) fn connect(address: &str) -> Result<TcpStream, Failure> {
    let failed = |error: std::io::Error| Failure::Failed(format!("cannot connect to {address}: {error}"));
    let stream = TcpStream::connect(address).map_err(failed)?;
    stream.set_read_timeout(Some(SILENCE)).map_err(failed)?;
    Ok(stream)
}

/// Requests a resource and reads this much of the response, head included, then leaves the connection as it is.
pub(super) fn begin(address: &str, path: &str, pieces: usize) -> Result<TcpStream, Failure> {
    let mut stream = connect(address)?;
    let failed = |error: std::io::Error| Failure::Failed(format!("no response from {address}: {error}"));
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut buffer = vec![0; 16 * 1024];
    for piece in 0..pieces {
        let length = stream.read(&mut buffer).map_err(failed)?;
        let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
        if length == 0 || (piece == 0 && !is_ok(&text)) {
            return Err(Failure::Failed(format!("unexpected response from {address}:\n{text}")));
        }
    }
    Ok(stream)
}

/// Reads a resource to its end and returns how many bytes it has.
pub(super) fn download(address: &str, path: &str) -> Result<u64, Failure> {
    let mut stream = connect(address)?;
    let failed = |error: std::io::Error| Failure::Failed(format!("{path} at {address} broke off: {error}"));
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut buffer = vec![0; PIECE];
    let mut total = 0;
    let mut head = Vec::new();
    loop {
        let length = stream.read(&mut buffer).map_err(failed)?;
        if length == 0 {
            break;
        }
        total += u64::try_from(length).unwrap_or(0);
        if total <= 4_096 || head.is_empty() {
            head.extend_from_slice(buffer.get(..length.min(4_096)).unwrap_or_default());
        }
    }
    let head = String::from_utf8_lossy(&head);
    let (head, _) = head.split_once("\r\n\r\n").unwrap_or_default();
    if !is_ok(head) {
        return Err(Failure::Failed(format!("unexpected response from {address}:\n{head}")));
    }
    Ok(total.saturating_sub(u64::try_from(head.len() + 4).unwrap_or(0)))
}

fn is_ok(head: &str) -> bool {
    head.starts_with("HTTP/1.1 200 ")
}
