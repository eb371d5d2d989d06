// The version of the package, its JavaScript and its modules. A test compares it with Cargo.toml.
export const version = '0.1.0'
