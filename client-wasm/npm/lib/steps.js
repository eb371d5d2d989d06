// Steps that the key server reports.

/** @import { Step } from '../index.js' */

/**
 * The fields of a step: the key server's name and that of `Step`.
 * @type {Record<string, keyof Step>}
 */
const STEP_FIELDS = {
  hop: 'hop',
  method: 'method',
  target: 'url',
  status: 'status',
  sent: 'sent',
  decision: 'decision',
  reason: 'reason',
  code: 'code',
}

/**
 * The `Step` for a step of the key server. Fields that a `Step` does not have are left out.
 * @param {any} step JSON of the key server.
 * @returns {Step}
 */
export function relayedStep(step) {
  /** @type {Record<string, unknown>} */
  const detail = { at: Date.now(), kind: 'key_server' }
  for (const [theirs, ours] of Object.entries(STEP_FIELDS)) {
    const value = step?.[theirs]
    if (typeof value === 'string' || typeof value === 'number') detail[ours] = value
  }
  if (Array.isArray(step?.scopes) && step.scopes.length > 0) detail.scopes = step.scopes.map(String)
  return /** @type {Step} */ (/** @type {unknown} */ (detail))
}
