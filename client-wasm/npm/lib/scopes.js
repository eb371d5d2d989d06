// `parseScopes`, which a client needs too.

import { string } from './arguments.js'
import { memory } from './wasm.js'

/** @import { Scope } from '../index.js' */

/**
 * @param {string} text
 * @returns {Scope[]}
 */
export function parseScopes(text) {
  const module = memory()
  return module.result(module.wasm.parse_scopes(module.write(string(text, 'text'))))
}
