// Of the package, of this JavaScript and of the module that it loads: a test compares them with Cargo.toml.
export const version = '0.1.0'
