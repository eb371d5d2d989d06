// The module's client and flow (client-wasm/src/client.rs, flow.rs) as objects. Arguments are lengths of what was written into
// the module's input.

import { clientMemory, writeAll } from './wasm.js'

/** @import { InitOutput } from '../dist/dockpass.js' */

/** Frees clients that the page has dropped. Some runtimes of workers have no such registry; they keep a client's few kB. */
const dropped =
  typeof FinalizationRegistry === 'undefined'
    ? undefined
    : new FinalizationRegistry((/** @type {{ wasm: InitOutput, pointer: number }} */ { wasm, pointer }) =>
        wasm.__wbg_client_free(pointer, 1),
      )

/** A client of one registry, with its tokens. */
export class Core {
  #wasm = clientMemory().wasm
  #pointer = this.#wasm.client_new()

  constructor() {
    dropped?.register(this, { wasm: this.#wasm, pointer: this.#pointer })
  }

  /** @param {number} auth @param {number} realm @param {number} length */
  identify(auth, realm, length) {
    this.#wasm.client_identify(this.#pointer, auth, realm, length)
  }

  forget() {
    this.#wasm.client_forget(this.#pointer)
  }

  /** @param {number} length */
  begin(length) {
    const flow = this.#wasm.client_begin(this.#pointer, length)
    return flow === 0 ? undefined : new Flow(this.#wasm, flow)
  }

  /** @param {number} length @param {number} now */
  token_request(length, now) {
    return this.#wasm.client_token_request(this.#pointer, length, now)
  }

  /** @param {number} length @param {number} seconds @param {number} now */
  keep(length, seconds, now) {
    this.#wasm.client_keep(this.#pointer, length, seconds, now)
  }
}

/**
 * Caches a token in a client.
 * @param {Core} core
 * @param {{
 *   scopes: readonly string[], granted: readonly unknown[], realm?: string, service?: string, token: string, seconds: number,
 * }} issued `granted`: those of the scopes that the claims of the token grant.
 */
export function keep(core, { scopes, granted, realm = '', service = '', token, seconds }) {
  const ends = writeAll(scopes.join(' '), granted.join(' '), realm, service, token)
  clientMemory().table.set(ends)
  core.keep(ends[4], seconds, Date.now())
}

/** One request. It must be freed. */
export class Flow {
  #wasm
  #pointer

  /** @param {InitOutput} wasm @param {number} pointer */
  constructor(wasm, pointer) {
    this.#wasm = wasm
    this.#pointer = pointer
  }

  /** @param {number} now @param {boolean} traced */
  step(now, traced) {
    return this.#wasm.flow_step(this.#pointer, now, Number(traced))
  }

  /** @param {number} status @param {number} length */
  response(status, length) {
    this.#wasm.flow_response(this.#pointer, status, length)
  }

  /** @param {number} length */
  token(length) {
    this.#wasm.flow_token(this.#pointer, length)
  }

  /** @param {number} code @param {number} length @param {number} status */
  token_failed(code, length, status) {
    this.#wasm.flow_token_failed(this.#pointer, code, length, status)
  }

  unreachable() {
    this.#wasm.flow_unreachable(this.#pointer)
  }

  free() {
    this.#wasm.__wbg_flow_free(this.#pointer, 0)
  }
}
