// A small key server with a registry and a token service behind it, in this process. It speaks the HTTP interface that
// the client is written against, refuses what that forbids, and records what it was asked.

import { createHash } from 'node:crypto'
import { createServer } from 'node:http'

/** The sealed session that a login returns. */
export const SESSION = 'aaaa.bbbb.cccc.dddd.eeee'
export const USER = { username: 'alice', password: 'correct horse' }
/** Another user. The sealed session of each has the same form. */
export const BOB = { username: 'bob', password: 'battery staple' }
const SEALED = new Map([
  [SESSION, USER],
  ['bbbb.bbbb.cccc.dddd.eeee', BOB],
])
const COOKIE = '__Host-dockpass-0123456789abcdef'

const config = JSON.stringify({ architecture: 'arm64', os: 'linux' })
export const sha256 = (text) => `sha256:${createHash('sha256').update(text).digest('hex')}`
export const image = JSON.stringify({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  config: {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    size: config.length,
    digest: sha256(config),
  },
  layers: [],
})
const platform = (architecture, variant, digest) => ({
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  size: image.length,
  digest,
  platform: { os: 'linux', architecture, variant },
})
export const index = JSON.stringify({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: [
    platform('amd64', undefined, sha256('other')),
    platform('arm', 'v7', sha256('arm')),
    platform('arm64', undefined, sha256(image)),
  ],
})
export { config }

/**
 * Starts it on a free port of the loopback.
 * @param {{
 *   auth?: 'bearer' | 'basic' | 'open',
 *   tags?: number,
 *   hooks?: Record<string, (request: any) => unknown>,
 *   expiresIn?: number,
 *   files?: (path: string) => { type: string, content: string | Uint8Array, headers?: object } | undefined,
 * }} [options] `tags`: how many. `hooks`: by `METHOD path`, respond instead. `files`: a page's files.
 */
export async function start({ auth = 'bearer', tags = 5, hooks = {}, expiresIn = 300, files } = {}) {
  const requests = []
  /** The sealed sessions that are good. @type {Set<string>} */
  const good = new Set(SEALED.keys())
  let issued = 0
  const valid = new Set()

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://here')
    const file = request.method === 'GET' && files?.(url.pathname)
    if (file) return response.writeHead(200, { 'content-type': file.type, ...file.headers }).end(file.content)
    let text = ''
    for await (const chunk of request) text += chunk
    const entry = {
      method: request.method,
      path: url.pathname,
      search: url.search,
      headers: request.headers,
      body: parsed(text),
    }
    requests.push(entry)
    const origin = request.headers.origin
    const send = (status, body, headers = {}) => {
      const cors = origin
        ? {
            'access-control-allow-origin': origin,
            'access-control-expose-headers':
              'Link, Docker-Content-Digest, WWW-Authenticate, Registry-Challenge',
          }
        : {}
      const json = typeof body === 'object' && !Buffer.isBuffer(body)
      response.writeHead(status, {
        ...(json ? { 'content-type': 'application/json' } : {}),
        ...cors,
        ...headers,
      })
      response.end(body === undefined ? undefined : json ? JSON.stringify(body) : body)
    }
    const problem = (code, status, more = {}) =>
      send(
        status,
        { type: 'about:blank', title: 'SECRET upstream text', status, code, request_id: 'req-1', ...more },
        { 'content-type': 'application/problem+json' },
      )

    if (request.method === 'OPTIONS') {
      return send(204, undefined, {
        'access-control-allow-headers': 'authorization, x-dockpass, content-type, accept',
        'access-control-allow-methods': 'GET, HEAD, POST, DELETE',
      })
    }
    const hook = hooks[`${request.method} ${url.pathname}`]
    if (hook && (await hook({ entry, send, problem, response })) !== 'go on') return
    if (request.headers['x-dockpass'] === undefined) return problem('csrf_required', 403)

    const cookie = new RegExp(`${COOKIE}=([^;]+)`).exec(request.headers.cookie ?? '')?.[1]
    const bearer = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1]
    const sealed = cookie ?? (SEALED.has(bearer) ? bearer : undefined)
    const hasSession = sealed !== undefined && good.has(sealed)
    const expected = request.headers['x-dockpass']
    if (!bearer && expected?.length === 16 && expected !== (cookie && idOf(cookie)))
      return problem('session_changed', 409)
    const described = (/** @type {string} */ text) => ({
      id: idOf(text),
      registry: 'registry.test',
      username: SEALED.get(text)?.username,
      expires_at: Date.now() + 3_600_000,
      auth,
      ...(auth === 'bearer' ? { realm: 'https://auth.test/token', service: 'registry.test' } : {}),
    })

    if (url.pathname === '/v1/registries') {
      return send(200, {
        registries: [
          {
            registry: 'registry.test',
            name: 'Test',
            url: `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}/direct`,
            gateway: '/r/registry.test',
          },
        ],
      })
    }
    if (url.pathname === '/v1/sessions' && request.method === 'POST') {
      const { username, password, identity_token: identity, carrier, trace } = entry.body
      const is = (/** @type {{ username: string, password: string }} */ user) =>
        identity === user.username || (username === user.username && password === user.password)
      const [text] = [...SEALED].find(([, user]) => is(user)) ?? (identity === 'refresh' ? [SESSION] : [])
      const steps = trace
        ? [
            {
              hop: 'token_service',
              method: 'GET',
              target: 'https://auth.test/token',
              status: text ? 200 : 401,
              sent: 'Basic',
              decision: 'proven',
              reason: 'The credentials are valid.',
              extra: 'not for listeners',
            },
          ]
        : undefined
      if (!text) return problem('bad_credentials', 401, { step: 'token_service', steps })
      good.add(text)
      if (carrier === 'cookie')
        return send(
          200,
          { ...described(text), steps },
          { 'set-cookie': `${COOKIE}=${text}; Path=/; Secure; HttpOnly; SameSite=Strict` },
        )
      return send(200, { ...described(text), session: text, steps })
    }
    if (url.pathname === '/v1/session') {
      if (url.searchParams.get('registry') !== 'registry.test') return problem('registry_not_allowed', 403)
      if (!hasSession && !cookie && !bearer && request.method === 'GET') return send(204)
      if (!hasSession) return problem('login_required', 401)
      if (request.method === 'GET') return send(200, described(sealed))
      good.delete(sealed)
      return send(204, undefined, { 'set-cookie': `${COOKIE}=; Path=/; Secure; Max-Age=0` })
    }
    if (url.pathname === '/v1/token') {
      if (bearer !== undefined && !hasSession) return problem('invalid_session', 401)
      const { scopes, challenge } = entry.body
      if (challenge && challenge.realm !== 'https://auth.test/token')
        return problem('realm_not_allowed', 403, { step: 'key_server' })
      const allowed = (scope) =>
        hasSession ? !scope.includes('secret') : scope.startsWith('repository:public/')
      const access = scopes.filter(allowed).map((scope) => {
        const [type, name, actions] = scope.split(':')
        return { type, name, actions: actions.split(',').filter((action) => action !== 'delete') }
      })
      const isGranted = (scope) => allowed(scope) && !/:delete$|delete,|,delete/.test(scope)
      const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
      const token = `${part({ alg: 'none', typ: 'JWT' })}.${part({ access, jti: String(++issued) })}.c2ln`
      valid.add(token)
      return send(200, {
        token,
        token_type: 'Bearer',
        expires_in: expiresIn,
        issued_at: Date.now(),
        kind: 'jwt',
        granted: scopes.filter(isGranted),
        denied: scopes.filter((scope) => !isGranted(scope)),
        unknown: [],
        steps: entry.body.trace
          ? [
              {
                hop: 'token_service',
                method: 'GET',
                target: 'https://auth.test/token',
                status: 200,
                decision: 'got_token',
                reason: 'The token service issued a token.',
                scopes,
              },
            ]
          : undefined,
      })
    }

    const gateway = /^\/(r\/registry\.test|direct)(\/v2\/.*)$/.exec(url.pathname)
    if (!gateway) return problem('not_found', 404)
    const path = gateway[2]
    const need =
      path === '/v2/_catalog'
        ? 'registry:catalog:*'
        : `repository:${/^\/v2\/(.+)\/(tags|manifests|blobs|referrers)\//.exec(path)?.[1]}:pull`
    if (auth === 'bearer') {
      const claims = valid.has(bearer)
        ? JSON.parse(Buffer.from(bearer.split('.')[1], 'base64url').toString())
        : undefined
      const [type, name, action] = need.split(':')
      const granted = claims?.access.some(
        (entry) => entry.type === type && entry.name === name && entry.actions.includes(action),
      )
      if (path !== '/v2/' && !granted) {
        const error = claims ? ',error="insufficient_scope"' : ''
        return send(
          401,
          { errors: [{ code: 'UNAUTHORIZED' }] },
          {
            'www-authenticate': `Bearer realm="https://auth.test/token",service="registry.test",scope="${need}"${error}`,
          },
        )
      }
    } else if (auth === 'basic' && !hasSession) {
      return send(
        401,
        { errors: [{ code: 'UNAUTHORIZED' }] },
        { 'registry-challenge': 'Basic realm="Registry"' },
      )
    }
    // What is written is accepted and forgotten.
    const isUpload = path.includes('/blobs/uploads/')
    if (request.method === 'POST' && isUpload) return send(202, undefined, { location: `${url.pathname}1` })
    if (request.method === 'PUT')
      return send(201, undefined, { 'docker-content-digest': isUpload ? '' : sha256(text) })
    if (request.method === 'DELETE') return send(202)
    if (path.includes('/referrers/')) return send(200, { schemaVersion: 2, manifests: [] })
    if (path === '/v2/_catalog') return send(200, { repositories: ['app', 'public/app'] })
    if (path.endsWith('/tags/list')) {
      const n = Number(url.searchParams.get('n') ?? 2)
      const from = Number(url.searchParams.get('last') ?? 0)
      const names = Array.from(
        { length: Math.max(0, Math.min(n, tags - from)) },
        (_, at) => `v${from + at + 1}`,
      )
      const more = from + n < tags
      return send(
        200,
        { name: 'app', tags: tags === 0 ? null : names },
        more ? { link: `<?n=${n}&last=${from + n}>; rel="next"` } : {},
      )
    }
    const contents = {
      [sha256(image)]: image,
      [sha256(index)]: index,
      latest: index,
      [sha256(config)]: config,
    }
    const asked = path.split('/').at(-1)
    const content = contents[asked]
    if (!content) return send(404, { errors: [{ code: 'MANIFEST_UNKNOWN' }] })
    const type = content === config ? 'application/octet-stream' : JSON.parse(content).mediaType
    return send(200, Buffer.from(content), {
      'content-type': type,
      'docker-content-digest': sha256(content),
    })
  })
  await new Promise((/** @type {(value?: unknown) => void} */ resolve) =>
    server.listen(0, '127.0.0.1', resolve),
  )
  const url = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`
  return {
    url,
    requests,
    /** The requests since the last call, as `METHOD path`. */
    take: () => requests.splice(0).map(({ method, path }) => `${method} ${path}`),
    revoke: () => good.clear(),
    invalidate: () => valid.clear(),
    stop: () =>
      new Promise(
        (/** @type {(value?: unknown) => void} */ resolve) => (
          server.closeAllConnections(),
          server.close(resolve)
        ),
      ),
  }
}

/** The JSON of a body; the text of another. */
function parsed(/** @type {string} */ text) {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return text
  }
}

/** The name of a session that a page may know. */
const idOf = (/** @type {string} */ sealed) =>
  createHash('sha256').update(sealed).digest('base64url').slice(0, 16)

/** A `fetch` with a cookie jar of one cookie, which obeys `credentials`, as a page on the key server's origin has it. */
export function browserLike() {
  let jar
  return async (request) => {
    if (jar && request.credentials !== 'omit') request.headers.set('cookie', jar)
    const response = await fetch(request)
    const set = request.credentials === 'omit' ? null : response.headers.get('set-cookie')
    if (set) jar = /Max-Age=0/.test(set) ? undefined : set.split(';')[0]
    return response
  }
}
