// Who is logged in at a registry: login, logout, the end of a session, and what other tabs do with its cookie.

import { Core, keep } from './core.js'
import { argumentError } from './error.js'
import { Expiry } from './expiry.js'
import { failure, race } from './failure.js'
import { Flights } from './flights.js'
import { sessionPath } from './key-server.js'
import { proofOf, readSession } from './session.js'
import { Call } from './steps.js'
import { Tabs } from './tabs.js'
import { writeAll } from './wasm.js'

/**
 * @import { ConnectOptions, Credentials, ErrorCode, Session, SignedOutReason } from '../index.js'
 * @import { KeyServer } from './key-server.js'
 * @import { Emit, KeyServerRequest, SessionResponse, Token, TokenNeed } from './types.js'
 */

/** The errors after which a session is of no use. Those of the key server, and the registry's about the password. */
const ENDED = ['invalid_session', 'session_expired']

export class Account {
  /** The module's client: it has the tokens. */
  core = new Core()
  /** @type {Session | null} */
  session = null
  /** The sealed session, with the bearer carrier. It is kept in memory only. @type {string | undefined} */
  sealed
  /** The key server's name for the session. It opens nothing. @type {string | undefined} */
  id
  #registry
  #keyServer
  #emit
  #reauthenticate
  #flights = new Flights()
  #expiry = new Expiry()
  /** @type {Tabs | undefined} */
  #tabs
  /** Counts the changes of the session, so that an older response does not undo a newer change. */
  #version = 0
  /** @type {Promise<void> | undefined} */
  #syncing
  /** @type {Promise<boolean> | undefined} */
  #loggingIn
  /** A session that has ended and whose end was not announced, because a new login may replace it. @type {{ previous: Session, reason: SignedOutReason } | undefined} */
  #lost

  /**
   * @param {string} registry
   * @param {KeyServer} keyServer
   * @param {ConnectOptions['reauthenticate']} reauthenticate
   * @param {Emit} emit
   */
  constructor(registry, keyServer, reauthenticate, emit) {
    if (reauthenticate !== undefined && typeof reauthenticate !== 'function')
      throw argumentError('reauthenticate must be a function.')
    this.#registry = registry
    this.#keyServer = keyServer
    this.#reauthenticate = reauthenticate
    this.#emit = emit
  }

  /** Takes the session that the browser has a cookie for. @param {Call} call @param {AbortSignal} [signal] */
  async connect(call, signal) {
    if (this.#keyServer.carrier !== 'cookie') return
    // From here on, so that no change is missed.
    this.#tabs = new Tabs(`dockpass ${this.#keyServer.base} ${this.#registry}`, () => this.#check())
    try {
      await this.#sync(call, signal)
    } catch (error) {
      this.close()
      throw error
    }
  }

  close() {
    this.#tabs?.close()
    this.#reauthenticate = undefined
    this.#clear()
  }

  /** @param {Credentials} credentials @param {Call} call @param {AbortSignal} [signal] */
  async login(credentials, call, signal) {
    const session = await this.#prove(proofOf(credentials), call, signal)
    this.#tabs?.tell()
    return session
  }

  /** @param {object} proof @param {Call} call @param {AbortSignal} [signal] */
  async #prove(proof, call, signal) {
    const { carrier } = this.#keyServer
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
    if (response.parts !== undefined) {
      const { setParts } = await import('./more.js')
      await setParts(response.parts, this.#registry, signal, (method, path, what) =>
        this.#request(method, path, { call, ...what }),
      )
    }
    return this.#keep(response, 'login', sealed)
  }

  /** @param {Call} call @param {AbortSignal} [signal] */
  async logout(call, signal) {
    const { session, sealed, id } = this
    if (session === null) return
    this.#clear()
    try {
      await this.#end(call, sealed, id, signal)
    } finally {
      this.#tabs?.tell()
      this.#announce(session, 'logout')
    }
  }

  /**
   * A token from the key server. A caller's signal does not end the request: other callers may wait for the same token.
   * @param {TokenNeed} need
   * @param {Call} call
   */
  token(need, call) {
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
      granted = [],
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
      identified: this.session !== null,
      repeatable: true,
      decision: 'got_token',
      reason: 'The key server returned a token.',
    })
    if (typeof token !== 'string' || typeof seconds !== 'number' || !Array.isArray(granted)) {
      throw failure('key_server_invalid', 'key_server')
    }
    // A token that was requested with another session is not cached.
    if (this.#flights === flights) {
      // The token service has replaced the refresh token, and this session holds the new one.
      if (this.sealed !== undefined && typeof session === 'string') this.sealed = session
      keep(this.core, { scopes, granted, realm, service, token, seconds })
    }
    return { token, seconds }
  }

  /**
   * Does what a call needs a session for. When the session turns out to be another one, or a login is required, finds out
   * who is logged in now, and does it once more where that may help.
   * @template T
   * @param {Call} call
   * @param {AbortSignal | undefined} signal
   * @param {() => Promise<T>} work
   */
  async attempt(call, signal, work) {
    const before = this.session
    try {
      await this.#confirm(call, signal)
      return await work()
    } catch (error) {
      if (!(await this.#canRepeat(error, before, call, signal))) throw error
    }
    return work().finally(() => this.#announceLost())
  }

  /**
   * @param {any} error
   * @param {Session | null} before Who was logged in when the call began.
   * @param {Call} call
   * @param {AbortSignal} [signal]
   */
  async #canRepeat(error, before, call, signal) {
    if (error.code === 'session_changed') {
      await this.#sync(call, signal)
      // The same user, whose session was replaced by a newer one. As another user, nothing is repeated.
      return before !== null && this.session?.username === before.username
    }
    // Another call has logged in while this one was under way without a session.
    if (error.code === 'login_required' && before === null && this.session !== null) return true
    const isOver = this.#lost !== undefined || (error.code === 'login_required' && this.session === null)
    if (!isOver) return false
    if (error.code === 'login_required' && before === null) {
      if (this.#keyServer.carrier === 'cookie') await this.#sync(call, signal)
      if (this.session !== null) return true
    }
    return this.#logInAgain(error.code, call, signal)
  }

  /** Whether the hook logged in. Calls that need it at the same time share one login. @param {ErrorCode} reason @param {Call} call @param {AbortSignal} [signal] */
  async #logInAgain(reason, call, signal) {
    if (this.#reauthenticate === undefined) return false
    this.#loggingIn ??= this.#askForLogin(this.#reauthenticate, reason, call, signal).finally(() => {
      this.#loggingIn = undefined
      this.#announceLost()
    })
    return this.#loggingIn
  }

  /** Announces the end of a session that no new one has replaced. */
  #announceLost() {
    const lost = this.#lost
    if (lost === undefined || this.#loggingIn !== undefined) return
    this.#lost = undefined
    this.#announce(lost.previous, lost.reason)
  }

  /** @param {NonNullable<ConnectOptions['reauthenticate']>} ask @param {ErrorCode} reason @param {Call} call @param {AbortSignal} [signal] */
  async #askForLogin(ask, reason, call, signal) {
    const credentials = await ask({ registry: this.#registry, reason })
    if (credentials === null || credentials === undefined) return false
    await this.login(credentials, call, signal)
    return true
  }

  /** @param {string} method @param {string} path @param {KeyServerRequest} options */
  #request(method, path, options) {
    return this.#keyServer.request(method, path, { session: this.sealed, id: this.id, ...options })
  }

  /**
   * Ends a session at the key server.
   * @param {Call} call
   * @param {string | undefined} session
   * @param {string | undefined} id
   * @param {AbortSignal} [signal]
   */
  async #end(call, session, id, signal) {
    try {
      const reason = 'The key server ended the session.'
      const decision = /** @type {const} */ ('accepted')
      await this.#request('DELETE', sessionPath(this.#registry), {
        session,
        id,
        call,
        signal,
        decision,
        reason,
      })
    } catch (error) {
      // 401: the session had ended before. The other: it has, and another one has begun, which is not this one's to end.
      if (error.status !== 401 && error.code !== 'session_changed') throw error
    }
  }

  /**
   * Keeps a session that the key server described.
   * @param {SessionResponse} response
   * @param {'login' | 'elsewhere'} reason Why it is another one than before.
   * @param {string} [sealed] The sealed session, with the bearer carrier.
   */
  #keep(response, reason, sealed) {
    const { session, id, auth, realm, service } = readSession(response)
    const previous = this.session ?? this.#lost?.previous ?? null
    this.#clear()
    const [end, length] = writeAll(realm, service)
    this.core.identify(auth, end, length)
    this.sealed = sealed
    this.session = session
    this.id = id
    const soon = () => this.#emit('expiring', { expiresAt: session.expiresAt })
    // `#confirm` emits what it finds; its error has no other receiver.
    const over = () =>
      void new Call().run((call) => this.attempt(call, undefined, async () => {})).catch(() => {})
    this.#expiry.watch(session.expiresAt, soon, over)
    this.#emit('session', { session, previous, reason })
    return session
  }

  /** Discards the session and its tokens. */
  #clear() {
    this.#version += 1
    this.#expiry.cancel()
    this.session = null
    this.sealed = undefined
    this.id = undefined
    this.#lost = undefined
    this.#flights = new Flights()
    this.core.forget()
  }

  /** @param {Session} previous @param {SignedOutReason} reason */
  #announce(previous, reason) {
    this.#emit('session', { session: null, previous, reason })
    this.#emit('signedout', { reason })
  }

  /**
   * If the session has ended, or its password is no longer accepted, discards it. Returns the error.
   * @template {{ code?: string, step?: string }} E
   * @param {E} error
   * @returns {E}
   */
  failed(error) {
    const { code = '' } = error
    const { session, sealed, id } = this
    if (session === null) return error
    const ended = ENDED.includes(code) && error.step === 'key_server'
    // The password was accepted at login. The session that has it is of no use any more.
    const isRefused = code === 'bad_credentials'
    if (!ended && !isRefused) return error
    this.#clear()
    if (isRefused) void new Call().run((call) => this.#end(call, sealed, id)).catch(() => {})
    const reason = /** @type {SignedOutReason} */ (code)
    if (this.#reauthenticate === undefined) this.#announce(session, reason)
    else this.#lost = { previous: session, reason }
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
    if (this.session === null || Date.now() < this.session.expiresAt) return
    const response = await this.#describe(call, signal)
    // With the bearer carrier, only the login returns the sealed session.
    if (response !== null) this.#keep(response, 'elsewhere', this.sealed)
    else throw this.failed(failure('session_expired', 'key_server', { status: 401 }))
  }

  /** The session as the key server knows it, and null without one. @param {Call} call @param {AbortSignal} [signal] @returns {Promise<SessionResponse | null>} */
  async #describe(call, signal) {
    try {
      const reason = 'The key server described the session.'
      const decision = /** @type {const} */ ('accepted')
      const path = sessionPath(this.#registry)
      return (await this.#request('GET', path, { id: undefined, call, signal, decision, reason })) ?? null
    } catch (error) {
      if (error.status === 401) return null
      throw error
    }
  }

  /** Something has changed in another tab. Whoever waits for it hears of it by an event. */
  #check() {
    void new Call().run((call) => this.#sync(call)).catch(() => {})
  }

  /**
   * Takes over the session that the browser has a cookie for now, which another tab may have changed.
   * @param {Call} call
   * @param {AbortSignal} [signal]
   */
  async #sync(call, signal) {
    this.#syncing ??= this.#takeOver(call).finally(() => {
      this.#syncing = undefined
    })
    return race(signal, this.#syncing)
  }

  /** @param {Call} call */
  async #takeOver(call) {
    const version = this.#version
    const response = await this.#describe(call)
    // A login or logout of this client came in between: it knows better.
    if (version !== this.#version) return
    const { session } = this
    if (response !== null) {
      const same = session !== null && response.id === this.id && response.expires_at === session.expiresAt
      if (!same) this.#keep(response, 'elsewhere')
    } else if (session !== null) {
      this.#clear()
      this.#announce(session, 'elsewhere')
    }
  }
}
