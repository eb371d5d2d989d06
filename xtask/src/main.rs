//! Everything of the project that is typed on a command line.
fn main() {}
