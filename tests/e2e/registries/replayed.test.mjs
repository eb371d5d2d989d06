// Every registry of docs/registries.md by its recorded or composed answers: the npm package and the key server get the
// expected results. A request without a response in the fixture fails the test.

import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { connect, seen } from '../harness/dockpass.mjs'
import { fixtureNames, readFixture } from '../harness/fixtures.mjs'
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
  describe(`${fixture.registry}: ${fixture.setup}`, () => {
    for (const { as, ...wanted } of fixture.expect) {
      it(`shows ${as} the expected repositories`, async () => {
        const replay = await startReplay(fixture)
        const keyserver = await startKeyServer({
          name: `${name}-${as.replace(':', '-')}`,
          program,
          folder: await folder.folder(`${name}-${as.replace(':', '-')}`),
          registries: [{ name: 'replayed', url: replay.url, realms: replay.realms }],
        })
        try {
          const client = await connect(keyserver, keyserver.registries.replayed)
          const [username, wrong] = as.split(':')
          const password = wrong === undefined ? replay.people[username] : 'not the password'
          const got = await seen(client, wanted, { username, password })
          assert.deepEqual(
            got,
            wanted,
            `asked:\n${replay.asked.join('\n')}\nunmatched:\n${replay.unmatched.join('\n')}`,
          )
          assert.deepEqual(replay.unmatched, [], replay.asked.join('\n'))
        } finally {
          await keyserver.stop()
          await replay.stop()
        }
      })
    }
  })
}
