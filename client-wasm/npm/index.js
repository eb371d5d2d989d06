// The browser's entry: the module is fetched from beside this file, or from where `init` is told.

import { load } from './lib/wasm.js'

export { DockpassError } from './lib/error.js'
export * from './lib/pure.js'
export { RegistryClient } from './lib/client.js'
export { version } from './lib/version.js'

export default function init(source) {
  // The address is written out, so that bundlers see it and take the file along.
  return load(source ?? (() => new URL('./dist/dockpass_bg.wasm', import.meta.url)))
}
