// Loads WebAssembly modules, each once, and holds the memory through which strings are passed to them and back.

import { instantiate } from './compile.js'
import { DockpassError, argumentError } from './error.js'
import { version } from './version.js'

/**
 * @import { InitSource } from '../index.js'
 * @import { InitOutput } from '../dist/dockpass.js'
 * @import { PackagedModule } from './types.js'
 */

/** An export of the modules that have the client. */
export const CLIENT = 'flow_step'
/** An export of the modules that have the functions without I/O. */
export const FUNCTIONS = 'scan_challenges'

/**
 * What `init` was given, the exports that the module has to have, and the result.
 * @typedef {{ source?: InitSource | PromiseLike<InitSource>, has: readonly string[], done: Promise<void> }} Load
 */

/** The loads that have not failed. @type {Load[]} */
let loads = []
/** The first loaded module that has an export, by its name. @type {Record<string, Memory>} */
const modules = {}

/**
 * Loads a module, the package's own or the given one, unless one that has all of this is loaded.
 * @param {PackagedModule} packaged
 * @param {InitSource | PromiseLike<InitSource> | undefined} source
 * @param {readonly string[]} has Exports that the module must have: `CLIENT`, `FUNCTIONS`.
 * @returns {Promise<void>}
 * @throws {DockpassError} `ERR_INVALID_ARGUMENT` for another source than before.
 */
export function initialize(packaged, source, has) {
  let own = loads.find((load) => has.every((name) => load.has.includes(name)))
  if (own === undefined) {
    own = { source, has, done: Promise.resolve() }
    own.done = load(packaged, own)
    loads.push(own)
  } else if (source !== undefined && !isSame(source, own.source))
    return Promise.reject(
      argumentError('init() was called before with another source. Give one source only.'),
    )
  return own.done
}

/** @param {PackagedModule} packaged @param {Load} own */
async function load(packaged, own) {
  try {
    const memory = await instantiate({ name: 'dockpass', has: own.has, begin: start }, packaged, own.source)
    // A source may have more than was asked for.
    own.has = Object.keys(memory.wasm)
    for (const name of own.has) modules[name] ??= memory
  } catch (error) {
    // The next call tries again.
    loads = loads.filter((each) => each !== own)
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
  if (FUNCTIONS in exports) memory.words = memory.result(memory.wasm.tape_words())
  return memory
}

function fail() {
  throw new Error('The WebAssembly module failed.')
}

/**
 * The memory of the loaded module that has the functions.
 * @param {string} has Another export that it must have.
 */
export function memory(has = FUNCTIONS) {
  const module = modules[has]
  if (module === undefined)
    throw new DockpassError({
      code: 'ERR_NOT_INITIALIZED',
      message: 'dockpass is not initialized: call init() and wait for it first.',
    })
  return module
}

/** The memory of the loaded module that has the client. */
export const clientMemory = () => memory(CLIENT)

/**
 * Writes strings for the client one after the other. Returns where each ends.
 * @param {string[]} texts
 */
export function writeAll(...texts) {
  const module = clientMemory()
  let end = 0
  return texts.map((text) => (end += module.write(text, end)))
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The longest string that can be passed, in UTF-16 code units. Every function has a smaller limit of its own. */
const LONGEST = 1024 * 1024

/** In browsers, a call of `encodeInto` takes longer than writing a short string of ASCII here. In Node.js it does not. */
const SHORT = globalThis.location ? 256 : 0

export class Memory {
  /** The exports of the module. */
  wasm
  #tableAt
  // Views of the memory. They have no length before the first use, and when the memory has grown.
  #input = new Uint8Array()
  #table = new Uint32Array()
  #numbers = new Uint32Array()
  /**
   * The words that a tape refers to by index. Requested once: no view of the memory may be in use while the module runs.
   * @type {readonly string[]}
   */
  words = []

  /** @param {InitOutput} wasm */
  constructor(wasm) {
    this.wasm = wasm
    this.#tableAt = wasm.table() >>> 0
  }

  /**
   * Writes a string to the input.
   * @param {string} text
   * @param {number} [offset] Where in the input it starts, in bytes.
   * @returns Its number of bytes, which equals its length exactly when it is ASCII.
   */
  write(text, offset = 0) {
    const short = this.#input
    const { length } = text
    if (length < SHORT && offset + length <= short.length) {
      let bits = 0
      for (let at = 0; at < length; at++) {
        const code = text.charCodeAt(at)
        short[offset + at] = code
        bits |= code
      }
      if (bits < 128) return length
    }
    this.#look()
    let { read, written } = encoder.encodeInto(text, this.#input.subarray(offset))
    if (read < length) {
      this.#grow(offset + 3 * length, offset)
      written = encoder.encodeInto(text, this.#input.subarray(offset)).written
    }
    return written
  }

  /** Looks at the memory anew, if it has grown. */
  #look() {
    if (this.#numbers.length > 0) return
    const { wasm } = this
    const at = wasm.input(0) >>> 0
    const { buffer } = wasm.memory
    this.#input = new Uint8Array(buffer, at, wasm.input_capacity())
    this.#table = new Uint32Array(buffer, this.#tableAt, 2048)
    this.#numbers = new Uint32Array(buffer)
  }

  /** @param {number} bytes @param {number} keep How many bytes of the input are kept. */
  #grow(bytes, keep) {
    const kept = this.#input.slice(0, keep)
    if (bytes > 3 * LONGEST || this.wasm.input(bytes) === 0) throw argumentError('The string is too long.')
    this.#numbers = new Uint32Array()
    this.#look()
    this.#input.set(kept)
  }

  /** Numbers that both sides share. Read this property again after every call: the memory may have moved. */
  get table() {
    this.#look()
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
    return JSON.parse(this.text(this.wasm.output() >>> 0, length))
  }

  /** The whole memory as numbers. Read this property again after every call, as `table`. */
  get numbers() {
    this.#look()
    return this.#numbers
  }

  /** The text at an address. @param {number} at @param {number} length */
  text(at, length) {
    return decoder.decode(new Uint8Array(this.wasm.memory.buffer, at, length))
  }
}
