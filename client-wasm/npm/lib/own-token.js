// What a client acts as without a key server: nobody, or whoever the page's own token is for.

import { Core, keep } from './core.js'
import { argumentError } from './error.js'
import { failure } from './failure.js'
import { reading } from './functions.js'

/**
 * @import { ConnectOptions } from '../index.js'
 * @import { Identity, TokenNeed } from './types.js'
 */

/** How long a token is kept whose lifetime is not known, in seconds (distribution's token specification). */
const DEFAULT_SECONDS = 60
/** The number by which the module knows registries with tokens. */
const BEARER = 2

/** @implements {Identity} */
export class OwnToken {
  core = new Core()
  session = null
  sealed = undefined
  id = undefined
  #token
  /** The token service for which a token for these scopes was given last: unknown, until the registry names it. @type {Map<string, string>} */
  #given = new Map()

  /** @param {ConnectOptions['token']} token */
  constructor(token) {
    if (token !== undefined && typeof token !== 'string' && typeof token !== 'function')
      throw argumentError('token must be a string or a function.')
    this.#token = token
    // So that a token is sent at once: registries rarely let a page read their challenge.
    if (token !== undefined) this.core.identify(BEARER, 0, 0)
  }

  /** @param {TokenNeed} need */
  async token({ scopes, realm = '', service, fresh: isRefused = false }) {
    const key = scopes.join(' ')
    // The first token is sent before the token service is known. The registry names it when it refuses that token.
    const fresh = isRefused || (this.#given.has(key) && this.#given.get(key) !== realm)
    this.#given.set(key, realm)
    const given =
      typeof this.#token === 'function'
        ? await this.#token({ scopes, realm: realm || undefined, service, fresh })
        : this.#token
    const { token, expiresIn: seconds = DEFAULT_SECONDS } =
      typeof given === 'string' ? { token: given } : (given ?? {})
    if (given === undefined || given === null) {
      const message =
        'The registry requires a token for this. Without a key server, the page has to have one: pass it to connect() as `token`.'
      throw failure('login_required', 'registry', { message })
    }
    if (typeof token !== 'string' || token === '' || !(seconds >= 0))
      throw argumentError('token must return a string, {token, expiresIn} or null.')
    // A fixed token that was refused is not sent again.
    if (fresh && typeof this.#token === 'string') {
      const message =
        'The registry refused the token that was passed to connect(): it has expired, or grants something else.'
      throw failure('token_rejected', 'registry', { status: 401, message })
    }
    // Only a token for several actions may serve a request for fewer. Where what reads it cannot be loaded, it serves none.
    const functions = /[ ,]/.test(key) ? await reading().catch(() => undefined) : undefined
    const granted = functions?.grantedOf(token, scopes) ?? []
    keep(this.core, { scopes, granted, realm, service, token, seconds })
    return { token, seconds }
  }

  /** @template E @param {E} error */
  failed(error) {
    return error
  }

  /** @template T @param {unknown} _call @param {unknown} _signal @param {() => Promise<T>} work */
  attempt(_call, _signal, work) {
    return work()
  }

  async connect() {}

  /** @returns {Promise<never>} */
  async login() {
    throw argumentError('A login requires a key server: call connect() with keyServer.')
  }

  async logout() {}

  close() {
    this.core.forget()
  }
}
