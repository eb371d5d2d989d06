// Tokens for more than one request: scopes that a page asks for ahead, and tokens that serve a request for fewer.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { list, loggedIn, rejects, setUp } from './support/clients.mjs'

const PATH = '/v2/app/tags/list'
const TAGS = `GET /r/registry.test${PATH}`
const MANIFEST = 'GET /r/registry.test/v2/app/manifests/latest'

describe('scopes of a client and of a request', () => {
  test('one token serves a row of requests', async () => {
    const { server, client } = await loggedIn()
    const wide = client.with({ scopes: ['repository:app:pull,push', 'registry:catalog:*'] })
    await list(wide.tags('app', { n: 9 }))
    await wide.manifest('app', 'latest')
    await list(wide.catalog())
    const requests = server.requests.filter(({ path }) => path === '/v1/token')
    assert.deepEqual(
      requests.map(({ body }) => body.scopes),
      [['registry:catalog:*', 'repository:app:pull,push']],
    )
    // And those of the client that it is from, for the part that it grants.
    server.take()
    await client.fetch(PATH)
    assert.deepEqual(server.take(), [TAGS])
  })

  test('scopes of one request', async () => {
    const { server, client } = await loggedIn()
    await client.fetch(PATH, { scopes: ['repository:other:pull'] })
    await client.fetch('/v2/other/tags/list')
    assert.equal(server.take().filter((request) => request === 'POST /v1/token').length, 1)
    await rejects(client.fetch(PATH, { scopes: ['nonsense'] }), 'ERR_SCOPE_SYNTAX')
    assert.throws(() => client.with({ scopes: ['nonsense'] }), { code: 'ERR_SCOPE_SYNTAX' })
  })

  test('`with` adds to `with`, and the session is the same', async () => {
    const { server, client } = await loggedIn()
    const both = client.with({ scopes: ['repository:a:pull'] }).with({ scopes: ['repository:b:pull'] })
    assert.equal(both.session, client.session)
    await both.fetch(PATH)
    assert.deepEqual(server.requests.find(({ path }) => path === '/v1/token')?.body.scopes, [
      'repository:a:pull',
      'repository:app:pull',
      'repository:b:pull',
    ])
  })

  test('a registry without tokens needs none', async () => {
    const { server, client } = await setUp({ auth: 'open' })
    await list(client.with({ scopes: ['repository:app:pull'] }).tags('app', { n: 9 }))
    assert.deepEqual(server.take(), [TAGS])
  })
})

describe('a token for more serves a request for fewer', () => {
  test('if it says that it grants them', async () => {
    const { server, client } = await loggedIn()
    await client.fetch(PATH, { scopes: ['repository:app:push', 'repository:secret:pull'] })
    server.take()
    await client.manifest('app', 'latest')
    assert.deepEqual(server.take(), [MANIFEST])
    // It was requested and denied: another token may grant it.
    await rejects(client.fetch('/v2/secret/tags/list'), 'scope_denied')
    assert.ok(server.take().includes('POST /v1/token'))
  })

  test('not if it is opaque', async () => {
    let issued = 0
    const opaque = ({ send }) => send(200, { token: `opaque-${(issued += 1)}`, expires_in: 300 })
    const { server, client } = await loggedIn({
      hooks: { 'POST /v1/token': opaque, [TAGS]: ({ send }) => send(200, { tags: [] }) },
    })
    await client.authorize(['repository:app:pull,push'])
    server.take()
    await client.fetch(PATH)
    assert.deepEqual(server.take(), ['POST /v1/token', TAGS])
  })

  test('not after it was refused', async () => {
    const { server, client } = await loggedIn()
    await client.authorize(['repository:app:pull,push'])
    server.invalidate()
    server.take()
    assert.equal((await client.fetch(PATH)).status, 200)
    assert.deepEqual(server.take(), [TAGS, 'POST /v1/token', TAGS])
    await client.fetch(PATH)
    assert.deepEqual(server.take(), [TAGS])
  })

  test('not after its session', async () => {
    const { server, client } = await loggedIn()
    await client.authorize(['repository:app:pull,push'])
    await client.logout()
    server.take()
    await rejects(client.fetch(PATH), 'login_required')
  })
})
