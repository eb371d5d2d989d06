// The key server's HTTP interface, as a page sees it.

import * as glue from '../dist/dockpass.js'
import { DockpassError, argumentError } from './error.js'
import { memory } from './wasm.js'

/** No cross-site form can send it; the key server wants it with a cookie session. */
export const PAGE_HEADER = 'x-dockpass'
const PROBLEM = /^application\/problem\+json(;|$)/i
const HOPS = ['registry', 'token_service', 'key_server']

/** An error with one of the codes that page and key server share. */
export function failure(code, step, more) {
  const module = memory()
  const message = module.answer(glue.sentence(module.write(code)))
  return new DockpassError({ code, message: message ?? code, step, ...more })
}

/** What a caller hears when their own signal fired. */
export function aborted(signal) {
  return failure('aborted', undefined, { cause: signal.reason })
}

/** Options that hold a `signal`, if they hold one that is none. */
export function signalOf(options) {
  const signal = options?.signal ?? undefined
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw argumentError('signal is no AbortSignal.')
  return signal
}

/** The result of `work`, or `aborted` as soon as the signal fires. What `work` does goes on. */
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
  /** Told of each request: `{method, url, status?, code?, reason?}`; and of the key server's own steps. */
  #heard

  /** @param {object} options Those of `RegistryClient.connect`. */
  constructor({ keyServer, carrier, fetch = globalThis.fetch }, heard) {
    const page = globalThis.location?.href
    let url
    try {
      url = new URL(keyServer, page)
    } catch {
      // Said below.
    }
    if (!/^https?:$/.test(url?.protocol) || url.username || url.password) {
      throw argumentError('keyServer is no http or https address.')
    }
    if (typeof fetch !== 'function') throw argumentError('fetch is no function.')
    const elsewhere = page !== undefined && new URL(page).origin !== url.origin
    if (carrier === undefined) carrier = page !== undefined && !elsewhere ? 'cookie' : 'bearer'
    if (carrier !== 'cookie' && carrier !== 'bearer')
      throw argumentError("carrier is neither 'cookie' nor 'bearer'.")
    if (carrier === 'cookie' && elsewhere) {
      throw argumentError("carrier 'cookie' needs a page on the key server's own origin.")
    }
    this.carrier = carrier
    this.base = url.origin + url.pathname.replace(/\/+$/, '')
    // Without a receiver: the global fetch wants none of ours.
    this.#fetch = (request) => fetch(request)
    this.#heard = heard
  }

  /** The mode in which the browser attaches the session's cookie. */
  get withCookie() {
    return this.carrier === 'cookie' ? 'same-origin' : 'omit'
  }

  /** Sends a request. Undefined when there is no answer: browsers do not say why. */
  async send(request) {
    try {
      return await this.#fetch(request)
    } catch {
      if (request.signal.aborted) throw aborted(request.signal)
      return undefined
    }
  }

  /**
   * Asks the key server.
   * @param {string} method
   * @param {string} path
   * @param {{body?: object, session?: string, identified?: boolean, signal?: AbortSignal, decision: string, reason: string}} ask
   *   `session`: the sealed one, with the bearer carrier; `identified`: whether the cookie is to go along; `decision` and
   *   `reason`: what the step is called when it succeeds.
   * @returns The JSON of the answer; undefined where it has none.
   */
  async ask(method, path, { body, session, identified = true, signal, decision, reason }) {
    const step = { kind: 'page', hop: 'key_server', method, url: path.replace(/\?.*/, '') }
    try {
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
      if (response === undefined) throw failure('key_server_unreachable', 'key_server')
      step.status = response.status
      if (isProblem(response)) throw await this.problem(response)
      if (response.status === 204) return undefined
      if (!response.ok) {
        await discard(response)
        throw failure('key_server_invalid', 'key_server', { status: response.status })
      }
      const answer = await race(signal, readJson(response))
      if (answer === null || typeof answer !== 'object') throw failure('key_server_invalid', 'key_server')
      this.#heard.relayed(answer.steps)
      Object.assign(step, { decision, reason })
      return answer
    } catch (error) {
      Object.assign(step, { decision: 'gave_up', reason: error.message, code: error.code })
      throw error
    } finally {
      this.#heard.step(step)
    }
  }

  /** What a problem document says (RFC 9457): only what is of its form, and none of its texts. */
  async problem(response) {
    const document = (await readJson(response)) ?? {}
    this.#heard.relayed(document.steps)
    const { code, step, retry_after: seconds, request_id: requestId } = document
    const module = memory()
    const known =
      typeof code === 'string' && module.answer(glue.sentence(module.write(code.slice(0, 64)))) !== null
    return failure(known ? code : 'key_server_invalid', HOPS.includes(step) ? step : 'key_server', {
      status: response.status,
      retryAfter: Number.isInteger(seconds) && seconds >= 0 && seconds <= 86_400 ? seconds * 1000 : undefined,
      requestId: typeof requestId === 'string' && /^[\w-]{1,64}$/.test(requestId) ? requestId : undefined,
    })
  }
}

/** Whether an answer is a problem document, which only the key server sends. */
export function isProblem(response) {
  return response.status >= 400 && PROBLEM.test(response.headers.get('content-type') ?? '')
}

/** Ends a body unread, which frees its connection. */
export async function discard(response) {
  await response.body?.cancel().catch(() => {})
}

/** The JSON of a body; undefined when it is none. */
export async function readJson(response) {
  try {
    return await response.json()
  } catch {
    return undefined
  }
}
