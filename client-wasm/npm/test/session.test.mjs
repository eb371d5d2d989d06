// Who is logged in: tabs and clients that share a cookie, the end of sessions, and logins that nobody sees.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { RegistryClient } from 'dockpass'
import { list, loggedIn, rejects, setUp } from './support/clients.mjs'
import { BOB, USER, browserLike } from './support/key-server.mjs'

const TAGS = '/v2/app/tags/list'

/** Two clients with the cookie of one browser. */
async function twoTabs(options) {
  const fetch = browserLike()
  const first = await setUp(options, { carrier: 'cookie', fetch })
  const connect = { keyServer: first.server.url, registry: 'registry.test', carrier: 'cookie', fetch }
  const second = await RegistryClient.connect(/** @type {any} */ (connect))
  const tabs = [first.client, second]
  return {
    server: first.server,
    ada: first.client,
    other: second,
    close: () => tabs.forEach((tab) => tab.close()),
  }
}

/** The next `session` event of a client. */
const change = (client) =>
  new Promise((resolve) =>
    client.addEventListener('session', ({ detail }) => resolve(detail), { once: true }),
  )

/** What a client says of its session, in order. */
function hear(client) {
  const heard = []
  client.addEventListener('session', ({ detail: { session, previous, reason } }) =>
    heard.push(`${previous?.username} ${session?.username} ${reason}`),
  )
  client.addEventListener('signedout', ({ detail }) => heard.push(`signedout ${detail.reason}`))
  return heard
}

// Threats: WEB-11.
describe('tabs of one browser', () => {
  test('a login, another user and a logout in one reach the other', async () => {
    const { server, ada, other, close } = await twoTabs({})
    const heard = hear(other)
    let changed = change(other)
    await ada.login(USER)
    await changed
    assert.equal(other.session.username, 'alice')
    changed = change(other)
    await ada.login(BOB)
    await changed
    assert.equal(other.session.username, 'bob')
    changed = change(other)
    await ada.logout()
    await changed
    assert.equal(other.session, null)
    assert.deepEqual(heard, [
      'undefined alice elsewhere',
      'alice bob elsewhere',
      'bob undefined elsewhere',
      'signedout elsewhere',
    ])
    server.take()
    await rejects(other.fetch(TAGS), 'login_required')
    close()
  })

  test('no request is done as another user than the client shows, even before it has heard of it', async () => {
    const { server, ada, other, close } = await twoTabs({})
    await ada.login(USER)
    if (other.session === null) await change(other)
    const heard = hear(other)
    // A tab that hears nothing, because it is frozen for instance.
    await silently(() => ada.login(BOB))
    assert.equal(other.session.username, 'alice')
    server.take()
    await rejects(other.fetch(TAGS), 'session_changed', { step: 'key_server', status: 409 })
    assert.deepEqual(server.take(), ['POST /v1/token', 'GET /v1/session'])
    assert.equal(other.session.username, 'bob')
    assert.deepEqual(heard, ['alice bob elsewhere'])
    // From here on, everybody sees who it is.
    assert.equal((await other.fetch(TAGS)).status, 200)
    close()
  })

  test('a logout of a session that is another one by now ends nothing', async () => {
    const { server, ada, other, close } = await twoTabs({})
    await ada.login(USER)
    if (other.session === null) await change(other)
    await silently(() => ada.login(BOB))
    await other.logout()
    assert.equal(other.session, null)
    server.take()
    assert.equal((await ada.fetch(TAGS)).status, 200)
    assert.equal(ada.session.username, 'bob')
    close()
  })

  test('a login that was missed is found when one is required', async () => {
    const { server, ada, other, close } = await twoTabs({})
    await silently(() => ada.login(USER))
    assert.equal(other.session, null)
    server.take()
    assert.deepEqual(await list(other.tags('app', { n: 9 })), ['v1', 'v2', 'v3', 'v4', 'v5'])
    assert.equal(other.session.username, 'alice')
    assert.ok(server.take().includes('GET /v1/session'))
    close()
  })

  test('a page that comes back from the back/forward cache asks again', async () => {
    const listeners = new Set()
    Object.assign(globalThis, {
      addEventListener: (type, listener) => type === 'pageshow' && listeners.add(listener),
      removeEventListener: (type, listener) => listeners.delete(listener),
    })
    try {
      const { server, ada, other, close } = await twoTabs({})
      await silently(() => ada.login(USER))
      server.take()
      const changed = change(other)
      for (const listener of listeners) listener({ persisted: false })
      assert.deepEqual(server.take(), [])
      for (const listener of listeners) listener({ persisted: true })
      await changed
      assert.equal(other.session.username, 'alice')
      close()
      assert.equal(listeners.size, 0)
    } finally {
      Reflect.deleteProperty(globalThis, 'addEventListener')
      Reflect.deleteProperty(globalThis, 'removeEventListener')
    }
  })

  test('what others say on the channel is not believed', async () => {
    const { server, other, close } = await twoTabs({})
    const heard = hear(other)
    const channel = new BroadcastChannel(`dockpass ${server.url} registry.test`)
    server.take()
    channel.postMessage({ session: { username: 'mallory' }, type: 'login' })
    await new Promise((resolve) => setTimeout(resolve, 50))
    channel.close()
    assert.deepEqual([other.session, heard], [null, []])
    assert.ok(server.take().every((request) => request === 'GET /v1/session'))
    close()
  })
})

const { postMessage } = BroadcastChannel.prototype
/** Does something of which no other tab hears. */
async function silently(work) {
  BroadcastChannel.prototype.postMessage = () => {}
  try {
    return await work()
  } finally {
    BroadcastChannel.prototype.postMessage = postMessage
  }
}

describe('events', () => {
  test('session is emitted for every change, before signedout', async () => {
    const { server, client } = await setUp()
    const heard = hear(client)
    await client.login(USER)
    await client.login(BOB)
    await client.logout()
    await client.login(USER)
    server.revoke()
    await rejects(client.fetch(TAGS), 'invalid_session')
    assert.deepEqual(heard, [
      'undefined alice login',
      'alice bob login',
      'bob undefined logout',
      'signedout logout',
      'undefined alice login',
      'alice undefined invalid_session',
      'signedout invalid_session',
    ])
  })

  test('a client of `with` has the events of the one that it is from', async () => {
    const { client } = await setUp()
    const heard = hear(client.with({ scopes: ['repository:app:pull'] }))
    await client.login(USER)
    assert.deepEqual(heard, ['undefined alice login'])
  })

  test('clients with the bearer carrier have nothing to do with each other', async () => {
    const { server, client } = await loggedIn()
    const second = await RegistryClient.connect({ keyServer: server.url, registry: 'registry.test' })
    assert.equal(second.session, null)
    await second.login(BOB)
    await second.logout()
    assert.equal(client.session.username, 'alice')
    assert.equal((await client.fetch(TAGS)).status, 200)
  })
})

describe('a login that nobody sees', () => {
  test('when one is required, once for calls at the same time', async () => {
    const needs = []
    const reauthenticate = async (need) => {
      needs.push(need)
      return USER
    }
    const { server, client } = await setUp({}, { reauthenticate })
    const results = await Promise.all([
      client.fetch(TAGS),
      client.fetch(TAGS),
      client.manifest('app', 'latest'),
    ])
    assert.deepEqual([results[0].status, results[1].status], [200, 200])
    assert.deepEqual(needs, [{ registry: 'registry.test', reason: 'login_required' }])
    assert.equal(server.take().filter((request) => request === 'POST /v1/sessions').length, 1)
  })

  test('of another call: one that was sent before it is sent again', async () => {
    let release = () => {}
    const held = new Promise((resolve) => (release = () => resolve(undefined)))
    let sent = () => {}
    const isSent = new Promise((resolve) => (sent = () => resolve(undefined)))
    // The call below has an anonymous token. The refusal of that arrives after the login.
    const late = async ({ entry }) => {
      if (entry.headers.authorization === undefined) return 'go on'
      sent()
      await held
      return 'go on'
    }
    const { client } = await setUp({ hooks: { 'GET /r/registry.test/v2/app/tags/list': late } })
    const early = client.fetch(TAGS)
    await isSent
    await client.login(USER)
    release()
    assert.equal((await early).status, 200)
  })

  test('when the session has ended: the call goes on and no end is announced', async () => {
    const { server, client } = await loggedIn({}, { reauthenticate: () => ({ identityToken: 'refresh' }) })
    const heard = hear(client)
    server.revoke()
    assert.equal((await client.fetch(TAGS)).status, 200)
    assert.deepEqual(heard, ['alice alice login'])
  })

  test('when there are no credentials, the end is announced and the call fails', async () => {
    const { server, client } = await loggedIn({}, { reauthenticate: async () => null })
    const heard = hear(client)
    server.revoke()
    await rejects(client.fetch(TAGS), 'invalid_session')
    assert.deepEqual(heard, ['alice undefined invalid_session', 'signedout invalid_session'])
  })

  test('its failure is the failure of the call', async () => {
    const { client } = await setUp({}, { reauthenticate: () => ({ ...USER, password: 'wrong' }) })
    await rejects(client.fetch(TAGS), 'bad_credentials')
    await rejects(
      RegistryClient.connect(/** @type {any} */ ({ keyServer: '/', registry: 'a.test', reauthenticate: 1 })),
      'ERR_INVALID_ARGUMENT',
    )
  })
})

test('clients of several registries work at the same time', async () => {
  const one = await loggedIn()
  const two = await setUp({ auth: 'open' })
  const [tags, names] = await Promise.all([list(one.client.tags('app')), list(two.client.catalog())])
  assert.deepEqual([tags.length, names], [5, ['app', 'public/app']])
  assert.deepEqual([one.client.session.username, two.client.session], ['alice', null])
})
