//! The browser modules, and how each is optimised.

/// A browser module.
pub(super) struct Module {
    /// The name of the files in the package's `dist`: `NAME_bg.wasm`, its JavaScript `NAME.js`, and `NAME_inline.js`, which
    /// contains it.
    pub(super) name: &'static str,
    /// The crate that it is built from.
    pub(super) package: &'static str,
    /// The crate's folder, whose changes require a new build.
    pub(super) folder: &'static str,
    /// The features of the crate; a crate may be built into several modules. Empty for the default ones.
    pub(super) features: &'static str,
    /// Whether `dockpass-syntax` is built for size too (decision 0022).
    pub(super) small: bool,
    /// Flags of the compiler besides those of all modules.
    pub(super) flags: &'static str,
    /// Arguments of `wasm-opt` besides those of all modules.
    pub(super) optimise: &'static [&'static str],
    /// Whether the package calls it by the generated JavaScript. Otherwise what only that needs is removed.
    pub(super) is_called_by_glue: bool,
}

/// All browser modules. Another one is one more row.
pub(super) const MODULES: [Module; 5] = [
    Module {
        name: "dockpass",
        package: "dockpass-client-wasm",
        folder: "client-wasm",
        features: "",
        small: false,
        flags: "",
        optimise: &[],
        is_called_by_glue: false,
    },
    Module {
        name: "client",
        package: "dockpass-client-wasm",
        folder: "client-wasm",
        features: "flow",
        small: true,
        flags: "",
        optimise: &NO_INLINING,
        is_called_by_glue: false,
    },
    Module {
        name: "syntax",
        package: "dockpass-client-wasm",
        folder: "client-wasm",
        features: "syntax",
        small: false,
        flags: LESS_INLINING,
        optimise: &NO_INLINING,
        is_called_by_glue: false,
    },
    Module {
        name: "doctor",
        package: "dockpass-doctor-wasm",
        folder: "client-wasm/doctor",
        features: "",
        small: true,
        flags: "",
        optimise: &NO_INLINING,
        is_called_by_glue: true,
    },
    Module {
        name: "digest",
        package: "dockpass-digest-wasm",
        folder: "client-wasm/digest",
        features: "",
        small: false,
        flags: "",
        optimise: &[],
        is_called_by_glue: true,
    },
];

/// For a module of which `dockpass-syntax`, built for speed, is the most part: a tenth smaller (decision 0022).
const LESS_INLINING: &str =
    "-Cllvm-args=-inlinehint-threshold=25 -Cllvm-args=-inline-threshold=20 -Cllvm-args=-unroll-threshold=0";

/// The arguments of `wasm-opt`. `-O3`, because `-Oz` made the code that is compiled for speed 5 % slower (decision 0022), and
/// the WebAssembly features that all browsers support (rustc uses them as well).
pub(super) const WASM_OPT: [&str; 10] = [
    "-O3",
    "--converge",
    // The stack begins below the data and grows away from it, so nothing has an address below 1024.
    "--low-memory-unused",
    "--strip-target-features",
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// For modules that are small rather than fast: calls compress better than copies of functions, by 2 % and for 3 % of time.
const NO_INLINING: [&str; 4] = [
    "--flexible-inline-max-function-size=5",
    "--always-inline-max-function-size=1",
    "--one-caller-inline-max-function-size=1",
    "--skip-pass=local-cse",
];

/// Exports that only the generated JavaScript uses. Before the optimisation, so that what only they need is removed as well.
pub(super) const OF_GLUE: [&str; 3] =
    ["--remove-exports=__wbindgen*", "--remove-exports=__abort*", "--remove-exports=__instance*"];
