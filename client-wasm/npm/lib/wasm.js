// Loads the WebAssembly module once, and holds the memory through which strings are passed to it and back.

import * as glue from '../dist/dockpass.js'
import { instantiate, isSources, once, sources } from './compile.js'
import { DockpassError, argumentError } from './error.js'
import { begin, next } from './tape.js'
import { version } from './version.js'

/**
 * @import { InitSource, InitSources } from '../index.js'
 * @import { PackagedModule } from './types.js'
 */

/** The memory of the loaded module. @type {Memory | undefined} */
let loaded

/** The source of the load that is under way or done; undefined for the package's own. @type {unknown} */
let firstSource

/**
 * Loads the module: the package's own, or the given one. What is given for the doctor is kept for its first call.
 * @param {PackagedModule} packaged
 * @param {InitSource | PromiseLike<InitSource> | InitSources} [given]
 * @returns {Promise<void>}
 * @throws {DockpassError} `ERR_INVALID_ARGUMENT` for another source than before.
 */
export function initialize(packaged, given) {
  const { dockpass, doctor } = isSources(given) ? given : { dockpass: given, doctor: undefined }
  if (doctor !== undefined) sources.doctor = doctor
  sources.digest = packaged.digest
  if (load.isBusy() && dockpass !== undefined && name(dockpass) !== name(firstSource)) {
    const message =
      'init() was called before with another source. A page has one module: give its source once.'
    return Promise.reject(argumentError(message))
  }
  if (!load.isBusy()) firstSource = dockpass
  return load(packaged, dockpass)
}

/** What is equal for equal sources. @param {unknown} source */
const name = (source) => (source instanceof URL ? source.href : source)

const load = once(
  (
    /** @type {PackagedModule} */ packaged,
    /** @type {InitSource | PromiseLike<InitSource> | undefined} */ source,
  ) => instantiate({ name: 'dockpass', has: 'scan_challenges', begin: beginModule }, packaged, source),
)

/** @param {WebAssembly.Module} compiled */
async function beginModule(compiled) {
  const exports = glue.start(await WebAssembly.instantiate(compiled, glue.imports()))
  const module = new Memory(exports.memory)
  if (module.result(glue.version()) !== version)
    throw new Error('The WebAssembly module belongs to another version of dockpass.')
  module.words = module.result(glue.tape_words())
  loaded = module
}

/** The memory of the loaded module. */
export function memory() {
  if (loaded === undefined) {
    throw new DockpassError({
      code: 'ERR_NOT_INITIALIZED',
      message: 'dockpass is not initialized: call init() and wait for it first.',
    })
  }
  return loaded
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The longest string that can be passed, in UTF-16 code units. Every function has a smaller limit of its own. */
const LONGEST = 1024 * 1024

class Memory {
  #memory
  #input = new Uint8Array()
  #inputAt = 0
  #table = new Uint32Array()
  #tableAt = glue.table()
  /** The whole memory as numbers. */
  #numbers = new Uint32Array()
  /**
   * The words that a tape refers to by index. Requested once: no view of the memory may be in use while the module runs.
   * @type {readonly string[]}
   */
  words = []

  /** @param {WebAssembly.Memory} wasmMemory */
  constructor(wasmMemory) {
    this.#memory = wasmMemory
  }

  /**
   * Writes a string to the input.
   * @param {string} text
   * @param {number} [offset] Where in the input it starts, in bytes.
   * @returns Its number of bytes, which equals its length exactly when it is ASCII.
   */
  write(text, offset = 0) {
    if (this.#input.buffer !== this.#memory.buffer) this.#look()
    let { read, written } = encoder.encodeInto(
      text,
      offset === 0 ? this.#input : this.#input.subarray(offset),
    )
    if (read < text.length) {
      this.#grow(offset + 3 * text.length, offset)
      written = encoder.encodeInto(text, this.#input.subarray(offset)).written
    }
    return written
  }

  #look() {
    this.#inputAt = glue.input(0)
    this.#input = new Uint8Array(this.#memory.buffer, this.#inputAt, glue.input_capacity())
  }

  /** @param {number} bytes @param {number} keep How many bytes of the input are kept. */
  #grow(bytes, keep) {
    const kept = this.#input.slice(0, keep)
    if (bytes > 3 * LONGEST || glue.input(bytes) === 0) throw argumentError('The string is too long.')
    this.#look()
    this.#input.set(kept)
  }

  /**
   * Writes strings one after the other. Returns where each ends.
   * @param {string[]} texts
   */
  writeAll(...texts) {
    let end = 0
    return texts.map((text) => (end += this.write(text, end)))
  }

  /** Numbers that both sides share. Read this property again after every call: the memory may have moved. */
  get table() {
    if (this.#table.buffer !== this.#memory.buffer) {
      this.#table = new Uint32Array(this.#memory.buffer, this.#tableAt, 2048)
    }
    return this.#table
  }

  /**
   * The JSON result of a function, from the length that it returned. A negative length is an error, which is thrown.
   * @param {number} length
   * @returns {any}
   */
  result(length) {
    const value = this.read(Math.abs(length))
    if (length < 0) throw new DockpassError(value)
    return value
  }

  /**
   * The JSON of this length in the output.
   * @param {number} length
   * @returns {any}
   */
  read(length) {
    return JSON.parse(this.#text(glue.output(), length))
  }

  /**
   * The value that the tape starts with. Its positions are indices into this text.
   * @param {string} text
   */
  cut(text) {
    if (this.#numbers.buffer !== this.#memory.buffer) this.#numbers = new Uint32Array(this.#memory.buffer)
    return begin(text, this.#numbers, glue.tape() >>> 2, this.words)
  }

  /**
   * Header and claims of a decoded token.
   * @param {number} length Bytes of both.
   * @param {number} claimsAt Where the claims start.
   */
  tokenParts(length, claimsAt) {
    const at = glue.tape_text()
    const text = this.#text(at, length)
    // In ASCII, byte offsets are indices of the string.
    if (text.length === length) return [this.cut(text), next()]
    return [this.#text(at, claimsAt), this.#text(at + claimsAt, length - claimsAt)].map((json) =>
      JSON.parse(json),
    )
  }

  /** @param {number} at @param {number} length */
  #text(at, length) {
    return decoder.decode(new Uint8Array(this.#memory.buffer, at, length))
  }
}
