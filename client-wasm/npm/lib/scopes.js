// `parseScopes`, which a client needs too.

import { string } from './arguments.js'
import { memory } from './wasm.js'

/** @import { Scope } from '../index.js' */
/** @import { Memory } from './wasm.js' */

/**
 * @param {string} text
 * @returns {Scope[]}
 */
export const parseScopes = (text) => readScopes(memory(), text)

/**
 * @param {Memory} module Either kind has this.
 * @param {string} text
 * @returns {Scope[]}
 */
export function readScopes(module, text) {
  return module.result(module.wasm.parse_scopes(module.write(string(text, 'text'))))
}
