// Digests of content that arrives in pieces, in a WebAssembly module that is loaded when the first one is needed.

import * as glue from '../dist/digest.js'
import { instantiate, once } from './compile.js'
import { failure } from './failure.js'
import { sources } from './sources.js'
import { version } from './version.js'

/** @import { PackagedModule } from './types.js' */

/** The digits of the digests that the image specification registers, and of SHA-384, which registries use as well. */
const DIGEST = /^(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/

const load = once((/** @type {PackagedModule} */ packaged) =>
  instantiate({ name: 'digests', has: ['hasher_begin'], begin }, packaged),
)

/** @param {WebAssembly.Module} compiled */
async function begin(compiled) {
  glue.start(await WebAssembly.instantiate(compiled, glue.imports()))
  if (glue.version() !== version)
    throw new Error('The WebAssembly module of digests belongs to another version of dockpass.')
}

/** A digest that grows with its content. */
export class Digest {
  #hasher
  #algorithm

  /** @param {string} algorithm */
  constructor(algorithm) {
    const hasher = glue.Hasher.begin(Number(algorithm.slice(3)))
    if (hasher === undefined) throw failure('upstream_invalid', 'registry')
    this.#hasher = hasher
    this.#algorithm = algorithm
  }

  /**
   * Begins one.
   * @param {string} [like] A digest of the same algorithm.
   * @throws {DockpassError} `upstream_invalid` for an algorithm that is not supported.
   */
  static async begin(like = 'sha256:') {
    if (sources.digest === undefined) throw new Error('This entry of the package has no digests.')
    await load({ copy: sources.digest })
    return new Digest(like.split(':', 1)[0])
  }

  /** @param {Uint8Array} piece */
  update(piece) {
    this.#hasher.update(piece)
  }

  /** `algorithm:hex` of what was given so far. */
  get value() {
    return `${this.#algorithm}:${this.#hasher.hex()}`
  }

  /** Frees its memory. Nothing can be given after this. */
  free() {
    this.#hasher.free()
  }
}

/** Whether a text is a digest of an algorithm that is supported. @param {string} text */
export const isDigest = (text) => DIGEST.test(text)
