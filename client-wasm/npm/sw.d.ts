/**
 * For service workers: requests of pages to a registry are authorized, without a change of the pages: `<img>`, links,
 * downloads, `fetch('/v2/…')` and requests to the registry's own address.
 *
 * @packageDocumentation
 */

import type { ConnectOptions, InitSource, InitSources, RegistryInfo } from './index.js'

/** Options of {@link authorize} and {@link handler}. */
export interface WorkerOptions {
  /** URL of the key server. Default: `/`, the origin of the service worker. */
  keyServer?: string | URL
  /**
   * The registries. At the page's own origin, `/v2/…` is the first one, and `/r/REGISTRY/v2/…` is each of them: use these for
   * links, because browsers ask only the service worker of the origin that a link leads to. `fetch` and `<img>` may use the
   * registry's own address as well. A registry whose address is not `https://` and its name has a `url`.
   */
  registries: readonly (string | Pick<RegistryInfo, 'registry' | 'url'>)[]
  /**
   * As for `RegistryClient.connect`. Only with `cookie`, the default on the key server's own origin, the service worker has
   * the session of the pages. Without it, it requests what everybody may see.
   */
  carrier?: ConnectOptions['carrier']
  /** As for `init`: another place of the WebAssembly module. */
  wasm?: InitSource | InitSources
}

/** The part of a `FetchEvent` that is used. */
export interface WorkerFetchEvent {
  readonly request: Request
  respondWith(response: Response | Promise<Response>): void
}

/**
 * Makes this service worker authorize requests. Call it while the script is first evaluated. It takes control of open pages
 * at once.
 *
 * Content streams through and is not stored. A navigation, such as a link, is saved as a file. Content is never given to a
 * page as a script, style sheet, frame or worker. A request that fails gets a problem document (RFC 9457) with the `code` of
 * the error, or a text if it is a navigation.
 *
 * Links need no attribute `download`: browsers do not ask the service worker for links that have it.
 *
 * @example sw.js, which the page registers with `navigator.serviceWorker.register('/sw.js', { type: 'module' })`
 * ```js
 * import { authorize } from 'dockpass/sw'
 *
 * authorize({ registries: ['registry.example', 'docker.io'] })
 * ```
 */
export function authorize(options: WorkerOptions): void

/**
 * The same for a service worker that has listeners of its own: returns a function that responds to an event and returns
 * `true`, or returns `false` if the request is not for a registry.
 *
 * @example
 * ```js
 * import { handler } from 'dockpass/sw'
 *
 * const handle = handler({ registries: ['registry.example'] })
 * addEventListener('fetch', (event) => {
 *   if (handle(event)) return
 *   // … what else this service worker does
 * })
 * ```
 */
export function handler(options: WorkerOptions): (event: WorkerFetchEvent) => boolean
