// RegistryClient: combines the module's client, the driver and the key server. index.d.ts documents its members.

import * as glue from '../dist/dockpass.js'
import { grantsOf } from './authorize.js'
import * as content from './content.js'
import { Route, drive } from './driver.js'
import { argumentError } from './error.js'
import { Expiry } from './expiry.js'
import { Flights } from './flights.js'
import { KeyServer, failure, race, signalOf } from './key-server.js'
import { listing } from './listing.js'
import { sessionPath, setParts } from './parts.js'
import { registries } from './registries.js'
import { readSession } from './session.js'
import { Call } from './steps.js'
import { memory } from './wasm.js'

/**
 * @import { CallOptions, ConnectOptions, Credentials, Grant, ListOptions, ManifestOptions, Session, SignedOutReason } from '../index.js'
 * @import { FetchPath, KeyServerRequest, SessionResponse, Token, TokenNeed } from './types.js'
 */

/** Only `connect` may construct. */
const KEY = Symbol('connect')

export class RegistryClient extends EventTarget {
  #core = new glue.Client()
  #registry
  #keyServer
  #route
  /** @type {Session | null} */
  #session = null
  /** The sealed session, with the bearer carrier. It is kept in memory only. @type {string | undefined} */
  #sealed
  #flights = new Flights()
  #expiry = new Expiry()

  /**
   * @param {symbol} key
   * @param {string} registry
   * @param {ConnectOptions} options
   */
  constructor(key, registry, options) {
    if (key !== KEY) throw new TypeError('Use RegistryClient.connect().')
    super()
    this.#registry = registry
    this.#keyServer = new KeyServer(options)
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
    const signal = signalOf(options)
    await client.#call((call) => client.#connect(call, transport, signal))
    return client
  }

  /** @param {Pick<ConnectOptions, 'keyServer' | 'fetch' | 'signal'>} options */
  static async registries(options) {
    memory()
    if (options === null || typeof options !== 'object')
      throw argumentError('registries requires {keyServer}.')
    const keyServer = new KeyServer({ ...options, carrier: 'bearer' })
    const signal = signalOf(options)
    return new Call().run((call) => registries(keyServer, signal, call))
  }

  /** @param {Call} call @param {'gateway' | 'direct'} transport @param {AbortSignal} [signal] */
  async #connect(call, transport, signal) {
    if (transport === 'direct') {
      const known = (await registries(this.#keyServer, signal, call)).find(
        ({ registry }) => registry === this.#registry,
      )
      if (known === undefined) throw failure('registry_not_allowed', 'key_server')
      this.#route = new Route(known.url.replace(/\/+$/, ''), [], false)
    }
    if (this.#keyServer.carrier !== 'cookie') return
    try {
      const reason = 'The key server looked for a session in the cookie.'
      const request = { call, signal, decision: /** @type {const} */ ('accepted'), reason }
      const response = await this.#request('GET', sessionPath(this.#registry), request)
      // 204: without a session, the client is anonymous.
      if (response !== undefined) this.#keep(response)
    } catch (error) {
      // A session that has ended.
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
    return this.#call(async (call) => {
      const response = await this.#request('POST', '/v1/sessions', {
        body: { registry: this.#registry, ...proof, carrier, trace: true },
        call,
        signal,
        decision: 'proven',
        reason: 'The key server verified the credentials at the registry and sealed them into a session.',
      })
      const sealed = response?.session
      if (typeof sealed !== (carrier === 'bearer' ? 'string' : 'undefined')) {
        throw failure('key_server_invalid', 'key_server')
      }
      await setParts(response.parts ?? [], this.#registry, signal, (method, path, what) =>
        this.#request(method, path, { call, ...what }),
      )
      return this.#keep(response, sealed)
    })
  }

  /** @param {CallOptions} [options] */
  async logout(options) {
    const signal = signalOf(options)
    const session = this.#sealed
    if (!this.#forget()) return
    try {
      await this.#call((call) => this.#end(call, session, signal))
    } finally {
      this.#emit('signedout', { reason: 'logout' })
    }
  }

  /** @param {string | URL | Request} input @param {RequestInit} [init] */
  async fetch(input, init) {
    memory()
    const path = this.#route.path(input)
    return this.#call((call) => this.#drive(call, path, input, init))
  }

  /**
   * @param {readonly string[]} scopes
   * @param {CallOptions} [options]
   * @returns {Promise<{ scope: string, grant: Grant }[]>}
   */
  async authorize(scopes, options) {
    const signal = signalOf(options)
    const module = memory()
    return this.#call(async (call) => {
      await this.#confirm(call, signal)
      const tokenFor = async (/** @type {string} */ list) => {
        /** @type {TokenNeed & { token?: string }} */
        const need = module.result(this.#core.token_request(module.write(list), Date.now()))
        // Without `scopes`, the registry has no tokens.
        if (need.scopes === undefined) return undefined
        return need.token ?? (await race(signal, this.#token(need, call))).token
      }
      return grantsOf(scopes, tokenFor).catch((error) => {
        throw this.#failed(error)
      })
    })
  }

  /** @param {ListOptions} [options] */
  catalog(options) {
    return listing(() => this.#pageReader(), this.#route, '/v2/_catalog', 'repositories', options)
  }

  /** @param {string} repository @param {ListOptions} [options] */
  tags(repository, options) {
    return listing(() => this.#pageReader(), this.#route, `/v2/${repository}/tags/list`, 'tags', options)
  }

  /** @param {string} repository @param {string} reference @param {ManifestOptions} [options] */
  async manifest(repository, reference, options) {
    return this.#call((call) => content.manifest(this.#reader(call), repository, String(reference), options))
  }

  /** @param {string} repository @param {string} digest @param {CallOptions} [options] */
  async blob(repository, digest, options) {
    return this.#call((call) => content.blob(this.#reader(call), repository, String(digest), options))
  }

  /**
   * Does the work of a call. Its steps are reported as they are taken, and its error has all of them.
   * @template T
   * @param {(call: Call) => Promise<T>} work
   */
  #call(work) {
    return new Call((step) => this.#emit('step', step)).run(work)
  }

  /** Fetches paths for one call. @param {Call} call @returns {FetchPath} */
  #reader(call) {
    return (path, init) => this.#drive(call, this.#route.path(path), path, init)
  }

  /** Fetches the pages of a listing: each for a call of its own, which ends with `run`. */
  #pageReader() {
    let call = new Call()
    /** @param {string} path @param {RequestInit} init */
    const fetch = (path, init) => this.#drive(call, this.#route.path(path), path, init)
    /** @template T @param {() => Promise<T>} work */
    const run = (work) =>
      this.#call((own) => {
        call = own
        return work()
      })
    return Object.assign(fetch, { run })
  }

  /** @param {Call} call @param {string} path @param {unknown} input @param {RequestInit} [init] */
  async #drive(call, path, input, init) {
    await this.#confirm(call)
    const context = {
      core: this.#core,
      route: this.#route,
      keyServer: this.#keyServer,
      session: this.#sealed,
      identified: this.#session !== null,
      call,
      token: (/** @type {TokenNeed} */ need) => this.#token(need, call),
      failed: this.#failed.bind(this),
    }
    return drive(context, path, input, init)
  }

  /**
   * A token from the key server. A caller's signal does not end the request: other callers may wait for the same token.
   * @param {TokenNeed} need
   * @param {Call} call
   */
  #token(need, call) {
    const { scopes, realm, service, fresh } = need
    const key = JSON.stringify([fresh === true, realm, service, scopes])
    return this.#flights.share(key, call, () => this.#requestToken(need, call))
  }

  /**
   * @param {TokenNeed} need
   * @param {Call} call
   * @returns {Promise<Token>}
   */
  async #requestToken({ scopes, realm, service, fresh }, call) {
    const flights = this.#flights
    const {
      token,
      expires_in: seconds,
      session,
    } = await this.#request('POST', '/v1/token', {
      body: {
        registry: this.#registry,
        scopes,
        challenge: realm === undefined ? undefined : { realm, service },
        fresh: fresh || undefined,
        trace: true,
      },
      call,
      identified: this.#session !== null,
      decision: 'got_token',
      reason: 'The key server returned a token.',
    })
    if (typeof token !== 'string' || typeof seconds !== 'number') {
      throw failure('key_server_invalid', 'key_server')
    }
    // A token that was requested with another session is not cached.
    if (this.#flights === flights) {
      // The token service has replaced the refresh token, and this session holds the new one.
      if (this.#sealed !== undefined && typeof session === 'string') this.#sealed = session
      const module = memory()
      const ends = module.writeAll(scopes.join(' '), realm ?? '', service ?? '', token)
      module.table.set(ends)
      this.#core.keep(ends[3], seconds, Date.now())
    }
    return { token, seconds }
  }

  /** @param {string} method @param {string} path @param {KeyServerRequest} options */
  #request(method, path, options) {
    return this.#keyServer.request(method, path, { ...options, session: this.#sealed })
  }

  /**
   * Ends a session at the key server.
   * @param {Call} call
   * @param {string | undefined} session
   * @param {AbortSignal} [signal]
   */
  async #end(call, session, signal) {
    try {
      const reason = 'The key server ended the session.'
      await this.#keyServer.request('DELETE', sessionPath(this.#registry), {
        session,
        call,
        signal,
        decision: 'accepted',
        reason,
      })
    } catch (error) {
      // 401: the session had ended before.
      if (error.status !== 401) throw error
    }
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
    const soon = () => this.#emit('expiring', { expiresAt: session.expiresAt })
    // `#confirm` emits `signedout`; its error has no other receiver.
    const over = () => void this.#call((call) => this.#confirm(call)).catch(() => {})
    this.#expiry.watch(session.expiresAt, soon, over)
    return session
  }

  /** Discards the session and its tokens. Returns whether there was a session. */
  #forget() {
    const was = this.#session !== null
    this.#expiry.cancel()
    this.#session = null
    this.#sealed = undefined
    this.#flights = new Flights()
    this.#core.forget()
    return was
  }

  /**
   * If the session has ended, or its password is no longer accepted, discards it. Returns the error.
   * @template {{ code?: string, step?: string }} E
   * @param {E} error
   * @returns {E}
   */
  #failed(error) {
    const { code } = error
    const ended = (code === 'invalid_session' || code === 'session_expired') && error.step === 'key_server'
    // The password was accepted at login. The session that has it is of no use any more.
    const isRefused = code === 'bad_credentials' && this.#session !== null
    if (!ended && !isRefused) return error
    const sealed = this.#sealed
    if (!this.#forget()) return error
    if (isRefused) void new Call().run((call) => this.#end(call, sealed)).catch(() => {})
    this.#emit('signedout', { reason: /** @type {SignedOutReason} */ (code) })
    return error
  }

  /**
   * Asks the key server about a session whose time is over. Browsers no longer send an expired cookie, so requests would
   * silently become anonymous. This machine's clock may be wrong, so it does not decide.
   * @param {Call} call
   * @param {AbortSignal} [signal]
   * @throws {DockpassError} `session_expired`, after the session was discarded.
   */
  async #confirm(call, signal) {
    if (this.#session === null || Date.now() < this.#session.expiresAt) return
    try {
      const reason = 'The session still exists.'
      const request = { call, signal, decision: /** @type {const} */ ('accepted'), reason }
      const response = await this.#request('GET', sessionPath(this.#registry), request)
      if (response === undefined) throw failure('session_expired', 'key_server', { status: 401 })
      // With the bearer carrier, only the login returns the sealed session.
      this.#keep(response, this.#sealed)
    } catch (error) {
      throw error.status === 401
        ? this.#failed(failure('session_expired', 'key_server', { status: 401 }))
        : error
    }
  }

  /** @param {string} type @param {unknown} detail */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }))
  }
}
