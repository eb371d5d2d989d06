// The same scenarios for every real registry, through the npm package and the key server.

import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { connect, seen } from '../harness/dockpass.mjs'
import { startKeyServer } from '../harness/keyserver.mjs'
import { people } from './recordings.mjs'

const REPOSITORY = 'team-a/secret-plans'

/**
 * Declares the tests of one recording with its `fixture`. `start` resolves with what the recording's `start` does, and
 * `setPassword(running, user, password)`, if given, changes a password of what it resolved with.
 */
export function scenarios({ name, fixture, start, setPassword, program, folder }) {
  const ada = fixture.expect.find(({ as, login }) => as === 'ada' && login === 'ok')
  let running
  let keyserver
  const open = () => connect(keyserver, keyserver.registries[name])

  before(async () => {
    running = await start()
    const { registry, ...others } = running.origins
    keyserver = await startKeyServer({
      name: `keyserver-${name}`,
      program,
      folder: await folder.folder(`keyserver-${name}`),
      registries: [
        { name, url: registry, realms: Object.values(others).map((origin) => origin + fixture.realm) },
      ],
    })
  })

  it('shows each user what the recorded responses contain', async () => {
    for (const { as, ...wanted } of fixture.expect) {
      const [username, wrong] = as.split(':')
      const password = wrong === undefined ? people[username] : 'not the password'
      assert.deepEqual(await seen(await open(), wanted, { username, password }), wanted, as)
    }
  })

  if (ada !== undefined) {
    it('ends a session with a logout', async () => {
      const client = await open()
      await client.login({ username: 'ada', password: people.ada })
      assert.equal(client.session.username, 'ada')
      const wanted = { tags: { [REPOSITORY]: ada.tags[REPOSITORY] } }
      assert.deepEqual(await seen(client, wanted), wanted)
      const ended = new Promise((resolve) => {
        client.addEventListener('signedout', (/** @type {any} */ event) => resolve(event.detail.reason), {
          once: true,
        })
      })
      await client.logout()
      assert.equal(await ended, 'logout')
      const nobody = fixture.expect.find(({ as }) => as === 'nobody')
      const { [REPOSITORY]: refused = 'login_required' } = nobody?.tags ?? {}
      assert.deepEqual(await seen(client, wanted), { tags: { [REPOSITORY]: refused } })
    })
  }

  if (setPassword !== undefined) {
    it('reports a changed password', async () => {
      const credentials = { username: 'bob', password: people.bob }
      const client = await open()
      await client.login(credentials)
      await setPassword(running, 'bob', 'another password')
      // Some registries read their file of passwords again after some seconds.
      await until(async () => {
        const refused = { login: 'bad_credentials' }
        assert.deepEqual(await seen(await open(), refused, credentials), refused)
      })
      const wanted = { tags: { 'team-b/tools': 'bad_credentials' } }
      assert.deepEqual(await seen(client, wanted), wanted)
      const again = await open()
      await again.login({ ...credentials, password: 'another password' })
      const listed = { tags: { 'team-b/tools': ['2.1', 'latest'] } }
      assert.deepEqual(await seen(again, listed), listed)
    })
  }

  it('reports that the registry cannot be reached', async () => {
    const client = await open()
    await running.server.stop()
    await running.tokens?.stop()
    const wanted = { tags: { [REPOSITORY]: 'upstream_unreachable' } }
    assert.deepEqual(await seen(client, wanted), wanted)
    const login = { login: 'upstream_unreachable' }
    assert.deepEqual(await seen(await open(), login, { username: 'ada', password: people.ada }), login)
  })
}

/** Until an assertion holds. */
async function until(assertion, seconds = 20) {
  const deadline = Date.now() + seconds * 1000
  for (;;) {
    try {
      return await assertion()
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 250)
    })
  }
}
