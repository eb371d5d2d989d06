// A client of the key server's HTTP API.

import * as glue from '../dist/dockpass.js'
import { DockpassError, argumentError } from './error.js'
import { relayedContext } from './steps.js'
import { memory } from './wasm.js'

/**
 * @import { ConnectOptions, ErrorCode, Hop } from '../index.js'
 * @import { KeyServerRequest, PageStep } from './types.js'
 * @import { Call } from './steps.js'
 */

/** A header that cross-site forms cannot send. The key server requires it with a cookie session. */
export const PAGE_HEADER = 'x-dockpass'
const PROBLEM = /^application\/problem\+json(;|$)/i
/** @type {Hop[]} */
const HOPS = ['registry', 'token_service', 'key_server']

/**
 * An error with one of the codes that page and key server share.
 * @param {ErrorCode} code
 * @param {Hop} [step]
 * @param {{ status?: number, retryAfter?: number, requestId?: string, cause?: unknown, context?: object, platforms?: string[] }} [more]
 */
export function failure(code, step, more) {
  const module = memory()
  const message = module.result(glue.sentence(module.write(code)))
  return new DockpassError({ code, message: message ?? code, step, ...more })
}

/**
 * The error for a caller whose signal was aborted.
 * @param {AbortSignal} signal
 */
export function aborted(signal) {
  return failure('aborted', undefined, { cause: signal.reason })
}

/**
 * The `signal` of some options.
 * @param {{ signal?: AbortSignal | null } | undefined} options
 * @throws {DockpassError} `ERR_INVALID_ARGUMENT` when it is not an AbortSignal.
 */
export function signalOf(options) {
  const signal = options?.signal ?? undefined
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw argumentError('signal must be an AbortSignal.')
  return signal
}

/**
 * The result of `work`, or the error `aborted` as soon as the signal is aborted. `work` itself is not stopped.
 * @template T
 * @param {AbortSignal | undefined} signal
 * @param {Promise<T>} work
 * @returns {Promise<T>}
 */
export function race(signal, work) {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const fire = () => reject(aborted(signal))
    if (signal.aborted) fire()
    signal.addEventListener('abort', fire, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', fire))
  })
}

export class KeyServer {
  #fetch

  /**
   * @param {Pick<ConnectOptions, 'keyServer' | 'carrier' | 'fetch'>} options
   */
  constructor({ keyServer, carrier, fetch = globalThis.fetch }) {
    const page = globalThis.location?.href
    const url = parseUrl(keyServer, page)
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.username || url.password) {
      throw argumentError('keyServer must be an http or https URL without user name and password.')
    }
    if (typeof fetch !== 'function') throw argumentError('fetch must be a function.')
    const elsewhere = page !== undefined && new URL(page).origin !== url.origin
    if (carrier === undefined) carrier = page !== undefined && !elsewhere ? 'cookie' : 'bearer'
    if (carrier !== 'cookie' && carrier !== 'bearer')
      throw argumentError("carrier must be 'cookie' or 'bearer'.")
    if (carrier === 'cookie' && elsewhere) {
      throw argumentError("carrier 'cookie' requires a page on the key server's own origin.")
    }
    this.carrier = carrier
    this.base = url.origin + url.pathname.replace(/\/+$/, '')
    // Called without a receiver, as the global fetch requires.
    this.#fetch = (/** @type {Request} */ request) => fetch(request)
  }

  /** The mode in which the browser attaches the session's cookie. */
  get withCookie() {
    return this.carrier === 'cookie' ? 'same-origin' : 'omit'
  }

  /**
   * Sends a request.
   * @param {Request} request
   * @returns {Promise<Response | undefined>} Undefined when there is no response; browsers do not tell the reason.
   */
  async send(request) {
    try {
      return await this.#fetch(request)
    } catch {
      if (request.signal.aborted) throw aborted(request.signal)
      return undefined
    }
  }

  /**
   * The error for a request to the key server that got no response.
   * @param {Request} request
   */
  async unreachable(request) {
    const browser = (await this.blockedBy(request)) ?? 'key_server'
    return failure('key_server_unreachable', 'key_server', { context: { browser } })
  }

  /**
   * Why a browser gave no response to a request to another origin; undefined outside of browsers and where it does not know
   * either. `fetch` does not tell; a request that needs no permission shows whether a server is there.
   * @param {Request} request
   * @param {boolean} [isAuthorized] Whether it was sent with an `Authorization` header.
   */
  async blockedBy(request, isAuthorized = request.headers.has('authorization')) {
    const page = globalThis.location
    const { origin, protocol, hostname } = new URL(request.url)
    if (page?.origin === undefined || page.origin === origin) return undefined
    const isLocal = /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname)
    if (page.protocol === 'https:' && protocol === 'http:' && !isLocal) return 'mixed_content'
    const knock = new Request(`${origin}/v2/`, { mode: 'no-cors', credentials: 'omit', cache: 'no-store' })
    if ((await this.#fetch(knock).catch(() => undefined)) === undefined) return undefined
    const needsPreflight = isAuthorized || request.headers.has(PAGE_HEADER)
    return needsPreflight || !/^(GET|HEAD|POST)$/.test(request.method) ? 'preflight' : 'cors_header'
  }

  /**
   * Sends a request to the key server and reports it as a step.
   * @param {string} method
   * @param {string} path
   * @param {KeyServerRequest} options
   * @returns {Promise<any>} The JSON of the response; undefined when it has no body.
   */
  async request(method, path, { body, session, identified = true, signal, decision, reason, call }) {
    /** @type {PageStep} */
    const step = { kind: 'page', hop: 'key_server', method, url: path.replace(/\?.*/, '') }
    try {
      /** @type {Record<string, string>} */
      const headers = { accept: 'application/json', [PAGE_HEADER]: '1' }
      if (body !== undefined) headers['content-type'] = 'application/json'
      if (session !== undefined) headers.authorization = `Bearer ${session}`
      const request = new Request(this.base + path, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        cache: 'no-store',
        credentials: identified ? this.withCookie : 'omit',
        redirect: 'error',
        signal,
      })
      const response = await this.send(request)
      if (response === undefined) throw await this.unreachable(request)
      step.status = response.status
      if (isProblem(response)) throw await this.problem(response, call)
      if (response.status === 204) {
        Object.assign(step, { decision, reason })
        return undefined
      }
      if (!response.ok) {
        await discard(response)
        throw failure('key_server_invalid', 'key_server', { status: response.status })
      }
      const document = await race(signal, readJson(response))
      if (document === null || typeof document !== 'object') throw failure('key_server_invalid', 'key_server')
      call.relayed(document.steps)
      Object.assign(step, { decision, reason })
      return document
    } catch (error) {
      Object.assign(step, { decision: 'gave_up', reason: error.message, code: error.code })
      throw error
    } finally {
      call.record(step)
    }
  }

  /**
   * The error for a problem document (RFC 9457). Fields of another form are ignored, and its texts are never used.
   * @param {Response} response
   * @param {Call} call
   */
  async problem(response, call) {
    const document = (await readJson(response)) ?? {}
    call.relayed(document.steps)
    const { code, step, retry_after: seconds, request_id: requestId } = document
    const module = memory()
    const known =
      typeof code === 'string' && module.result(glue.sentence(module.write(code.slice(0, 64)))) !== null
    return failure(
      known ? /** @type {ErrorCode} */ (code) : 'key_server_invalid',
      HOPS.includes(step) ? step : 'key_server',
      {
        status: response.status,
        context: relayedContext(document.context),
        retryAfter:
          Number.isInteger(seconds) && seconds >= 0 && seconds <= 86_400 ? seconds * 1000 : undefined,
        requestId: typeof requestId === 'string' && /^[\w-]{1,64}$/.test(requestId) ? requestId : undefined,
      },
    )
  }
}

/**
 * @param {string | URL} text
 * @param {string} [base]
 */
function parseUrl(text, base) {
  try {
    return new URL(text, base)
  } catch {
    return undefined
  }
}

/**
 * Whether a response is a problem document. Only the key server sends these.
 * @param {Response} response
 */
export function isProblem(response) {
  return response.status >= 400 && PROBLEM.test(response.headers.get('content-type') ?? '')
}

/**
 * Cancels a body without reading it, which frees its connection.
 * @param {Response} response
 */
export async function discard(response) {
  await response.body?.cancel().catch(() => {})
}

/**
 * The JSON of a body; undefined when it is not JSON.
 * @param {Response} response
 * @returns {Promise<any>}
 */
export async function readJson(response) {
  try {
    return await response.json()
  } catch {
    return undefined
  }
}
