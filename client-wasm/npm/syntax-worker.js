// `dockpass/syntax` for Cloudflare's workers.

import compiled from './dist/syntax_bg.wasm'
import { FUNCTIONS, initialize } from './lib/wasm.js'

export { DockpassError } from './lib/error.js'
export { inspectToken, parseChallenges } from './lib/syntax.js'
export { version } from './lib/version.js'

/** @type {typeof import('./syntax.js').default} */
export default function init(source) {
  return initialize({ copy: () => compiled }, source, [FUNCTIONS])
}
