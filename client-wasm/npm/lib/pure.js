// The pure functions: no clock, no network. Each writes its input into the module's memory, calls it, and reads the result.

import * as glue from '../dist/dockpass.js'
import { argumentError } from './error.js'
import { memory } from './wasm.js'

/** @import { Challenge, Grant, Reference, Scope, TokenInfo, TokenResponse } from '../index.js' */

/** More header lines are refused: a response has a few. */
const MAX_LINES = 1000
/** The module reads lines of up to 8 KiB. A longer line is cut to one unit more, which it still refuses. */
const LONGEST_LINE = 8 * 1024 + 1
/** The same for tokens and responses of token services. */
const LONGEST_TOKEN = 64 * 1024 + 1

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
    if (length === text.length && glue.scan_challenges(length, 0)) return module.cut(text)
    return module.result(glue.parse_challenges(length, 0))
  }
  if (!Array.isArray(header)) throw argumentError('header must be a string or a list of strings.')
  if (header.length > MAX_LINES) throw argumentError(`header must have at most ${MAX_LINES} lines.`)
  // All lines are read before the first is written: a getter may call this function and write others in between.
  const lines = Array.from(header, (line) => string(line, 'Each line of header').slice(0, LONGEST_LINE))
  return lines.length === 0 ? [] : parseLines(module, lines)
}

/**
 * @param {ReturnType<typeof memory>} module
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
  if (length === units && glue.scan_challenges(length, lines.length)) return module.cut(text)
  return module.result(glue.parse_challenges(length, lines.length))
}

/**
 * @param {string} text
 * @returns {Scope[]}
 */
export function parseScopes(text) {
  const module = memory()
  return module.result(glue.parse_scopes(module.write(string(text, 'text'))))
}

/**
 * @param {readonly string[]} scopes
 * @returns {string[]}
 */
export function normalizeScopes(scopes) {
  const module = memory()
  if (!Array.isArray(scopes)) throw argumentError('scopes must be a list of strings.')
  const text = Array.from(scopes, (scope) => string(scope, 'Each scope')).join(' ')
  return module.result(glue.normalize_scopes(module.write(text)))
}

/**
 * @param {string} method
 * @param {string | URL} url
 * @returns {string[]}
 */
export function scopesFor(method, url) {
  const module = memory()
  const target = url instanceof URL ? url.href : string(url, 'url')
  return module.result(glue.scopes_for(module.write(`${string(method, 'method')} ${target}`)))
}

/**
 * @param {string} text
 * @returns {Reference}
 */
export function parseReference(text) {
  const module = memory()
  return module.result(glue.parse_reference(module.write(string(text, 'text').slice(0, LONGEST_LINE))))
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
  const length = glue.inspect_token(writeToken(module, token))
  if (length === 0) return { kind: 'opaque', verified: false, access: null }
  if (length < 0) return { kind: 'opaque', verified: false, access: null, problem: module.read(-length) }
  const table = module.table
  const flags = table[0]
  const both = module.tokenParts(length, table[1])
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

/**
 * @param {string | TokenInfo} token
 * @param {string} scope
 * @returns {Grant}
 */
export function grants(token, scope) {
  const module = memory()
  const text = string(scope, 'scope').slice(0, LONGEST_LINE)
  if (typeof token === 'string') {
    const length = module.write(text)
    return module.result(glue.token_grants(length, length + writeToken(module, token, length)))
  }
  if (token === null || typeof token !== 'object') {
    throw argumentError('token must be a string or the result of inspectToken.')
  }
  const broken = token.kind === 'opaque' && token.problem !== undefined
  const list = token.access
  const state = broken ? 1 : Array.isArray(list) ? 0 : 2
  // Read before anything is written: a getter may call this function with another scope.
  const access = state === 0 ? JSON.stringify(list?.map(relevant)) : ''
  const length = module.write(text)
  return module.result(glue.access_grants(length, length + module.write(access, length), state))
}

/**
 * The fields of an entry that decide.
 * @param {Scope} entry
 */
const relevant = ({ type, class: kind, name, actions }) => ({ type, class: kind, name, actions })

/**
 * @param {string} body
 * @param {number} receivedAt
 * @returns {TokenResponse}
 */
export function parseTokenResponse(body, receivedAt) {
  const module = memory()
  if (!Number.isFinite(receivedAt)) {
    throw argumentError('receivedAt must be a number of milliseconds since the epoch.')
  }
  const length = module.write(string(body, 'body').slice(0, LONGEST_TOKEN))
  try {
    return module.result(glue.parse_token_response(length, receivedAt))
  } finally {
    glue.wipe()
  }
}

/**
 * @param {ReturnType<typeof memory>} module
 * @param {string} token
 * @param {number} [offset]
 */
function writeToken(module, token, offset = 0) {
  string(token, 'token')
  return module.write(token.length > LONGEST_TOKEN ? token.slice(0, LONGEST_TOKEN) : token, offset)
}

/**
 * @param {unknown} value
 * @param {string} what The argument's name.
 */
function string(value, what) {
  if (typeof value !== 'string') throw argumentError(`${what} must be a string.`)
  return value
}
