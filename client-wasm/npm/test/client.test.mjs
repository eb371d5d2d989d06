// RegistryClient against a key server in this process: what is asked, how often, and what comes of it.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { RegistryClient } from 'dockpass'
import { list, loggedIn, rejects, setUp } from './support/clients.mjs'
import { SESSION, USER, browserLike, config, image, index, sha256, start } from './support/key-server.mjs'

describe('requests', () => {
  test('a cold resource after login is two, a warm one is one', async () => {
    const { server, client } = await loggedIn()
    assert.equal((await client.fetch('/v2/app/tags/list')).status, 200)
    assert.deepEqual(server.take(), ['POST /v1/token', 'GET /r/registry.test/v2/app/tags/list'])
    assert.equal((await client.fetch('/v2/app/tags/list')).status, 200)
    assert.deepEqual(server.take(), ['GET /r/registry.test/v2/app/tags/list'])
  })

  test('at a Basic registry each resource is one', async () => {
    const { server, client } = await loggedIn({ auth: 'basic' })
    assert.equal(client.session.auth, 'basic')
    assert.deepEqual(await list(client.catalog()), ['app', 'public/app'])
    assert.deepEqual(server.take(), ['GET /r/registry.test/v2/_catalog'])
  })

  test('ten callers who need the same token wait for one', async () => {
    const { server, client } = await loggedIn()
    await Promise.all(Array.from({ length: 10 }, () => client.fetch('/v2/app/tags/list')))
    assert.equal(server.take().filter((request) => request === 'POST /v1/token').length, 1)
  })

  test('without a login the challenge comes first', async () => {
    const { server, client } = await setUp()
    assert.deepEqual(await list(client.tags('public/app', { n: 10 })), ['v1', 'v2', 'v3', 'v4', 'v5'])
    const path = '/r/registry.test/v2/public/app/tags/list'
    assert.deepEqual(server.take(), [`GET ${path}`, 'POST /v1/token', `GET ${path}`])
    await rejects(client.fetch('/v2/app/tags/list'), 'login_required')
  })

  test('a token that is refused is renewed once', async () => {
    const { server, client } = await loggedIn()
    await client.fetch('/v2/app/tags/list')
    server.invalidate()
    server.take()
    assert.equal((await client.fetch('/v2/app/tags/list')).status, 200)
    assert.deepEqual(server.requests.find(({ path }) => path === '/v1/token').body.fresh, true)
  })

  test('an expired token is not used', async () => {
    const { server, client } = await loggedIn({ expiresIn: 0 })
    await client.fetch('/v2/app/tags/list')
    await client.fetch('/v2/app/tags/list')
    assert.equal(server.take().filter((request) => request === 'POST /v1/token').length, 2)
  })

  test('a cached token is not used for another service of the same registry', async () => {
    let service = 'registry.test'
    const path = 'GET /r/registry.test/v2/app/tags/list'
    const moved = ({ entry, send }) => {
      if (entry.headers.authorization === `Bearer ${service}`) return send(200, { tags: [] })
      const challenge = `Bearer realm="https://auth.test/token",service="${service}"`
      return send(401, {}, { 'www-authenticate': challenge })
    }
    const token = ({ entry, send }) =>
      send(200, { token: entry.body.challenge?.service ?? 'registry.test', expires_in: 300 })
    const { server, client } = await loggedIn({ hooks: { [path]: moved, 'POST /v1/token': token } })
    const ask = async () => {
      assert.equal((await client.fetch('/v2/app/tags/list')).status, 200)
      return server.take()
    }
    assert.deepEqual(await ask(), ['POST /v1/token', path])
    assert.deepEqual(await ask(), [path])
    service = 'moved.test'
    assert.deepEqual(await ask(), [path, 'POST /v1/token', path])
    assert.deepEqual(await ask(), [path])
  })

  test('an open registry is asked and answers', async () => {
    const { server, client } = await setUp({ auth: 'open' })
    assert.deepEqual(await list(client.catalog()), ['app', 'public/app'])
    assert.deepEqual(server.take(), ['GET /r/registry.test/v2/_catalog'])
  })

  test('direct transport goes past the gateway, without the page header', async () => {
    const { server, client } = await setUp(
      {
        hooks: {
          'GET /direct/v2/app/tags/list': ({ entry, send }) =>
            send(200, { tags: [String(entry.headers['x-dockpass'])] }),
        },
      },
      { transport: 'direct' },
    )
    assert.deepEqual(server.take(), ['GET /v1/registries'])
    assert.deepEqual(await list(client.tags('app')), ['undefined'])
    assert.deepEqual(server.take(), ['GET /direct/v2/app/tags/list'])
  })
})

describe('sessions', () => {
  // Threats: WEB-04.
  test('with the bearer carrier the session is in memory, and not in sight', async () => {
    const { server, client } = await setUp()
    assert.equal(client.session, null)
    const session = await client.login(USER)
    assert.deepEqual(Object.keys(session).sort(), ['auth', 'expiresAt', 'registry', 'username'])
    assert.equal(session.username, 'alice')
    assert.ok(session.expiresAt > Date.now())
    assert.equal(client.session, session)
    assert.equal(server.requests.at(-1).headers.cookie, undefined)
    assert.equal(server.requests.at(-1).body.carrier, 'bearer')
    assert.doesNotMatch(JSON.stringify(client), /aaaa|horse/)
  })

  test('with the cookie carrier it is picked up on connect, and no script sees it', async () => {
    const fetch = browserLike()
    const { server, client } = await setUp({}, { carrier: 'cookie', fetch })
    assert.equal(client.session, null)
    await client.login(USER)
    assert.equal(server.requests.at(-1).headers.authorization, undefined)
    const again = await RegistryClient.connect({
      keyServer: server.url,
      registry: 'registry.test',
      carrier: 'cookie',
      fetch,
    })
    assert.equal(again.session.username, 'alice')
    server.take()
    await again.fetch('/v2/app/tags/list')
    assert.deepEqual(server.take(), ['POST /v1/token', 'GET /r/registry.test/v2/app/tags/list'])
    await again.logout()
    const third = await RegistryClient.connect({
      keyServer: server.url,
      registry: 'registry.test',
      carrier: 'cookie',
      fetch,
    })
    assert.equal(third.session, null)
  })

  // Threats: WEB-08.
  test('with the cookie, a Basic registry gets the cookie and no header', async () => {
    const { server, client } = await loggedIn({ auth: 'basic' }, { carrier: 'cookie', fetch: browserLike() })
    assert.equal((await client.fetch('/v2/app/tags/list')).status, 200)
    assert.equal(server.requests.at(-1).headers.authorization, undefined)
    assert.match(server.requests.at(-1).headers.cookie, /dockpass/)
  })

  test('an identity token instead of a password', async () => {
    const { client } = await setUp()
    assert.equal((await client.login({ identityToken: 'refresh' })).username, 'alice')
  })

  test('a wrong password', async () => {
    const { client } = await setUp()
    await rejects(client.login({ ...USER, password: 'wrong secret' }), 'bad_credentials', {
      step: 'token_service',
      status: 401,
      requestId: 'req-1',
    })
    assert.equal(client.session, null)
  })

  // Threats: WEB-09.
  test('no error shows a secret or the text of another', async () => {
    const { client } = await setUp()
    const error = await client.login({ ...USER, password: 'wrong secret' }).catch((error) => error)
    const shown = `${error.stack} ${JSON.stringify(error)} ${JSON.stringify(Object.getOwnPropertyDescriptors(error))}`
    assert.doesNotMatch(shown, /wrong secret|SECRET/)
    assert.match(error.message, /refused/)
  })

  test('logout tells the server, forgets tokens and says so', async () => {
    const { server, client } = await loggedIn()
    const heard = []
    client.addEventListener('signedout', ({ detail }) => heard.push(detail.reason))
    await client.fetch('/v2/app/tags/list')
    server.take()
    await client.logout()
    await client.logout()
    assert.deepEqual(server.take(), ['DELETE /v1/session'])
    assert.deepEqual([client.session, heard], [null, ['logout']])
    await rejects(client.fetch('/v2/app/tags/list'), 'login_required')
  })

  test('a session that the server no longer knows is over here, too', async () => {
    const { server, client } = await loggedIn()
    const heard = []
    client.addEventListener('signedout', ({ detail }) => heard.push(detail.reason))
    server.revoke()
    await rejects(client.fetch('/v2/app/tags/list'), 'invalid_session', {
      step: 'key_server',
      requestId: 'req-1',
    })
    assert.deepEqual([client.session, heard], [null, ['invalid_session']])
  })

  test('a token that was asked for before a logout is not kept after it', async () => {
    /** @type {(value?: unknown) => void} */
    let release
    const held = new Promise((resolve) => (release = resolve))
    const { server, client } = await loggedIn({
      hooks: { 'POST /v1/token': async () => (await held, 'go on') },
    })
    const asked = client.fetch('/v2/app/tags/list').catch((error) => error)
    await new Promise((resolve) => setTimeout(resolve, 30))
    await client.logout()
    release()
    await asked
    server.take()
    await client.fetch('/v2/public/app/tags/list')
    await client.fetch('/v2/app/tags/list').catch(() => {})
    assert.ok(server.take().includes('POST /v1/token'))
  })

  test('a session that has expired by this clock only stays in use', async () => {
    const response = {
      registry: 'registry.test',
      username: 'alice',
      expires_at: Date.now() - 1000,
      auth: 'bearer',
      realm: 'https://auth.test/token',
      service: 'registry.test',
      session: SESSION,
    }
    const { server, client } = await setUp({
      hooks: { 'POST /v1/sessions': ({ send }) => send(200, response) },
    })
    await client.login(USER)
    server.take()
    // The key server describes the session without its sealed form, which the client has.
    assert.equal((await client.fetch('/v2/app/tags/list')).status, 200)
    const requests = ['GET /v1/session', 'POST /v1/token', 'GET /r/registry.test/v2/app/tags/list']
    assert.deepEqual(server.take(), requests)
    assert.ok((client.session?.expiresAt ?? 0) > Date.now())
  })

  test('expiring is announced a minute before', async () => {
    const soon = {
      registry: 'registry.test',
      username: 'alice',
      expires_at: Date.now() + 60_050,
      auth: 'open',
      session: 'x',
    }
    const { client } = await setUp({ hooks: { 'POST /v1/sessions': ({ send }) => send(200, soon) } })
    const heard = new Promise((resolve) =>
      client.addEventListener('expiring', ({ detail }) => resolve(detail)),
    )
    await client.login(USER)
    // The client's own timer keeps no process alive.
    const alive = setInterval(() => {}, 1000)
    assert.deepEqual(await heard, { expiresAt: soon.expires_at })
    clearInterval(alive)
  })
})

describe('fetch', () => {
  test('full addresses of the registry and of its gateway are the same as paths', async () => {
    const { server, client } = await loggedIn()
    for (const input of [
      `${server.url}/r/registry.test/v2/app/tags/list`,
      new URL('https://registry.test/v2/app/tags/list'),
      new Request('https://registry.test/v2/app/tags/list'),
    ]) {
      assert.equal((await client.fetch(input)).status, 200)
      assert.equal(server.take().at(-1), 'GET /r/registry.test/v2/app/tags/list')
    }
  })

  // Threats: RLM-15, SCP-12.
  test('no request leaves for another place', async () => {
    const { server, client } = await loggedIn()
    const elsewhere = [
      'https://evil.test/v2/app/tags/list',
      '//evil.test/v2/',
      `${server.url}/v1/token`,
      `${server.url}/v2/app/tags/list`,
      '/v2/../../../v1/token',
      '/v2/%2e%2e/%2e%2e/%2e%2e/v1/session',
      'https://registry.test.evil.test/v2/',
      'https://user@registry.test/v2/',
      'http://registry.test/v2/',
      '/v1/token',
      'ftp://registry.test/v2/',
    ]
    for (const input of elsewhere) {
      await assert.rejects(
        client.fetch(input),
        ({ code }) => ['ERR_OTHER_ORIGIN', 'ERR_INVALID_ARGUMENT'].includes(code),
        input,
      )
    }
    await rejects(client.fetch('/v2/app/what/ever'), 'invalid_path')
    await rejects(client.fetch('no address'), 'ERR_INVALID_ARGUMENT')
    await rejects(client.fetch(/** @type {any} */ (7)), 'ERR_INVALID_ARGUMENT')
    assert.deepEqual(server.take(), [])
  })

  test("the caller's own Authorization is not sent", async () => {
    const { server, client } = await setUp()
    await client.fetch('/v2/public/app/tags/list', {
      headers: { authorization: 'Bearer mine', 'x-other': '1' },
    })
    const sent = server.requests.map(({ headers }) => headers.authorization)
    assert.ok(!sent.includes('Bearer mine'))
    assert.equal(server.requests.at(-1).headers['x-other'], '1')
  })

  test('a body is sent again with each try', async () => {
    const path = 'POST /r/registry.test/v2/app/blobs/uploads/'
    const challenge = {
      'www-authenticate': 'Bearer realm="https://auth.test/token",service="registry.test"',
    }
    const upload = ({ entry, send }) =>
      entry.headers.authorization ? send(202, entry.body) : send(401, {}, challenge)
    const { server, client } = await setUp({ hooks: { [path]: upload } })
    const stream = new Blob(['{"a":1}']).stream()
    for (const body of ['{"a":1}', stream]) {
      // `duplex` is missing from the DOM's types.
      const init = { method: 'POST', body, duplex: 'half' }
      const response = await client.fetch('/v2/app/blobs/uploads/', init)
      assert.deepEqual([response.status, await response.json()], [202, { a: 1 }])
    }
    assert.deepEqual(server.take(), [path, 'POST /v1/token', path, path])
  })

  test('an answer of the registry that is no success is an answer', async () => {
    const { client } = await loggedIn()
    const response = await client.fetch('/v2/app/manifests/none')
    assert.equal(response.status, 404)
    assert.equal((await response.json()).errors[0].code, 'MANIFEST_UNKNOWN')
  })

  test('the body streams', async () => {
    /** @type {(value?: unknown) => void} */
    let release
    const held = new Promise((resolve) => (release = resolve))
    const hook = async ({ response }) => {
      response.writeHead(200, { 'content-type': 'application/octet-stream' })
      response.write('first')
      await held
      response.end('second')
    }
    const { client } = await setUp({
      auth: 'open',
      hooks: { [`GET /r/registry.test/v2/app/blobs/${sha256('x')}`]: hook },
    })
    const response = await client.fetch(`/v2/app/blobs/${sha256('x')}`)
    const reader = response.body.getReader()
    assert.equal(Buffer.from((await reader.read()).value).toString(), 'first')
    release()
    assert.equal(Buffer.from((await reader.read()).value).toString(), 'second')
  })

  test('what cannot be reached', async () => {
    const dead = await start()
    await dead.stop()
    const client = await RegistryClient.connect({ keyServer: dead.url, registry: 'registry.test' })
    await rejects(client.fetch('/v2/'), 'key_server_unreachable', { step: 'key_server' })
    await rejects(client.login(USER), 'key_server_unreachable', { step: 'key_server' })
  })

  test('a key server that is none', async () => {
    const { client } = await setUp({
      hooks: {
        'POST /v1/sessions': ({ send }) => send(200, { hello: 1 }),
        'POST /v1/token': ({ send }) => send(500, 'oops'),
      },
    })
    await rejects(client.login(USER), 'key_server_invalid')
    await rejects(client.fetch('/v2/app/tags/list'), 'key_server_invalid', { status: 500 })
  })

  test('a problem of the gateway keeps its code and hop', async () => {
    const { client } = await setUp({
      hooks: {
        'GET /r/registry.test/v2/': ({ problem }) => problem('upstream_timeout', 504, { step: 'registry' }),
        'GET /r/registry.test/v2/_catalog': ({ problem }) =>
          problem('<script>', 500, { step: 7, request_id: '<img>' }),
      },
    })
    await rejects(client.fetch('/v2/'), 'upstream_timeout', { step: 'registry', status: 504 })
    await rejects(client.fetch('/v2/_catalog'), 'key_server_invalid', {
      step: 'key_server',
      requestId: undefined,
    })
  })

  test('429 says how long to wait', async () => {
    const { client } = await setUp({
      hooks: {
        'GET /r/registry.test/v2/': ({ send }) => send(429, {}, { 'retry-after': '7' }),
        'POST /v1/sessions': ({ problem }) => problem('rate_limited', 429, { retry_after: 30 }),
      },
    })
    await rejects(client.fetch('/v2/'), 'rate_limited', { retryAfter: 7000, step: 'registry' })
    await rejects(client.login(USER), 'rate_limited', { retryAfter: 30_000 })
  })
})

describe('abort', () => {
  const hang = () => new Promise(() => {})
  const calls = {
    login: (client, options) => client.login(USER, options),
    fetch: (client, options) => client.fetch('/v2/app/tags/list', options),
    authorize: (client, options) => client.authorize(['repository:app:pull'], options),
    catalog: (client, options) => list(client.catalog(options)),
    tags: (client, options) => list(client.tags('app', options)),
    manifest: (client, options) => client.manifest('app', 'latest', options),
    blob: (client, options) => client.blob('app', sha256('x'), options),
  }
  for (const [name, call] of Object.entries(calls)) {
    test(name, async () => {
      const { client } = await setUp({ hooks: { 'POST /v1/token': hang, 'POST /v1/sessions': hang } })
      const reason = new Error('enough')
      const controller = new AbortController()
      setTimeout(() => controller.abort(reason), 40)
      await rejects(call(client, { signal: controller.signal }), 'aborted', {
        name: 'AbortError',
        cause: reason,
      })
      await rejects(call(client, { signal: AbortSignal.abort(reason) }), 'aborted', { cause: reason })
      if (name !== 'fetch')
        await rejects((async () => call(client, { signal: 'no' }))(), 'ERR_INVALID_ARGUMENT')
    })
  }

  test('one caller who leaves does not take the token from the other', async () => {
    /** @type {(value?: unknown) => void} */
    let release
    const held = new Promise((resolve) => (release = resolve))
    const { client } = await loggedIn({ hooks: { 'POST /v1/token': async () => (await held, 'go on') } })
    const controller = new AbortController()
    const leaves = client.fetch('/v2/app/tags/list', { signal: controller.signal })
    const stays = client.fetch('/v2/app/tags/list')
    controller.abort()
    await rejects(leaves, 'aborted')
    release()
    assert.equal((await stays).status, 200)
  })

  test('a body that is being read', async () => {
    const hook = ({ response }) => (response.writeHead(200), response.write('first'), hang())
    const { client } = await setUp({
      auth: 'open',
      hooks: { 'GET /r/registry.test/v2/app/manifests/latest': hook },
    })
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 60)
    await rejects(client.manifest('app', 'latest', { signal: controller.signal }), 'aborted')
  })
})

describe('content', () => {
  test('listings go through all pages, and page by page', async () => {
    const { server, client } = await loggedIn()
    assert.deepEqual(await list(client.tags('app')), ['v1', 'v2', 'v3', 'v4', 'v5'])
    const path = 'GET /r/registry.test/v2/app/tags/list'
    assert.deepEqual(server.take(), ['POST /v1/token', path, path, path])
    const pages = client.tags('app', { n: 3 }).pages()
    assert.deepEqual((await pages.next()).value, { names: ['v1', 'v2', 'v3'], hasNext: true })
    assert.deepEqual((await pages.next()).value, { names: ['v4', 'v5'], hasNext: false })
    assert.equal((await pages.next()).done, true)
    assert.throws(() => client.tags('app', { n: 0 }), { code: 'ERR_INVALID_ARGUMENT' })
  })

  test('a listing begins after a name', async () => {
    const { server, client } = await loggedIn()
    assert.deepEqual(await list(client.tags('app', { last: '3', n: 10 })), ['v4', 'v5'])
    assert.equal(server.requests.at(-1).search, '?n=10&last=3')
    assert.deepEqual(await list(client.tags('app', { last: '4' })), ['v5'])
    assert.throws(() => client.tags('app', { last: '' }), { code: 'ERR_INVALID_ARGUMENT' })
  })

  test('a repository without tags', async () => {
    const { client } = await loggedIn({ tags: 0 })
    assert.deepEqual(await list(client.tags('app')), [])
  })

  // Threats: RLM-15.
  /** The names of a list, and the error that ends it. */
  const untilError = async (names) => {
    const all = []
    try {
      for await (const name of names) all.push(name)
    } catch (error) {
      return { all, code: error.code, cause: error.cause?.code, steps: error.steps }
    }
    return { all }
  }
  const CATALOG = 'GET /r/registry.test/v2/_catalog'
  /** A registry whose catalog has these pages: `[names, link]` by the value of `last`. */
  const catalogOf = (pages) => ({
    auth: 'open',
    hooks: {
      [CATALOG]: ({ entry, send }) => {
        const [repositories, link] = pages[new URLSearchParams(entry.search).get('last') ?? ''] ?? [[]]
        send(200, { repositories }, link === undefined ? {} : { link })
      },
    },
  })

  test('a link that cannot be followed ends the list with an error', async () => {
    for (const link of [
      '<https://evil.test/v2/_catalog?last=x>; rel="next"',
      '</v1/token>; rel="next"',
      '<>; rel="next"',
      '<_catalog>; rel="next"',
    ]) {
      const { server, client } = await setUp(catalogOf({ '': [['a'], link] }))
      const { all, code, steps } = await untilError(client.catalog())
      assert.deepEqual([all, code], [['a'], 'list_incomplete'], link)
      assert.deepEqual([steps.at(-1).code, steps.at(-1).decision], ['list_incomplete', 'gave_up'])
      assert.equal(server.take().length, 1)
    }
  })

  test('a link that the gateway could not follow ends the list with an error', async () => {
    const { client } = await setUp({
      auth: 'open',
      hooks: {
        [CATALOG]: ({ send }) =>
          send(200, { repositories: ['a'] }, { 'registry-link': '<https://x.test/v2/>; rel="next"' }),
      },
    })
    const { all, code } = await untilError(client.catalog())
    assert.deepEqual([all, code], [['a'], 'list_incomplete'])
  })

  test('links that registries and proxies spell differently are followed', async () => {
    for (const link of [
      '</v2/_catalog?last=a>; rel="next"',
      '/v2/_catalog?last=a; rel="next"',
      '<_catalog?last=a>; rel="next"',
      '<?last=a>; rel="next"',
      '</ks/r/registry.test/v2/_catalog?last=a>; rel="next"',
      '</r/other.test/v2/_catalog?n=1&last=a>; rel="next"',
      '</artifactory/api/docker/x?last=a&n=5>; rel="next"',
    ]) {
      const { client } = await setUp(catalogOf({ '': [['a'], link], a: [['b']] }))
      assert.deepEqual(await untilError(client.catalog()), { all: ['a', 'b'] }, link)
    }
  })

  test('a key server behind a path prefix is listed to the end', async () => {
    const { server } = await setUp({ auth: 'open', tags: 7 })
    // A proxy that takes the prefix away, as the key server sees it.
    const client = await RegistryClient.connect({
      keyServer: `${server.url}/ks/`,
      registry: 'registry.test',
      fetch: (request) => fetch(new Request(request.url.replace('/ks/', '/'), request)),
    })
    assert.deepEqual(await list(client.tags('app')), ['v1', 'v2', 'v3', 'v4', 'v5', 'v6', 'v7'])
  })

  test('a page that was read already ends the list with an error', async () => {
    const next = (last) => `<?last=${last}>; rel="next"`
    const circle = { '': [['a'], next('a')], a: [['b'], next('b')], b: [['a'], next('a')] }
    const { server, client } = await setUp(catalogOf(circle))
    const { all, code } = await untilError(client.catalog())
    assert.deepEqual([all, code], [['a', 'b', 'a'], 'list_incomplete'])
    assert.equal(server.take().length, 3)
  })

  test('pages without names, or with the same names, do not go on for ever', async () => {
    for (const repositories of [[], ['a', 'b']]) {
      let page = 0
      const answer = ({ send }) => send(200, { repositories }, { link: `<?last=${(page += 1)}>; rel="next"` })
      const { server, client } = await setUp({ auth: 'open', hooks: { [CATALOG]: answer } })
      assert.equal((await untilError(client.catalog())).code, 'list_incomplete')
      assert.ok(server.take().length <= 100)
    }
  })

  test('an empty page in the middle is not the end', async () => {
    const next = (last) => `<?last=${last}>; rel="next"`
    const { client } = await setUp(catalogOf({ '': [['a'], next('1')], 1: [[], next('2')], 2: [['b']] }))
    assert.deepEqual(await untilError(client.catalog()), { all: ['a', 'b'] })
  })

  /** A registry that cuts its catalog at `n` and names no next page. */
  const unlinked = (after) => ({
    auth: 'open',
    hooks: {
      [CATALOG]: ({ entry, send }) => {
        const query = new URLSearchParams(entry.search)
        const n = Number(query.get('n') ?? Infinity)
        return send(200, { repositories: after(query.get('last')).slice(0, n) })
      },
    },
  })

  test('a full page without a link is not taken for the end', async () => {
    const names = ['a', 'b/c', 'd', 'e', 'f']
    const lasts = []
    const { client } = await setUp(
      unlinked((last) => (lasts.push(last), names.slice(names.indexOf(last) + 1))),
    )
    for (const [n, requests] of /** @type {[number | undefined, (string | null)[]][]} */ ([
      [2, [null, 'b/c', 'e']],
      [5, [null, 'f']],
      [6, [null]],
      [undefined, [null]],
    ])) {
      assert.deepEqual(await untilError(client.catalog({ n })), { all: names })
      assert.deepEqual(lasts.splice(0), requests)
    }
  })

  test('a registry that ignores or refuses the name to continue after is asked for the whole list', async () => {
    const names = ['a', 'b', 'c']
    let page = 0
    // It ignores the name; its order differs from response to response; it begins again after the last name.
    const orders = [
      () => names,
      () => [...names.slice((page += 1) % 3), ...names],
      (last) => names.slice((names.indexOf(last) + 1) % 3),
    ]
    for (const after of orders) {
      for (const n of [1, 2, 3]) {
        const { server, client } = await setUp(unlinked(after))
        const { all, code } = await untilError(client.catalog({ n }))
        assert.deepEqual([all.toSorted(), code], [names, undefined])
        assert.ok(server.take().length <= 5)
      }
    }
    // The whole list begins after the same name as the pages.
    const stuck = unlinked((last) => names.slice(last === 'a' || last === 'b' ? 1 : 0))
    const after = await setUp(stuck)
    assert.deepEqual(await untilError(after.client.catalog({ n: 1, last: 'a' })), { all: ['b', 'c'] })
    const refuses = ({ entry, send }) => {
      const isFirst = !entry.search.includes('last=')
      return isFirst ? send(200, { repositories: entry.search === '' ? names : ['a'] }) : send(400, {})
    }
    const { client } = await setUp({ auth: 'open', hooks: { [CATALOG]: refuses } })
    assert.deepEqual(await untilError(client.catalog({ n: 1 })), { all: names })
  })

  test('a list of which nothing shows that it is complete ends with an error', async () => {
    for (const whole of [
      ({ send }) => send(200, { repositories: ['a', 'b'] }, { link: '<?last=b>; rel="next"' }),
      ({ send }) => send(500, {}),
    ]) {
      const cut = ({ entry, send }) =>
        entry.search === '' ? whole({ send }) : send(200, { repositories: ['a'] })
      const { client } = await setUp({ auth: 'open', hooks: { [CATALOG]: cut } })
      const { all, code } = await untilError(client.catalog({ n: 1 }))
      assert.deepEqual([all[0], code], ['a', 'list_incomplete'])
    }
  })

  test('a registry without a catalog', async () => {
    for (const status of [404, 405, 410, 501]) {
      const { client } = await setUp({ auth: 'open', hooks: { [CATALOG]: ({ send }) => send(status, {}) } })
      assert.deepEqual([(await untilError(client.catalog())).code], ['missing'], `${status}`)
    }
  })

  test('a connection that is closed within a page', async () => {
    const cut = ({ entry, send, response }) => {
      if (entry.search === '') return send(200, { repositories: ['a'] }, { link: '<?last=a>; rel="next"' })
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
      response.write('{"repositories":["b"')
      setTimeout(() => response.destroy(), 20)
    }
    const { client } = await setUp({ auth: 'open', hooks: { [CATALOG]: cut } })
    const { all, code, cause } = await untilError(client.catalog())
    assert.deepEqual([all, code, cause], [['a'], 'list_incomplete', 'upstream_failed'])
  })

  test('a 200 that is no list', async () => {
    const bodies = [
      Buffer.from('<html>log in</html>'),
      { errors: [{ code: 'UNKNOWN' }] },
      [],
      ['a'],
      { repositories: ['a', { toString: 1 }] },
      { repositories: 'a' },
      { hello: 1 },
      Buffer.from('null'),
      Buffer.from(''),
    ]
    for (const body of bodies) {
      const { client } = await setUp({ auth: 'open', hooks: { [CATALOG]: ({ send }) => send(200, body) } })
      const { all, code, cause } = await untilError(client.catalog())
      assert.deepEqual([all, code, cause], [[], 'list_incomplete', 'upstream_invalid'], JSON.stringify(body))
    }
  })

  test('a list without names', async () => {
    for (const body of [{ repositories: [] }, { repositories: null }, {}, { name: 'x' }]) {
      const { client } = await setUp({ auth: 'open', hooks: { [CATALOG]: ({ send }) => send(200, body) } })
      assert.deepEqual(await untilError(client.catalog()), { all: [] }, JSON.stringify(body))
    }
  })

  test('an abort while a page is being read', async () => {
    const hang = ({ response }) => (response.writeHead(200), response.write('{"repositories":["a"'))
    const { client } = await setUp({ auth: 'open', hooks: { [CATALOG]: hang } })
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 40)
    await rejects(list(client.catalog({ signal: controller.signal })), 'aborted', { name: 'AbortError' })
  })

  test('an index, and the manifest of a platform', async () => {
    const { client } = await loggedIn()
    const found = await client.manifest('app', 'latest')
    assert.deepEqual(
      [found.mediaType, found.digest, found.size],
      ['application/vnd.oci.image.index.v1+json', sha256(index), index.length],
    )
    assert.equal(Buffer.from(found.raw).toString(), index)
    assert.equal(found.manifest.manifests.length, 3)
    for (const platform of ['linux/arm64', 'linux/arm64/v8', { os: 'linux', architecture: 'arm64' }]) {
      assert.equal((await client.manifest('app', 'latest', { platform })).digest, sha256(image))
    }
    await rejects(client.manifest('app', 'latest', { platform: 'linux/s390x' }), 'missing')
    await rejects(client.manifest('app', 'latest', { platform: 'linux' }), 'ERR_INVALID_ARGUMENT')
    await rejects(client.manifest('app', 'none'), 'missing', { status: 404 })
  })

  test('a configuration blob', async () => {
    const { client } = await loggedIn()
    const blob = await client.blob('app', sha256(config))
    assert.deepEqual([blob.digest, Buffer.from(blob.raw).toString()], [sha256(config), config])
  })

  test('content that is not what its digest says', async () => {
    const answer = ({ send }) =>
      send(200, Buffer.from(`${image} `), {
        'content-type': 'application/vnd.oci.image.manifest.v1+json',
        'docker-content-digest': sha256(image),
      })
    const path = (reference) => `GET /r/registry.test/v2/app/manifests/${reference}`
    const { client } = await setUp({
      auth: 'open',
      hooks: {
        [path('latest')]: answer,
        [path(sha256(image))]: answer,
        [`GET /r/registry.test/v2/app/blobs/${sha256(config)}`]: answer,
      },
    })
    await rejects(client.manifest('app', 'latest'), 'digest_mismatch')
    await rejects(client.manifest('app', sha256(image)), 'digest_mismatch')
    await rejects(client.blob('app', sha256(config)), 'digest_mismatch')
  })

  test('the type of content whose header says nothing', async () => {
    const config = (mediaType) => ({ mediaType, digest: sha256('c'), size: 1 })
    const oci = { schemaVersion: 2, config: config('application/vnd.oci.image.config.v1+json'), layers: [] }
    const docker = { ...oci, config: config('application/vnd.docker.container.image.v1+json') }
    const entry = { digest: sha256('m'), size: 1 }
    const bodies = [
      [oci, 'application/vnd.oci.image.manifest.v1+json'],
      [docker, 'application/vnd.docker.distribution.manifest.v2+json'],
      [{ schemaVersion: 2, manifests: [entry] }, 'application/vnd.oci.image.index.v1+json'],
      [
        {
          schemaVersion: 2,
          manifests: [{ ...entry, mediaType: 'application/vnd.docker.distribution.manifest.v2+json' }],
        },
        'application/vnd.docker.distribution.manifest.list.v2+json',
      ],
      [
        { schemaVersion: 1, fsLayers: [], history: [] },
        'application/vnd.docker.distribution.manifest.v1+json',
      ],
    ]
    for (const [content, expected] of bodies) {
      for (const type of [
        'application/octet-stream',
        'application/json',
        'binary/octet-stream',
        'text/plain; charset=utf-8',
        undefined,
      ]) {
        const hook = ({ response }) => {
          response.writeHead(200, type === undefined ? {} : { 'content-type': type })
          response.end(JSON.stringify(content))
        }
        const { client } = await setUp({
          auth: 'open',
          hooks: { 'GET /r/registry.test/v2/app/manifests/1': hook },
        })
        assert.equal((await client.manifest('app', '1')).mediaType, expected, type)
      }
    }
  })

  test('the digest of schema 1 is over what is signed', async () => {
    const payload = '{\n   "schemaVersion": 1,\n   "name": "app",\n   "fsLayers": []\n}'
    const part = (text) => Buffer.from(text).toString('base64url')
    const formatLength = payload.length - 2
    const header = part(
      JSON.stringify({ formatLength, formatTail: part('\n}'), time: '2016-01-01T00:00:00Z' }),
    )
    const signatures = `,\n   "signatures": [{"protected": "${header}", "signature": "c2ln"}]\n}`
    const signed = payload.slice(0, formatLength) + signatures
    const answer =
      (stated) =>
      ({ send }) =>
        send(200, Buffer.from(signed), { 'content-type': 'text/plain', 'docker-content-digest': stated })
    const path = (reference) => `GET /r/registry.test/v2/app/manifests/${reference}`
    const hooks = {
      [path('1')]: answer(sha256(payload)),
      [path(sha256(payload))]: answer(sha256(payload)),
      [path('whole')]: answer(sha256(signed)),
      [path('bad')]: answer(sha256('x')),
    }
    const { server, client } = await setUp({ auth: 'open', hooks })
    for (const reference of ['1', sha256(payload)]) {
      const found = await client.manifest('app', reference)
      assert.equal(found.mediaType, 'application/vnd.docker.distribution.manifest.v1+prettyjws')
      assert.deepEqual([found.digest, sha256(Buffer.from(found.raw))], [sha256(payload), sha256(payload)])
      assert.deepEqual(found.manifest, JSON.parse(payload))
    }
    assert.equal((await client.manifest('app', 'whole')).digest, sha256(signed))
    await rejects(client.manifest('app', 'bad'), 'digest_mismatch')
    const accept = server.requests.find((request) => request.path.endsWith('/1')).headers.accept.split(', ')
    assert.equal(accept.at(-1), 'application/vnd.docker.distribution.manifest.v1+prettyjws')
  })

  test('a platform within nested indexes, and without a platform of its own', async () => {
    const INDEX = 'application/vnd.oci.image.index.v1+json'
    const IMAGE = 'application/vnd.oci.image.manifest.v1+json'
    const hooks = {}
    const put = (content, kind = 'manifests', mediaType = content.mediaType) => {
      const text = JSON.stringify(content)
      const digest = sha256(text)
      hooks[`GET /r/registry.test/v2/app/${kind}/${digest}`] = ({ send }) =>
        send(200, Buffer.from(text), { 'content-type': mediaType })
      return { mediaType, digest, size: text.length }
    }
    const indexOf = (...manifests) => put({ schemaVersion: 2, mediaType: INDEX, manifests })
    const imageOf = (os, architecture) => {
      const config = put({ os, architecture }, 'blobs', 'application/vnd.oci.image.config.v1+json')
      return put({ schemaVersion: 2, mediaType: IMAGE, config, layers: [] })
    }
    const arm = imageOf('linux', 'arm64')
    const plain = imageOf('linux', 's390x')
    const top = indexOf(
      { ...imageOf('linux', 'amd64'), platform: { os: 'linux', architecture: 'amd64' } },
      {
        ...put({ schemaVersion: 2, mediaType: IMAGE, config: {}, layers: [] }),
        platform: { os: 'unknown', architecture: 'unknown' },
      },
      indexOf({ ...arm, platform: { os: 'linux', architecture: 'arm64' } }),
      plain,
      { mediaType: IMAGE, digest: sha256('not there'), size: 1 },
    )
    const { client } = await setUp({ auth: 'open', hooks })
    const digest = async (platform) => (await client.manifest('app', top.digest, { platform })).digest
    assert.equal(await digest('linux/arm64'), arm.digest)
    assert.equal(await digest('linux/s390x'), plain.digest)
    const platforms = ['linux/amd64', 'linux/arm64', 'linux/s390x']
    await rejects(client.manifest('app', top.digest, { platform: 'linux/mips' }), 'missing', { platforms })
    // An index within an index within an index …
    let deep = arm
    for (let level = 0; level < 10; level++) deep = indexOf(deep)
    await rejects(client.manifest('app', deep.digest, { platform: 'linux/arm64' }), 'missing')
  })

  test('content of two meanings, of another type, of no type, and too much of it', async () => {
    const answers = {
      both: [JSON.stringify({ manifests: [], layers: [] }), 'application/vnd.oci.image.index.v1+json'],
      other: [image, 'application/vnd.oci.image.index.v1+json'],
      none: ['{}', 'text/plain'],
      text: ['<html>', 'text/html'],
    }
    const hooks = {}
    for (const [tag, [body, type]] of Object.entries(answers)) {
      hooks[`GET /r/registry.test/v2/app/manifests/${tag}`] = ({ send }) =>
        send(200, Buffer.from(body), { 'content-type': type })
    }
    hooks['GET /r/registry.test/v2/app/manifests/big'] = ({ response }) => (
      response.writeHead(200),
      response.end(Buffer.alloc(4 * 1024 * 1024 + 1))
    )
    const { client } = await setUp({ auth: 'open', hooks })
    for (const tag of Object.keys(answers)) await rejects(client.manifest('app', tag), 'upstream_invalid')
    await rejects(client.manifest('app', 'big'), 'payload_too_large')
  })
})

test('authorize requests one token for all scopes and returns the grant of each', async () => {
  const { server, client } = await loggedIn()
  const scopes = [
    'repository:app:pull',
    'repository:app:delete',
    'repository:secret:pull',
    'registry:catalog:*',
  ]
  const expected = ['granted', 'denied', 'denied', 'granted']
  assert.deepEqual(
    await client.authorize(scopes),
    scopes.map((scope, at) => ({ scope, grant: expected[at] })),
  )
  assert.deepEqual(server.take(), ['POST /v1/token'])
  await client.authorize(scopes)
  assert.deepEqual(server.take(), [])
  await rejects(client.authorize(['nonsense']), 'ERR_SCOPE_SYNTAX')
  await rejects(client.authorize(/** @type {any} */ ('repository:app:pull')), 'ERR_INVALID_ARGUMENT')
  // A token service that reads one scope of a request: what it may have overlooked is requested alone.
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const one = ({ entry, send }) => {
    const [type, name, actions] = entry.body.scopes[0].split(':')
    const access = name === 'secret' ? [] : [{ type, name, actions: actions.split(',') }]
    send(200, { token: `${part({ alg: 'none' })}.${part({ access })}.c2ln`, expires_in: 300 })
  }
  for (const [names, requests] of /** @type {[string[], number][]} */ ([
    [['a', 'b', 'c'], 3],
    [['a', 'secret', 'z'], 2],
    [['a'], 1],
  ])) {
    const keycloak = await loggedIn({ hooks: { 'POST /v1/token': one } })
    const asked = names.map((name) => `repository:${name}:pull`)
    const grantOf = (at) =>
      names.indexOf('secret') < 0 || at < names.indexOf('secret') ? 'granted' : 'denied'
    assert.deepEqual(
      await keycloak.client.authorize(asked),
      asked.map((scope, at) => ({ scope, grant: grantOf(at) })),
    )
    assert.equal(keycloak.server.take().length, requests)
    await keycloak.client.authorize(asked)
    assert.deepEqual(keycloak.server.take(), [], 'the tokens are kept')
  }
  const basic = await loggedIn({ auth: 'basic' })
  assert.deepEqual(await basic.client.authorize(['repository:app:pull']), [
    { scope: 'repository:app:pull', grant: 'unknown' },
  ])
  assert.deepEqual(basic.server.take(), [])
})

// Threats: WEB-09.
test('an error has the steps of its call, and the last of them failed', async () => {
  const manifest = 'GET /r/registry.test/v2/app/manifests/latest'
  const bad = ({ send }) => send(200, Buffer.from(image), { 'docker-content-digest': sha256('x') })
  const problem = ({ problem }) =>
    problem('realm_not_allowed', 502, {
      step: 'registry',
      steps: [
        {
          hop: 'registry',
          method: 'GET',
          target: '/v2/',
          status: 401,
          decision: 'gave_up',
          reason: 'No.',
          code: 'realm_not_allowed',
          place: 'https://evil.test/token',
        },
      ],
      context: { registry: 'registry.test', skew_ms: 7, secret: 'x' },
    })
  const { client } = await setUp({
    auth: 'open',
    hooks: { [manifest]: bad, 'GET /r/registry.test/v2/': problem },
  })
  const heard = []
  client.addEventListener('step', ({ detail }) => heard.push(detail))
  const [digest, relayed] = await Promise.all([
    client.manifest('app', 'latest').catch((error) => error),
    client.fetch('/v2/').catch((error) => error),
  ])
  assert.deepEqual([digest.code, digest.steps.at(-1).code], ['digest_mismatch', 'digest_mismatch'])
  assert.deepEqual(
    [relayed.steps.at(-1).code, relayed.steps.at(-1).place],
    ['realm_not_allowed', 'https://evil.test/token'],
  )
  assert.deepEqual(relayed.context, { registry: 'registry.test', skewMs: 7 })
  // Several calls at once are told apart.
  const calls = new Set(heard.map(({ call }) => call))
  assert.equal(calls.size, 2)
  assert.equal(new Set(digest.steps.map(({ call }) => call)).size, 1)
  assert.notEqual(digest.steps[0].call, relayed.steps[0].call)
})

test('a password that is no longer accepted ends the session, once', async () => {
  const { server, client } = await loggedIn({
    hooks: { 'POST /v1/token': ({ problem }) => problem('bad_credentials', 401, { step: 'token_service' }) },
  })
  const heard = []
  client.addEventListener('signedout', ({ detail }) => heard.push(detail.reason))
  const calls = ['/v2/app/tags/list', '/v2/_catalog', '/v2/app/manifests/latest'].map((path) =>
    client.fetch(path).catch((error) => error.code),
  )
  assert.deepEqual(await Promise.all(calls), ['bad_credentials', 'bad_credentials', 'bad_credentials'])
  assert.deepEqual([heard, client.session], [['bad_credentials'], null])
  await new Promise((resolve) => setTimeout(resolve, 30))
  assert.equal(server.take().filter((request) => request === 'DELETE /v1/session').length, 1)
})

test('steps tell what was decided and why, and no secret', async () => {
  const { client } = await setUp()
  const steps = []
  client.addEventListener('step', ({ detail }) => steps.push(detail))
  await client.login(USER)
  await client.fetch('/v2/app/tags/list?n=2')
  const told = steps.map(({ kind, hop, decision }) => `${kind} ${hop} ${decision}`)
  assert.deepEqual(told, [
    'key_server token_service proven',
    'page key_server proven',
    'page registry ask_token_ahead',
    'key_server token_service got_token',
    'page key_server got_token',
    'page registry send_token',
    'page registry accepted',
  ])
  for (const step of steps) {
    assert.ok(
      step.at > 0 &&
        step.reason.length > 10 &&
        step.method &&
        step.url.startsWith('/') !== step.url.startsWith('https://'),
    )
    assert.ok(!step.url.includes('?') && !('extra' in step))
  }
  assert.doesNotMatch(JSON.stringify(steps), /horse|eyJ|aaaa\./)
})

test('a listener of steps that was removed hears nothing more', async () => {
  const { client } = await loggedIn()
  const heard = []
  const listener = ({ detail }) => heard.push(detail)
  client.addEventListener('step', listener)
  await client.fetch('/v2/app/tags/list')
  client.removeEventListener('step', listener)
  const { length } = heard
  assert.ok(length > 0)
  await client.fetch('/v2/app/tags/list')
  const error = await client.fetch('/v2/secret/tags/list').catch((error) => error)
  assert.equal(heard.length, length)
  assert.ok(error.steps.length > 2)
})

test('registries', async () => {
  const { server } = await setUp()
  const [first] = await RegistryClient.registries({ keyServer: server.url })
  assert.deepEqual(Object.keys(first), ['registry', 'name', 'url', 'gateway', 'catalog'])
})

test('connect refuses what it does not understand', async () => {
  const good = { keyServer: 'http://127.0.0.1:1', registry: 'registry.test' }
  for (const wrong of [
    undefined,
    {},
    { ...good, keyServer: 'no' },
    { ...good, keyServer: 'ftp://x' },
    { ...good, keyServer: 'http://user:pw@x' },
    { ...good, registry: 'a b' },
    { ...good, carrier: 'pigeon' },
    { ...good, transport: 'rail' },
    { ...good, fetch: 1 },
    { ...good, signal: {} },
  ]) {
    await rejects(RegistryClient.connect(/** @type {any} */ (wrong)), 'ERR_INVALID_ARGUMENT')
  }
  const hub = await RegistryClient.connect({ ...good, registry: 'Index.Docker.io' })
  assert.equal(hub.registry, 'docker.io')
  assert.throws(() => new /** @type {any} */ (RegistryClient)(), TypeError)
})
