// Responds to the requests of pages that are for a registry, with authorization. A service worker may be stopped at any time,
// so that nothing here is needed later: a new one asks the key server for the session again.

import { registryOf } from './sw-routes.js'

/**
 * @import { RegistryClient } from '../index.js'
 * @import { WorkerFetchEvent, WorkerOptions } from '../sw.js'
 * @import { Destined } from './sw-routes.js'
 *
 * What a service worker's global object has, as far as it is used here.
 * @typedef {{
 *   addEventListener(type: string, listener: (event: any) => void): void,
 *   skipWaiting(): Promise<void>,
 *   clients: { claim(): Promise<void> },
 * }} WorkerScope
 */

/** The header of requests that a client sends. Not imported, because that would bring the client. */
const PAGE_HEADER = 'x-dockpass'
/** What the gateway relays of a request. Other headers would need a permission from it. */
const HEADERS = [
  ...['accept', 'range', 'if-range', 'if-none-match', 'if-match', 'if-modified-since'],
  ...['content-type', 'content-range'],
]
/** What the content is loaded for: data, media, and navigations, which are saved. Everything else could run it. */
const DESTINATIONS = ['', 'image', 'audio', 'video', 'document']
/** Content that is opened can neither run nor load anything. */
const SANDBOX = "sandbox; default-src 'none'"

/**
 * Creates the listener for `fetch` events.
 * @param {Pick<typeof import('../index.js'), 'RegistryClient'> & {
 *   init: typeof import('../index.js').default,
 *   explain: typeof import('../errors.js').explain,
 * }} dockpass
 * @param {WorkerOptions} options
 */
export function requestHandler(
  { init, RegistryClient, explain },
  { keyServer = '/', registries, wasm, carrier },
) {
  const find = registryOf(registries, globalThis.location.href)
  /** @type {Map<string, Promise<RegistryClient>>} */
  const clients = new Map()

  /** @param {string} registry */
  function clientFor(registry) {
    let client = clients.get(registry)
    if (client === undefined) {
      client = init(wasm).then(() => RegistryClient.connect({ keyServer, registry, carrier }))
      clients.set(registry, client)
      // After a failure, the next request tries again.
      client.catch(() => clients.delete(registry))
    }
    return client
  }

  /** @param {Request} request @param {Destined} to */
  async function respond(request, { registry, path }) {
    const isNavigation = request.mode === 'navigate'
    try {
      const client = await clientFor(registry)
      const response = await client.fetch(path, await initOf(request))
      return isNavigation ? saved(response, path) : response
    } catch (error) {
      if (request.signal.aborted) return Response.error()
      return refusal(error, isNavigation)
    }
  }

  /**
   * The response that says what failed: to scripts as a problem document (RFC 9457), to people as text.
   * @param {any} error
   * @param {boolean} isNavigation
   */
  function refusal(error, isNavigation) {
    const { code, title, text } = explain(error)
    const status = error.status >= 400 && error.status <= 599 ? error.status : statusOf(code)
    const headers = { 'content-security-policy': SANDBOX, 'cache-control': 'no-store' }
    return isNavigation
      ? new Response(`${title}\n\n${text}\n`, {
          status,
          headers: { ...headers, 'content-type': 'text/plain; charset=utf-8' },
        })
      : new Response(JSON.stringify({ type: 'about:blank', title, detail: text, status, code }), {
          status,
          headers: { ...headers, 'content-type': 'application/problem+json' },
        })
  }

  return (/** @type {WorkerFetchEvent} */ event) => {
    const { request } = event
    const to = find(request.url)
    // The requests of a client of the page have their authorization.
    if (to === undefined || request.headers.has(PAGE_HEADER)) return false
    event.respondWith(isWanted(request) ? respond(request, to) : Response.error())
    return true
  }
}

/**
 * Whether the content may be loaded for this. Pages of other sites can open addresses here, so that they may only read.
 * @param {Request} request
 */
function isWanted({ destination, mode, method }) {
  return DESTINATIONS.includes(destination) && (mode !== 'navigate' || method === 'GET')
}

/**
 * The arguments of `fetch` for a request of a page: only what a registry needs.
 * @param {Request} request
 * @returns {Promise<RequestInit>}
 */
async function initOf(request) {
  const { method, signal } = request
  const headers = new Headers()
  for (const name of HEADERS) {
    const value = request.headers.get(name)
    if (value !== null) headers.set(name, value)
  }
  // The browser keeps a large blob in a file. It can be sent again after a challenge.
  const body = /^(GET|HEAD)$/.test(method) ? undefined : await request.blob()
  return { method, headers, body, signal }
}

/**
 * The response to a navigation, which the browser saves as a file.
 * @param {Response} response
 * @param {string} path
 */
function saved(response, path) {
  const { body, status, statusText } = response
  const headers = new Headers(response.headers)
  headers.set('content-security-policy', SANDBOX)
  headers.set('x-content-type-options', 'nosniff')
  if (response.ok) headers.set('content-disposition', `attachment; filename="${fileName(path)}"`)
  else headers.set('content-type', 'text/plain; charset=utf-8')
  return new Response(body, { status, statusText, headers })
}

/**
 * A name for the file: the repository's last part, and the reference.
 * @param {string} path
 */
export function fileName(path) {
  const parts = path.replace(/\?.*/, '').split('/').slice(2)
  const [reference = '', kind] = parts.reverse()
  const name = /^(manifests|blobs)$/.test(kind ?? '') ? `${parts[2] ?? ''}-${reference}` : reference || 'v2'
  const safe = name.replace(/[^\w.-]+/g, '-').slice(0, 120)
  return kind === 'blobs' ? safe : `${safe}.json`
}

/**
 * The status for an error that has none.
 * @param {string} code
 */
function statusOf(code) {
  if (code === 'login_required') return 401
  return code === 'scope_denied' ? 403 : 502
}
