//! The other programs of `cargo xtask bench keyserver`, so that every figure has one beside it from the same run.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use clap::Parser;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, DATE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri};
use tokio::net::TcpListener;

/// Programs to compare the key server with.
#[derive(Debug, Parser)]
#[command(name = "dockpass-bench-peer", version)]
enum Command {
    /// Serve one response to `POST /v1/token`, with axum and nothing else
    Axum {
        /// The response: its head and body, as received from the key server
        #[arg(long, value_name = "FILE")]
        response: PathBuf,
    },
    /// Serve a registry's challenge, and a token service that grants every scope
    Tokens,
    /// Print how many nanoseconds of CPU time one RSA-OAEP decryption with 2048 bits takes
    Rsa {
        /// Operations to measure
        #[arg(long, default_value_t = 2_000)]
        operations: u32,
    },
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, #[source] io::Error),
    #[error("{0} is not a response with head and body")]
    Response(PathBuf),
    #[error("cannot serve: {0}")]
    Serve(#[from] io::Error),
    #[error("an RSA operation failed")]
    Rsa,
}

impl From<Unspecified> for Failure {
    fn from(_: Unspecified) -> Self {
        Self::Rsa
    }
}

fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Axum { response } => bare(&response).and_then(|app| serve(|_| app)),
        Command::Tokens => serve(tokens),
        Command::Rsa { operations } => rsa(operations),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "dockpass-bench-peer: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Serves what `app` makes of the server's own origin, until the process is stopped.
#[tokio::main]
async fn serve(app: impl FnOnce(&str) -> Router) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let _ = writeln!(io::stdout(), "dockpass-bench-peer listening on {origin}");
    Ok(axum::serve(listener, app(&origin)).await?)
}

/// The least that an axum service can do to send these octets: read the request, and respond with what is ready.
fn bare(file: &Path) -> Result<Router, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::Read(file.to_owned(), error))?;
    let invalid = || Failure::Response(file.to_owned());
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(invalid)?;
    let mut headers = HeaderMap::new();
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(": ").ok_or_else(invalid)?;
        let name = HeaderName::try_from(name).map_err(|_| invalid())?;
        // hyper writes these two.
        if name != CONTENT_LENGTH && name != DATE {
            headers.append(name, HeaderValue::try_from(value).map_err(|_| invalid())?);
        }
    }
    let body = Bytes::from(body.to_owned());
    let respond = move |_: Bytes| async move { (headers, body) };
    Ok(Router::new().route("/v1/token", post(respond)))
}

/// A registry at this origin that challenges, and its token service. A login needs any user name and password.
fn tokens(origin: &str) -> Router {
    let challenge = format!("Bearer realm=\"{origin}/token\",service=\"bench\"");
    let refuse = move || {
        let challenge = challenge.clone();
        async move { (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, challenge)]) }
    };
    let signature: Arc<str> = URL_SAFE_NO_PAD.encode([7; 256]).into();
    Router::new().route("/v2/", get(refuse)).route("/token", get(token)).with_state(signature)
}

/// A JWT that names the user and grants what is requested. Its signature is none: the key server does not verify it.
async fn token(State(signature): State<Arc<str>>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    if !headers.contains_key(AUTHORIZATION) {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        let basic = HeaderValue::from_static("Basic realm=\"bench\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, basic);
        return response;
    }
    let query = uri.query().unwrap_or_default().replace("%3A", ":").replace("%2F", "/");
    let granted = query.split('&').filter_map(|field| field.strip_prefix("scope=")).filter_map(|scope| {
        let (kind, rest) = scope.split_once(':')?;
        let (name, actions) = rest.rsplit_once(':')?;
        let actions: Vec<&str> = actions.split(',').collect();
        Some(serde_json::json!({"type": kind, "name": name, "actions": actions}))
    });
    let access: Vec<_> = granted.collect();
    let claims = serde_json::json!({
        "iss": "bench", "sub": "ada", "aud": "bench", "jti": "5b2f8c6e-93a4-4d0b-8f2f-6a1f0c8b7d21",
        "iat": 1_700_000_000, "nbf": 1_700_000_000, "exp": 4_102_444_800_u64, "access": access,
    });
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = serde_json::json!({"alg": "RS256", "typ": "JWT", "kid": "bench"});
    let token = format!("{}.{}.{signature}", part(&header), part(&claims));
    let body = serde_json::json!({"token": token, "expires_in": 300}).to_string();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *response.body_mut() = Body::from(body);
    response
}

/// Prints the CPU time of one operation, of this process and so without what other processes do meanwhile.
fn rsa(operations: u32) -> Result<(), Failure> {
    let private = PrivateDecryptingKey::generate(KeySize::Rsa2048)?;
    let public = OaepPublicEncryptingKey::new(private.public_key())?;
    let private = OaepPrivateDecryptingKey::new(private)?;
    let mut sealed = vec![0; public.ciphertext_size()];
    let sealed = public.encrypt(&OAEP_SHA256_MGF1SHA256, &[7; 32], &mut sealed, None)?;
    let mut opened = vec![0; private.min_output_size()];
    private.decrypt(&OAEP_SHA256_MGF1SHA256, sealed, &mut opened, None)?;
    let before = cpu_nanoseconds()?;
    for _ in 0..operations {
        private.decrypt(&OAEP_SHA256_MGF1SHA256, sealed, &mut opened, None)?;
    }
    let spent = cpu_nanoseconds()?.saturating_sub(before);
    let _ = writeln!(io::stdout(), "{}", spent / u64::from(operations.max(1)));
    Ok(())
}

/// CPU time of this thread, the only one that works.
fn cpu_nanoseconds() -> Result<u64, Failure> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let first = text.split_whitespace().next().and_then(|text| text.parse().ok());
    first.ok_or_else(|| Failure::Serve(io::Error::other("/proc/thread-self/schedstat is empty")))
}
