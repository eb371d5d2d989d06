//! The texts of `--help`.

/// `cargo xtask --help`.
pub(super) const OVERVIEW: &str = "\
cargo xtask: every command of dockpass

Usage: cargo xtask COMMAND [OPTIONS]

To see it work
  run       build and serve the page, the key server and a demo registry
  test      every test: Rust, browser module, npm package, end to end

To change it
  lint      formatting, lints, documentation, house rules      (--fix)
  wasm      build the browser module and the page; show sizes  (--check)
  ci        what the continuous integration runs: lint, size, test
  dist      what is shipped: the npm package and the server

To measure it
  bench     benchmarks and sizes
  fuzz      coverage-guided fuzzing of the parsers
  mutants   mutation testing of the security-relevant modules

  tools     install everything that the commands above need
  help COMMAND

Each command installs what it needs and is missing: system packages where it may (Debian or Ubuntu, as
root), everything else in a cache of its own ($XDG_CACHE_HOME/dockpass, else ~/.cache/dockpass). Where it
may not, it names all that is missing at once, with the command to type, and exits with 69.
Other exit codes: 1 a step failed, 64 wrong usage, 74 a file could not be read or written.";

/// `cargo xtask run --help`.
pub(super) const RUN: &str = "\
Builds the page and the key server and serves them with a demo registry until Ctrl-C.

Usage: cargo xtask run [--registry URL [--realm URL]…]… [--listen ADDR | --port N] [--release]

  --registry URL  serve your own registry instead of the demo, e.g. --registry https://registry.example.com
                  (may be repeated; without a scheme, https)
  --realm URL     a token service on another host that this registry may send logins to, exactly as the
                  registry names it, e.g. --realm https://auth.example.com/token. Needless for Docker Hub,
                  GitLab.com and nvcr.io, and when the token service is on the registry's own origin
  --listen ADDR   where the key server listens (default 127.0.0.1:8780)
  --port N        the same as --listen 127.0.0.1:N; 0 takes any free port
  --release       optimised build: minutes the first time

Needs: the browser module's tools (Rust for wasm32, wasm-bindgen, Node.js). No browser, no Docker.
Then open the address it prints, and log in with one of the logins it prints.";

/// `cargo xtask test --help`.
pub(super) const TEST: &str = "\
Runs every test and ends with one line: N passed, N failed.

Usage: cargo xtask test [--only unit|wasm|js|e2e|registries]…

  unit   cargo test of protocol, keyserver, tests and xtask
  wasm   wasm-bindgen-test of client-wasm in headless Chromium
  js     node --test of the npm package, imported by its published name, and Chromium on it
  e2e    node --test of tests/e2e: Chromium on the page, against real registries (CNCF distribution 2 and 3)
         and real token services (cesanta/docker_auth), olareg, go-containerregistry and recorded answers of others
  registries
         node --test of tests/registries: Gitea and Keycloak. Runs only when it is named: it builds Gitea and
         installs Keycloak once, which takes many minutes. Needs a C compiler, Java 17 and Maven besides

A part that runs no test counts as failed. Needs for all: Chromium, docker-registry, skopeo, htpasswd, openssl, curl, jq,
Go, Node.js and the browser module's tools; --only unit needs Rust alone. Everything stays on loopback.";

/// `cargo xtask wasm --help`.
pub(super) const WASM: &str = "\
Builds the browser module and lays out the page.

Usage: cargo xtask wasm [--check]

  cargo (profile wasm) → wasm-bindgen → wasm-opt → client-wasm/npm/dist/
  www/ + the npm package's published files       → target/www/, which the key server embeds

  --check   exit with 1 when module and glue are over 60 kB gzipped

Skips what has not changed. Uses the active toolchain if it has the wasm32-unknown-unknown target
(rustup target add wasm32-unknown-unknown); else a toolchain with the library's source, such as Debian's,
for which the standard library is built once into the cache.";

/// `cargo xtask lint --help`.
pub(super) const LINT: &str = "\
Everything that is checked without running the code. Warnings are errors.

Usage: cargo xtask lint [--fix]

  cargo fmt, cargo clippy, cargo doc, and tidy: house rules that lints cannot state
  (file length, allowed dependencies, where web_sys and axum may be used, paths named in docs, spaces)

  --fix     format, and apply what clippy can fix";

/// `cargo xtask ci --help`.
pub(super) const CI: &str = "\
What continuous integration runs: lint, the size budget, and test.

Usage: cargo xtask ci";

/// `cargo xtask dist --help`.
pub(super) const DIST: &str = "\
Builds what is shipped, optimised.

Usage: cargo xtask dist

  target/dist/dockpass-VERSION.tgz   the npm package, packed
  target/dist/dockpass-keyserver     the key server with the page inside";

/// `cargo xtask tools --help`.
pub(super) const TOOLS: &str = "\
Installs everything that any command needs, and says what was found where.

Usage: cargo xtask tools";

/// `cargo xtask bench --help`.
pub(super) const BENCH: &str = "\
Measures. Prints, asserts nothing.

Usage: cargo xtask bench [protocol|wasm|keyserver|size]

  protocol    criterion benchmarks of the parsers, beside their peers
  wasm        the npm package in Node.js, beside its peers
  keyserver   sessions, token cache and gateway
  size        raw, gzip and brotli size of the browser module";

/// `cargo xtask fuzz --help`.
pub(super) const FUZZ: &str = "\
Coverage-guided fuzzing with cargo-fuzz; needs a nightly toolchain.

Usage: cargo xtask fuzz [--minutes N] [TARGET]…

  --minutes N   how long each target runs, in processor time (default 1)

Targets are the files of protocol/fuzz/fuzz_targets; all of them by default. Prints the executions of each;
a crash leaves its input in protocol/fuzz/artifacts.";

/// `cargo xtask mutants --help`.
pub(super) const MUTANTS: &str = "\
Mutation testing with cargo-mutants: changes the code and sees whether a test notices.

Usage: cargo xtask mutants [MODULE]…

Modules of protocol and protocol/syntax; by default challenge, scope, realm, jwt and what they are made of.
Prints how many mutants were caught, and fails on survivors that protocol/mutants.txt gives no reason for.";
