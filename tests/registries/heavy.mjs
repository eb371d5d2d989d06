// The tests of one heavy registry: its recorded answers, and what a person meets there.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Recorder } from '../e2e/harness/exchange.mjs'
import { readFixture, writeFixture } from '../e2e/harness/fixtures.mjs'
import { scratch, stopAll } from '../e2e/harness/process.mjs'
import { programs, versions } from '../e2e/harness/programs.mjs'
import { makeImages } from '../e2e/harness/setups.mjs'
import { ordered, people } from '../e2e/registries/recordings.mjs'
import { scenarios } from '../e2e/registries/scenarios.mjs'
import { heavyRecordings } from './recordings.mjs'

/** Declares the tests of a recording of `recordings.mjs`, which needs `more` programs than every one. */
export async function declare(name, ...more) {
  const recording = heavyRecordings[name]
  const folder = await scratch(name)
  const found = await programs(name, 'keyserver', 'crane', 'skopeo', 'htpasswd', ...more)
  const [version] = await versions({ [name]: found[name] })
  console.log(`peer ${version}`)
  let running

  before(async () => {
    const images = await makeImages(await folder.folder('images'))
    running = await recording.start({ programs: found, folder: await folder.folder('servers'), images })
  })

  after(async () => {
    await stopAll()
    await folder.remove()
  })

  const answers = async () => {
    const recorder = new Recorder({ origins: running.origins, people })
    const exchanges = []
    for (const request of recording.requests) {
      exchanges.push({ request, response: await recorder.ask(request) })
    }
    return exchanges
  }

  if (process.env.DOCKPASS_RECORD === '1') {
    it('is recorded', async () => {
      await writeFixture(name, { ...recording, version, exchanges: await answers() })
    })
    return
  }

  const fixture = await readFixture(name)
  describe(name, () => {
    it('answers as recorded', async () => {
      assert.deepEqual((await answers()).map(ordered), fixture.exchanges.map(ordered))
    })

    const { setPassword } = recording
    scenarios({ name, fixture, start: () => running, setPassword, program: found.keyserver, folder })
  })
}
