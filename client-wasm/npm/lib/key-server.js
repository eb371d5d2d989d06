// A client of the key server's HTTP API.

import { argumentError } from './error.js'
import { discard, failure, race } from './failure.js'
import { relayedContext } from './steps.js'
import { Transport } from './transport.js'
import { clientMemory } from './wasm.js'

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

/** Where the session at a registry is. */
export const sessionPath = (/** @type {string} */ registry) =>
  `/v1/session?registry=${encodeURIComponent(registry)}`

export class KeyServer {
  /**
   * @param {ConnectOptions} options
   * @param {Transport} [transport] Sends the requests.
   */
  constructor({ keyServer, carrier, ...options }, transport = new Transport(options)) {
    const page = globalThis.location?.href
    const url = keyServer === undefined ? undefined : parseUrl(keyServer, page)
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.username || url.password) {
      throw argumentError('keyServer must be an http or https URL without user name and password.')
    }
    const elsewhere = page !== undefined && new URL(page).origin !== url.origin
    if (carrier === undefined) carrier = page !== undefined && !elsewhere ? 'cookie' : 'bearer'
    if (carrier !== 'cookie' && carrier !== 'bearer')
      throw argumentError("carrier must be 'cookie' or 'bearer'.")
    if (carrier === 'cookie' && elsewhere) {
      throw argumentError("carrier 'cookie' requires a page on the key server's own origin.")
    }
    this.carrier = carrier
    this.base = url.origin + url.pathname.replace(/\/+$/, '')
    this.transport = transport
  }

  /** The mode in which the browser attaches the session's cookie. */
  get withCookie() {
    return this.carrier === 'cookie' ? 'same-origin' : 'omit'
  }

  /**
   * The value of {@link PAGE_HEADER}. With a session's id, the key server refuses the request when the cookie has another
   * session (threat WEB-11).
   * @param {string} [id]
   */
  pageHeader(id) {
    return this.carrier === 'cookie' && id !== undefined ? id : '1'
  }

  /**
   * The error for a request to the key server that got no response. Whether a server is there shows in a request that every
   * page may send.
   * @param {Request} request
   */
  async unreachable(request) {
    const browser = (await this.transport.blockedBy(request, `${this.base}/healthz`)) ?? 'key_server'
    if (browser === 'key_server')
      return failure('key_server_unreachable', 'key_server', { context: { browser } })
    const message =
      browser === 'mixed_content'
        ? 'This page was loaded over https, so the browser does not let it send requests to a key server with http.'
        : "The key server does not allow pages of this origin. Add the page's origin to cors.allowed_origins in its configuration."
    const code = browser === 'mixed_content' ? 'key_server_unreachable' : 'origin_not_allowed'
    return failure(code, 'key_server', { message, context: { browser } })
  }

  /**
   * Sends a request to the key server and reports it as a step.
   * @param {string} method
   * @param {string} path
   * @param {KeyServerRequest} options
   * @returns {Promise<any>} The JSON of the response; undefined when it has no body.
   */
  async request(method, path, options) {
    const { body, session, id, identified = true, repeatable, signal, decision, reason, call } = options
    /** @type {PageStep} */
    const step = { kind: 'page', hop: 'key_server', method, url: path.replace(/\?.*/, '') }
    try {
      /** @type {Record<string, string>} */
      const headers = {
        accept: 'application/json',
        [PAGE_HEADER]: this.pageHeader(identified ? id : undefined),
      }
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
      const response = await this.transport.send(request, repeatable)
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
    const module = clientMemory()
    const known =
      typeof code === 'string' &&
      module.result(module.wasm.sentence(module.write(code.slice(0, 64)))) !== null
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
