// RegistryClient: combines the module's client, the driver and the key server. index.d.ts documents its members.

import * as glue from '../dist/dockpass.js'
import * as content from './content.js'
import { Route, drive } from './driver.js'
import { argumentError } from './error.js'
import { KeyServer, failure, race, signalOf } from './key-server.js'
import { listing } from './listing.js'
import { grants, normalizeScopes } from './pure.js'
import { registries } from './registries.js'
import { readSession } from './session.js'
import { relayedStep } from './steps.js'
import { memory } from './wasm.js'

/**
 * @import { Answer, CallOptions, ConnectOptions, Credentials, ListOptions, ManifestOptions, Session, SignedOutReason } from '../index.js'
 * @import { KeyServerRequest, PageStep, SessionResponse, Token, TokenNeed } from './types.js'
 */

/** Only `connect` may construct. */
const KEY = Symbol('connect')
/** How long before the end of a session `expiring` is emitted, in milliseconds. */
const NOTICE = 60_000
/** How long after the end of a session the key server is asked, so that small differences of the clocks do not matter. */
const SLACK = 1000
/** The longest delay of a timer. */
const LONGEST_WAIT = 2 ** 31 - 1

export class RegistryClient extends EventTarget {
  #core = new glue.Client()
  #registry
  #keyServer
  #route
  /** @type {Session | null} */
  #session = null
  /** The sealed session, with the bearer carrier. It is kept in memory only. @type {string | undefined} */
  #sealed
  /** Token requests in progress. Calls that need the same token share one request. @type {Map<string, Promise<Token>>} */
  #flights = new Map()
  #traced = false
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer

  /**
   * @param {symbol} key
   * @param {string} registry
   * @param {ConnectOptions} options
   */
  constructor(key, registry, options) {
    if (key !== KEY) throw new TypeError('Use RegistryClient.connect().')
    super()
    this.#registry = registry
    this.#keyServer = new KeyServer(options, {
      step: (step) => this.#steps([step]),
      relayed: (steps) => this.#relay(steps),
    })
    // Replaced in `connect` for direct transport.
    this.#route = new Route(`${this.#keyServer.base}/r/${registry}`, [`https://${registry}`], true)
  }

  /** @param {ConnectOptions} options */
  static async connect(options) {
    const module = memory()
    if (typeof options?.registry !== 'string') throw argumentError('connect requires {keyServer, registry}.')
    const { registry: given, transport = 'gateway' } = options
    const registry = module.result(glue.registry_name(module.write(given.slice(0, 1024))))
    if (transport !== 'gateway' && transport !== 'direct') {
      throw argumentError("transport must be 'gateway' or 'direct'.")
    }
    const client = new RegistryClient(KEY, registry, options)
    await client.#connect(transport, signalOf(options))
    return client
  }

  /** @param {Pick<ConnectOptions, 'keyServer' | 'fetch' | 'signal'>} options */
  static async registries(options) {
    memory()
    if (options === null || typeof options !== 'object')
      throw argumentError('registries requires {keyServer}.')
    const nobody = { step() {}, relayed() {} }
    return registries(new KeyServer({ ...options, carrier: 'bearer' }, nobody), signalOf(options))
  }

  /** @param {'gateway' | 'direct'} transport @param {AbortSignal} [signal] */
  async #connect(transport, signal) {
    if (transport === 'direct') {
      const known = (await registries(this.#keyServer, signal)).find(
        ({ registry }) => registry === this.#registry,
      )
      if (known === undefined) throw failure('registry_not_allowed', 'key_server')
      this.#route = new Route(known.url.replace(/\/+$/, ''), [], false)
    }
    if (this.#keyServer.carrier !== 'cookie') return
    try {
      const reason = 'A session exists already.'
      this.#keep(await this.#request('GET', this.#sessionPath, { signal, decision: 'accepted', reason }))
    } catch (error) {
      // Without a session, the client is anonymous.
      if (error.status !== 401) throw error
    }
  }

  get session() {
    return this.#session
  }

  get registry() {
    return this.#registry
  }

  /** @param {Credentials} credentials @param {CallOptions} [options] */
  async login(credentials, options) {
    const signal = signalOf(options)
    /** @type {{ username?: string, password?: string, identityToken?: string }} */
    const { username, password, identityToken } = credentials ?? {}
    const proof = identityToken === undefined ? { username, password } : { identity_token: identityToken }
    if (!Object.values(proof).every((value) => typeof value === 'string')) {
      throw argumentError('credentials must be {username, password} or {identityToken}, all strings.')
    }
    const { carrier } = this.#keyServer
    const response = await this.#request('POST', '/v1/sessions', {
      body: { registry: this.#registry, ...proof, carrier, ...this.#trace },
      signal,
      decision: 'proven',
      reason: 'The key server verified the credentials at the registry and sealed them into a session.',
    })
    const sealed = response?.session
    if (typeof sealed !== (carrier === 'bearer' ? 'string' : 'undefined')) {
      throw failure('key_server_invalid', 'key_server')
    }
    return this.#keep(response, sealed)
  }

  /** @param {CallOptions} [options] */
  async logout(options) {
    const signal = signalOf(options)
    const session = this.#sealed
    if (!this.#forget()) return
    try {
      const reason = 'The key server ended the session.'
      await this.#keyServer.request('DELETE', this.#sessionPath, {
        session,
        signal,
        decision: 'accepted',
        reason,
      })
    } catch (error) {
      // 401: the session had ended before.
      if (error.status !== 401) throw error
    } finally {
      this.#emit('signedout', { reason: 'logout' })
    }
  }

  /** @param {string | URL | Request} input @param {RequestInit} [init] */
  async fetch(input, init) {
    memory()
    const path = this.#route.path(input)
    await this.#confirm()
    const context = {
      core: this.#core,
      route: this.#route,
      keyServer: this.#keyServer,
      session: this.#sealed,
      identified: this.#session !== null,
      traced: this.#traced,
      steps: this.#steps.bind(this),
      token: this.#token.bind(this),
      failed: this.#failed.bind(this),
    }
    return drive(context, path, input, init)
  }

  /**
   * @param {readonly string[]} scopes
   * @param {CallOptions} [options]
   * @returns {Promise<{ scope: string, answer: Answer }[]>}
   */
  async authorize(scopes, options) {
    const signal = signalOf(options)
    const module = memory()
    const canonical = normalizeScopes(scopes)
    await this.#confirm(signal)
    /** @type {() => { scope: string, answer: Answer }[]} */
    const unknown = () => scopes.map((scope) => ({ scope, answer: 'unknown' }))
    /** @type {TokenNeed & { token?: string }} */
    const need = module.result(this.#core.question(module.write(scopes.join(' ')), Date.now()))
    // Without `scopes`, the registry has no tokens.
    if (need.scopes === undefined || canonical.length === 0) return unknown()
    let token = need.token
    try {
      token ??= (await race(signal, this.#token(need))).token
    } catch (error) {
      if (error.code !== 'basic_only' && error.code !== 'registry_open') throw this.#failed(error)
      return unknown()
    }
    const known = token
    return scopes.map((scope) => ({ scope, answer: grants(known, scope) }))
  }

  /** @param {ListOptions} [options] */
  catalog(options) {
    return listing(this.#fetchPath, this.#route, '/v2/_catalog', 'repositories', options)
  }

  /** @param {string} repository @param {ListOptions} [options] */
  tags(repository, options) {
    return listing(this.#fetchPath, this.#route, `/v2/${repository}/tags/list`, 'tags', options)
  }

  /** @param {string} repository @param {string} reference @param {ManifestOptions} [options] */
  async manifest(repository, reference, options) {
    return content.manifest(this.#fetchPath, repository, String(reference), options)
  }

  /** @param {string} repository @param {string} digest @param {CallOptions} [options] */
  async blob(repository, digest, options) {
    return content.blob(this.#fetchPath, repository, String(digest), options)
  }

  /**
   * @override
   * @param {string} type
   * @param {EventListenerOrEventListenerObject | null} listener
   * @param {boolean | AddEventListenerOptions} [options]
   */
  addEventListener(type, listener, options) {
    if (type === 'step' && listener) this.#traced = true
    super.addEventListener(type, listener, options)
  }

  /** @param {string} path @param {RequestInit} init */
  #fetchPath = (path, init) => this.fetch(path, init)

  /**
   * A token from the key server. A caller's signal does not end the request: other callers may wait for the same token.
   * @param {TokenNeed} need
   */
  #token(need) {
    const key = (need.fresh ? '! ' : '') + need.scopes.join(' ')
    let flight = this.#flights.get(key)
    if (flight === undefined) {
      const flights = this.#flights
      flight = this.#requestToken(need).finally(() => {
        if (flights.get(key) === flight) flights.delete(key)
      })
      flights.set(key, flight)
    }
    return flight
  }

  /**
   * @param {TokenNeed} need
   * @returns {Promise<Token>}
   */
  async #requestToken({ scopes, realm, service, fresh }) {
    const flights = this.#flights
    const { token, expires_in: seconds } = await this.#request('POST', '/v1/token', {
      body: {
        registry: this.#registry,
        scopes,
        challenge: realm === undefined ? undefined : { realm, service },
        fresh: fresh || undefined,
        ...this.#trace,
      },
      identified: this.#session !== null,
      decision: 'got_token',
      reason: 'The key server returned a token.',
    })
    if (typeof token !== 'string' || typeof seconds !== 'number') {
      throw failure('key_server_invalid', 'key_server')
    }
    // A token that was requested with another session is not cached.
    if (this.#flights === flights) {
      const [end, length] = memory().writeAll(scopes.join(' '), token)
      this.#core.keep(end, length, seconds, Date.now())
    }
    return { token, seconds }
  }

  /** @param {string} method @param {string} path @param {KeyServerRequest} options */
  #request(method, path, options) {
    return this.#keyServer.request(method, path, { ...options, session: this.#sealed })
  }

  get #sessionPath() {
    return `/v1/session?registry=${encodeURIComponent(this.#registry)}`
  }

  /** With a listener for steps, the key server reports its own. */
  get #trace() {
    return this.#traced ? { trace: true } : {}
  }

  /**
   * Keeps a session that the key server described.
   * @param {SessionResponse} response
   * @param {string} [sealed] The sealed session, with the bearer carrier.
   */
  #keep(response, sealed) {
    const { session, auth, realm, service } = readSession(response)
    this.#forget()
    const [end, length] = memory().writeAll(realm, service)
    this.#core.identify(auth, end, length)
    this.#sealed = sealed
    this.#session = session
    this.#announce(session.expiresAt)
    return session
  }

  /** Discards the session and its tokens. Returns whether there was a session. */
  #forget() {
    const was = this.#session !== null
    clearTimeout(this.#timer)
    this.#session = null
    this.#sealed = undefined
    this.#flights = new Map()
    this.#core.forget()
    return was
  }

  /**
   * If the key server says that the session has ended, discards it. Returns the error.
   * @template {{ code?: string, step?: string }} E
   * @param {E} error
   * @returns {E}
   */
  #failed(error) {
    const ended = error.code === 'invalid_session' || error.code === 'session_expired'
    if (ended && error.step === 'key_server' && this.#forget()) {
      this.#emit('signedout', { reason: /** @type {SignedOutReason} */ (error.code) })
    }
    return error
  }

  /**
   * Asks the key server about a session whose time is over. Browsers no longer send an expired cookie, so requests would
   * silently become anonymous. This machine's clock may be wrong, so it does not decide.
   * @param {AbortSignal} [signal]
   * @throws {DockpassError} `session_expired`, after the session was discarded.
   */
  async #confirm(signal) {
    if (this.#session === null || Date.now() < this.#session.expiresAt) return
    try {
      const reason = 'The session still exists.'
      const response = await this.#request('GET', this.#sessionPath, { signal, decision: 'accepted', reason })
      // With the bearer carrier, only the login returns the sealed session.
      this.#keep(response, this.#sealed)
    } catch (error) {
      throw error.status === 401
        ? this.#failed(failure('session_expired', 'key_server', { status: 401 }))
        : error
    }
  }

  /**
   * Sets the timer for `expiring`, and after that the one for the end of the session.
   * @param {number} expiresAt
   */
  #announce(expiresAt) {
    // The session has ended by this clock but not by the key server's: its end is not known here.
    if (expiresAt <= Date.now()) return
    /** @type {(time: number, then: () => void) => void} */
    const at = (time, then) => {
      const wait = Math.max(0, time - Date.now())
      const ring = () => (wait > LONGEST_WAIT ? at(time, then) : then())
      this.#timer = setTimeout(ring, Math.min(wait, LONGEST_WAIT))
      // In Node.js, the timer must not keep the process alive. In browsers it is a number.
      if (typeof this.#timer === 'object') this.#timer.unref()
    }
    at(expiresAt - NOTICE, () => {
      this.#emit('expiring', { expiresAt })
      // `#confirm` emits `signedout`; its error has no other receiver.
      at(expiresAt + SLACK, () => void this.#confirm().catch(() => {}))
    })
  }

  /** @param {PageStep[]} [steps] */
  #steps(steps = []) {
    if (!this.#traced) return
    for (const step of steps) this.#emit('step', { at: Date.now(), ...step })
  }

  /** @param {unknown} steps JSON of the key server. */
  #relay(steps) {
    if (!this.#traced || !Array.isArray(steps)) return
    for (const step of steps) this.#emit('step', relayedStep(step))
  }

  /** @param {string} type @param {unknown} detail */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }))
  }
}
