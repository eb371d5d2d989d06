// What `dockpass` and `dockpass/client` share in pages, and what is loaded later uses as well. In the published package it is
// one file (xtask/src/wasm/package.rs).

export * from './arguments.js'
export * from './client.js'
export * from './content.js'
export * from './failure.js'
export * from './init.js'
export * from './scopes.js'
export * from './wasm.js'
