// The entry for browsers. The module is fetched from the `dist` folder, or it is the copy there, or what `init` is told.

import { fromBase64 } from './lib/compile.js'
import { initializeAll } from './lib/init.js'

export { DockpassError } from './lib/error.js'
export * from './lib/pure.js'
export { RegistryClient } from './lib/client.js'
export { version } from './lib/version.js'

/** @type {import('./lib/types.js').PackagedModule} */
const packaged = {
  url: () => new URL('./dist/dockpass_bg.wasm', import.meta.url),
  copy: async () => fromBase64((await import('./dist/dockpass_inline.js')).default),
  digest: async () => fromBase64((await import('./dist/digest_inline.js')).default),
}

/** @type {typeof import('./index.js').default} */
export default function init(source) {
  return initializeAll(packaged, source)
}
