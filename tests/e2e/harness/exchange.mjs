// One request to a registry or token service as a fixture writes it, and its answer in the same form: what differs from
// one run to the next (ports, tokens, times) is replaced by a name, so that a recorded answer can be compared and replayed.

import { request as httpRequest } from 'node:http'

/** The response headers that a client of the registry protocol reads. */
const HEADERS = [
  'www-authenticate',
  'docker-distribution-api-version',
  'content-type',
  'link',
  'docker-content-digest',
  'oci-subject',
  'location',
  'retry-after',
  'allow',
]

/** Members of a token's claims and of a token response that differ in every answer. */
const DRAWN = ['jti', 'kid', 'sid', 'session_state', 'x5c']

/** Sends a request and resolves with `{status, rawHeaders, body}`; header lines are kept apart. */
export function send(url, { method = 'GET', headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers, agent: false }, (response) => {
      const chunks = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const lines = response.rawHeaders
        const list = Array.from({ length: lines.length / 2 }, (_, at) => [
          lines[2 * at].toLowerCase(),
          lines[2 * at + 1],
        ])
        resolve({ status: response.statusCode, headers: list, body: Buffer.concat(chunks).toString('utf8') })
      })
    })
    request.on('error', reject)
    request.end()
  })
}

/**
 * A recorder for one registry.
 *
 * `origins` maps names to origins: `{registry: 'http://127.0.0.1:4000', tokens: …}`. `people` maps names to passwords.
 * A request's `as` is `nobody`, a name of `people`, `NAME:wrong` (that name with a wrong password) or `token:NAME`: the
 * token that an earlier request kept under its `keep`.
 */
export class Recorder {
  #tokens = new Map()

  constructor({ origins, people }) {
    this.origins = origins
    this.people = people
  }

  /** Sends it and resolves with the answer as a fixture holds it. */
  async ask({ to = 'registry', method = 'GET', path, as = 'nobody', accept, keep }) {
    const headers = { ...(accept && { accept }), ...this.#authorization(as) }
    const answer = await send(this.origins[to] + path, { method, headers })
    const kept = answer.headers.filter(([name]) => HEADERS.includes(name))
    const grouped = {}
    for (const [name, value] of kept) (grouped[name] ??= []).push(this.#named(value))
    return { status: answer.status, headers: grouped, ...this.#body(answer.body, keep) }
  }

  #authorization(as) {
    if (as === 'nobody') return {}
    if (as.startsWith('token:')) {
      const token = this.#tokens.get(as.slice('token:'.length))
      if (token === undefined) throw new Error(`no request before kept ${as}`)
      return { authorization: `Bearer ${token}` }
    }
    const [user, wrong] = as.split(':')
    const password = wrong === undefined ? this.people[user] : `not ${this.people[user]}`
    return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
  }

  /** Origins by their names. */
  #named(text) {
    let named = text
    for (const [name, origin] of Object.entries(this.origins)) {
      named = named.replaceAll(origin, `{{${name}}}`).replaceAll(new URL(origin).host, `{{${name} host}}`)
    }
    return named
  }

  #body(text, keep) {
    if (text === '') return {}
    let json
    try {
      json = JSON.parse(text)
    } catch {
      return { text: this.#named(text.slice(0, 60)) }
    }
    if (json === null || typeof json !== 'object' || Array.isArray(json)) return { body: json }
    const token = json.access_token || json.token
    if (typeof token === 'string' && keep !== undefined) this.#tokens.set(keep, token)
    const body = { ...json }
    for (const member of ['token', 'access_token', 'refresh_token']) {
      if (typeof body[member] === 'string' && body[member] !== '') body[member] = this.#token(body[member])
    }
    if (typeof body.issued_at === 'string') body.issued_at = '{{now}}'
    return { body: JSON.parse(this.#named(JSON.stringify(body))) }
  }

  /** A JWT by its header and claims, times counted from now; anything else by its length. */
  #token(token) {
    const parts = token.split('.')
    if (parts.length !== 3) return { opaque: token.length }
    const [header, claims] = parts
      .slice(0, 2)
      .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8')))
    const from = claims.iat ?? claims.nbf ?? Math.floor(Date.now() / 1000)
    for (const time of ['iat', 'nbf', 'exp']) {
      if (typeof claims[time] === 'number') claims[time] = `now${offset(claims[time] - from)}`
    }
    for (const member of DRAWN) {
      if (member in claims) claims[member] = '{{drawn}}'
      if (member in header) header[member] = '{{drawn}}'
    }
    return { jwt: { header, claims } }
  }
}

function offset(seconds) {
  if (seconds === 0) return ''
  return seconds < 0 ? String(seconds) : `+${seconds}`
}
