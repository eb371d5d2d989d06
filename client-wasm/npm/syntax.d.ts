/**
 * `parseChallenges` and `inspectToken` alone, with a WebAssembly module a third as large as that of `dockpass`. They are the
 * same functions with the same results.
 *
 * The entries share nothing: a page that imports both initializes both, and an error of one is not an instance of the
 * `DockpassError` of the other. Compare `error.code`.
 *
 * @packageDocumentation
 */

import type { InitSource } from './index.js'

export { DockpassError, inspectToken, parseChallenges, version } from './index.js'
export type { Challenge, InitSource, Scope, TokenInfo } from './index.js'

/**
 * Loads the WebAssembly module. Call it once and wait for it before anything else.
 *
 * @param source Default: this package's own module.
 * @throws {DockpassError} `ERR_WASM_LOAD`; `ERR_INVALID_ARGUMENT` for another source than before.
 * @example
 * import init, { parseChallenges } from 'dockpass/syntax'
 *
 * await init()
 * parseChallenges('Basic realm="registry"') // [{ scheme: 'basic', params: { realm: 'registry' } }]
 */
export default function init(source?: InitSource | PromiseLike<InitSource>): Promise<void>
