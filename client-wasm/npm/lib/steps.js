// Steps that the key server reports.

/** The names of a step's fields: the key server's, and those of `Step`. */
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

/** A step that the key server took: the fields that a `Step` has, and no others. */
export function relayedStep(step) {
  const detail = { at: Date.now(), kind: 'key_server' }
  for (const [theirs, ours] of Object.entries(STEP_FIELDS)) {
    const value = step?.[theirs]
    if (typeof value === 'string' || typeof value === 'number') detail[ours] = value
  }
  if (Array.isArray(step?.scopes) && step.scopes.length > 0) detail.scopes = step.scopes.map(String)
  return detail
}
