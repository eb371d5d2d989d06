// RegistryClient: combines who is logged in, the driver and the readers of content. index.d.ts documents its members.

import { Account } from './account.js'
import { drive, outgoing } from './driver.js'
import { DockpassError, argumentError } from './error.js'
import { failure, race, signalOf, text } from './failure.js'
import { reading } from './functions.js'
import { KeyServer } from './key-server.js'
import { listing } from './listing.js'
import { registries } from './registries.js'
import { Route } from './route.js'
import { Call } from './steps.js'
import { Transport } from './transport.js'
import { clientMemory } from './wasm.js'

/**
 * @import {
 *   CallOptions, ConnectOptions, CopyOptions, Credentials, DeleteOptions, DownloadOptions, FetchInit, Grant, ImageName,
 *   ListOptions, ManifestOptions, PushOptions, PutManifestOptions, ReferrersOptions
 * } from '../index.js'
 * @import { Connection, Content, FetchPath, TokenNeed } from './types.js'
 */

/** What reads manifests and blobs. */
const content = () => import('./content.js')
/** What few pages need, and none at once. */
const more = () => import('./more.js')

/** Only this module may construct. */
const KEY = Symbol('connect')

export class RegistryClient extends EventTarget {
  /** @type {Connection} */
  #connection
  /** The client that the events of the connection are dispatched at, unless it is this one. @type {RegistryClient | undefined} */
  #root
  /** Scopes that every token has as well. @type {readonly string[]} */
  #scopes

  /**
   * @param {symbol} key
   * @param {(client: RegistryClient) => Connection} connection
   * @param {RegistryClient} [root]
   * @param {readonly string[]} [scopes]
   */
  constructor(key, connection, root, scopes = []) {
    if (key !== KEY) throw new TypeError('Use RegistryClient.connect().')
    super()
    this.#root = root
    this.#scopes = scopes
    this.#connection = connection(this)
  }

  /** @param {ConnectOptions} options */
  static async connect(options) {
    const module = clientMemory()
    const given = options?.registry
    if (typeof given !== 'string')
      throw argumentError('connect requires {registry}, and {keyServer} for a login.')
    const registry = module.result(module.wasm.registry_name(module.write(given.slice(0, 1024))))
    const signal = signalOf(options)
    const transport = new Transport(options)
    const connect = options.keyServer === undefined ? (await more()).alone : throughKeyServer
    const client = new RegistryClient(KEY, (self) =>
      connect(registry, options, transport, (type, detail) => self.#emit(type, detail)),
    )
    await client.#call((call) => client.#connect(options, call, signal))
    return client
  }

  /** @param {Pick<ConnectOptions, 'keyServer' | 'fetch' | 'signal'>} options */
  static async registries(options) {
    clientMemory()
    if (options === null || typeof options !== 'object')
      throw argumentError('registries requires {keyServer}.')
    const keyServer = new KeyServer({ ...options, registry: '', carrier: 'bearer' })
    const signal = signalOf(options)
    return new Call().run((call) => registries(keyServer, signal, call))
  }

  /** @param {ConnectOptions} options @param {Call} call @param {AbortSignal} [signal] */
  async #connect({ transport = 'gateway' }, call, signal) {
    const { identity, keyServer, registry } = this.#connection
    if (keyServer !== undefined && transport === 'direct') {
      const known = (await registries(keyServer, signal, call)).find((each) => each.registry === registry)
      if (known === undefined) throw failure('registry_not_allowed', 'key_server')
      this.#connection.route = new Route(known.url.replace(/\/+$/, ''), [], false)
    }
    await identity.connect(call, signal)
  }

  get session() {
    return this.#connection.identity.session
  }

  get registry() {
    return this.#connection.registry
  }

  /** @param {Credentials} credentials @param {CallOptions} [options] */
  async login(credentials, options) {
    const signal = signalOf(options)
    return this.#call((call) => this.#connection.identity.login(credentials, call, signal))
  }

  /** @param {CallOptions} [options] */
  async logout(options) {
    const signal = signalOf(options)
    return this.#call((call) => this.#connection.identity.logout(call, signal))
  }

  close() {
    this.#connection.isClosed = true
    this.#connection.identity.close()
  }

  /** @param {{ scopes: readonly string[] }} options */
  with(options) {
    const scopes = scopesOf(options?.scopes)
    return new RegistryClient(KEY, () => this.#connection, this.#root ?? this, [...this.#scopes, ...scopes])
  }

  /** @param {string | URL | Request} input @param {FetchInit} [init] */
  async fetch(input, init) {
    clientMemory()
    const path = this.#connection.route.path(input)
    const scopes = init?.scopes === undefined ? [] : scopesOf(init.scopes)
    return this.#call((call) => this.#drive(call, path, input, init, scopes))
  }

  /**
   * @param {readonly string[]} scopes
   * @param {CallOptions} [options]
   * @returns {Promise<{ scope: string, grant: Grant }[]>}
   */
  async authorize(scopes, options) {
    const signal = signalOf(options)
    const module = clientMemory()
    const wanted = scopesOf(scopes)
    if (wanted.length === 0) return []
    const { identity } = this.#connection
    return this.#call((call) =>
      identity.attempt(call, signal, async () => {
        const tokenFor = async (/** @type {string} */ list) => {
          /** @type {TokenNeed & { token?: string }} */
          const need = module.result(identity.core.token_request(module.write(list), Date.now()))
          // Without `scopes`, the registry has no tokens.
          if (need.scopes === undefined) return undefined
          return need.token ?? (await race(signal, identity.token(need, call))).token
        }
        const { grantsOf } = await reading()
        return grantsOf(wanted, tokenFor).catch((/** @type {any} */ error) => {
          throw identity.failed(error)
        })
      }),
    )
  }

  /** @param {ListOptions} [options] */
  catalog(options) {
    return listing(() => this.#pageReader(), this.#connection.route, '/v2/_catalog', 'repositories', options)
  }

  /** @param {string} repository @param {ListOptions} [options] */
  tags(repository, options) {
    const path = `/v2/${text(repository, 'repository')}/tags/list`
    return listing(() => this.#pageReader(), this.#connection.route, path, 'tags', options)
  }

  /** @param {string} repository @param {string} reference @param {ManifestOptions} [options] */
  async manifest(repository, reference, options) {
    text(repository, 'repository')
    text(reference, 'reference')
    return this.#call(async (call) =>
      (await content()).manifest(this.#reader(call), repository, reference, options),
    )
  }

  /** @param {string} repository @param {string} digest @param {CallOptions} [options] */
  async blob(repository, digest, options) {
    text(repository, 'repository')
    text(digest, 'digest')
    return this.#call(async (call) => (await content()).blob(this.#reader(call), repository, digest, options))
  }

  /** @param {string} repository @param {string} reference @param {ManifestOptions} [options] */
  async config(repository, reference, options) {
    return (await more()).config(this.#content, repository, reference, options)
  }

  /** @param {string} repository @param {string} reference @param {ManifestOptions} [options] */
  async layers(repository, reference, options) {
    return (await more()).layers(this.#content, repository, reference, options)
  }

  /** @param {string} repository @param {string} digest @param {ReferrersOptions} [options] */
  async referrers(repository, digest, options) {
    return (await more()).referrers(this.#content, repository, digest, options)
  }

  /** @param {string} repository @param {string} digest @param {DownloadOptions} [options] */
  async download(repository, digest, options) {
    return (await more()).download(this.#content, repository, digest, options)
  }

  /** @param {string} repository @param {Blob | ArrayBuffer | ArrayBufferView | ReadableStream<Uint8Array<ArrayBuffer>>} content @param {PushOptions} [options] */
  async push(repository, content, options) {
    return (await more()).push(this.#content, repository, content, options)
  }

  /** @param {string} repository @param {string} reference @param {string | object} manifest @param {PutManifestOptions} [options] */
  async putManifest(repository, reference, manifest, options) {
    return (await more()).putManifest(this.#content, repository, reference, manifest, options)
  }

  /** @param {ImageName} source @param {Partial<ImageName>} target @param {CopyOptions} [options] */
  async copy(source, target, options) {
    return (await more()).copy(this.#content, source, target, options)
  }

  /** @param {string} repository @param {string} reference @param {DeleteOptions} [options] */
  async delete(repository, reference, options) {
    return (await more()).remove(this.#content, repository, reference, options)
  }

  /**
   * Clients that `with` returned have no events of their own.
   * @override
   * @param {Parameters<EventTarget['addEventListener']>} given
   */
  addEventListener(...given) {
    if (this.#root === undefined) super.addEventListener(...given)
    else this.#root.addEventListener(...given)
  }

  /** @override @param {Parameters<EventTarget['removeEventListener']>} given */
  removeEventListener(...given) {
    if (this.#root === undefined) super.removeEventListener(...given)
    else this.#root.removeEventListener(...given)
  }

  /**
   * Does the work of a call. Its steps are reported as they are taken, and its error has all of them.
   * @template T
   * @param {(call: Call) => Promise<T>} work
   */
  async #call(work) {
    if (this.#connection.isClosed)
      throw new DockpassError({ code: 'ERR_CLOSED', message: 'This client was closed.' })
    return new Call((step) => this.#emit('step', step)).run(work)
  }

  /** Fetches paths for one call. @param {Call} call @returns {FetchPath} */
  #reader(call) {
    return (path, init) => this.#drive(call, this.#connection.route.path(path), path, init)
  }

  /** What the readers and writers of content use. Each request is a call of its own. @returns {Content} */
  get #content() {
    const { route } = this.#connection
    return {
      fetch: (path, init) => this.fetch(path, init),
      resolve: (location, path) => route.path(new URL(location, route.prefix + path)),
      next: (headers, path) => route.next(headers, path),
      tags: (repository, options) => this.tags(repository, options),
    }
  }

  /** Fetches the pages of a listing: each for a call of its own, which ends with `run`. */
  #pageReader() {
    let call = new Call()
    /** @param {string} path @param {RequestInit} init */
    const fetch = (path, init) => this.#drive(call, this.#connection.route.path(path), path, init)
    /** @template T @param {() => Promise<T>} work */
    const run = (work) =>
      this.#call((own) => {
        call = own
        return work()
      })
    return Object.assign(fetch, { run })
  }

  /**
   * @param {Call} call
   * @param {string} path
   * @param {unknown} input
   * @param {RequestInit} [init]
   * @param {readonly string[]} [scopes]
   */
  async #drive(call, path, input, init, scopes = []) {
    const { identity, route, transport, keyServer } = this.#connection
    const request = await outgoing(route, path, input, init)
    const context = { identity, route, transport, keyServer, call, scopes: [...this.#scopes, ...scopes] }
    return identity.attempt(call, request.signal, () => drive(context, path, request))
  }

  /** @param {string} type @param {unknown} detail */
  #emit(type, detail) {
    ;(this.#root ?? this).dispatchEvent(new CustomEvent(type, { detail }))
  }
}

/**
 * A connection through a key server.
 * @param {string} registry
 * @param {ConnectOptions} options
 * @param {Transport} transport
 * @param {import('./types.js').Emit} emit
 * @returns {Connection}
 */
function throughKeyServer(registry, options, transport, emit) {
  const { transport: way = 'gateway', reauthenticate, token, url } = options
  if (way !== 'gateway' && way !== 'direct') throw argumentError("transport must be 'gateway' or 'direct'.")
  if (token !== undefined)
    throw argumentError('token is for clients without a key server: leave out keyServer, or log in.')
  if (url !== undefined)
    throw argumentError('url is for clients without a key server, which knows where its registries are.')
  const keyServer = new KeyServer(options, transport)
  const identity = new Account(registry, keyServer, reauthenticate, emit)
  // Replaced in `connect` for direct transport.
  const route = new Route(`${keyServer.base}/r/${registry}`, [`https://${registry}`], true)
  return { registry, identity, keyServer, transport, route, isClosed: false }
}

/** A list of scopes that can be parsed. @param {unknown} scopes */
function scopesOf(scopes) {
  if (!Array.isArray(scopes)) throw argumentError('scopes must be a list of strings.')
  const list = Array.from(scopes, (scope) => text(scope, 'Each scope'))
  const module = clientMemory()
  module.result(module.wasm.check_scopes(module.write(list.join(' '))))
  return list
}
