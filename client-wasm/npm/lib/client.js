// RegistryClient: an EventTarget around the module's client. What it does is decided there.

import * as glue from '../dist/dockpass.js'
import { argumentError, asError } from './error.js'
import { memory } from './wasm.js'

/** Only `connect` may construct. */
const KEY = Symbol('connect')
/** How long before its end a session is announced to expire, in milliseconds. */
const NOTICE = 60_000
/** The longest time that timers can wait. */
const LONGEST_WAIT = 2 ** 31 - 1
/** More pages than this no registry has; one that gives ever more is broken or hostile. */
const MAX_PAGES = 100_000

export class RegistryClient extends EventTarget {
  #client
  #timer

  constructor(key, client) {
    if (key !== KEY) throw new TypeError('Use RegistryClient.connect().')
    super()
    this.#client = client
  }

  static async connect(options) {
    memory()
    let self
    const dispatch = (type, detail) => self?.dispatchEvent(new CustomEvent(type, { detail }))
    const client = await settle(glue.Client.connect(checkOptions(options), dispatch))
    self = new RegistryClient(KEY, client)
    self.#announce()
    return self
  }

  static async registries(options) {
    memory()
    return settle(glue.Client.registries(checkOptions(options)))
  }

  get session() {
    return this.#client.session
  }

  get registry() {
    return this.#client.registry
  }

  async login(credentials, options) {
    if (credentials === null || typeof credentials !== 'object') throw argumentError('Credentials are an object.')
    const session = await settle(this.#client.login(credentials, options))
    this.#announce()
    return session
  }

  async logout(options) {
    clearTimeout(this.#timer)
    await settle(this.#client.logout(options))
  }

  async fetch(input, init) {
    return settle(this.#client.fetch(input, init))
  }

  async authorize(scopes, options) {
    if (!Array.isArray(scopes) || !scopes.every((scope) => typeof scope === 'string')) {
      throw argumentError('Scopes are a list of strings.')
    }
    return settle(this.#client.authorize(scopes, options))
  }

  catalog(options) {
    return new Names((next) => settle(this.#client.page(undefined, next, options)))
  }

  tags(repository, options) {
    if (typeof repository !== 'string') throw argumentError('A repository is a string.')
    return new Names((next) => settle(this.#client.page(repository, next, options)))
  }

  async manifest(repository, reference, options) {
    if (typeof repository !== 'string' || typeof reference !== 'string') {
      throw argumentError('Repository and reference are strings.')
    }
    return settle(this.#client.manifest(repository, reference, options))
  }

  async blob(repository, digest, options) {
    if (typeof repository !== 'string' || typeof digest !== 'string') {
      throw argumentError('Repository and digest are strings.')
    }
    return settle(this.#client.blob(repository, digest, options))
  }

  addEventListener(type, listener, options) {
    if (type === 'step' && listener) this.#client.trace()
    super.addEventListener(type, listener, options)
  }

  /** Sets the timer for `expiring`. */
  #announce() {
    clearTimeout(this.#timer)
    const expiresAt = this.session?.expiresAt
    if (expiresAt === undefined) return
    const wait = Math.max(0, expiresAt - NOTICE - Date.now())
    const ring = () => {
      if (wait > LONGEST_WAIT) this.#announce()
      else if (this.session?.expiresAt === expiresAt) {
        this.dispatchEvent(new CustomEvent('expiring', { detail: { expiresAt } }))
      }
    }
    this.#timer = setTimeout(ring, Math.min(wait, LONGEST_WAIT))
    // In Node a timer must not keep the process alive.
    this.#timer.unref?.()
  }
}

/** A listing: asks for a page when it is needed. */
class Names {
  #ask

  constructor(ask) {
    this.#ask = ask
  }

  async *pages() {
    let next
    for (let count = 0; count < MAX_PAGES; count++) {
      const page = await this.#ask(next)
      next = page.next
      yield { names: page.names, hasNext: next !== undefined }
      if (next === undefined) return
    }
  }

  async *[Symbol.asyncIterator]() {
    for await (const { names } of this.pages()) yield* names
  }
}

function checkOptions(options) {
  if (options === null || typeof options !== 'object') throw argumentError('connect takes an object of options.')
  return options
}

/** The result of a call into the module, its failures as errors of ours. */
async function settle(promise) {
  try {
    return await promise
  } catch (thrown) {
    throw asError(thrown)
  }
}
