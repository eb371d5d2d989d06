// The other functions without I/O. Like those of `syntax.js`, they write, call and read.

import { LONGEST_LINE, LONGEST_TOKEN, string, writeToken } from './arguments.js'
import { argumentError } from './error.js'
import { memory } from './wasm.js'

/** @import { Grant, Reference, Scope, TokenInfo, TokenResponse } from '../index.js' */

/**
 * @param {string} text
 * @returns {Scope[]}
 */
export function parseScopes(text) {
  const module = memory()
  return module.result(module.wasm.parse_scopes(module.write(string(text, 'text'))))
}

/**
 * @param {readonly string[]} scopes
 * @returns {string[]}
 */
export function normalizeScopes(scopes) {
  const module = memory()
  if (!Array.isArray(scopes)) throw argumentError('scopes must be a list of strings.')
  const text = Array.from(scopes, (scope) => string(scope, 'Each scope')).join(' ')
  return module.result(module.wasm.normalize_scopes(module.write(text)))
}

/**
 * @param {string} method
 * @param {string | URL} url
 * @returns {string[]}
 */
export function scopesFor(method, url) {
  const module = memory()
  const target = url instanceof URL ? url.href : string(url, 'url')
  return module.result(module.wasm.scopes_for(module.write(`${string(method, 'method')} ${target}`)))
}

/**
 * @param {string} text
 * @returns {Reference}
 */
export function parseReference(text) {
  const module = memory()
  return module.result(module.wasm.parse_reference(module.write(string(text, 'text').slice(0, LONGEST_LINE))))
}

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
    return module.result(module.wasm.token_grants(length, length + writeToken(module, token, length)))
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
  return module.result(module.wasm.access_grants(length, length + module.write(access, length), state))
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
    return module.result(module.wasm.parse_token_response(length, receivedAt))
  } finally {
    module.wasm.wipe()
  }
}
