// Every registry of docs/registries.md by its recorded or composed responses: the npm package and the key server get the
// expected results. A request without a response in the fixture fails the test.

import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
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

/** Runs `work` with a replay of a fixture, and a function that connects to it through a key server of its own. */
async function withReplay(fixture, name, work) {
  const replay = await startReplay(fixture)
  const keyserver = await startKeyServer({
    name,
    program,
    folder: await folder.folder(name),
    registries: [{ name: 'replayed', url: replay.url, realms: replay.realms }],
  })
  try {
    await work(replay, () => connect(keyserver, keyserver.registries.replayed))
    assert.deepEqual(replay.unmatched, [], replay.asked.join('\n'))
  } finally {
    await keyserver.stop()
    await replay.stop()
  }
}

for (const name of await fixtureNames()) {
  const fixture = await readFixture(name)
  const user = userOf(fixture)
  describe(`${fixture.registry}: ${fixture.setup}`, () => {
    for (const { as, ...wanted } of fixture.expect) {
      it(`shows ${as} the expected repositories`, async () => {
        await withReplay(fixture, `${name}-${as.replace(':', '-')}`, async (replay, open) => {
          const [username, wrong] = as.split(':')
          const password = wrong === undefined ? replay.people[username] : 'not the password'
          const got = await seen(await open(), wanted, { username, password })
          const requests = `requests:\n${replay.asked.join('\n')}\nunmatched:\n${replay.unmatched.join('\n')}`
          assert.deepEqual(got, wanted, requests)
        })
      })
    }

    if (user !== undefined) {
      it('ends a session with a logout', async () => {
        await withReplay(fixture, `${name}-logout`, async (replay, open) => {
          const client = await open()
          const ended = new Promise((resolve) => {
            client.addEventListener('signedout', (/** @type {any} */ event) => resolve(event.detail.reason))
          })
          await client.login({ username: user.as, password: replay.people[user.as] })
          await client.logout()
          assert.equal(await ended, 'logout')
          const { tags } = fixture.expect.find(({ as }) => as === 'nobody')
          assert.deepEqual(await seen(client, { tags }), { tags })
        })
      })
    }

    const repository = changedRepository(fixture)
    if (repository !== undefined) {
      it('reports a changed password', async () => {
        await withReplay(fixture, `${name}-changed`, async (replay, open) => {
          const credentials = { username: user.as, password: replay.people[user.as] }
          const client = await open()
          await client.login(credentials)
          replay.people[user.as] = 'another password'
          const wanted = { tags: { [repository]: 'bad_credentials' } }
          const got = await seen(client, wanted)
          assert.deepEqual(
            got,
            wanted,
            `${replay.asked.join('\n')}\nunmatched:\n${replay.unmatched.join('\n')}`,
          )
          const refused = { login: 'bad_credentials' }
          assert.deepEqual(await seen(await open(), refused, credentials), refused)
        })
      })
    }

    it('reports that the registry cannot be reached', async () => {
      await withReplay(fixture, `${name}-stopped`, async (replay, open) => {
        const client = await open()
        const who = user ?? fixture.expect.find(({ as }) => as === 'nobody')
        if (user !== undefined) await client.login({ username: user.as, password: replay.people[user.as] })
        await replay.stop()
        const [first] = Object.keys(who.tags)
        const wanted = { tags: { [first]: 'upstream_unreachable' } }
        assert.deepEqual(await seen(client, wanted), wanted)
      })
    })
  })
}
