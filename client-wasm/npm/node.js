// The entry for Node.js. The module is read from the package's folder: fetch of Node.js does not support file: URLs.

import { fromBase64 } from './lib/compile.js'
import { initialize } from './lib/wasm.js'

export { DockpassError } from './lib/error.js'
export * from './lib/pure.js'
export { RegistryClient } from './lib/client.js'
export { version } from './lib/version.js'

/** @type {import('./lib/types.js').PackagedModule} */
const packaged = {
  url: () => new URL('./dist/dockpass_bg.wasm', import.meta.url),
  read,
  copy: async () => fromBase64((await import('./dist/dockpass_inline.js')).default),
}

/** @type {typeof import('./index.js').default} */
export default function init(source) {
  return initialize(packaged, source)
}

/** @param {URL} address */
async function read(address) {
  const { readFile } = await import('node:fs/promises')
  return readFile(address)
}
