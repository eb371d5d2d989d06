//! Searches the memory of the process for passwords.
//!
//! The key server forbids other processes to read its memory. The scanned server is started by [`serve`], which does the
//! same except for that protection.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::process::ExitCode;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use dockpass_keyserver::{Server, Settings};
use dockpass_tests::demo::{Action, Kind, Role, Script};

use crate::program::{Fixture, Program};

/// A rate limit that the test does not reach.
const MANY_LOGINS: &str =
    "limits:\n  login_burst: 1000\n  login_per_minute: 1000\n  account_per_minute: 1000\n";
const SERVE: [&str; 2] = ["serve-for-a-scan", "config.yaml"];
/// How much memory is looked at at once, and how much of it again with the next piece.
const PIECE: u64 = 1024 * 1024;
const OVERLAP: u64 = 4096;

/// Runs a key server whose memory may be read, in the child process.
pub(crate) fn serve(arguments: &[String]) -> ExitCode {
    use std::io::Write as _;

    let config = Settings::load(Some(arguments[2].as_ref()), []).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::bind(config).await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "dockpass-keyserver listening on http://{}", server.address()).unwrap();
        out.flush().unwrap();
        drop(out);
        server.run(std::future::pending()).await;
    });
    ExitCode::SUCCESS
}

/// Control: during a login the scan must find the password, in more than one form.
pub(crate) async fn the_memory_scan_finds_a_planted_password() {
    let fixture = Fixture::new([Kind::Token], "").await;
    let program = fixture.start(&SERVE);
    assert_eq!(scan(&program, &forms(&fixture.password)), [""; 0], "nobody typed it yet");
    let slow = Script::once(Kind::Token, Role::TokenService, Action::Nothing).after(Duration::from_secs(3));
    fixture.demo.script(slow);
    let login = fixture.session(&program, Kind::Token);
    let looking = async {
        while fixture.demo.requests(Kind::Token, Role::TokenService) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        scan(&program, &forms(&fixture.password))
    };
    let (_, found) = tokio::join!(login, looking);
    let plain = found.iter().filter(|place_found| place_found.contains(&fixture.password)).count();
    assert!(plain > 0, "not found as it is: {found:#?}");
    assert!(plain < found.len(), "not found as base64: {found:#?}");
}

/// After successful and failed logins, tokens and tags, no form of the password is found.
// Threats: CCH-18, LOG-06.
pub(crate) async fn no_password_stays_in_memory() {
    for kind in [Kind::Token, Kind::OwnRealm, Kind::Hub, Kind::Basic] {
        let fixture = Fixture::new([kind], MANY_LOGINS).await;
        let program = fixture.start(&SERVE);
        let wrong = "canary-which-is-wrong-0123456789";
        for _ in 0..5 {
            fixture.session(&program, kind).await;
            assert_eq!(fixture.login(&program, kind, wrong).await.status, 401);
        }
        let session = fixture.session(&program, kind).await;
        if kind != Kind::Basic {
            assert_eq!(fixture.token(&program, kind, &session).await.status, 200);
        }
        assert_eq!(fixture.tags(&program, kind, &session).await, 200);
        for secret in [fixture.password.as_str(), wrong] {
            let found = settled(&program, &forms(secret)).await;
            assert!(found.is_empty(), "{kind:?}: a password is in {found:#?}");
        }
    }
}

/// What is found after a wait. A connection on which a password was sent may be used again; it is closed half a second
/// after the last response at the latest, and its buffers are wiped.
async fn settled(program: &Program, texts: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(600)).await;
        found = scan(program, texts);
        if found.is_empty() {
            break;
        }
    }
    found
}

/// The password, and its base64 forms at each position in a group of three bytes.
fn forms(password: &str) -> Vec<String> {
    let mut forms = vec![password.to_owned()];
    for shift in 0..3 {
        let padded = format!("{}{password}", "x".repeat(shift));
        for engine in [&STANDARD, &URL_SAFE_NO_PAD] {
            let text = engine.encode(&padded);
            // Characters that depend on the bytes before or after the password are removed.
            let inner: String = text.chars().skip(4).take(text.len().saturating_sub(10)).collect();
            forms.push(inner);
        }
    }
    forms
}

/// The places in the process's memory that contain one of these strings.
fn scan(program: &Program, texts: &[String]) -> Vec<String> {
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", program.id())).unwrap();
    let mut memory = std::fs::File::open(format!("/proc/{}/mem", program.id()))
        .expect("a parent may read its child's memory (kernel.yama.ptrace_scope at most 1)");
    let nothing = vec![0; usize::try_from(PIECE).unwrap()];
    let mut found = Vec::new();
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (range, rights) = (fields.next().unwrap(), fields.next().unwrap());
        // Read-only regions contain code and constants.
        if !rights.starts_with("rw") {
            continue;
        }
        let (first, last) = range.split_once('-').unwrap();
        let (first, last) = (u64::from_str_radix(first, 16).unwrap(), u64::from_str_radix(last, 16).unwrap());
        // An allocator may map much more than it uses: what was never written is passed over in large pieces. They overlap by
        // more than the longest text.
        let mut start = first;
        while start < last {
            let end = last.min(start + PIECE);
            let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
            // Some regions, such as guard pages, cannot be read.
            let read = memory.seek(SeekFrom::Start(start)).and_then(|_| memory.read_exact(&mut bytes));
            if read.is_ok() && bytes != nothing[..bytes.len()] {
                found.extend(places(&bytes, texts).map(|around| format!("{line}: …{around}…")));
            }
            start = if end == last { last } else { end - OVERLAP };
        }
    }
    found
}

/// What surrounds each place of these strings.
fn places(bytes: &[u8], texts: &[String]) -> impl Iterator<Item = String> {
    texts.iter().flat_map(move |text| {
        let needle = text.as_bytes();
        let mut from = 0;
        std::iter::from_fn(move || {
            let at = from + position(&bytes[from..], needle)?;
            from = at + needle.len();
            let around = &bytes[at.saturating_sub(60)..(at + 90).min(bytes.len())];
            Some(String::from_utf8_lossy(around).escape_debug().to_string())
        })
    })
}

/// The positions of a string. The first byte is searched first, which is fast.
fn position(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == first) {
        let at = from + at;
        if bytes[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}
