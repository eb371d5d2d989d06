// The entry for Cloudflare's workers, which compile the file when they are deployed.

import digest from './dist/digest_bg.wasm'
import compiled from './dist/dockpass_bg.wasm'
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
