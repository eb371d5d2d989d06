//! The programs of a run: key servers, and what they are measured beside.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use super::program::{Processors, Program, pinned};
use super::{built, client, folder};
use crate::failure::Failure;
use crate::tools::system::Requirement;
use crate::{process, util};

/// Bytes of the blob.
pub(super) const BLOB: u64 = 256 * 1024 * 1024;
/// Bytes of the manifest.
const MANIFEST: usize = 1_024;
/// The paths of both at the registry.
pub(super) const MANIFEST_PATH: &str = "/v2/bench/app/manifests/latest";
pub(super) const BLOB_PATH: &str =
    "/v2/bench/app/blobs/sha256:0000000000000000000000000000000000000000000000000000000000000000";
/// What the key server prints before its address.
const LISTENING: &str = "dockpass-keyserver listening on http://";
const PEER_LISTENING: &str = "dockpass-bench-peer listening on http://";

/// What runs during the whole benchmark.
#[derive(Debug)]
pub(super) struct Peers {
    /// A registry with manifests and blobs, open to everyone: nginx.
    _registry: Program,
    /// A registry with a token service.
    _tokens: Program,
    /// The name of the open registry, for the gateway's path.
    pub(super) open: String,
    /// The name of the registry with a token service.
    pub(super) protected: String,
    /// The measured key server.
    pub(super) server: Program,
    pub(super) address: String,
    /// nginx as a reverse proxy of the open registry.
    pub(super) proxy: Program,
    pub(super) proxy_address: String,
    /// A session of the key server.
    pub(super) session: String,
}

impl Peers {
    pub(super) fn start(processors: &Processors) -> Result<Self, Failure> {
        let (registry, open) = registry(processors)?;
        let (proxy, proxy_address) = proxy(processors, &open)?;
        let mut command = pinned(processors.other, &built("dockpass-bench-peer"));
        let mut tokens = Program::start("token-service", command.arg("tokens"))?;
        let protected = tokens.announced(PEER_LISTENING)?;
        write_config(&open, &protected)?;
        let (server, address) = key_server(processors, "key-server")?;
        let login = format!(r#"{{"registry":"{protected}","username":"ada","password":"engine"}}"#);
        let (_, body) = client::exchange(&address, &client::post(&address, "/v1/sessions", None, &login))?;
        let session = client::member(&body, "session")?;
        Ok(Self {
            _registry: registry,
            _tokens: tokens,
            open,
            protected,
            server,
            address,
            proxy,
            proxy_address,
            session,
        })
    }

    /// The body of a request for a token for this repository.
    pub(super) fn token_request(&self, repository: &str) -> String {
        format!(r#"{{"registry":"{}","scopes":["repository:{repository}:pull"]}}"#, self.protected)
    }

    /// axum with the key server's response to this request for a token, ready to be sent.
    pub(super) fn bare_axum(
        &self,
        processors: &Processors,
        request: &str,
    ) -> Result<(Program, String), Failure> {
        let request = client::post(&self.address, "/v1/token", Some(&self.session), request);
        let (head, body) = client::exchange(&self.address, &request)?;
        let lines: Vec<&str> = head.lines().filter(|line| !line.starts_with("connection:")).collect();
        let file = folder().join("token-response.txt");
        util::write(&file, format!("{}\r\n\r\n{body}", lines.join("\r\n")))?;
        let mut command = pinned(processors.measured, &built("dockpass-bench-peer"));
        let mut program = Program::start("axum", command.args(["axum", "--response"]).arg(file))?;
        let address = program.announced(PEER_LISTENING)?;
        Ok((program, address))
    }

    /// The path of this resource of the open registry at the gateway.
    pub(super) fn gateway_path(&self, path: &str) -> String {
        format!("/r/{}{path}", self.open)
    }
}

/// A key server with the configuration of the benchmark, and its address.
pub(super) fn key_server(processors: &Processors, name: &'static str) -> Result<(Program, String), Failure> {
    let mut command = pinned(processors.measured, &built("dockpass-keyserver"));
    command.arg("serve").arg("--config").arg(config_file());
    let mut server = Program::start(name, &mut command)?;
    let address = server.announced(LISTENING)?;
    Ok((server, address))
}

fn config_file() -> PathBuf {
    folder().join("config.yaml")
}

/// Defaults, except for the limits per client: all load comes from one address. Requests are logged.
fn write_config(open: &str, protected: &str) -> Result<(), Failure> {
    let key = folder().join("session.pem");
    process::output(process::command(built("dockpass-keyserver")).args(["keygen", "--out"]).arg(&key))?;
    let text = format!(
        "listen: 127.0.0.1:0\n\
         trusted_proxies: [127.0.0.0/8]\n\
         session:\n  key_files: [{key}]\n\
         registries:\n  - name: Open\n    url: http://{open}\n  - name: Protected\n    url: http://{protected}\n\
         limits:\n  connections: 20000\n  client_concurrency: 20000\n  requests_per_minute: 0\n  \
         session_scopes_per_minute: 1000000\n  anonymous_per_minute: 100000\n",
        key = key.display()
    );
    util::write(&config_file(), text).map(drop)
}

/// nginx that serves a manifest and a blob.
fn registry(processors: &Processors) -> Result<(Program, String), Failure> {
    let manifest = folder().join("manifest.json");
    let text = format!("{:<MANIFEST$}", r#"{"schemaVersion":2}"#);
    util::write(&manifest, text)?;
    let blob = folder().join("blob");
    let file = File::create(&blob).map_err(Failure::io("create", &blob))?;
    file.set_len(BLOB).map_err(Failure::io("write", &blob))?;
    let locations = format!(
        "location = {MANIFEST_PATH} {{ default_type application/vnd.oci.image.manifest.v1+json; alias {}; }}\n\
         location = {BLOB_PATH} {{ default_type application/octet-stream; alias {}; }}\n\
         location = /v2/ {{ return 200 '{{}}'; }}",
        manifest.display(),
        blob.display()
    );
    nginx(processors.other, "registry", "", "off", &locations)
}

/// nginx that relays to the registry as the gateway does, with connections that are kept.
fn proxy(processors: &Processors, registry: &str) -> Result<(Program, String), Failure> {
    let upstream =
        format!("upstream registry {{ server {registry}; keepalive 64; keepalive_requests 1000000000; }}");
    let location = "location / { proxy_pass http://registry; proxy_http_version 1.1; \
                    proxy_set_header Connection \"\"; }";
    let log = folder().join("proxy-access.log");
    nginx(processors.measured, "proxy", &upstream, &log.display().to_string(), location)
}

fn nginx(
    processor: usize,
    name: &'static str,
    upstream: &str,
    access_log: &str,
    locations: &str,
) -> Result<(Program, String), Failure> {
    let folder = folder();
    let address = free_address()?;
    let place = |kind: &str| folder.join(format!("{name}-{kind}")).display().to_string();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {};\n", place(kind)))
        .concat();
    // One process without a master, so that its CPU time is that of nginx.
    let text = format!(
        "daemon off;\nmaster_process off;\npid {};\nerror_log {};\nevents {{ worker_connections 16384; }}\n\
         http {{\n{temporary}access_log {access_log};\nsendfile on;\ntcp_nopush on;\n\
         keepalive_requests 1000000000;\n{upstream}\nserver {{\nlisten {address};\n{locations}\n}}\n}}\n",
        place("pid"),
        place("error.log"),
    );
    let file = folder.join(format!("{name}.conf"));
    util::write(&file, text)?;
    let program = Requirement::Nginx.found().unwrap_or_else(|| Path::new("nginx").to_owned());
    let mut command = pinned(processor, &program);
    command.arg("-p").arg(&folder).arg("-c").arg(&file);
    let mut program = Program::start(name, &mut command)?;
    program.accepts(&address)?;
    Ok((program, address))
}

/// An address that is free now.
fn free_address() -> Result<String, Failure> {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    address.map(|address| address.to_string()).map_err(|error| Failure::Failed(error.to_string()))
}
