// The entry for Node.js. The module is read from the package's folder: fetch of Node.js does not support file: URLs.

import { readFileSync } from 'node:fs'
import { fromBase64 } from './lib/compile.js'
import { initializeAll } from './lib/init.js'

export { DockpassError } from './lib/error.js'
export * from './lib/pure.js'
export { RegistryClient } from './lib/client.js'
export { version } from './lib/version.js'

/** @type {import('./lib/types.js').PackagedModule} */
const packaged = {
  url: () => new URL('./dist/dockpass_bg.wasm', import.meta.url),
  read: readFileSync,
  copy: async () => fromBase64((await import('./dist/dockpass_inline.js')).default),
  digest: async () => fromBase64((await import('./dist/digest_inline.js')).default),
}

/** @type {typeof import('./index.js').default} */
export default function init(source) {
  return initializeAll(packaged, source)
}
