// `parseChallenges` and `inspectToken`. They write their input into the module's memory, call it, and read the result.

import { LONGEST_LINE, string, writeToken } from './arguments.js'
import { argumentError } from './error.js'
import { begin, challenges, next } from './tape.js'
import { memory } from './wasm.js'

/** @import { Challenge, Scope, TokenInfo } from '../index.js' */
/** @import { Memory } from './wasm.js' */

/** More header lines are refused: a response has a few. */
const MAX_LINES = 1000
/**
 * @param {string | readonly string[] | null} header
 * @returns {Challenge[]}
 */
export function parseChallenges(header) {
  const module = memory()
  // What `Headers.get` returns for a header that is absent.
  if (header === null) return []
  if (typeof header === 'string') {
    const text = header.length > LONGEST_LINE ? header.slice(0, LONGEST_LINE) : header
    const length = module.write(text)
    // In ASCII, byte offsets are indices of the string, so its parts can be cut out here.
    if (length === text.length && module.wasm.scan_challenges(length, 0)) return cut(challenges, module, text)
    return module.result(module.wasm.parse_challenges(length, 0))
  }
  if (!Array.isArray(header)) throw argumentError('header must be a string or a list of strings.')
  if (header.length > MAX_LINES) throw argumentError(`header must have at most ${MAX_LINES} lines.`)
  // All lines are read before the first is written: a getter may call this function and write others in between.
  const lines = Array.from(header, (line) => string(line, 'Each line of header').slice(0, LONGEST_LINE))
  return lines.length === 0 ? [] : parseLines(module, lines)
}

/**
 * @param {Memory} module
 * @param {readonly string[]} lines
 */
function parseLines(module, lines) {
  let length = 0
  let units = 0
  let text = ''
  const ends = []
  for (const part of lines) {
    length += module.write(part, length)
    units += part.length
    text += part
    ends.push(length)
  }
  module.table.set(ends)
  if (length === units && module.wasm.scan_challenges(length, lines.length))
    return cut(challenges, module, text)
  return module.result(module.wasm.parse_challenges(length, lines.length))
}

/**
 * What the tape starts with. Its positions are indices into this text.
 * @template T
 * @param {(text: string, tape: Uint32Array, start: number, words: readonly string[]) => T} read
 * @param {Memory} module
 * @param {string} text
 */
function cut(read, module, text) {
  return read(text, module.numbers, module.wasm.tape() >>> 2, module.words)
}

/** Flags in the table's first number: what to take from the claims. See protocol/syntax/src/jwt/summary.rs. */
const ACCESS_PLAIN = 1
const SUBJECT = 2
const AUDIENCE_TEXT = 4
const AUDIENCE_LIST = 8
const ACCESS_PROBLEM = 16

/**
 * @param {string} token
 * @returns {TokenInfo}
 */
export function inspectToken(token) {
  const module = memory()
  const length = module.wasm.inspect_token(writeToken(module, token))
  if (length === 0) return { kind: 'opaque', verified: false, access: null }
  if (length < 0) return { kind: 'opaque', verified: false, access: null, problem: module.read(-length) }
  const table = module.table
  const flags = table[0]
  const both = tokenParts(module, length, table[1])
  const claims = both[1]
  const access = flags & ACCESS_PLAIN ? entries(claims.access) : table[8] > 0 ? module.read(table[8]) : null
  /** @type {TokenInfo} */
  const info = { kind: 'jwt', verified: false, header: both[0], claims, access }
  if (flags & ACCESS_PROBLEM) info.problem = 'jwt_access'
  if (table[2] !== ABSENT) info.issuedAt = time(table, 2)
  if (table[4] !== ABSENT) info.notBefore = time(table, 4)
  if (table[6] !== ABSENT) info.expiresAt = time(table, 6)
  if (flags & SUBJECT) info.subject = claims.sub
  if (flags & AUDIENCE_TEXT) info.audience = [claims.aud]
  else if (flags & AUDIENCE_LIST) info.audience = claims.aud.slice()
  return info
}

/**
 * Header and claims of a decoded token.
 * @param {Memory} module
 * @param {number} length Bytes of both.
 * @param {number} claimsAt Where the claims start.
 */
function tokenParts(module, length, claimsAt) {
  const at = module.wasm.tape_text() >>> 0
  const text = module.text(at, length)
  // In ASCII, byte offsets are indices of the string.
  if (text.length === length) return [cut(begin, module, text), next()]
  return [module.text(at, claimsAt), module.text(at + claimsAt, length - claimsAt)].map((json) =>
    JSON.parse(json),
  )
}

/**
 * Copies of the entries of `access`, so that changing them does not change the claims.
 * @param {Scope[]} access
 */
function entries(access) {
  return access.length === 1 ? [entry(access[0])] : access.map(entry)
}

/**
 * @param {Scope} entry
 * @returns {Scope}
 */
function entry({ type, name, actions }) {
  return { type, name, actions: actions.length === 1 ? [actions[0]] : actions.slice() }
}

/** The high half of a time in the table when there is no time. */
const ABSENT = 0x80000000
/** @param {Uint32Array} table @param {number} at */
const time = (table, at) => (table[at] | 0) * 4294967296 + table[at + 1]
