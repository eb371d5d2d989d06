// What all entries for pages share. In the published package it is one file (xtask/src/wasm/pages.rs).

export * from './compile.js'
export * from './error.js'
export * from './sources.js'
export * from './version.js'
