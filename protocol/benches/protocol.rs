//! Benchmarks of the parsers, compared with similar crates (`cargo bench -p dockpass-protocol`).
//!
//! - challenges: `http-auth`, with the headers of its own tests and with headers of registries;
//! - hostile headers: 64 KiB in lines of 8 KiB, each of a form that could make a parser slow; the limit is 1 ms;
//! - tokens: `jsonwebtoken`'s decoding without verification, with tokens like Docker Hub's of about 1 and 3 kB;
//! - scopes: the normal form of 10, 100 and 1,000.
#![expect(clippy::unwrap_used, reason = "a benchmark has no caller to report to")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dockpass_protocol::challenge::parse_lines;
use dockpass_protocol::jwt::inspect;
use dockpass_protocol::reference::Reference;
use dockpass_protocol::scope::{ScopeSet, normalize, scopes_for};
use dockpass_protocol::token::parse_token_response;
use serde::Deserialize;

/// Headers of the tests of `http-auth` (RFC 7235 §4.1; RFC 7616 §3.9.1, §3.9.2; RFC 2617 §3.5), then of registries.
const HEADERS: [(&str, &str); 7] = [
    ("rfc7235", r#"Newauth realm="apps", type=1, title="Login to \"apps\"", Basic realm="simple""#),
    (
        "rfc7616",
        r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#,
    ),
    (
        "rfc7616-userhash",
        r#"Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true"#,
    ),
    (
        "rfc2617",
        r#"Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41""#,
    ),
    ("schemes", r#"UnsupportedSchemeA, Basic realm="foo""#),
    (
        "docker-hub",
        r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull,push",error="insufficient_scope""#,
    ),
    ("basic", r#"Basic realm="Registry Realm""#),
];

fn challenges(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("challenge");
    for (name, header) in HEADERS {
        group.throughput(Throughput::Bytes(header.len() as u64));
        group.bench_with_input(BenchmarkId::new("dockpass", name), header, |bencher, header| {
            bencher.iter(|| parse_lines([black_box(header)]).unwrap());
        });
        group.bench_with_input(BenchmarkId::new("http-auth", name), header, |bencher, header| {
            bencher.iter(|| http_auth::parse_challenges(black_box(header)).unwrap());
        });
    }
    group.finish();
}

fn hostile(criterion: &mut Criterion) {
    let fill = |prefix: &str, repeat: &str| {
        let mut line = prefix.to_owned();
        while line.len() + repeat.len() <= 8192 {
            line.push_str(repeat);
        }
        line
    };
    let distinct: Vec<String> = (0..1000).map(|number| format!("p{number}=1")).collect();
    let mut one_long_value = fill("Basic realm=\"", "a");
    one_long_value.pop();
    one_long_value.push('"');
    let shapes = [
        ("commas", fill("", ",")),
        ("white space", fill("", " \t")),
        ("open quote", fill("Basic realm=\"", "a")),
        ("escapes", format!("{}\"", fill("Basic realm=\"", "\\a").trim_end_matches('a'))),
        ("one long value", one_long_value),
        ("same parameter", fill("X ", "a=b,")),
        ("distinct parameters", format!("X {}", distinct.join(","))),
        ("schemes", fill("", "A,")),
        ("equals signs", fill("X a", "=")),
        ("quotes", fill("X a=", "\"")),
        ("64 KiB in one line", "Basic realm=\"".repeat(5042)),
    ];
    let mut group = criterion.benchmark_group("hostile");
    for (name, line) in &shapes {
        let lines = if line.len() > 8192 { vec![line.as_str()] } else { vec![line.as_str(); 8] };
        group.throughput(Throughput::Bytes(64 * 1024));
        group.bench_with_input(BenchmarkId::new("dockpass", name), &lines, |bencher, lines| {
            // Each line by itself, because an error in the first one would end the parsing of all.
            bencher.iter(|| {
                lines.iter().map(|line| parse_lines([black_box(*line)]).is_ok()).filter(|ok| *ok).count()
            });
        });
    }
    group.finish();
}

/// The claims that dockpass reads, as a type for `jsonwebtoken`.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "the fields are decoded but not read")]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<String>,
    exp: Option<i64>,
    nbf: Option<i64>,
    iat: Option<i64>,
    jti: Option<String>,
    access: Option<Vec<Entry>>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "the fields are decoded but not read")]
struct Entry {
    r#type: String,
    class: Option<String>,
    name: String,
    actions: Option<Vec<String>>,
}

/// A token like Docker Hub's: a 2048-bit signature, and a certificate in the header of the long one.
fn token(certificate: usize) -> String {
    use base64::Engine;
    let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let x5c = if certificate > 0 {
        format!(r#","x5c":["{}"]"#, "MIIEFjCC".repeat(certificate / 8))
    } else {
        String::new()
    };
    let header = format!(r#"{{"alg":"RS256","typ":"JWT","kid":"d4XsXBFnbRnJBKoYGbHvwnzBwCDoAlHf"{x5c}}}"#);
    let claims = r#"{"access":[{"actions":["pull"],"name":"library/alpine","parameters":{"pull_limit":"100","pull_limit_interval":"21600"},"type":"repository"}],"aud":"registry.docker.io","exp":1790000300,"iat":1790000000,"iss":"auth.docker.io","jti":"dckr_jti_3Nq1o2vL9mYkqkZ4mTqzKq0vWl8=","nbf":1789999700,"sub":""}"#;
    format!("{}.{}.{}", encode(&header), encode(claims), encode(&"s".repeat(256)))
}

fn tokens(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("jwt");
    for (name, token) in [("1 kB", token(0)), ("3 kB with certificate", token(1500))] {
        assert!(inspect(&token).is_jwt());
        group.throughput(Throughput::Bytes(token.len() as u64));
        group.bench_with_input(BenchmarkId::new("dockpass", name), &token, |bencher, token| {
            bencher.iter(|| inspect(black_box(token)));
        });
        group.bench_with_input(BenchmarkId::new("jsonwebtoken", name), &token, |bencher, token| {
            bencher.iter(|| jsonwebtoken::dangerous::insecure_decode::<Claims>(black_box(token)).unwrap());
        });
    }
    let hostile = format!("eyJhbGciOiJSUzI1NiJ9.{}.c2ln", "W1tb".repeat(16_000));
    group.bench_function("dockpass/64 KiB of brackets", |bencher| {
        bencher.iter(|| inspect(black_box(&hostile)));
    });
    let body = format!(r#"{{"token":"{}","expires_in":300,"issued_at":"2026-09-21T14:13:20Z"}}"#, token(0));
    group.bench_function("dockpass/token response", |bencher| {
        bencher.iter(|| parse_token_response(black_box(body.as_bytes()), 1_790_000_000_000).unwrap());
    });
    group.finish();
}

fn scopes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scope");
    for count in [10, 100, 1_000] {
        let strings: Vec<String> = (0..count)
            .map(|number| {
                format!("repository:team-{}/app-{}:push,pull", number % 37, (number * 7919) % count)
            })
            .collect();
        let strings: Vec<&str> = strings.iter().map(String::as_str).collect();
        let list = strings.join(" ");
        group.throughput(Throughput::Elements(count));
        group.bench_with_input(BenchmarkId::new("normalize", count), &strings, |bencher, strings| {
            bencher.iter(|| normalize(black_box(strings)));
        });
        group.bench_with_input(BenchmarkId::new("set", count), &list, |bencher, list| {
            bencher.iter(|| ScopeSet::parse(black_box(list)).unwrap());
        });
    }
    group.bench_function("scopes_for", |bencher| {
        bencher
            .iter(|| scopes_for(black_box("GET"), black_box("/v2/library/alpine/manifests/latest")).unwrap());
    });
    group.bench_function("reference", |bencher| {
        bencher.iter(|| black_box("ghcr.io/org/app:v1.2.3").parse::<Reference>().unwrap());
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_millis(700))
        .sample_size(30);
    targets = challenges, hostile, tokens, scopes
}
criterion_main!(benches);
