// Checks of arguments that the functions share.

import { argumentError } from './error.js'

/** @import { Memory } from './wasm.js' */

/** The module reads lines of up to 8 KiB. A longer line is cut to one unit more, which it still refuses. */
export const LONGEST_LINE = 8 * 1024 + 1
/** The same for tokens and responses of token services. */
export const LONGEST_TOKEN = 64 * 1024 + 1

/**
 * @param {Memory} module
 * @param {string} token
 * @param {number} [offset]
 */
export function writeToken(module, token, offset = 0) {
  string(token, 'token')
  return module.write(token.length > LONGEST_TOKEN ? token.slice(0, LONGEST_TOKEN) : token, offset)
}

/**
 * @param {unknown} value
 * @param {string} what The argument's name.
 */
export function string(value, what) {
  if (typeof value !== 'string') throw argumentError(`${what} must be a string.`)
  return value
}
