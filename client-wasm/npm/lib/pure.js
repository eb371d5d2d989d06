// The pure functions: no clock, no network. Each writes its text into the module's memory, calls, and reads the answer.

import * as glue from '../dist/dockpass.js'
import { argumentError } from './error.js'
import { memory } from './wasm.js'

/** More lines than this are not read: a response has a few. */
const MAX_LINES = 1000
/** A line longer than the module reads is cut to one unit more: that is enough to be refused. */
const LONGEST_LINE = 8 * 1024 + 1
/** The same for tokens and answers of token services. */
const LONGEST_TOKEN = 64 * 1024 + 1

export function parseChallenges(header) {
  const module = memory()
  if (typeof header === 'string') {
    const text = header.length > LONGEST_LINE ? header.slice(0, LONGEST_LINE) : header
    const length = module.write(text)
    // In ASCII, offsets of bytes are indices of the string, so that the parts can be cut from it here.
    if (length === text.length && glue.scan_challenges(length, 0)) return module.cut(text)
    return module.answer(glue.parse_challenges(length, 0))
  }
  if (!Array.isArray(header) || header.length > MAX_LINES)
    throw argumentError('A header is a string or a list of strings.')
  if (header.length === 0) return []
  return parseLines(module, header)
}

function parseLines(module, lines) {
  let [length, units, text] = [0, 0, '']
  const ends = []
  for (const line of lines) {
    if (typeof line !== 'string') throw argumentError('A header is a string or a list of strings.')
    const part = line.slice(0, LONGEST_LINE)
    length += module.write(part, length)
    units += part.length
    text += part
    ends.push(length)
  }
  module.table.set(ends)
  if (length === units && glue.scan_challenges(length, lines.length)) return module.cut(text)
  return module.answer(glue.parse_challenges(length, lines.length))
}

export function parseScopes(text) {
  const module = memory()
  return module.answer(glue.parse_scopes(module.write(string(text, 'A scope list'))))
}

export function normalizeScopes(scopes) {
  const module = memory()
  if (!Array.isArray(scopes)) throw argumentError('Scopes are a list of strings.')
  const text = scopes.map((scope) => string(scope, 'A scope')).join(' ')
  return module.answer(glue.normalize_scopes(module.write(text)))
}

export function scopesFor(method, url) {
  const module = memory()
  const target = url instanceof URL ? url.href : string(url, 'A path or URL')
  return module.answer(glue.scopes_for(module.write(`${string(method, 'A method')} ${target}`)))
}

export function parseReference(text) {
  const module = memory()
  return module.answer(glue.parse_reference(module.write(string(text, 'A reference').slice(0, LONGEST_LINE))))
}

/** In the table's first number, what to take of the claims; see protocol/syntax/src/jwt/summary.rs. */
const ACCESS_PLAIN = 1
const SUBJECT = 2
const AUDIENCE_TEXT = 4
const AUDIENCE_LIST = 8

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
  const info = { kind: 'jwt', verified: false, header: both[0], claims, access }
  if (table[2] !== ABSENT) info.issuedAt = time(table, 2)
  if (table[4] !== ABSENT) info.notBefore = time(table, 4)
  if (table[6] !== ABSENT) info.expiresAt = time(table, 6)
  if (flags & SUBJECT) info.subject = claims.sub
  if (flags & AUDIENCE_TEXT) info.audience = [claims.aud]
  else if (flags & AUDIENCE_LIST) info.audience = claims.aud.slice()
  return info
}

/** The entries of `access` by themselves, so that what is done to one list does not happen to the claims. */
function entries(access) {
  return access.length === 1 ? [entry(access[0])] : access.map(entry)
}

function entry({ type, name, actions }) {
  return { type, name, actions: actions.length === 1 ? [actions[0]] : actions.slice() }
}

/** In the table, in the place of a time's high half: there is none. */
const ABSENT = 0xffffffff
const time = (table, at) => table[at] * 4294967296 + table[at + 1]

export function grants(token, scope) {
  const module = memory()
  const scopeLength = module.write(string(scope, 'A scope').slice(0, LONGEST_LINE))
  if (typeof token === 'string') {
    return module.answer(glue.token_grants(scopeLength, scopeLength + writeToken(module, token, scopeLength)))
  }
  if (token === null || typeof token !== 'object')
    throw argumentError('A token is a string or what inspectToken gave.')
  const state = token.problem !== undefined ? 1 : Array.isArray(token.access) ? 0 : 2
  const access = state === 0 ? JSON.stringify(token.access.map(asked)) : ''
  return module.answer(
    glue.access_grants(scopeLength, scopeLength + module.write(access, scopeLength), state),
  )
}

/** What counts of an entry. */
const asked = ({ type, class: kind, name, actions }) => ({ type, class: kind, name, actions })

export function parseTokenResponse(body, receivedAt) {
  const module = memory()
  if (!Number.isFinite(receivedAt)) throw argumentError('A time is a number of milliseconds since the epoch.')
  const length = module.write(string(body, 'A body').slice(0, LONGEST_TOKEN))
  try {
    return module.answer(glue.parse_token_response(length, receivedAt))
  } finally {
    glue.wipe()
  }
}

function writeToken(module, token, offset = 0) {
  string(token, 'A token')
  return module.write(token.length > LONGEST_TOKEN ? token.slice(0, LONGEST_TOKEN) : token, offset)
}

function string(value, what) {
  if (typeof value !== 'string') throw argumentError(`${what} is a string.`)
  return value
}
