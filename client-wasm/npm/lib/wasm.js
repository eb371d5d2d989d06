// Loads the WebAssembly module, once, and holds the memory through which the pure functions cross.

import * as glue from '../dist/dockpass.js'
import { instantiate, once } from './compile.js'
import { DockpassError, argumentError } from './error.js'
import { begin, next } from './tape.js'
import { version } from './version.js'

/** The exports of the module, and its memory; undefined until it is loaded. */
let loaded

/**
 * Loads the module.
 * @param source What `init` was given, or a function of no arguments that gives it.
 * @param readFile Reads `file:` addresses, where there is something that can.
 */
export const load = once(async (source, readFile) => {
  const exports = await instantiate({ glue, name: 'dockpass', has: 'scan_challenges' }, source, readFile)
  const module = new Memory(exports.memory)
  if (module.answer(glue.version()) !== version) {
    throw new DockpassError({
      code: 'ERR_WASM_LOAD',
      message: 'The WebAssembly module is of another version of dockpass.',
    })
  }
  module.words = module.answer(glue.tape_words())
  loaded = module
})

/** The memory of the loaded module. */
export function memory() {
  if (loaded === undefined) {
    throw new DockpassError({
      code: 'ERR_NOT_INITIALIZED',
      message: 'Call and await init() of dockpass first.',
    })
  }
  return loaded
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The longest text that is handed over at once, in UTF-16 units. Every function has its own, smaller limit. */
const LONGEST = 1024 * 1024

class Memory {
  #memory
  #input
  #inputAt
  #table
  #tableAt = glue.table()
  /** All of the memory. */
  #numbers
  /** The words that a tape knows by their index. Asked for once, when loaded: no view may be open while the module runs. */
  words

  constructor(wasmMemory) {
    this.#memory = wasmMemory
  }

  /**
   * Writes a text to the input, from an offset on.
   * @returns Its number of bytes; equal to its length exactly when it is ASCII.
   */
  write(text, offset = 0) {
    if (this.#input === undefined || this.#input.buffer !== this.#memory.buffer) this.#look()
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

  #grow(bytes, keep) {
    const kept = this.#input.slice(0, keep)
    if (bytes > 3 * LONGEST || glue.input(bytes) === 0) throw argumentError('The text is too long.')
    this.#look()
    this.#input.set(kept)
  }

  /** Writes texts one after the other. Returns where each ends. */
  writeAll(...texts) {
    let end = 0
    return texts.map((text) => (end += this.write(text, end)))
  }

  /** Numbers that both sides see. Look again after every call: the memory may have moved. */
  get table() {
    if (this.#table === undefined || this.#table.buffer !== this.#memory.buffer) {
      this.#table = new Uint32Array(this.#memory.buffer, this.#tableAt, 2048)
    }
    return this.#table
  }

  /** The JSON that a function answered, from the length that it returned; an error is thrown. */
  answer(length) {
    const value = this.read(Math.abs(length))
    if (length < 0) throw new DockpassError(value)
    return value
  }

  /** The JSON of this length in the output. */
  read(length) {
    return JSON.parse(this.#text(glue.output(), length))
  }

  /** The value that the tape begins with; its places are indices of this text. */
  cut(text) {
    if (this.#numbers === undefined || this.#numbers.buffer !== this.#memory.buffer)
      this.#numbers = new Uint32Array(this.#memory.buffer)
    return begin(text, this.#numbers, glue.tape() >>> 2, this.words)
  }

  /** Header and claims of a decoded token: this many bytes, of which the claims begin at one. */
  tokenParts(length, claimsAt) {
    const at = glue.tape_text()
    const text = this.#text(at, length)
    // In ASCII, offsets of bytes are indices of the string.
    if (text.length === length) return [this.cut(text), next()]
    return [this.#text(at, claimsAt), this.#text(at + claimsAt, length - claimsAt)].map((json) =>
      JSON.parse(json),
    )
  }

  #text(at, length) {
    return decoder.decode(new Uint8Array(this.#memory.buffer, at, length))
  }
}
