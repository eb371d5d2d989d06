// `dockpass/syntax` for Node.js.

import { readFileSync } from 'node:fs'
import { fromBase64 } from './lib/compile.js'
import { FUNCTIONS, initialize } from './lib/wasm.js'

export { DockpassError } from './lib/error.js'
export { inspectToken, parseChallenges } from './lib/syntax.js'
export { version } from './lib/version.js'

/** @type {import('./lib/types.js').PackagedModule} */
const packaged = {
  url: () => new URL('./dist/syntax_bg.wasm', import.meta.url),
  read: readFileSync,
  copy: async () => fromBase64((await import('./dist/syntax_inline.js')).default),
}

/** @type {typeof import('./syntax.js').default} */
export default function init(source) {
  return initialize(packaged, source, [FUNCTIONS])
}
