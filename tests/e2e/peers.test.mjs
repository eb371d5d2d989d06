// The peers without dockpass: a real client checks that each set-up behaves as its name says. If one of these tests fails,
// the results of the other files mean nothing.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { clients } from './harness/clients.mjs'
import { scratch, stopAll } from './harness/process.mjs'
import { programs, versions } from './harness/programs.mjs'
import { contents, makeImages, people, startSetups } from './harness/setups.mjs'

const folder = await scratch('peers')
const found = await programs(
  'registry2',
  'registry3',
  'docker_auth',
  'crane',
  'skopeo',
  'htpasswd',
  'openssl',
  'curl',
  'chromium',
)
for (const line of await versions(found)) console.log(`peer ${line}`)

const setups = []
let images

before(async () => {
  images = await makeImages(await folder.folder('images'))
  setups.push(...(await startSetups({ programs: found, scratch: folder, images })))
})

after(async () => {
  await stopAll()
  await folder.remove()
})

for (const version of ['2.8', '3']) {
  for (const kind of ['open', 'htpasswd', 'token']) {
    describe(`distribution ${version}, ${kind}`, () => {
      let setup
      before(() => {
        setup = setups.find((each) => each.version === version && each.kind === kind)
      })

      it('contains the pushed images', async () => {
        assert.deepEqual(await setup.client.catalog(), Object.keys(contents).sort())
        for (const [repository, tags] of Object.entries(contents)) {
          assert.deepEqual(await setup.client.tags(repository), tags.toSorted())
        }
        assert.equal(await setup.client.digest('team-b/tools', '2.1'), images.tools.digest)
        assert.equal(await setup.client.digest('team-a/secret-plans', 'latest'), images.plans.digest)
      })

      it('requires the authentication of its kind', async () => {
        const response = await fetch(`${setup.registry.url}/v2/`)
        const challenge = response.headers.get('www-authenticate')
        if (kind === 'open') assert.deepEqual([response.status, challenge], [200, null])
        if (kind === 'htpasswd')
          assert.deepEqual([response.status, challenge], [401, 'Basic realm="dockpass e2e"'])
        if (kind === 'token') {
          assert.equal(response.status, 401)
          assert.match(
            challenge,
            /^Bearer realm="http:\/\/localhost:\d+\/auth",service="registry docker_auth-/,
          )
        }
      })

      it('applies the permissions of each user', async () => {
        const as = (user) =>
          clients({
            ...found,
            folder: `${folder.path}/client-${setup.name}-${user}`,
            host: setup.registry.host,
            ...(user && { user, password: people[user] }),
          })
        const sees = async (client) =>
          Promise.all(
            Object.entries(contents).map(async ([repository, [tag]]) => client.mayPull(repository, tag)),
          )
        if (kind === 'open') assert.deepEqual(await sees(await as()), [true, true, true])
        if (kind === 'htpasswd') {
          assert.deepEqual(await sees(await as()), [false, false, false])
          assert.deepEqual(await sees(await as('bob')), [true, true, true])
        }
        if (kind === 'token') {
          assert.deepEqual(await sees(await as()), [true, false, false])
          assert.deepEqual(await sees(await as('bob')), [true, false, true])
          await assert.rejects((await as('bob')).catalog())
          assert.deepEqual(await (await as('carol')).catalog(), Object.keys(contents).sort())
        }
      })
    })
  }
}
