// Real registries, each with the same scenarios, through the npm package and the key server.

import { after, before, describe } from 'node:test'
import { readFixture } from '../harness/fixtures.mjs'
import { scratch, stopAll } from '../harness/process.mjs'
import { programs, versions } from '../harness/programs.mjs'
import { makeImages } from '../harness/setups.mjs'
import { recordings } from './recordings.mjs'
import { scenarios } from './scenarios.mjs'

const folder = await scratch('real')
const found = await programs(
  ...['keyserver', 'registry3', 'docker_auth', 'olareg', 'crane', 'regctl', 'skopeo', 'htpasswd', 'openssl'],
)
for (const line of await versions(found)) console.log(`peer ${line}`)

let images

before(async () => {
  images = await makeImages(await folder.folder('images'))
})

after(async () => {
  await stopAll()
  await folder.remove()
})

for (const [name, recording] of Object.entries(recordings)) {
  const fixture = await readFixture(name)
  describe(name, () => {
    const start = async () => recording.start({ programs: found, folder: await folder.folder(name), images })
    const { setPassword } = recording
    scenarios({ name, fixture, start, setPassword, program: found.keyserver, folder })
  })
}
