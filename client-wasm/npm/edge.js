// The entry for edge functions, where only a module that was compiled at build time may run.

import digest from './dist/digest_bg.wasm?module'
import compiled from './dist/dockpass_bg.wasm?module'
import { later } from './lib/all.js'
import { initialize } from './lib/wasm.js'

export { DockpassError } from './lib/error.js'
export * from './lib/pure.js'
export { RegistryClient } from './lib/client.js'
export { version } from './lib/version.js'

/** @type {import('./lib/types.js').PackagedModules} */
const packaged = { later, dockpass: { copy: () => compiled, digest: () => digest } }

/** @type {typeof import('./index.js').default} */
export default function init(source) {
  return initialize(packaged, source)
}
