// The entry for edge functions, where only a module that was compiled at build time may run.

import digest from './dist/digest_bg.wasm?module'
import compiled from './dist/dockpass_bg.wasm?module'
import { initializeAll } from './lib/init.js'

export { DockpassError } from './lib/error.js'
export * from './lib/pure.js'
export { RegistryClient } from './lib/client.js'
export { version } from './lib/version.js'

/** @type {import('./lib/types.js').PackagedModule} */
const packaged = { copy: () => compiled, digest: () => digest }

/** @type {typeof import('./index.js').default} */
export default function init(source) {
  return initializeAll(packaged, source)
}
