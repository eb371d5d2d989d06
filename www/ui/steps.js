// Describes the steps of a flow: from a step event's detail to what the panel shows and copies. Pure functions.

/**
 * @import { Diagnosis } from '../dockpass/doctor.js'
 * @import { Step } from '../dockpass/index.js'
 */

/**
 * A step as the panel shows it.
 * @typedef {ReturnType<typeof describeStep>} DescribedStep
 */

/**
 * An entry of the panel: a heading, a diagnosis or a step.
 * @typedef {{ mark: string, at: number } | { diagnosis: Diagnosis, at: number } | DescribedStep} Entry
 */

/** The four parties of a flow, in the order in which a request passes them. */
export const LANES = ['page', 'key server', 'token service', 'registry']

/** @type {Record<string, number>} */
const LANE_OF_HOP = { key_server: 1, token_service: 2, registry: 3 }

const DECISIONS = new Map([
  ['try_anonymous', 'Request without authorization'],
  ['accepted', 'Accepted'],
  ['ask_token', 'Request a token'],
  ['ask_token_ahead', 'Request a token in advance'],
  ['send_token', 'Send the token'],
  ['send_credentials', 'Repeat with credentials'],
  ['send_credentials_ahead', 'Send credentials in the first request'],
  ['silent_denial', 'Denied without a challenge: repeat with credentials'],
  ['send_basic', 'Repeat with Basic'],
  ['got_token', 'Token received'],
  ['token_denies', 'Token grants less than requested'],
  ['unknown_grant', 'Request again with credentials'],
  ['try_without_token', 'Try without a token'],
  ['hand_on', 'Return the response'],
  ['widen_scope', 'Request a token for more scopes, once'],
  ['ask_as_stated', 'Request the challenge’s own scope, once'],
  ['renew_token', 'Request a new token, once'],
  ['use_refresh_token', 'Use the refresh token'],
  ['fall_back_to_get', 'Fall back to GET'],
  ['follow_nested', 'Follow the token service’s own challenge'],
  ['probe', 'Find out how the registry authenticates'],
  ['probe_resource', 'Request a resource to get a challenge'],
  ['control_probe', 'Check that wrong credentials are refused'],
  ['confirm_credentials', 'Check the credentials alone'],
  ['proven', 'Credentials verified'],
  ['follow_redirect', 'Follow the redirect'],
  ['gave_up', 'Stopped'],
])

/**
 * Whether there is a title for the decision.
 * @param {string} decision
 */
export const isKnownDecision = (decision) => DECISIONS.has(decision)

/** @type {Record<string, string>} */
const SENT = { Bearer: 'with a token', Basic: 'with credentials' }

const HIDDEN = 'hidden'

/**
 * Describes a step. Unknown values are shown unchanged. `planned` marks a decision before a request was sent; a step
 * without a status that ended the flow is a request without a response.
 * @param {Partial<Step> & { target?: string }} detail
 */
export function describeStep(detail) {
  const decision = text(detail.decision)
  const lane = LANE_OF_HOP[detail.hop ?? ''] ?? 1
  const from = detail.kind === 'key_server' && lane > 1 ? 1 : 0
  const status = typeof detail.status === 'number' && detail.status > 0 ? detail.status : null
  return {
    at: Number(detail.at) || Date.now(),
    from,
    planned: status === null && !detail.code,
    // The key server reports its steps with its response, so their times are not known here.
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

/** @param {Partial<Step>} detail @param {number} lane */
function sentWords(detail, lane) {
  if (detail.sent) return SENT[detail.sent] ?? `with ${text(detail.sent)}`
  // The key server gets the session in a cookie and a token service credentials in a form, both without this field.
  return lane === 1 || (lane === 2 && detail.method === 'POST') ? '' : 'without authorization'
}

const GOOD = new Set(['accepted', 'proven', 'got_token'])

/** @param {unknown} value */
const text = (value) =>
  typeof value === 'string' ? value : value === undefined || value === null ? '' : String(value)

/**
 * A URL without user info and query values. The library redacts steps already; this is a second check, because copied
 * flows end up in bug reports.
 * @param {string} target
 */
export function redact(target) {
  const userless = target.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, `$1${HIDDEN}@`)
  const question = userless.indexOf('?')
  if (question < 0) return userless
  const query = userless.slice(question + 1).replace(/#.*$/, '')
  const names = query.split('&').map((pair) => `${pair.split('=')[0]}=${HIDDEN}`)
  return `${userless.slice(0, question)}?${names.join('&')}`
}

/**
 * All entries as text for a bug report.
 * @param {Entry[]} entries
 * @param {string} product
 */
export function asText(entries, product) {
  const lines = [`${product}: authorization flow, redacted`, '']
  /** @type {number | null} */
  let start = null
  for (const entry of entries) {
    if ('mark' in entry) {
      start = entry.at
      lines.push(`# ${entry.mark}`)
      continue
    }
    if ('diagnosis' in entry) {
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
    const status = entry.status === null ? 'no response' : String(entry.status)
    lines.push(
      `${when}  ${entry.route}  ${entry.method} ${entry.target}${entry.sent && `  ${entry.sent}`}  → ${status}`,
      ...scopes,
      `    ${verdict}`,
    )
  }
  return `${lines.join('\n')}\n`
}
