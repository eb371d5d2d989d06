// A registry and a token service with the responses of a fixture. A request that no exchange of the fixture matches gets 501
// and is listed in `unmatched`.

import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { uniquePassword } from './secrets.mjs'

/** Parameters of a token request that name the client and do not change the response. */
const IGNORED = ['account', 'client_id', 'offline_token']

/**
 * Starts the servers of a fixture on free ports. Resolves with `{url, realms, people, asked, unmatched, stop()}`: the
 * registry's address, the origins of its token service, names and passwords of its people, and the requests so far as
 * `WHO METHOD PATH STATUS`.
 */
export async function startReplay(fixture) {
  const replay = new Replay(fixture)
  await replay.listen()
  return replay
}

class Replay {
  #fixture
  #servers = []
  /** token → the name that it was kept under */
  #issued = new Map()
  people = {}
  origins = {}
  asked = []
  unmatched = []

  constructor(fixture) {
    this.#fixture = fixture
    const all = fixture.exchanges.flatMap(({ request }) => request.as ?? 'nobody')
    for (const as of all) {
      const [user, suffix] = as.split(':')
      if (user !== 'nobody' && user !== 'token' && suffix === undefined)
        this.people[user] ??= uniquePassword()
    }
  }

  get url() {
    return this.origins.registry
  }

  async listen() {
    const roles = new Set([
      'registry',
      ...this.#fixture.exchanges.map(({ request }) => request.to ?? 'registry'),
    ])
    for (const role of roles) {
      const server = createServer((request, response) => this.#answer(role, request, response))
      await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
        server.listen(0, '127.0.0.1', resolve)
      })
      this.#servers.push(server)
      this.origins[role] =
        `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`
    }
    this.realms = Object.entries(this.origins)
      .filter(([role]) => role !== 'registry')
      .map(([, origin]) => `${origin}${this.#fixture.realm ?? '/token'}`)
  }

  async stop() {
    for (const server of this.#servers) server.closeAllConnections()
    await Promise.all(
      this.#servers.map(
        (server) =>
          new Promise((resolve) => {
            server.close(resolve)
          }),
      ),
    )
  }

  #answer(role, request, response) {
    request.resume()
    const who = this.#who(request.headers.authorization)
    const exchange = this.#fixture.exchanges.find((each) => matches(each.request, role, request, who))
    const line = `${who} ${request.method} ${role === 'registry' ? '' : `${role} `}${request.url}`
    if (exchange === undefined) {
      this.unmatched.push(line)
      response.writeHead(501).end()
      return
    }
    const { status, headers = {} } = exchange.response
    this.asked.push(`${line} ${status}`)
    const body = this.#bytes(exchange)
    const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`
    const lines = Object.entries(headers).flatMap(([name, values]) =>
      values.flatMap((value) => [name, this.#filled(value).replaceAll('{{digest}}', digest)]),
    )
    response.writeHead(status, [...lines, 'content-length', String(body.length)])
    response.end(request.method === 'HEAD' ? undefined : body)
  }

  /** The `as` of a fixture. An unknown user has a wrong password. */
  #who(authorization) {
    const [scheme, value = ''] = (authorization ?? '').split(' ')
    if (scheme === 'Bearer') return `token:${this.#issued.get(value) ?? 'unknown'}`
    if (scheme !== 'Basic') return 'nobody'
    const [user, ...rest] = Buffer.from(value, 'base64').toString('utf8').split(':')
    return this.people[user] !== undefined && this.people[user] === rest.join(':') ? user : 'wrong'
  }

  #filled(text) {
    let filled = text
    for (const [role, origin] of Object.entries(this.origins)) {
      filled = filled.replaceAll(`{{${role}}}`, origin).replaceAll(`{{${role} host}}`, new URL(origin).host)
    }
    return filled.replaceAll('{{now}}', new Date().toISOString())
  }

  #bytes({ request, response }) {
    if (response.text !== undefined) return Buffer.from(this.#filled(response.text))
    if (response.body === undefined) return Buffer.alloc(0)
    const body = response.body
    if (body === null || typeof body !== 'object') return Buffer.from(JSON.stringify(body))
    const filled = { ...body }
    let token
    for (const member of ['token', 'access_token', 'refresh_token']) {
      if (typeof filled[member] !== 'object' || filled[member] === null) continue
      token ??= made(filled[member])
      filled[member] = token
      this.#issued.set(token, request.keep)
    }
    return Buffer.from(this.#filled(JSON.stringify(filled)))
  }
}

function matches(wanted, role, request, who) {
  const url = new URL(request.url, 'http://replay')
  const expected = new URL(wanted.path, 'http://replay')
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const as = [wanted.as ?? 'nobody'].flat().map((each) => (each.endsWith(':wrong') ? 'wrong' : each))
  return (
    (wanted.to ?? 'registry') === role &&
    (wanted.method ?? 'GET') === method &&
    expected.pathname === url.pathname &&
    parameters(expected) === parameters(url) &&
    as.includes(who)
  )
}

/** The query as a sorted text; scopes sorted as well, however they are spread over parameters. */
function parameters(url) {
  const pairs = [...url.searchParams].filter(([name]) => !IGNORED.includes(name))
  const single = pairs.flatMap(([name, value]) =>
    name === 'scope' ? value.split(' ').map((scope) => `scope=${scope}`) : [`${name}=${value}`],
  )
  return single.sort().join('&')
}

/** A token as the fixture describes it: new, and as long as the recorded one. */
function made(description) {
  if (description.opaque !== undefined) {
    return randomBytes(description.opaque).toString('base64url').slice(0, description.opaque)
  }
  const now = Math.floor(Date.now() / 1000)
  const time = (value) => (typeof value === 'string' ? now + Number(value.slice('now'.length)) : value)
  const claims = { ...description.jwt.claims }
  for (const name of ['iat', 'nbf', 'exp']) if (name in claims) claims[name] = time(claims[name])
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part(description.jwt.header)}.${part(claims)}.${randomBytes(64).toString('base64url')}`
}
