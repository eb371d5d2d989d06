// What the steps of a flow mean, in words. Pure: from a step event's detail to what the panel shows and copies.

/** The four parties of a flow, in the order in which a request passes them. */
export const LANES = ['page', 'key server', 'token service', 'registry']

const LANE_OF_HOP = { key_server: 1, token_service: 2, registry: 3 }

const DECISIONS = new Map([
  ['try_anonymous', 'Ask without authorization first'],
  ['accepted', 'Accepted'],
  ['ask_token', 'Fetch a token'],
  ['ask_token_ahead', 'Fetch a token ahead'],
  ['send_token', 'Send the token'],
  ['send_credentials', 'Repeat with credentials'],
  ['send_credentials_ahead', 'Send credentials at once'],
  ['silent_denial', 'Quietly denied: repeat with credentials'],
  ['send_basic', 'Repeat with Basic'],
  ['got_token', 'Token received'],
  ['token_denies', 'Token grants less than asked'],
  ['unknown_grant', 'Ask again with credentials'],
  ['try_without_token', 'Try without a token'],
  ['hand_on', 'Hand the answer on'],
  ['widen_scope', 'Ask for a wider token, once'],
  ['renew_token', 'Ask for a fresh token, once'],
  ['use_refresh_token', 'Use the refresh token'],
  ['fall_back_to_get', 'Fall back to GET'],
  ['follow_nested', 'Ask the token service’s token service'],
  ['probe', 'Ask how the registry authenticates'],
  ['control_probe', 'Counter-check with made-up credentials'],
  ['proven', 'Credentials proven'],
  ['gave_up', 'Stopped'],
])

/** Whether the decision has a title of its own here. */
export const isKnownDecision = (decision) => DECISIONS.has(decision)

const SENT = { Bearer: 'with a token', Basic: 'with credentials' }

const HIDDEN = 'hidden'

/**
 * A step as the panel shows it. Unknown values are shown as they came, never dropped. `planned` marks a decision that
 * was taken before anything was sent; a step without a status that ended the flow is a request that got no answer.
 */
export function describeStep(detail) {
  const decision = text(detail.decision)
  const lane = LANE_OF_HOP[detail.hop] ?? 1
  const from = detail.kind === 'key_server' && lane > 1 ? 1 : 0
  const status = Number.isInteger(detail.status) && detail.status > 0 ? detail.status : null
  return {
    at: Number(detail.at) || Date.now(),
    from,
    planned: status === null && !detail.code,
    // What the key server did is told with its answer, so its moments are not known here.
    timed: detail.kind !== 'key_server',
    to: lane,
    relayed: from === 0 && lane === 3,
    route: [LANES[from], from === 0 && lane === 3 && LANES[1], LANES[lane]].filter(Boolean).join(' → '),
    method: text(detail.method),
    target: redact(text(detail.target ?? detail.url)),
    status,
    sent: sentWords(detail, lane),
    scopes: Array.isArray(detail.scopes) ? detail.scopes.map(text) : [],
    title: DECISIONS.get(decision) ?? decision.replaceAll('_', ' '),
    reason: text(detail.reason),
    code: detail.code ? text(detail.code) : null,
    tone: detail.code ? 'bad' : GOOD.has(decision) ? 'good' : 'plain',
  }
}

function sentWords(detail, lane) {
  if (detail.sent) return SENT[detail.sent] ?? `with ${text(detail.sent)}`
  // The key server sees the session in its cookie, and a token service what a form holds: no field, yet not nobody.
  return lane === 1 || (lane === 2 && detail.method === 'POST') ? '' : 'without authorization'
}

const GOOD = new Set(['accepted', 'proven', 'got_token'])

const text = (value) =>
  typeof value === 'string' ? value : value === undefined || value === null ? '' : String(value)

/**
 * An address without what may be secret: user info, and every query value. Steps come redacted from the library; this
 * is the second lock on the same door, because what is copied from here ends up in bug reports.
 */
export function redact(target) {
  const userless = target.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, `$1${HIDDEN}@`)
  const question = userless.indexOf('?')
  if (question < 0) return userless
  const query = userless.slice(question + 1).replace(/#.*$/, '')
  const names = query.split('&').map((pair) => `${pair.split('=')[0]}=${HIDDEN}`)
  return `${userless.slice(0, question)}?${names.join('&')}`
}

/** The whole record as text for a bug report; `entries` are marks (`{mark}`), diagnoses (`{diagnosis}`) and described steps. */
export function asText(entries, product) {
  const lines = [`${product}: authorization flow, redacted`, '']
  let start = null
  for (const entry of entries) {
    if (entry.mark !== undefined) {
      start = entry.at
      lines.push(`# ${entry.mark}`)
      continue
    }
    if (entry.diagnosis !== undefined) {
      const { code, evidence, fix } = entry.diagnosis
      lines.push(
        `Diagnosis: ${code}`,
        ...evidence.map(({ what, value }) => `    ${what}: ${value}`),
        `    ${fix}`,
      )
      continue
    }
    start ??= entry.at
    const when = entry.timed ? `+${entry.at - start} ms` : '  …'
    const scopes = entry.scopes.map((scope) => `    scope: ${scope}`)
    const verdict = `${entry.title}${entry.code ? ` [${entry.code}]` : ''}. ${entry.reason}`
    if (entry.planned) {
      lines.push(
        `${when}  ${LANES[entry.from]} decides on ${entry.method} ${entry.target}`,
        ...scopes,
        `    ${verdict}`,
      )
      continue
    }
    const status = entry.status === null ? 'no answer' : String(entry.status)
    lines.push(
      `${when}  ${entry.route}  ${entry.method} ${entry.target}${entry.sent && `  ${entry.sent}`}  → ${status}`,
      ...scopes,
      `    ${verdict}`,
    )
  }
  return `${lines.join('\n')}\n`
}
