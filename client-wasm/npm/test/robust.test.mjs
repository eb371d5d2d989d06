// What a caller does wrong, and what the network does: no input reaches another's, and every error says what to do.

import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import init, {
  DockpassError,
  RegistryClient,
  grants,
  inspectToken,
  normalizeScopes,
  parseChallenges,
} from 'dockpass'
import { list, loggedIn, rejects, setUp } from './support/clients.mjs'
import { USER } from './support/key-server.mjs'

const any = (value) => /** @type {any} */ (value)

// Threats: WEB-07.
describe('input is read before it is written to memory that is shared', () => {
  const token = (name) => {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
    return `${part({ alg: 'none' })}.${part({ access: [{ type: 'repository', name, actions: ['pull'] }] })}.c2ln`
  }

  test('a getter that calls grants does not change the scope of the call that reads it', () => {
    const info = any(inspectToken(token('mine')))
    const trap = {
      ...info,
      get access() {
        // Were the scope written already, this one would take its place.
        grants(token('mine'), 'repository:mine:pull')
        return info.access
      },
    }
    assert.equal(grants(trap, 'repository:other:pull'), 'denied')
    const entry = { ...info.access[0] }
    Object.defineProperty(entry, 'name', {
      enumerable: true,
      get: () => (parseChallenges('Basic realm="repository:mine:pull"'), 'mine'),
    })
    assert.equal(grants({ ...info, access: [entry] }, 'repository:other:pull'), 'denied')
  })

  test('a getter that parses others does not change the lines of a list', () => {
    const lines = ['Basic realm="a"', 'Basic realm="b"']
    Object.defineProperty(lines, 1, {
      get: () => (parseChallenges(['Negotiate', 'Negotiate', 'Negotiate']), 'Basic realm="b"'),
    })
    assert.deepEqual(
      parseChallenges(lines).map(({ params }) => params.realm),
      ['a', 'b'],
    )
    const scopes = ['repository:a:pull', 'repository:b:pull']
    Object.defineProperty(scopes, 1, {
      get: () => (normalizeScopes(['repository:x:*']), 'repository:b:pull'),
    })
    assert.deepEqual(normalizeScopes(scopes), ['repository:a:pull', 'repository:b:pull'])
  })
})

describe('arguments', () => {
  test('an absent header has no challenges', () => {
    assert.deepEqual(parseChallenges(new Headers().get('www-authenticate')), [])
    for (const wrong of [undefined, 7]) {
      assert.throws(() => parseChallenges(any(wrong)), { code: 'ERR_INVALID_ARGUMENT' })
    }
  })

  test('no scopes, no request', async () => {
    const { server, client } = await setUp()
    assert.deepEqual(await client.authorize([]), [])
    assert.deepEqual(server.take(), [])
  })

  test('what is missing never reaches the network', async () => {
    const { server, client } = await setUp()
    const calls = {
      fetch: () => client.fetch(any(undefined)),
      'fetch null': () => client.fetch(any(null)),
      authorize: () => client.authorize(any(undefined)),
      'authorize undefined': () => client.authorize([any(undefined)]),
      tags: async () => list(client.tags(any(undefined))),
      'tags of nothing': async () => list(client.tags('')),
      manifest: () => client.manifest(any(undefined), 'latest'),
      'manifest of nothing': () => client.manifest('app', any(undefined)),
      blob: () => client.blob('app', any(undefined)),
      login: () => client.login(any(undefined)),
      'login without a password': () => client.login(any({ username: 'alice' })),
      with: async () => client.with(any(undefined)),
    }
    for (const [name, call] of Object.entries(calls)) {
      await assert.rejects(call(), { code: 'ERR_INVALID_ARGUMENT' }, name)
    }
    assert.deepEqual(server.take(), [])
    assert.deepEqual(await list(client.tags('public/app', any(null))), ['v1', 'v2', 'v3', 'v4', 'v5'])
  })

  test('an argument of fetch that cannot be used is named', async () => {
    const { server, client } = await setUp()
    const said = async (init) => {
      const error = await client.fetch('/v2/', init).catch((error) => error)
      assert.equal(error.code, 'ERR_INVALID_ARGUMENT')
      assert.ok(error.cause instanceof TypeError)
      return error.message
    }
    assert.match(await said({ method: 'NOT A METHOD' }), /init\.method/)
    assert.match(await said({ headers: { 'bad name': '1' } }), /init\.headers/)
    assert.match(await said({ headers: { name: 'bad\nvalue' } }), /init\.headers/)
    assert.match(await said({ signal: any(1) }), /init\.signal/)
    assert.match(await said({ mode: any('navigate') }), /init\.mode/)
    assert.match(await said({ body: 'x' }), /init\.body requires/)
    assert.match(await said({ method: 'POST', body: new Blob(['x']).stream() }), /init\.duplex/)
    assert.match(await said(any('x')), /init must be an object/)
    const used = new Request('https://registry.test/v2/', { method: 'POST', body: 'x' })
    await used.text()
    await assert.rejects(client.fetch(used), /used already/)
    assert.deepEqual(server.take(), [])
  })

  test('a second source for init is refused', async () => {
    await init()
    await assert.rejects(init(new Uint8Array()), { code: 'ERR_INVALID_ARGUMENT', message: /another source/ })
    await init({})
  })

  test('a closed client says so', async () => {
    const { server, client } = await loggedIn()
    client.close()
    client.close()
    await rejects(client.fetch('/v2/'), 'ERR_CLOSED')
    await rejects(client.login(USER), 'ERR_CLOSED')
    await assert.rejects(list(client.catalog()), { code: 'ERR_CLOSED' })
    // The session goes on: another client may have it.
    assert.deepEqual([client.session, server.take()], [null, []])
  })
})

describe('errors', () => {
  test('structuredClone and JSON keep their fields, and no secret', async () => {
    const { client } = await setUp()
    const error = await client.login({ ...USER, password: 'wrong secret' }).catch((error) => any(error))
    assert.ok(error instanceof DockpassError)
    assert.ok(error instanceof Error)
    const fields = ['name', 'code', 'message', 'step', 'status', 'requestId', 'steps']
    const expected = Object.fromEntries(fields.map((field) => [field, error[field]]))
    assert.equal(any(error).steps.at(-1).code, 'bad_credentials')
    for (const copy of [structuredClone(error), JSON.parse(JSON.stringify(error))]) {
      assert.deepEqual(Object.fromEntries(fields.map((field) => [field, copy[field]])), expected)
      assert.doesNotMatch(JSON.stringify(copy), /wrong secret|SECRET/)
    }
    assert.match(error.stack, /^DockpassError: The registry refused[^]*robust\.test\.mjs/)
    assert.equal(String(error), `DockpassError: ${error.message}`)
  })

  test('a cause that cannot be cloned stays behind', async () => {
    const { client } = await setUp()
    const reason = () => 'a function cannot be cloned'
    const error = await client.fetch('/v2/', { signal: AbortSignal.abort(reason) }).catch((error) => error)
    assert.equal(error.cause, reason)
    assert.equal(structuredClone(error).code, 'aborted')
  })

  test('the signal decides whether it was an abort or a timeout', async () => {
    const { client } = await setUp({ hooks: { 'POST /v1/sessions': () => new Promise(() => {}) } })
    await rejects(client.login(USER, { signal: AbortSignal.timeout(20) }), 'aborted', {
      name: 'TimeoutError',
    })
    await rejects(client.login(USER, { signal: AbortSignal.abort() }), 'aborted', { name: 'AbortError' })
  })
})

describe('a page of another origin', () => {
  /** This process as a page: a browser gives no response to what is not allowed, and one to what needs no permission. */
  const asPage = (keyServer, { isThere = true } = {}) => {
    const sent = []
    const fetch = async (request) => {
      sent.push(`${request.mode} ${request.url}`)
      if (request.mode === 'no-cors' && isThere) return new Response()
      throw new TypeError('Failed to fetch')
    }
    Object.assign(globalThis, { location: new URL('https://page.test/') })
    return { sent, connecting: RegistryClient.registries({ keyServer, fetch }) }
  }
  after(() => Reflect.deleteProperty(globalThis, 'location'))

  test('that the key server does not allow is told what to configure', async () => {
    const { sent, connecting } = asPage('https://keys.test/base/')
    await rejects(connecting, 'origin_not_allowed', { step: 'key_server' })
    await assert.rejects(connecting, /cors\.allowed_origins/)
    assert.deepEqual(sent, [
      'cors https://keys.test/base/v1/registries',
      'no-cors https://keys.test/base/healthz',
    ])
  })

  test('is told when there is no server', async () => {
    const { connecting } = asPage('https://keys.test/', { isThere: false })
    await rejects(connecting, 'key_server_unreachable')
  })

  test('is told when the browser refuses http', async () => {
    const { sent, connecting } = asPage('http://keys.test/')
    await rejects(connecting, 'key_server_unreachable')
    await assert.rejects(connecting, /https/)
    assert.equal(sent.length, 1)
  })
})

describe('retries', () => {
  const CATALOG = 'GET /r/registry.test/v2/_catalog'
  const times = (count, hook) => {
    let left = count
    return (request) => (left-- > 0 ? hook(request) : 'go on')
  }

  test('a busy server is asked again, after the time that it says', async () => {
    const busy = ({ send }) => send(429, {}, { 'retry-after': '0' })
    const { server, client } = await setUp({ auth: 'open', hooks: { [CATALOG]: times(2, busy) } })
    assert.deepEqual(await list(client.catalog()), ['app', 'public/app'])
    assert.deepEqual(server.take(), [CATALOG, CATALOG, CATALOG])
    const overloaded = ({ problem }) => problem('overloaded', 503)
    const { server: other, client: second } = await loggedIn({
      hooks: { 'POST /v1/token': times(1, overloaded) },
    })
    assert.equal((await second.fetch('/v2/app/tags/list')).status, 200)
    assert.equal(other.take().filter((request) => request === 'POST /v1/token').length, 2)
  })

  test('a long pause, and one more than allowed, are errors', async () => {
    const busy = (seconds) => ({
      hooks: { 'GET /r/registry.test/v2/': ({ send }) => send(429, {}, { 'retry-after': seconds }) },
    })
    const long = await setUp(busy('60'))
    await rejects(long.client.fetch('/v2/'), 'rate_limited', { retryAfter: 60_000 })
    assert.equal(long.server.take().length, 1)
    const often = await setUp(busy('0'), { retry: 1 })
    await rejects(often.client.fetch('/v2/'), 'rate_limited')
    assert.equal(often.server.take().length, 2)
  })

  test('a login and a body are not sent twice', async () => {
    const busy = ({ problem }) => problem('rate_limited', 429, { retry_after: 0 })
    const { server, client } = await setUp({ hooks: { 'POST /v1/sessions': busy } })
    await rejects(client.login(USER), 'rate_limited')
    assert.deepEqual(server.take(), ['POST /v1/sessions'])
  })

  test('a lost connection is repeated for requests that change nothing, once the server has responded', async () => {
    const cut = ({ response }) => response.destroy()
    const { server, client } = await setUp({ auth: 'open', hooks: { [CATALOG]: times(1, cut) } })
    await client.fetch('/v2/')
    server.take()
    assert.deepEqual(await list(client.catalog()), ['app', 'public/app'])
    assert.deepEqual(server.take(), [CATALOG, CATALOG])
    const post = await setUp({ auth: 'open', hooks: { 'POST /r/registry.test/v2/app/blobs/uploads/': cut } })
    await post.client.fetch('/v2/')
    post.server.take()
    await rejects(post.client.fetch('/v2/app/blobs/uploads/', { method: 'POST' }), 'key_server_unreachable')
    assert.equal(post.server.take().length, 1)
  })

  test('a server that takes too long is a TimeoutError', async () => {
    const { client } = await setUp(
      { hooks: { [CATALOG]: () => new Promise(() => {}) } },
      { timeout: 30, retry: 0 },
    )
    const error = await list(client.catalog()).catch((error) => error)
    assert.deepEqual([error.code, error.name], ['aborted', 'TimeoutError'])
  })

  test('no more requests at a time than allowed', async () => {
    let [now, most] = [0, 0]
    const slow = async ({ send }) => {
      most = Math.max(most, (now += 1))
      await new Promise((resolve) => setTimeout(resolve, 15))
      now -= 1
      send(200, {})
    }
    const { client } = await setUp(
      { auth: 'open', hooks: { 'GET /r/registry.test/v2/': slow } },
      { concurrency: 2 },
    )
    await Promise.all(Array.from({ length: 7 }, () => client.fetch('/v2/')))
    assert.equal(most, 2)
  })

  test('options that are no numbers are refused', async () => {
    for (const wrong of [
      { retry: -1 },
      { retry: 1.5 },
      { timeout: 0 },
      { timeout: 'x' },
      { concurrency: 0 },
    ]) {
      await rejects(
        RegistryClient.connect(any({ keyServer: 'http://127.0.0.1:1', registry: 'registry.test', ...wrong })),
        'ERR_INVALID_ARGUMENT',
      )
    }
  })
})
