// Loads the WebAssembly module once, and holds the memory through which strings are passed to it and back.

import { instantiate, isSources, sources } from './compile.js'
import { DockpassError, argumentError } from './error.js'
import { begin, next } from './tape.js'
import { version } from './version.js'

/**
 * @import { InitSource, InitSources } from '../index.js'
 * @import { InitOutput } from '../dist/dockpass.js'
 * @import { Later, PackagedModules, Part } from './types.js'
 */

/**
 * The parts of a module, each with an export that only it has. That of `dockpass/syntax` has one part. A module that `init` is
 * given must have those that are used.
 * @type {Record<Part, keyof InitOutput>}
 */
const PARTS = { syntax: 'scan_challenges', flow: 'flow_step', rest: 'token_grants' }

/** The parts that are used. @type {Set<Part>} */
const used = new Set()

/** The memory of the module that has a part. @type {{ [part in Part]?: Memory }} */
const loaded = {}

/** What the first call of `init` was given. */
/** @type {{ packaged: PackagedModules, source?: InitSource | PromiseLike<InitSource> } | undefined} */
let first
/** @type {Promise<void> | undefined} */
let loading
/** How many parts were used when it began. */
let requested = 0

/**
 * Says that a part is used. Each file that calls a part does this when it is imported, so that `init` loads what a page was
 * built with.
 * @param {Part} part
 */
export function use(part) {
  used.add(part)
}

/**
 * Loads the module: the package's own, or the given one. What is given for the doctor is kept for its first call.
 * @param {PackagedModules} packaged
 * @param {InitSource | PromiseLike<InitSource> | InitSources} [given]
 * @returns {Promise<void>}
 * @throws {DockpassError} `ERR_INVALID_ARGUMENT` for another source than before.
 */
export function initialize(packaged, given) {
  const { dockpass: source, doctor } = isSources(given) ? given : { dockpass: given, doctor: undefined }
  if (doctor !== undefined) sources.doctor = doctor
  sources.digest = packaged.dockpass.digest
  if (first !== undefined && source !== undefined && !isSame(source, first.source)) {
    const message =
      'init() was called before with another source. A page has one module: give its source once.'
    return Promise.reject(argumentError(message))
  }
  first ??= { packaged, source }
  return loadUsed()
}

/**
 * Functions that a client rarely needs, with the part of the module that they use.
 * @template {keyof Later} Name
 * @param {Name} name
 * @returns {Promise<Later[Name]>}
 */
export async function later(name) {
  if (first === undefined) throw notInitialized()
  const functions = await first.packaged.later?.[name]()
  await loadUsed()
  return /** @type {Later[Name]} */ (functions)
}

/** Loads the parts that are used and neither loaded nor being loaded. */
function loadUsed() {
  if (loading === undefined || used.size > requested) {
    requested = used.size
    loading = load(loading)
  }
  return loading
}

const missing = () => [...used].filter((part) => loaded[part] === undefined)

/** @param {Promise<void>} [before] */
async function load(before) {
  await before
  const parts = missing()
  if (parts.length === 0 || first === undefined) return
  const { packaged, source } = first
  try {
    const has = parts.map((part) => PARTS[part])
    const memory = await instantiate({ name: 'dockpass', has, begin: start }, packaged.dockpass, source)
    for (const part of /** @type {Part[]} */ (Object.keys(PARTS)))
      if (PARTS[part] in memory.wasm) loaded[part] ??= memory
  } catch (error) {
    // The next call tries again.
    loading = undefined
    if (Object.keys(loaded).length === 0) first = undefined
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
  // Its functions pass numbers only, so it needs nothing of JavaScript. What wasm-bindgen imports is never called, except
  // for its own errors.
  for (const { module, name } of WebAssembly.Module.imports(compiled)) {
    imports[module] ??= {}
    imports[module][name] = name.includes('throw') ? fail : () => {}
  }
  const { exports } = await WebAssembly.instantiate(compiled, imports)
  const memory = new Memory(/** @type {any} */ (exports))
  if (memory.result(memory.wasm.version()) !== version)
    throw new Error('The WebAssembly module belongs to another version of dockpass.')
  if (PARTS.syntax in exports) memory.words = memory.result(memory.wasm.tape_words())
  return memory
}

function fail() {
  throw new Error('The WebAssembly module failed.')
}

const notInitialized = () =>
  new DockpassError({
    code: 'ERR_NOT_INITIALIZED',
    message: 'dockpass is not initialized: call init() and wait for it first.',
  })

/** The memory of the loaded module that has a part. @param {Part} [part] */
export function memory(part = 'flow') {
  const module = loaded[part]
  if (module === undefined) throw notInitialized()
  return module
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
