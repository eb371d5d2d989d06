// The entry for Node.js. The module is read from the package's folder: fetch of Node.js does not support file: URLs.

import { load } from './lib/wasm.js'

export { DockpassError } from './lib/error.js'
export * from './lib/pure.js'
export { RegistryClient } from './lib/client.js'
export { version } from './lib/version.js'

/** @param {import('./lib/types.js').ModuleSource} [source] */
export default function init(source) {
  return load(source ?? (() => read(new URL('./dist/dockpass_bg.wasm', import.meta.url))), read)
}

/** @type {import('./lib/types.js').ReadFile} */
async function read(address) {
  const { readFile } = await import('node:fs/promises')
  return readFile(address)
}
