// What `dockpass` and `dockpass/client` share in pages, and what is loaded later uses as well. In the published package it is
// one file (xtask/src/wasm/pages.rs).

export * from './client.js'
export * from './core.js'
export * from './failure.js'
export * from './functions.js'
export * from './init.js'
export * from './key-server.js'
export * from './route.js'
export * from './wasm.js'
