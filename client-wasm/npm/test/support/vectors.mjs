// Runs the vectors of protocol/testdata (see the README there) against the exports of the package. Nothing here is
// Node's own: the same file runs in a page.

/** The files that the pure exports answer for. */
export const FILES = ['challenges', 'scopes', 'endpoints', 'tokens', 'token_responses', 'references']

/** A text, written out or by repetition. */
function text(value) {
  if (typeof value === 'string') return value
  const { prefix = '', repeat, times, suffix = '', ...unknown } = value
  none(unknown)
  return prefix + repeat.repeat(times) + suffix
}

function base64url(string) {
  const bytes = new TextEncoder().encode(string)
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

/** A token that is put together. */
function jwt({ header, claims, signature = 'c2ln', ...unknown }) {
  none(unknown)
  const isText = (value) =>
    typeof value === 'string' || (value !== null && typeof value === 'object' && 'repeat' in value)
  const part = (value) => base64url(isText(value) ? text(value) : JSON.stringify(value))
  return [part(header), part(claims), text(signature)].join('.')
}

const RUNNERS = {
  challenges({ parseChallenges }, { input, expect: { challenges = [], error, selected, ...unknown } }) {
    none(unknown)
    const visible = challenges.map(({ lenient, ...challenge }) => challenge)
    const lines = Array.isArray(input) ? input.map(text) : text(input)
    const result = attempt(() => parseChallenges(lines))
    if (error) {
      const line = Array.isArray(input) ? error.line : undefined
      same(
        pick(result.error, ['code', 'position', 'line', 'parsed']),
        clean({ code: 'ERR_CHALLENGE_SYNTAX', position: error.position, line, parsed: visible }),
      )
    } else same(result, { value: visible })
  },

  scopes({ parseScopes, normalizeScopes }, { op, input, expect: { scopes, normalized, error, ...unknown } }) {
    none(unknown)
    if (op === 'normalize') return same(normalizeScopes(input.map(text)), normalized)
    const result = attempt(() => parseScopes(text(input)))
    if (error)
      same(pick(result.error, ['code', 'position']), { code: 'ERR_SCOPE_SYNTAX', position: error.position })
    else same(result, { value: scopes })
  },

  endpoints({ scopesFor }, { method, url, expect: { scopes, error, relayed, ...unknown } }) {
    none(unknown)
    const result = attempt(() => scopesFor(method, text(url)))
    if (error) same(pick(result.error, ['code']), { code: 'ERR_INVALID_ARGUMENT' })
    else same(result, { value: scopes })
  },

  tokens({ inspectToken, grants }, { token, jwt: parts, expect: { grants: asked = {}, ...expected } }) {
    const given = parts ? jwt(parts) : text(token)
    const { header, claims, verified, ...info } = inspectToken(given)
    same(verified, false)
    same(info, expected)
    same(info.kind === 'jwt', header !== undefined && claims !== undefined)
    if (info.kind === 'jwt' && typeof parts?.claims === 'object' && !('repeat' in parts.claims))
      same(claims, parts.claims)
    for (const [scope, answer] of Object.entries(asked)) {
      same(grants(given, scope), answer)
      same(grants(info, scope), answer)
    }
  },

  token_responses(
    { parseTokenResponse },
    { body, jwt: parts, receivedAt = 1790000000000, expect: { error, ...expected } },
  ) {
    const filled = (value) => (parts ? text(value).replaceAll('$JWT', jwt(parts)) : text(value))
    const result = attempt(() => parseTokenResponse(filled(body), receivedAt))
    if (error) return same(pick(result.error, ['code']), { code: 'ERR_TOKEN_RESPONSE' })
    for (const name of ['token', 'refreshToken'])
      if (name in expected) expected[name] = filled(expected[name])
    same(result, { value: expected })
  },

  references({ parseReference }, { op, input, expect: { error, canonical, endpoint, ...expected } }) {
    if (op !== 'reference') return
    const result = attempt(() => parseReference(text(input)))
    if (error) same(pick(result.error, ['code']), { code: 'ERR_REFERENCE_SYNTAX' })
    else same(result, { value: expected })
  },
}

/** A case of the doctor, whose answer is a promise. */
export async function runDiagnosis(diagnose, { input: { steps, token, ...facts }, expect }) {
  const HEADER = { alg: 'RS256', typ: 'JWT' }
  const given =
    token === undefined || typeof token === 'string' ? token : jwt({ header: HEADER, claims: token })
  const {
    fix,
    evidence,
    hop = null,
    ...diagnosis
  } = await diagnose(steps.map(step), { token: given, now: 1790000000000, ...facts })
  same({ ...diagnosis, hop, evidence: evidence.map(({ what, value }) => `${what}: ${value}`) }, expect)
  if (!/^[A-Z].*\.$/.test(fix)) throw new Error(`no sentence: ${fix}`)
}

/** What a client tells of a step that is written in one line. */
function step(given) {
  const { step: line = given, target, ...more } = typeof given === 'string' ? {} : given
  const [hop, ...words] = line.split(' ')
  const status = /^\d+$/.test(words[0]) ? Number(words.shift()) : undefined
  const [decision, code] = words
  return clean({
    at: 1790000000000,
    kind: 'page',
    hop,
    method: 'GET',
    url: target ?? '/v2/a/b/manifests/latest',
    status,
    decision,
    reason: '',
    code,
    ...more,
  })
}

/** Runs one case; throws where it fails. */
export function run(dockpass, file, { name, source, ...vector }) {
  RUNNERS[file](dockpass, vector)
}

function attempt(work) {
  try {
    return { value: work() }
  } catch (error) {
    return { error }
  }
}

export const clean = (object) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
const pick = (object, names) => clean(Object.fromEntries(names.map((name) => [name, object?.[name]])))

export function none(unknown) {
  if (Object.keys(unknown).length > 0) throw new Error(`the runner does not know ${Object.keys(unknown)}`)
}

/** Strict equality of JSON values, whatever the order of members; a member that is undefined is a difference. */
export function same(actual, expected) {
  const [one, other] = [canonical(actual), canonical(expected)]
  if (one !== other) throw new Error(`got ${one.slice(0, 2000)}\nnot ${other.slice(0, 2000)}`)
}

function canonical(value) {
  return JSON.stringify(value, (_, member) => {
    if (member === undefined) return '«undefined»'
    if (member instanceof Error) return `«${member}»`
    if (member === null || typeof member !== 'object' || Array.isArray(member)) return member
    // Entries and not an object: a member may be called __proto__.
    return Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1))
  })
}
