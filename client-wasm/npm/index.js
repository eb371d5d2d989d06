// The entry for browsers. The module is fetched from the `dist` folder, or from where `init` is told.

import { load } from './lib/wasm.js'

export { DockpassError } from './lib/error.js'
export * from './lib/pure.js'
export { RegistryClient } from './lib/client.js'
export { version } from './lib/version.js'

/** @param {import('./lib/types.js').ModuleSource} [source] */
export default function init(source) {
  // A literal URL, so that bundlers find the file and include it.
  return load(source ?? (() => new URL('./dist/dockpass_bg.wasm', import.meta.url)), undefined)
}
