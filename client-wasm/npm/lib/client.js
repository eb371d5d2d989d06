// RegistryClient: an EventTarget over the module's client, the driver and the key server.

import * as glue from '../dist/dockpass.js'
import * as content from './content.js'
import { Way, drive } from './driver.js'
import { argumentError } from './error.js'
import { KeyServer, discard, failure, race, readJson, signalOf } from './key-server.js'
import { grants, normalizeScopes } from './pure.js'
import { registries } from './registries.js'
import { relayedStep } from './steps.js'
import { memory } from './wasm.js'

/** Only `connect` may construct. */
const KEY = Symbol('connect')
/** How long before its end a session is announced to expire, in milliseconds. */
const NOTICE = 60_000
/** How long after its end a session is asked for: by then the key server's clock says the same. */
const SLACK = 1000
/** The longest time that timers can wait. */
const LONGEST_WAIT = 2 ** 31 - 1
/** More pages than this no registry has; one that gives ever more is broken or hostile. */
const MAX_PAGES = 100_000
/** What an answer of the key server must have. */
const AUTH = { open: 0, basic: 1, bearer: 2 }

export class RegistryClient extends EventTarget {
  #core = new glue.Client()
  #registry
  #keyServer
  #way
  #session = null
  /** The sealed session, with the bearer carrier. It is in memory only. */
  #sealed
  /** Token requests under way, so that those who need the same token wait for the same request. */
  #flights = new Map()
  #traced = false
  #timer

  constructor(key, registry, options) {
    if (key !== KEY) throw new TypeError('Use RegistryClient.connect().')
    super()
    this.#registry = registry
    this.#keyServer = new KeyServer(options, {
      step: (step) => this.#steps([step]),
      relayed: (steps) => this.#relay(steps),
    })
  }

  static async connect(options) {
    const module = memory()
    if (typeof options?.registry !== 'string') throw argumentError('connect takes {keyServer, registry}.')
    const { registry: given, transport = 'gateway' } = options
    const registry = module.answer(glue.registry_name(module.write(given.slice(0, 1024))))
    if (transport !== 'gateway' && transport !== 'direct') {
      throw argumentError("transport is neither 'gateway' nor 'direct'.")
    }
    const client = new RegistryClient(KEY, registry, options)
    await client.#connect(transport, signalOf(options))
    return client
  }

  static async registries(options) {
    memory()
    if (options === null || typeof options !== 'object') throw argumentError('registries takes {keyServer}.')
    const nobody = { step() {}, relayed() {} }
    return registries(new KeyServer({ ...options, carrier: 'bearer' }, nobody), signalOf(options))
  }

  async #connect(transport, signal) {
    if (transport === 'direct') {
      const known = (await registries(this.#keyServer, signal)).find(
        ({ registry }) => registry === this.#registry,
      )
      if (known === undefined) throw failure('registry_not_allowed', 'key_server')
      this.#way = new Way(known.url.replace(/\/+$/, ''), [], false)
    } else {
      this.#way = new Way(`${this.#keyServer.base}/r/${this.#registry}`, [`https://${this.#registry}`], true)
    }
    if (this.#keyServer.carrier !== 'cookie') return
    try {
      const answer = await this.#ask('GET', this.#sessionPath, {
        signal,
        decision: 'accepted',
        reason: 'A session was there already.',
      })
      this.#keep(answer)
    } catch (error) {
      // Nobody is logged in, and that is no failure.
      if (error.status !== 401) throw error
    }
  }

  get session() {
    return this.#session
  }

  get registry() {
    return this.#registry
  }

  async login(credentials, options) {
    const signal = signalOf(options)
    const { username, password, identityToken } = credentials ?? {}
    const proof = identityToken === undefined ? { username, password } : { identity_token: identityToken }
    if (!Object.values(proof).every((value) => typeof value === 'string')) {
      throw argumentError('Credentials are {username, password} or {identityToken}, all strings.')
    }
    const { carrier } = this.#keyServer
    const answer = await this.#ask('POST', '/v1/sessions', {
      body: { registry: this.#registry, ...proof, carrier, ...this.#trace },
      signal,
      decision: 'proven',
      reason: 'The key server has proven the credentials at the registry and sealed them into a session.',
    })
    return this.#keep(answer)
  }

  async logout(options) {
    const signal = signalOf(options)
    const session = this.#sealed
    if (!this.#forget()) return
    try {
      const reason = 'The key server has ended the session.'
      await this.#keyServer.ask('DELETE', this.#sessionPath, {
        session,
        signal,
        decision: 'accepted',
        reason,
      })
    } catch (error) {
      // It was over already.
      if (error.status !== 401) throw error
    } finally {
      this.#emit('signedout', { reason: 'logout' })
    }
  }

  async fetch(input, init) {
    memory()
    const address = typeof input === 'string' ? input : (input?.url ?? input?.href)
    if (typeof address !== 'string') throw argumentError('The first argument is no path, URL or Request.')
    return this.#drive(this.#way.path(address), input, init)
  }

  async authorize(scopes, options) {
    const signal = signalOf(options)
    const module = memory()
    const canonical = normalizeScopes(scopes)
    await this.#confirm(signal)
    const ask = module.answer(this.#core.question(module.write(scopes.join(' ')), Date.now()))
    if (ask.scopes === undefined || canonical.length === 0)
      return scopes.map((scope) => ({ scope, answer: 'unknown' }))
    let token = ask.token
    try {
      token ??= (await race(signal, this.#token(ask))).token
    } catch (error) {
      if (error.code !== 'basic_only' && error.code !== 'registry_open') throw this.#failed(error)
      return scopes.map((scope) => ({ scope, answer: 'unknown' }))
    }
    return scopes.map((scope) => ({ scope, answer: grants(token, scope) }))
  }

  catalog(options) {
    return this.#names('/v2/_catalog', 'repositories', options)
  }

  tags(repository, options) {
    return this.#names(`/v2/${repository}/tags/list`, 'tags', options)
  }

  async manifest(repository, reference, options) {
    return content.manifest((path, init) => this.fetch(path, init), repository, String(reference), options)
  }

  async blob(repository, digest, options) {
    return content.blob((path, init) => this.fetch(path, init), repository, String(digest), options)
  }

  addEventListener(type, listener, options) {
    if (type === 'step' && listener) this.#traced = true
    super.addEventListener(type, listener, options)
  }

  // ------------------------------------------------------------------------------------------------------------------

  async #drive(path, input, init) {
    await this.#confirm()
    return drive(
      {
        core: this.#core,
        way: this.#way,
        keyServer: this.#keyServer,
        session: this.#sealed,
        identified: this.#session !== null,
        traced: this.#traced,
        steps: (steps) => this.#steps(steps),
        token: (step) => this.#token(step),
        failed: (error) => this.#failed(error),
      },
      path,
      input,
      init,
    )
  }

  /** A listing: nothing is asked before the first `next()`. */
  #names(first, field, { n, ...options } = {}) {
    signalOf(options)
    if (n !== undefined && !(Number.isInteger(n) && n >= 1 && n <= 1000)) {
      throw argumentError('n is no whole number between 1 and 1000.')
    }
    const page = async (path) => {
      const response = await this.#drive(path, path, {
        headers: { accept: 'application/json' },
        signal: options.signal,
      })
      if (response.status !== 200) {
        await discard(response)
        const code =
          response.status === 404
            ? 'missing'
            : response.status >= 500
              ? 'upstream_failed'
              : 'upstream_invalid'
        throw failure(code, 'registry', { status: response.status })
      }
      // A repository without tags has `null` where others have a list.
      const names = (await readJson(response))?.[field] ?? []
      if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
        throw failure('upstream_invalid', 'registry')
      }
      const link = response.headers.get('link')
      return { names, next: link === null ? undefined : this.#way.next(link, path) }
    }
    const pages = async function* () {
      let path = n === undefined ? first : `${first}?n=${n}`
      for (let count = 0; path !== undefined && count < MAX_PAGES; count++) {
        const { names, next } = await page(path)
        path = next
        yield { names, hasNext: next !== undefined }
      }
    }
    return {
      pages,
      async *[Symbol.asyncIterator]() {
        for await (const { names } of pages()) yield* names
      },
    }
  }

  /** A token from the key server, `{token, seconds}`. No caller's signal ends this: others may wait for the same. */
  #token({ scopes, realm, service, fresh }) {
    const key = (fresh ? '! ' : '') + scopes.join(' ')
    let flight = this.#flights.get(key)
    if (flight === undefined) {
      const flights = this.#flights
      flight = this.#askToken(scopes, realm, service, fresh).finally(() => {
        if (flights.get(key) === flight) flights.delete(key)
      })
      flights.set(key, flight)
    }
    return flight
  }

  async #askToken(scopes, realm, service, fresh) {
    const flights = this.#flights
    const { token, expires_in: seconds } = await this.#ask('POST', '/v1/token', {
      body: {
        registry: this.#registry,
        scopes,
        challenge: realm === undefined ? undefined : { realm, service },
        fresh: fresh || undefined,
        ...this.#trace,
      },
      identified: this.#session !== null,
      decision: 'got_token',
      reason: 'The key server gave a token.',
    })
    if (typeof token !== 'string' || typeof seconds !== 'number')
      throw failure('key_server_invalid', 'key_server')
    // What was asked for under another login is not kept.
    if (this.#flights === flights) {
      const [end, length] = memory().writeAll(scopes.join(' '), token)
      this.#core.keep(end, length, seconds, Date.now())
    }
    return { token, seconds }
  }

  #ask(method, path, ask) {
    return this.#keyServer.ask(method, path, { ...ask, session: this.#sealed })
  }

  get #sessionPath() {
    return `/v1/session?registry=${encodeURIComponent(this.#registry)}`
  }

  /** Once someone listens, the key server tells its own steps. */
  get #trace() {
    return this.#traced ? { trace: true } : {}
  }

  #keep(answer) {
    const {
      registry,
      username,
      expires_at: expiresAt,
      auth,
      realm = '',
      service = '',
      session,
    } = answer ?? {}
    const texts = [registry, username, realm, service].every((text) => typeof text === 'string')
    const sealed =
      this.#keyServer.carrier === 'cookie' ? session === undefined : typeof session === 'string' || !answer
    if (!texts || !Number.isFinite(expiresAt) || !Object.hasOwn(AUTH, auth) || !sealed) {
      throw failure('key_server_invalid', 'key_server')
    }
    this.#forget()
    const [end, length] = memory().writeAll(realm, service)
    this.#core.identify(AUTH[auth], end, length)
    this.#sealed = session
    this.#session = Object.freeze({ registry, username, expiresAt, auth })
    this.#announce()
    return this.#session
  }

  /** Forgets the session and everything that was got with it. Whether there was one. */
  #forget() {
    const was = this.#session !== null
    clearTimeout(this.#timer)
    this.#session = null
    this.#sealed = undefined
    this.#flights = new Map()
    this.#core.forget()
    return was
  }

  /** A failure of the key server that ends the session ends it here, too. */
  #failed(error) {
    const over = error.code === 'invalid_session' || error.code === 'session_expired'
    if (over && error.step === 'key_server' && this.#forget()) this.#emit('signedout', { reason: error.code })
    return error
  }

  /**
   * Asks the key server once a session's time is over: the browser sends an expired cookie no more, and its owner would
   * be taken for nobody without being told. This clock may be wrong, so it does not decide.
   * @throws `session_expired`, after the session was forgotten.
   */
  async #confirm(signal) {
    if (this.#session === null || Date.now() < this.#session.expiresAt) return
    try {
      this.#keep(
        await this.#ask('GET', this.#sessionPath, {
          signal,
          decision: 'accepted',
          reason: 'The session is there still.',
        }),
      )
    } catch (error) {
      throw error.status === 401
        ? this.#failed(failure('session_expired', 'key_server', { status: 401 }))
        : error
    }
  }

  /** Sets the timer for `expiring`, and after that the one for the end. */
  #announce() {
    const { expiresAt } = this.#session
    // A session that lives on by the key server's clock alone: there is no telling when it ends.
    if (expiresAt <= Date.now()) return
    const at = (time, then) => {
      const wait = Math.max(0, time - Date.now())
      const ring = () => (wait > LONGEST_WAIT ? at(time, then) : then())
      this.#timer = setTimeout(ring, Math.min(wait, LONGEST_WAIT))
      // In Node a timer must not keep the process alive.
      this.#timer.unref?.()
    }
    at(expiresAt - NOTICE, () => {
      this.#emit('expiring', { expiresAt })
      // Whoever is told by `signedout` needs no error as well.
      at(expiresAt + SLACK, () => this.#confirm().catch(() => {}))
    })
  }

  #steps(steps = []) {
    if (!this.#traced) return
    for (const step of steps) this.#emit('step', { at: Date.now(), ...step })
  }

  #relay(steps) {
    if (!this.#traced || !Array.isArray(steps)) return
    for (const step of steps) this.#emit('step', relayedStep(step))
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }))
  }
}
