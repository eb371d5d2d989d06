// Node's entry: the module is read from the package's folder, as Node's fetch knows no file: addresses.

import { load } from './lib/wasm.js'

export { DockpassError } from './lib/error.js'
export * from './lib/pure.js'
export { RegistryClient } from './lib/client.js'
export { version } from './lib/version.js'

export default function init(source) {
  return load(source ?? (() => read(new URL('./dist/dockpass_bg.wasm', import.meta.url))), read)
}

async function read(address) {
  const { readFile } = await import('node:fs/promises')
  return readFile(address)
}
