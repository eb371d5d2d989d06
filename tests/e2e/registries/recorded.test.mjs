// The recorded answers of registries are those that the registries give: each is started, filled by real clients, and asked
// the recorded requests again. `DOCKPASS_RECORD=1` writes the answers down instead.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Recorder } from '../harness/exchange.mjs'
import { readFixture, writeFixture } from '../harness/fixtures.mjs'
import { scratch, stopAll } from '../harness/process.mjs'
import { programs, versions } from '../harness/programs.mjs'
import { makeImages } from '../harness/setups.mjs'
import { ordered, people, recordings } from './recordings.mjs'

const folder = await scratch('recorded')
const found = await programs(
  'registry3',
  'docker_auth',
  'olareg',
  'crane',
  'regctl',
  'skopeo',
  'htpasswd',
  'openssl',
)
const writing = process.env.DOCKPASS_RECORD === '1'

let images

before(async () => {
  images = await makeImages(await folder.folder('images'))
})

after(async () => {
  await stopAll()
  await folder.remove()
})

for (const [name, recording] of Object.entries(recordings)) {
  describe(name, () => {
    let recorder
    before(async () => {
      const { origins } = await recording.start({
        programs: found,
        folder: await folder.folder(name),
        images,
      })
      recorder = new Recorder({ origins, people })
    })

    it('responds as recorded', async () => {
      const exchanges = []
      for (const request of recording.requests) {
        exchanges.push({ request, response: await recorder.ask(request) })
      }
      if (writing) {
        const [version] = await versions({ [recording.program]: found[recording.program] })
        await writeFixture(name, { ...recording, version, exchanges })
      }
      const fixture = await readFixture(name)
      assert.deepEqual(exchanges.map(ordered), fixture.exchanges.map(ordered))
    })
  })
}
