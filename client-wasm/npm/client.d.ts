/**
 * `RegistryClient` alone, for pages that need no other function: about two thirds of what `dockpass` loads. It is the same
 * class, with the same types.
 *
 * What reads tokens is loaded with the first call that needs it, with the module of `dockpass`: for
 * {@link RegistryClient.authorize}, for the details of an error `token_rejected`, for a link to the next page of an unusual form, and without a key server for a token for
 * several actions. A page that uses both entries, or this one and functions of `dockpass`, loads both modules; it loads less
 * when it imports all from `dockpass`. Outside of browsers (Node.js, edge functions, Cloudflare's workers) both are the same.
 *
 * @packageDocumentation
 */

import type { InitSource, InitSources } from './index.js'

export { DockpassError, RegistryClient, version } from './index.js'
export type * from './index.js'

/**
 * Loads the WebAssembly module once, as `init` of `dockpass` does.
 *
 * @param source Default: this package's own module, `client_bg.wasm`. That of `dockpass` works as well. Sources by name
 *   include the doctor's module.
 * @throws {DockpassError} `ERR_WASM_LOAD`; `ERR_INVALID_ARGUMENT` for another source than before.
 * @example
 * ```js
 * import init, { RegistryClient } from 'dockpass/client'
 *
 * await init()
 * const client = await RegistryClient.connect({ keyServer: '/', registry: 'registry.example' })
 * for await (const tag of client.tags('library/alpine')) console.log(tag)
 * ```
 */
export default function init(source?: InitSource | PromiseLike<InitSource> | InitSources): Promise<void>
