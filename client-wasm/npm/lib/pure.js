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

/** In the table, in the place of an end: the start is an index into the words. */
const IS_WORD = 0xffffffff
let words

export function parseChallenges(header) {
  const module = memory()
  if (typeof header === 'string') {
    const text = header.length > LONGEST_LINE ? header.slice(0, LONGEST_LINE) : header
    const length = module.write(text)
    // In ASCII, offsets of bytes are indices of the string, so that the parts can be cut from it here.
    const count = length === text.length ? glue.scan_challenges(length, 0) : -1
    return count < 0 ? module.answer(glue.parse_challenges(length, 0)) : cut(module, text, count)
  }
  if (!Array.isArray(header) || header.length > MAX_LINES) throw argumentError('A header is a string or a list of strings.')
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
  const setEnds = () => module.table.set(ends)
  setEnds()
  const count = length === units ? glue.scan_challenges(length, lines.length) : -1
  if (count >= 0) return cut(module, text, count)
  setEnds()
  return module.answer(glue.parse_challenges(length, lines.length))
}

/** Cuts challenges out of a text by the offsets in the table. */
function cut(module, text, count) {
  const { table } = module
  words ??= readWords(module)
  const challenges = []
  let at = 0
  for (let index = 0; index < count; index++) {
    const scheme = part(text, table[at], table[at + 1])
    const token68 = table[at + 3] === 0 ? undefined : part(text, table[at + 2], table[at + 3])
    const end = at + 5 + 4 * table[at + 4]
    const params = {}
    for (at += 5; at < end; at += 4) {
      const name = part(text, table[at], table[at + 1])
      const value = part(text, table[at + 2], table[at + 3])
      if (name === '__proto__') Object.defineProperty(params, name, { value, enumerable: true, configurable: true, writable: true })
      else params[name] = value
    }
    challenges.push(token68 === undefined ? { scheme, params } : { scheme, token68, params })
  }
  return challenges
}

function part(text, start, end) {
  return end === IS_WORD ? words[start] : text.slice(start, end)
}

/** The words, once. The table, which is in use, does not change meanwhile. */
function readWords(module) {
  return module.answer(glue.challenge_words())
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

export function inspectToken(token) {
  const module = memory()
  return module.answer(glue.inspect_token(writeToken(module, token)))
}

export function grants(token, scope) {
  const module = memory()
  const scopeLength = module.write(string(scope, 'A scope').slice(0, LONGEST_LINE))
  if (typeof token === 'string') {
    return module.answer(glue.token_grants(scopeLength, scopeLength + writeToken(module, token, scopeLength)))
  }
  if (token === null || typeof token !== 'object') throw argumentError('A token is a string or what inspectToken gave.')
  const state = token.problem !== undefined ? 1 : Array.isArray(token.access) ? 0 : 2
  const access = state === 0 ? token.access.map(entryText).join('') : ''
  return module.answer(glue.access_grants(scopeLength, scopeLength + module.write(access, scopeLength), state))
}

/** One entry of `access` for the module; nothing of one that holds the separators, which no scope does. */
function entryText({ type, class: kind = '', name, actions }) {
  const parts = [type, kind, name, ...actions]
  return parts.some((part) => /[\0\x01]/.test(part)) ? '' : `\x01${parts.join('\0')}`
}

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
