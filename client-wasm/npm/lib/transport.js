// Sends requests: how many at a time, how long to wait for a response, and when to send one again.

import { argumentError } from './error.js'
import { aborted, discard, pause } from './failure.js'

/** @import { ConnectOptions } from '../index.js' */

/** Responses after which the same request may succeed: too many requests, and overload (RFC 9110 §15.6.4, RFC 6585 §4). */
const BUSY = [429, 503]
/** The wait before the first repetition without `Retry-After`, in milliseconds. It doubles with each. */
const FIRST_WAIT = 300
/** A server that wants a longer pause gets none: the error says how long it is. */
const LONGEST_WAIT = 5000
const SAFE = /^(GET|HEAD)$/

/** The last of the requests that wait for their turn, and how many are under way. */
class Turns {
  #free
  /** @type {(() => void)[]} */
  #waiting = []

  /** @param {number} limit */
  constructor(limit) {
    this.#free = limit
  }

  /** @template T @param {() => Promise<T>} work */
  async run(work) {
    if (this.#free > 0) this.#free -= 1
    else await new Promise((/** @type {(value?: unknown) => void} */ resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free += 1
      else next()
    }
  }
}

export class Transport {
  #fetch
  #retry
  #timeout
  #turns
  /** The origins that have responded. One that never did is not tried again. @type {Set<string>} */
  #reached = new Set()

  /** @param {Pick<ConnectOptions, 'fetch' | 'retry' | 'timeout' | 'concurrency'>} options */
  constructor({ fetch = globalThis.fetch, retry = 2, timeout, concurrency = Infinity }) {
    if (typeof fetch !== 'function') throw argumentError('fetch must be a function.')
    if (!isCount(retry, 0)) throw argumentError('retry must be an integer, at least 0.')
    if (timeout !== undefined && !(timeout > 0))
      throw argumentError('timeout must be a number of milliseconds.')
    if (concurrency !== Infinity && !isCount(concurrency, 1))
      throw argumentError('concurrency must be an integer, at least 1.')
    // Called without a receiver, as the global fetch requires.
    this.#fetch = (/** @type {Request} */ request) => fetch(request)
    this.#retry = retry
    this.#timeout = timeout
    this.#turns = new Turns(concurrency)
  }

  /**
   * Sends a request, and again where the server was busy, or where it did not respond to a request that changes nothing.
   * @param {Request} request
   * @param {boolean} [repeatable] Whether it may be repeated although it has a body.
   * @returns {Promise<Response | undefined>} Undefined when there is no response; browsers do not tell the reason.
   */
  async send(request, repeatable = SAFE.test(request.method) || request.body === null) {
    const { origin } = new URL(request.url)
    for (let left = this.#retry; ; left -= 1) {
      // A request can be sent once, and its body has been teed for this by whoever may repeat it.
      const again = left > 0 && repeatable ? request.clone() : undefined
      const response = await this.#turns.run(() => this.#attempt(request))
      const wait = FIRST_WAIT * 2 ** (this.#retry - left)
      if (response === undefined) {
        if (again === undefined || !SAFE.test(request.method) || !this.#reached.has(origin)) return undefined
        await pause(wait, request.signal)
      } else {
        this.#reached.add(origin)
        const asked = retryAfter(response.headers)
        if (again === undefined || !BUSY.includes(response.status) || (asked ?? 0) > LONGEST_WAIT)
          return response
        await discard(response)
        await pause(asked ?? wait, request.signal)
      }
      request = again
    }
  }

  /** @param {Request} request */
  async #attempt(request) {
    if (this.#timeout === undefined) return this.#once(request)
    // `AbortSignal.any` is not in all browsers that this package supports.
    const controller = new AbortController()
    const { signal } = request
    const follow = () => controller.abort(signal.reason)
    if (signal.aborted) follow()
    signal.addEventListener('abort', follow, { once: true })
    const late = () =>
      controller.abort(new DOMException('The server took too long to respond.', 'TimeoutError'))
    const timer = setTimeout(late, this.#timeout)
    try {
      return await this.#once(new Request(request, { signal: controller.signal }))
    } finally {
      clearTimeout(timer)
    }
  }

  /** @param {Request} request */
  async #once(request) {
    try {
      return await this.#fetch(request)
    } catch {
      if (request.signal.aborted) throw aborted(request.signal)
      return undefined
    }
  }

  /**
   * Why a browser gave no response to a request to another origin; undefined outside of browsers and where it does not know
   * either. `fetch` does not tell; a request that needs no permission shows whether a server is there.
   * @param {Request} request
   * @param {string} place A URL of the same server that responds to everybody.
   * @param {boolean} [isAuthorized] Whether it was sent with an `Authorization` header.
   */
  async blockedBy(request, place, isAuthorized = false) {
    const page = globalThis.location
    const { origin, protocol, hostname } = new URL(request.url)
    if (page?.origin === undefined || page.origin === origin) return undefined
    const isLocal = /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname)
    if (page.protocol === 'https:' && protocol === 'http:' && !isLocal) return 'mixed_content'
    const knock = new Request(place, { mode: 'no-cors', credentials: 'omit', cache: 'no-store' })
    if ((await this.#fetch(knock).catch(() => undefined)) === undefined) return undefined
    const isOurs = [...request.headers.keys()].some(
      (name) => name === 'authorization' || name.startsWith('x-'),
    )
    return isAuthorized || isOurs || !/^(GET|HEAD|POST)$/.test(request.method) ? 'preflight' : 'cors_header'
  }
}

/** @param {unknown} value @param {number} least */
const isCount = (value, least) => Number.isInteger(value) && Number(value) >= least

/** The shortest wait, in milliseconds. Registries send waits that would repeat a request at once. */
const SHORTEST = 100
/** A longer wait is another unit or an error. */
const DAY = 86_400_000
/** Numbers from here on are a Unix time. */
const FIRST_TIMESTAMP = 1e9

/**
 * How long `Retry-After` asks to wait, in milliseconds (RFC 9110 §10.2.3); undefined when it does not say. The same as
 * `flow::Wait` of the protocol, which the page's module does not contain: protocol/testdata/waits.json.
 * @param {Headers} headers
 * @param {number} [now] Milliseconds since the epoch.
 */
export function retryAfter(headers, now = Date.now()) {
  const text = headers.get('retry-after')?.trim() ?? ''
  const number = /^\d+$/.test(text) ? Number(text) : undefined
  const sent = httpDate(headers.get('date') ?? '')
  const from = Number.isNaN(sent) ? now : sent
  const wait =
    number === undefined
      ? Math.max(0, httpDate(text) - from)
      : number < FIRST_TIMESTAMP
        ? number * 1000
        : number * 1000 - from || -1
  return wait >= 0 && wait <= DAY ? Math.max(SHORTEST, wait) : undefined
}

/**
 * A date of HTTP in one of its three forms, of which one does not say that it is in GMT (RFC 9110 §5.6.7); NaN for another text.
 * @param {string} text
 */
function httpDate(text) {
  const isDate = /^[A-Z][a-z]+,? .*[\d:]{8} (GMT|\d{4})$/.test(text)
  return isDate ? Date.parse(text.endsWith('GMT') ? text : `${text} GMT`) : NaN
}
