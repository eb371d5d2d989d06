// What a diagnosis is told of a token that a registry has rejected: its times and the public names in it, and nothing else.

/** @import { TokenInfo } from '../index.js' */

/**
 * The claims of a token, as `claims` of the doctor's context.
 * @param {TokenInfo} info
 */
export function claimsIn(info) {
  if (info.kind !== 'jwt') return { is_jwt: false, problem: info.problem, audience: [] }
  const { problem, header, claims, audience = [], expiresAt, notBefore } = info
  const text = (/** @type {unknown} */ value) => (typeof value === 'string' ? value : undefined)
  return {
    is_jwt: true,
    problem,
    audience,
    issuer: text(claims.iss),
    key_id: text(header.kid),
    algorithm: text(header.alg),
    expires_at: expiresAt,
    not_before: notBefore,
  }
}
