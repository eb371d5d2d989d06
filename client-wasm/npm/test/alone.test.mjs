// A page that talks to a registry by itself: directly with tokens of the key server, and without any key server.

import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import init, { RegistryClient } from 'dockpass'
import { list, loggedIn, rejects } from './support/clients.mjs'
import { USER, start } from './support/key-server.mjs'

const any = (value) => /** @type {any} */ (value)
const stops = []
after(() => Promise.all(stops.map((stop) => stop())))

/** A registry that is open, or wants tokens of this process. */
async function alone(options, hooks = {}) {
  await init()
  // The registry at `/direct` of the server in this process, without its key server.
  const server = await start({ auth: 'open', hooks })
  stops.push(server.stop)
  const connect = { registry: 'registry.test', url: `${server.url}/direct`, ...options }
  return { server, client: await RegistryClient.connect(connect) }
}

const TAGS = 'GET /direct/v2/app/tags/list'
const challenge = 'Bearer realm="https://auth.test/token",service="registry.test",scope="repository:app:pull"'
/** Wants a token, and one of these. */
const guarded =
  (...good) =>
  ({ entry, send }) =>
    good.includes(entry.headers.authorization?.slice('Bearer '.length))
      ? send(200, { tags: [String(entry.headers['x-dockpass'])] })
      : send(401, {}, { 'www-authenticate': challenge })

describe('without a key server', () => {
  test('an open registry', async () => {
    const open = ({ entry, send }) => send(200, { tags: [String(entry.headers.authorization)] })
    const { server, client } = await alone({}, { [TAGS]: open })
    assert.deepEqual(server.take(), [])
    assert.deepEqual(await list(client.tags('app')), ['undefined'])
    assert.equal(client.session, null)
    assert.deepEqual(server.take(), [TAGS])
  })

  test('a token that the page has is sent at once, and no header of dockpass', async () => {
    const { server, client } = await alone({ token: 'mine' }, { [TAGS]: guarded('mine') })
    assert.deepEqual(await list(client.tags('app')), ['undefined'])
    assert.deepEqual(server.take(), [TAGS])
    assert.equal(server.requests.length, 0)
  })

  test('a token that is refused is not sent for ever', async () => {
    const { server, client } = await alone({ token: 'old' }, { [TAGS]: guarded('new') })
    await rejects(list(client.tags('app')), 'token_rejected')
    assert.ok(server.take().length <= 2)
  })

  test('a function is asked for what is needed, and again after a refusal', async () => {
    const needs = []
    const token = async (need) => {
      needs.push(need)
      return need.fresh ? { token: 'new', expiresIn: 300 } : 'old'
    }
    const { server, client } = await alone({ token }, { [TAGS]: guarded('new') })
    await list(client.tags('app'))
    await list(client.tags('app'))
    assert.deepEqual(
      needs.map(({ scopes, fresh }) => [scopes, fresh]),
      [
        [['repository:app:pull'], false],
        [['repository:app:pull'], true],
      ],
    )
    assert.deepEqual(server.take(), [TAGS, TAGS, TAGS])
  })

  test('a page without a token is told what to do', async () => {
    for (const options of [{}, { token: () => null }]) {
      const { client } = await alone(options, { [TAGS]: guarded('x') })
      const error = await list(client.tags('app')).catch((error) => error)
      assert.equal(error.code, 'login_required')
      assert.match(error.message, /pass it to connect\(\)/)
    }
  })

  test('what requires a key server says so', async () => {
    const { client } = await alone({})
    await assert.rejects(client.login(USER), { code: 'ERR_INVALID_ARGUMENT', message: /keyServer/ })
    await client.logout()
    for (const wrong of [
      { carrier: 'cookie' },
      { transport: 'gateway' },
      { reauthenticate: () => null },
      { token: 7 },
      { url: 'no' },
      { keyServer: 'http://127.0.0.1:1', token: 'x' },
      { keyServer: 'http://127.0.0.1:1', url: 'http://127.0.0.1:1' },
    ]) {
      await rejects(
        RegistryClient.connect(any({ registry: 'registry.test', ...wrong })),
        'ERR_INVALID_ARGUMENT',
      )
    }
  })

  test('a token goes to the registry and nowhere else', async () => {
    const { client } = await alone({ token: 'mine' })
    await rejects(client.fetch('https://evil.test/v2/'), 'ERR_OTHER_ORIGIN')
  })
})

test('directly, with tokens of the key server and without cookies', async () => {
  const seen = ({ entry, send }) => {
    const { authorization = '', cookie, 'x-dockpass': page } = entry.headers
    return authorization === '' && entry.search === ''
      ? send(401, {}, { 'www-authenticate': challenge })
      : send(200, { tags: [authorization.slice(0, 9), String(cookie), String(page)] })
  }
  const { server, client } = await loggedIn({ hooks: { [TAGS]: seen } }, { transport: 'direct' })
  assert.deepEqual(await list(client.tags('app')), ['Bearer ey', 'undefined', 'undefined'])
  assert.deepEqual(server.take(), ['POST /v1/token', TAGS])
  const basic = await loggedIn({ auth: 'basic', hooks: { [TAGS]: seen } }, { transport: 'direct' })
  await rejects(list(basic.client.tags('app')), 'basic_only')
})
