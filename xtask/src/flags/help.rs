//! The texts of `--help`.

/// `cargo xtask --help`.
pub(super) const OVERVIEW: &str = "\
cargo xtask: every command of dockpass

Usage: cargo xtask COMMAND [OPTIONS]

To see it work
  run       build and serve the page, the key server and a demo registry
  test      every test: Rust, browser module, npm package, end to end

To change it
  lint      formatting, lints, documentation, dependencies, house rules (--fix)
  wasm      build the browser module and the page; show sizes           (--check)
  ci        what the continuous integration runs: lint, size, test
  dist      what is shipped: the npm package and the server

To measure it
  bench     benchmarks and sizes
  fuzz      coverage-guided fuzzing of the parsers
  mutants   mutation testing of the security-relevant modules

  tools     install everything that the commands above need
  help COMMAND

Each command installs what it needs: system packages as root on Debian or Ubuntu, everything else in
$XDG_CACHE_HOME/dockpass, else ~/.cache/dockpass. Where it may not, it names all that is missing, with
the command to type. Exit codes: 1 a step failed, 64 wrong usage, 69 something has to be installed or
freed first, 74 a file could not be read or written.";

/// `cargo xtask run --help`.
pub(super) const RUN: &str = "\
Serves the page and the key server with a demo registry until Ctrl-C, and prints address and logins.

Usage: cargo xtask run [--registry URL [--realm URL]…]… [--listen ADDR | --port N] [--release]

  --registry URL  your own registry instead of the demo, e.g. https://registry.example.com; repeatable
  --realm URL     a token service on another host that this registry may send logins to, as the registry
                  names it. Not needed for Docker Hub, GitLab.com, nvcr.io and on the registry's own origin
  --listen ADDR   where the key server listens (default 127.0.0.1:8780)
  --port N        the same as --listen 127.0.0.1:N; 0 takes any free port
  --release       optimised build: minutes the first time";

/// `cargo xtask test --help`.
pub(super) const TEST: &str = "\
Runs every test and ends with one line: N passed, N failed. A part that runs no test counts as failed.

Usage: cargo xtask test [--only unit|wasm|js|e2e|registries]…

  unit        cargo test of every package; needs Rust alone
  wasm        the browser module in headless Chromium
  js          the npm package by its published name, in Node.js and in Chromium
  e2e         Chromium on the page, against real registries and token services; needs Go as well
  registries  Gitea and Keycloak, only when it is named: builds and installs them once, which takes many
              minutes; needs a C compiler, Java 17 and Maven besides

Everything stays on loopback.";

/// `cargo xtask wasm --help`.
pub(super) const WASM: &str = "\
Builds the browser module and lays out the page. Skips what has not changed.

Usage: cargo xtask wasm [--check]

  cargo (profile wasm) → wasm-bindgen → wasm-opt → client-wasm/npm/dist/
  www/ + the npm package's published files       → target/www/, which the key server embeds

  --check   exit with 1 when an entry of the packed npm package is over client-wasm/size-budget.toml

Takes the active toolchain if it has the target (rustup target add wasm32-unknown-unknown); else one with the
standard library's source, such as Debian's, for which the library is built once into the cache.";

/// `cargo xtask lint --help`.
pub(super) const LINT: &str = "\
Everything that is checked without running the code. Warnings are errors.

Usage: cargo xtask lint [--fix]

  --fix   format, and apply what the linters can fix";

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
  size        what a page loads, raw, gzip and brotli";

/// `cargo xtask fuzz --help`.
pub(super) const FUZZ: &str = "\
Coverage-guided fuzzing with cargo-fuzz; needs a nightly toolchain.

Usage: cargo xtask fuzz [--minutes N] [TARGET]…

  --minutes N   how long each target runs (default 1)

Targets are the files of protocol/fuzz/fuzz_targets; all by default. A crash leaves its input in
protocol/fuzz/artifacts.";

/// `cargo xtask mutants --help`.
pub(super) const MUTANTS: &str = "\
Mutation testing with cargo-mutants: changes the code and sees whether a test notices. Fails on a survivor.

Usage: cargo xtask mutants [MODULE]…

Modules of protocol and protocol/syntax; by default those of .cargo/mutants.toml, which also lists the mutants
that no test can notice, each with the reason.";
