// `dockpass/client` for browsers: `RegistryClient`, with a module that has nothing else. What reads tokens is loaded with the
// first call that needs it.

import { fromBase64 } from './lib/compile.js'
import { initializeClient } from './lib/init.js'

export { RegistryClient } from './lib/client.js'
export { DockpassError } from './lib/error.js'
export { version } from './lib/version.js'

/** @type {import('./lib/types.js').PackagedModule} */
const packaged = {
  url: () => new URL('./dist/client_bg.wasm', import.meta.url),
  copy: async () => fromBase64((await import('./dist/client_inline.js')).default),
  digest: async () => fromBase64((await import('./dist/digest_inline.js')).default),
}

/** The module of `dockpass` has the functions that read tokens. */
const functions = async () => (await import('./index.js')).default()

/** @type {typeof import('./client.js').default} */
export default function init(source) {
  return initializeClient(packaged, source, functions)
}
