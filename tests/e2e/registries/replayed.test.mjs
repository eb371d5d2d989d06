// Every registry of docs/registries.md by its recorded or composed responses: the npm package and the key server get the
// expected results. A request without a response in the fixture fails the test.

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { connect, seen } from '../harness/dockpass.mjs'
import { changedRepository, fixtureNames, readFixture, userOf } from '../harness/fixtures.mjs'
import { startKeyServer } from '../harness/keyserver.mjs'
import { scratch, stopAll } from '../harness/process.mjs'
import { programs } from '../harness/programs.mjs'
import { startReplay } from '../harness/replay.mjs'

const folder = await scratch('replayed')
const { keyserver: program } = await programs('keyserver')

after(async () => {
  await stopAll()
  await folder.remove()
})

for (const name of await fixtureNames()) {
  const fixture = await readFixture(name)
  const user = userOf(fixture)
  describe(`${fixture.registry}: ${fixture.setup}`, () => {
    let replay
    let keyserver
    const open = () => connect(keyserver, keyserver.registries.replayed)
    /** The requests so far, for the message of a failed assertion. */
    const requests = () => `requests:\n${replay.asked.join('\n')}\nunmatched:\n${replay.unmatched.join('\n')}`
    const credentials = () => ({ username: user.as, password: replay.people[user.as] })

    before(async () => {
      replay = await startReplay(fixture)
      keyserver = await startKeyServer({
        name,
        program,
        folder: await folder.folder(name),
        registries: [{ name: 'replayed', url: replay.url, realms: replay.realms }],
      })
    })

    after(async () => {
      await keyserver.stop()
      await replay.stop()
    })

    afterEach(() => assert.deepEqual(replay.unmatched, [], requests()))

    for (const { as, ...wanted } of fixture.expect) {
      it(`shows ${as} the expected repositories`, async () => {
        const [username, wrong] = as.split(':')
        const password = wrong === undefined ? replay.people[username] : 'not the password'
        assert.deepEqual(await seen(await open(), wanted, { username, password }), wanted, requests())
      })
    }

    if (user !== undefined) {
      it('ends a session with a logout', async () => {
        const client = await open()
        const ended = new Promise((resolve) => {
          client.addEventListener('signedout', (/** @type {any} */ event) => resolve(event.detail.reason))
        })
        await client.login(credentials())
        await client.logout()
        assert.equal(await ended, 'logout')
        const { tags } = fixture.expect.find(({ as }) => as === 'nobody')
        assert.deepEqual(await seen(client, { tags }), { tags }, requests())
      })
    }

    const repository = changedRepository(fixture)
    if (repository !== undefined) {
      it('reports a changed password', async () => {
        const client = await open()
        const old = credentials()
        await client.login(old)
        replay.people[user.as] = 'another password'
        const wanted = { tags: { [repository]: 'bad_credentials' } }
        assert.deepEqual(await seen(client, wanted), wanted, requests())
        const refused = { login: 'bad_credentials' }
        assert.deepEqual(await seen(await open(), refused, old), refused, requests())
      })
    }

    // The last one: nothing responds after it.
    it('reports that the registry cannot be reached', async () => {
      const client = await open()
      if (user !== undefined) await client.login(credentials())
      await replay.stop()
      const repositories = Object.keys((user ?? fixture.expect.find(({ as }) => as === 'nobody')).tags)
      for (const each of repositories) {
        const wanted = { tags: { [each]: 'upstream_unreachable' } }
        assert.deepEqual(await seen(client, wanted), wanted)
      }
    })
  })
}
