use std::time::Duration;

use dockpass_protocol::code::ErrorCode;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use super::{CAPACITY, CookieScope, Cookies, MAX_LINE, PART, cookie};

/// The scope of a server that has its host for itself.
fn root() -> CookieScope {
    CookieScope::default()
}

const LIFETIME: Duration = Duration::from_mins(1);

fn headers(lines: &[&str]) -> HeaderMap {
    lines.iter().fold(HeaderMap::new(), |mut map, line| {
        map.append(COOKIE, HeaderValue::from_str(line).unwrap());
        map
    })
}

/// What a browser sends after these `Set-Cookie` fields, besides what it had.
fn after<'a>(before: &str, fields: impl IntoIterator<Item = &'a HeaderValue>) -> String {
    let mut jar: Vec<(String, String)> = Vec::new();
    let set = |jar: &mut Vec<(String, String)>, pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        jar.retain(|(other, _)| other != name);
        if !value.is_empty() {
            jar.push((name.to_owned(), value.to_owned()));
        }
    };
    before.split("; ").filter(|pair| !pair.is_empty()).for_each(|pair| set(&mut jar, pair));
    for field in fields {
        let field = field.to_str().unwrap();
        assert!(field.contains("; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age="), "{field}");
        set(&mut jar, field.split(';').next().unwrap());
    }
    jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
}

/// Logs in with a session of this length, and gives the browser's `Cookie` line.
fn log_in(before: &str, registry: &str, session: &str) -> String {
    let cookies = Cookies::of(session).unwrap();
    let request = headers(&[before]);
    let (first, gone) = cookies.set_first(&root(), &request, registry, LIFETIME).unwrap();
    assert!(first.is_sensitive());
    let mut line = after(before, gone.iter().chain([&first]));
    for (index, part) in cookies.rest().iter().enumerate() {
        line = after(&line, [&Cookies::set_part(&root(), registry, index + 2, part, LIFETIME).unwrap()]);
    }
    line
}

fn found(line: &str, registry: Option<&str>) -> Result<Option<String>, ErrorCode> {
    cookie(&root(), &headers(&[line]), registry)
}

fn text(length: usize) -> String {
    (0..length).map(|index| char::from(b'a' + u8::try_from(index % 26).unwrap())).collect()
}

// Threats: SES-02.
#[test]
fn cookie_names_are_safe_and_distinct_per_registry() {
    let name = root().name("docker.io");
    let hash = name.strip_prefix("__Host-dockpass-").unwrap();
    assert!(hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_ne!(name, root().name("ghcr.io"));
}

// Threats: SES-02.
#[test]
fn a_session_of_any_length_up_to_the_capacity_comes_back_whole() {
    for length in
        [1, PART - 1, PART, PART + 1, 2 * PART - 3, 2 * PART - 2, 2 * PART - 1, CAPACITY - 1, CAPACITY]
    {
        let session = text(length);
        let line = log_in("", "r.test", &session);
        for pair in line.split("; ") {
            assert!(pair.len() <= 4_096, "a browser drops longer ones");
        }
        assert!(line.len() < MAX_LINE, "{}", line.len());
        assert_eq!(found(&line, Some("r.test")), Ok(Some(session.clone())), "{length}");
        assert_eq!(found(&line, None), Ok(Some(session)));
        assert_eq!(found(&line, Some("other.test")), Ok(None));
    }
    assert!(Cookies::of(&text(CAPACITY + 1)).is_none());
}

// Threats: SES-02, SES-09.
#[test]
fn a_shorter_session_replaces_a_longer_one_and_logout_leaves_nothing() {
    let (long, middle, short) = (text(6_000), text(3_000), text(700));
    let mut line = "other=1".to_owned();
    for session in [&long, &short, &long, &middle, &short, &middle] {
        line = log_in(&line, "r.test", session);
        assert_eq!(found(&line, Some("r.test")), Ok(Some(session.clone())));
        let count = line.split("; ").count();
        assert_eq!(count, 1 + Cookies::of(session).unwrap().parts.len(), "{line}");
    }
    let line = log_in(&line, "r.test", &long);
    let gone = Cookies::clear(&root(), &headers(&[&line]), "r.test");
    assert_eq!(after(&line, &gone), "other=1");
}

// Threats: SES-02.
#[test]
fn a_part_that_is_missing_or_left_over_makes_no_other_session() {
    let line = log_in("", "r.test", &text(6_000));
    let pairs: Vec<&str> = line.split("; ").collect();
    assert_eq!(pairs.len(), 3);
    for missing in 1..3 {
        let rest: Vec<&str> =
            pairs.iter().enumerate().filter(|(index, _)| *index != missing).map(|(_, pair)| *pair).collect();
        let session = found(&rest.join("; "), Some("r.test")).unwrap().unwrap();
        assert!(session.len() < 6_000, "its tag is missing or wrong");
    }
    assert_eq!(found(&pairs[1..].join("; "), Some("r.test")), Ok(None));
    assert_eq!(found(&pairs[1..].join("; "), None), Ok(None));
    // A short session beside parts of a longer one.
    let name = root().name("r.test");
    let left_over = format!("{name}=short; {}", pairs[1..].join("; "));
    assert_eq!(found(&left_over, Some("r.test")), Ok(Some("short".to_owned())));
}

/// Two registries with passwords as clouds give them, and more with short ones.
// Threats: SES-18.
#[test]
fn sessions_at_several_registries_stay_within_one_line() {
    let (ecr, other) = (text(3_650), text(3_600));
    let line = log_in(&log_in("", "one.test", &ecr), "two.test", &other);
    assert!(line.len() <= MAX_LINE);
    assert_eq!(found(&line, Some("one.test")), Ok(Some(ecr)));
    assert_eq!(found(&line, Some("two.test")), Ok(Some(other.clone())));
    // A third makes room: the oldest goes, in all its parts.
    let line = log_in(&line, "three.test", &text(1_300));
    assert!(line.len() <= MAX_LINE, "{}", line.len());
    assert_eq!(found(&line, Some("one.test")), Ok(None));
    assert_eq!(found(&line, Some("two.test")), Ok(Some(other)));
    assert_eq!(line.split("; ").count(), 3);
    let mut line = String::new();
    for number in 0..12 {
        line = log_in(&line, &format!("r{number}.test"), &text(1_300));
        assert!(line.len() <= MAX_LINE, "{}", line.len());
    }
    for number in 7..12 {
        assert!(found(&line, Some(&format!("r{number}.test"))).unwrap().is_some(), "{number}");
    }
    // The longest one leaves room for nothing else.
    let line = log_in(&line, "long.test", &text(CAPACITY));
    assert!(line.len() <= MAX_LINE && line.split("; ").count() == 3, "{}", line.len());
}

// Threats: SES-03.
#[test]
fn a_cookie_is_found_by_its_exact_name_and_duplicates_are_refused() {
    let name = root().name("docker.io");
    let find = |text: &str, registry: Option<&str>| cookie(&root(), &headers(&[text]), registry);
    assert_eq!(find(&format!("a=b; {name}=v; c=d"), Some("docker.io")), Ok(Some("v".to_owned())));
    assert_eq!(find(&format!("{name}=v"), None), Ok(Some("v".to_owned())));
    assert_eq!(find(&format!("{name}=v"), Some("ghcr.io")), Ok(None));
    for other in [
        name.to_lowercase().replace("__host", "__Host").replacen('d', "D", 1),
        format!("x{name}"),
        format!("{name}x"),
        format!("{name}-1"),
        format!("{name}-4"),
        format!("{name}-2x"),
        name.replace("__Host-", "__host-"),
        format!("$Version=1; \u{a0}{name}"),
    ] {
        assert_eq!(find(&format!("{other}=v"), Some("docker.io")), Ok(None), "{other}");
    }
    assert_eq!(find(&format!("{name}=v; {name}=w"), Some("docker.io")), Err(ErrorCode::InvalidRequest));
    assert_eq!(
        find(&format!("{name}=v; {name}-2=w; {name}-2=w"), Some("docker.io")),
        Err(ErrorCode::InvalidRequest)
    );
    let second = root().name("ghcr.io");
    assert_eq!(find(&format!("{name}=v; {second}=w"), None), Err(ErrorCode::InvalidRequest));
    assert_eq!(find(&format!("{name}=v; {second}=w"), Some("ghcr.io")), Ok(Some("w".to_owned())));
    let two_lines = headers(&[&format!("{name}=v"), &format!("{name}=w")]);
    assert_eq!(cookie(&root(), &two_lines, Some("docker.io")), Err(ErrorCode::InvalidRequest));
}

/// A host with several applications: the cookie of one path is not sent to the others, and one at another path is not ours.
#[test]
fn a_base_path_keeps_cookies_to_itself() {
    let scope = CookieScope::of("/registry-login");
    let cookies = Cookies::of("session").unwrap();
    let (field, _) = cookies.set_first(&scope, &HeaderMap::new(), "r.test", LIFETIME).unwrap();
    let text = field.to_str().unwrap();
    assert!(text.starts_with("__Secure-dockpass-"), "{text}");
    assert!(
        text.ends_with("; Path=/registry-login/; Secure; HttpOnly; SameSite=Strict; Max-Age=60"),
        "{text}"
    );
    let line = headers(&[text.split(';').next().unwrap()]);
    assert_eq!(cookie(&scope, &line, None), Ok(Some("session".to_owned())));
    assert_eq!(cookie(&root(), &line, None), Ok(None));
    let gone = Cookies::clear(&scope, &line, "r.test");
    assert!(gone[0].to_str().unwrap().contains("=; Path=/registry-login/; "), "{gone:?}");
}
