// What a token service grants of several scopes.

import { grants, normalizeScopes } from './rest.js'
import { memory } from './wasm.js'

/** @import { Grant } from '../index.js' */

/** Errors that say that the registry has no tokens. */
const NO_TOKENS = ['basic_only', 'registry_open']
/** Errors of a request for a single scope that refuse it. */
const REFUSED = ['scope_denied', 'token_request_refused', 'login_required']

/**
 * The grant of each scope, by one token for all of them. Some token services read one scope of a request only (Keycloak):
 * scopes that the token may lack for that reason are requested alone, one after the other, as long as they are granted.
 * @param {readonly string[]} scopes
 * @param {(scopes: string) => Promise<string | undefined>} tokenFor Requests a token. Undefined when the registry has none.
 * @returns {Promise<{ scope: string, grant: Grant }[]>}
 */
export async function grantsOf(scopes, tokenFor) {
  const unless = (/** @type {string[]} */ codes) => (/** @type {{ code: string }} */ error) => {
    if (!codes.includes(error.code)) throw error
    return undefined
  }
  const isEmpty = normalizeScopes(scopes).length === 0
  const token = isEmpty ? undefined : await tokenFor(scopes.join(' ')).catch(unless(NO_TOKENS))
  if (token === undefined) return scopes.map((scope) => ({ scope, grant: 'unknown' }))
  const tokens = [token]
  for (const scope of overlooked(scopes, token)) {
    const own = await tokenFor(scope).catch(unless(REFUSED))
    if (own === undefined) break
    tokens.push(own)
    // A denial shows that the service reads every scope.
    if (grants(own, scope) !== 'granted') break
  }
  return scopes.map((scope) => {
    const found = tokens.map((each) => grants(each, scope))
    return { scope, grant: found.includes('granted') ? 'granted' : found[0] }
  })
}

/**
 * @param {readonly string[]} scopes
 * @param {string} token
 * @returns {string[]}
 */
function overlooked(scopes, token) {
  const module = memory()
  const length = module.write(scopes.join(' '))
  return module.result(module.wasm.overlooked_scopes(length, length + module.write(token, length)))
}
