// The way to a registry. This file decides to which origins requests may go, and which link leads to the next page of a list.

import { DockpassError, argumentError } from './error.js'
import { reading } from './functions.js'

/** The route to a registry: through the key server's gateway, or direct. */
export class Route {
  /**
   * @param {string} prefix The URL before `/v2/`.
   * @param {string[]} aliases Other URLs of the same registry.
   * @param {boolean} gateway Whether it leads through the key server.
   */
  constructor(prefix, aliases, gateway) {
    this.prefix = prefix
    this.gateway = gateway
    this.prefixes = [prefix, ...aliases]
    this.origin = new URL(prefix).origin
  }

  /**
   * The path, from `/v2/` on with the query, of the first argument of `fetch`.
   * @param {any} input
   * @throws {DockpassError} `ERR_OTHER_ORIGIN` when the URL is not this registry's.
   */
  path(input) {
    const given = typeof input === 'string' ? input : (input?.url ?? input?.href)
    if (typeof given !== 'string')
      throw argumentError('The first argument must be a path, a URL or a Request.')
    let url
    try {
      // `//host/…` is a URL without a scheme and not a path.
      url = new URL(given.startsWith('/') && !given.startsWith('//') ? this.prefix + given : given)
    } catch {
      throw argumentError('The first argument must be a path that starts with /v2/, or an http or https URL.')
    }
    // The URL parser has resolved `..`, so comparing prefixes is safe.
    const whole = url.origin + url.pathname + url.search
    for (const prefix of url.username || url.password ? [] : this.prefixes) {
      if (whole === `${prefix}/v2`) return '/v2/'
      if (whole.startsWith(`${prefix}/v2/`)) return whole.slice(prefix.length)
    }
    throw new DockpassError({
      code: 'ERR_OTHER_ORIGIN',
      message: 'This URL does not belong to the registry. Tokens are sent to the registry only.',
    })
  }

  /**
   * The path of the next page, by the headers of the response to `path`.
   * @param {Headers} headers
   * @param {string} path
   * @returns {Promise<string | null | undefined>} Undefined after the last page; null when there is a next page that cannot be
   *   requested.
   */
  async next(headers, path) {
    // The gateway relays links that cannot be followed under this name.
    if (headers.has('registry-link')) return null
    const link = headers.get('link')
    if (link === null) return undefined
    const next = plainNext(link, path)
    if (next !== undefined) return next
    // Where the reader of links cannot be loaded, the next page cannot be requested.
    const functions = await reading().catch(() => undefined)
    return functions === undefined ? null : functions.nextPage(link, this.origin, path)
  }
}

/** One link to the next page, with a path or without, and with characters that nobody reads in another way. */
const PLAIN_NEXT = /^<([^?]*)\?([!$-;=?-[\]^-~]+)>; ?rel=(?:"next"|next)$/
/** The maximum length of a path that is followed. */
const LONGEST_PATH = 4 * 1024

/**
 * What `nextPage` says about a link to the listing's own path, the form of the gateway and of most registries. Other links are
 * left to it. So the client needs no reader of links.
 * @param {string} link
 * @param {string} path
 */
export function plainNext(link, path) {
  const own = path.split('?', 1)[0]
  const [, linked, query] = PLAIN_NEXT.exec(link) ?? []
  const next = `${own}?${query}`
  const isPlain = query !== undefined && (linked === '' || linked === own)
  return isPlain && next !== path && next.length <= LONGEST_PATH ? next : undefined
}
