// The entry for Cloudflare's workers, which compile the file when they are deployed.

import digest from './dist/digest_bg.wasm'
import compiled from './dist/dockpass_bg.wasm'
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
