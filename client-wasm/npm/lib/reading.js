// What a client reads with the functions: the contents of tokens, and unusual links.

import { claimsIn } from './claims.js'
import { grants } from './rest.js'
import { inspectToken } from './syntax.js'
import { memory } from './wasm.js'

export { grantsOf } from './authorize.js'

/** The claims of a token, for a diagnosis. @param {string} token */
export const claimsOf = (token) => claimsIn(inspectToken(token))

/**
 * Those of the scopes that the claims of a token grant.
 * @param {string} token
 * @param {readonly string[]} scopes In canonical form, as the module's client returns them.
 */
export function grantedOf(token, scopes) {
  return scopes.filter((scope) => {
    try {
      return grants(token, scope) === 'granted'
    } catch {
      // A word that names no resource: nobody but the registry knows what it means.
      return false
    }
  })
}

/**
 * The path of the next page of a list, by the `Link` line of the response to `path`.
 * @param {string} link
 * @param {string} origin The registry's.
 * @param {string} path
 * @returns {string | null | undefined} As of `Route.next`.
 */
export function nextPage(link, origin, path) {
  const module = memory()
  const linkEnd = module.write(link)
  const originEnd = linkEnd + module.write(origin, linkEnd)
  const end = originEnd + module.write(path, originEnd)
  const next = module.result(module.wasm.next_page(linkEnd, originEnd, end))
  return next === false ? null : (next ?? undefined)
}

/**
 * How far a server's clock is ahead, in milliseconds, by the `Date` of its response at this time.
 * @param {string} date
 * @param {number} now
 * @returns {number}
 */
export function skewOf(date, now) {
  const module = memory()
  return module.wasm.clock_skew(module.write(date), now)
}
