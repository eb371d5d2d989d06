// Loads the WebAssembly module once, and holds the memory through which strings are passed to it and back.

import { instantiate } from './compile.js'
import { DockpassError, argumentError } from './error.js'
import { begin, next } from './tape.js'
import { version } from './version.js'

/**
 * @import { InitSource } from '../index.js'
 * @import { InitOutput } from '../dist/dockpass.js'
 * @import { PackagedModule } from './types.js'
 */

/** What the first call of `init` was given, and its result. A call after a failed one is a first one. */
/** @type {{ source?: InitSource | PromiseLike<InitSource>, done: Promise<void> } | undefined} */
let first
/** @type {Memory | undefined} */
let loaded

/**
 * Loads the module: the package's own, or the given one.
 * @param {PackagedModule} packaged
 * @param {InitSource | PromiseLike<InitSource> | undefined} source
 * @param {keyof InitOutput} has An export that the module must have.
 * @returns {Promise<void>}
 * @throws {DockpassError} `ERR_INVALID_ARGUMENT` for another source than before.
 */
export function initialize(packaged, source, has) {
  if (first !== undefined && source !== undefined && !isSame(source, first.source)) {
    const message =
      'init() was called before with another source. A page has one module: give its source once.'
    return Promise.reject(argumentError(message))
  }
  first ??= { source, done: load(packaged, source, has) }
  return first.done
}

/**
 * @param {PackagedModule} packaged
 * @param {InitSource | PromiseLike<InitSource> | undefined} source
 * @param {keyof InitOutput} has
 */
async function load(packaged, source, has) {
  try {
    loaded = await instantiate({ name: 'dockpass', has, begin: start }, packaged, source)
  } catch (error) {
    first = undefined
    throw error
  }
}

/** @param {any} one @param {any} other */
function isSame(one, other) {
  const text = (/** @type {any} */ source) => (source instanceof URL ? source.href : source)
  return text(one) === text(other)
}

/** @param {WebAssembly.Module} compiled */
async function start(compiled) {
  /** @type {WebAssembly.Imports} */
  const imports = {}
  // Its functions pass numbers only, so it needs nothing of JavaScript, except for wasm-bindgen's own errors.
  for (const { module, name } of WebAssembly.Module.imports(compiled)) (imports[module] ??= {})[name] = fail
  const { exports } = await WebAssembly.instantiate(compiled, imports)
  const memory = new Memory(/** @type {any} */ (exports))
  if (memory.result(memory.wasm.version()) !== version)
    throw new Error('The WebAssembly module belongs to another version of dockpass.')
  memory.words = memory.result(memory.wasm.tape_words())
  return memory
}

function fail() {
  throw new Error('The WebAssembly module failed.')
}

/** The memory of the loaded module. */
export function memory() {
  if (loaded === undefined)
    throw new DockpassError({
      code: 'ERR_NOT_INITIALIZED',
      message: 'dockpass is not initialized: call init() and wait for it first.',
    })
  return loaded
}

/**
 * Writes strings one after the other. Returns where each ends.
 * @param {string[]} texts
 */
export function writeAll(...texts) {
  const module = memory()
  let end = 0
  return texts.map((text) => (end += module.write(text, end)))
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The longest string that can be passed, in UTF-16 code units. Every function has a smaller limit of its own. */
const LONGEST = 1024 * 1024

export class Memory {
  /** The exports of the module. */
  wasm
  #memory
  #input = new Uint8Array()
  #table = new Uint32Array()
  #tableAt
  /** The whole memory as numbers. */
  #numbers = new Uint32Array()
  /**
   * The words that a tape refers to by index. Requested once: no view of the memory may be in use while the module runs.
   * @type {readonly string[]}
   */
  words = []

  /** @param {InitOutput} wasm */
  constructor(wasm) {
    this.wasm = wasm
    this.#memory = wasm.memory
    this.#tableAt = wasm.table() >>> 0
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
    const at = this.wasm.input(0) >>> 0
    this.#input = new Uint8Array(this.#memory.buffer, at, this.wasm.input_capacity())
  }

  /** @param {number} bytes @param {number} keep How many bytes of the input are kept. */
  #grow(bytes, keep) {
    const kept = this.#input.slice(0, keep)
    if (bytes > 3 * LONGEST || this.wasm.input(bytes) === 0) throw argumentError('The string is too long.')
    this.#look()
    this.#input.set(kept)
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
    return JSON.parse(this.#text(this.wasm.output() >>> 0, length))
  }

  /**
   * The value that the tape starts with. Its positions are indices into this text.
   * @param {string} text
   */
  cut(text) {
    if (this.#numbers.buffer !== this.#memory.buffer) this.#numbers = new Uint32Array(this.#memory.buffer)
    return begin(text, this.#numbers, this.wasm.tape() >>> 2, this.words)
  }

  /**
   * Header and claims of a decoded token.
   * @param {number} length Bytes of both.
   * @param {number} claimsAt Where the claims start.
   */
  tokenParts(length, claimsAt) {
    const at = this.wasm.tape_text() >>> 0
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
