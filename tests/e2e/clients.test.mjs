// Docker's clients through the gateway in write mode, with a session in place of a registry token: push, list, pull, delete.
// docs/clients.md documents the results.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { readFixture } from './harness/fixtures.mjs'
import { startFront } from './harness/front.mjs'
import { call, startKeyServer } from './harness/keyserver.mjs'
import { run, scratch, stopAll } from './harness/process.mjs'
import { programs, versions } from './harness/programs.mjs'
import { makeImages } from './harness/setups.mjs'
import { people, recordings } from './registries/recordings.mjs'

const folder = await scratch('clients')
const found = await programs(
  ...['keyserver', 'registry3', 'docker_auth', 'crane', 'oras', 'regctl', 'skopeo', 'htpasswd', 'openssl'],
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

/** The arguments of each client, for an image of `host`; `session` takes the place of a token. */
const typed = {
  crane: (host, name, { base }) => ({
    push: ['push', '--insecure', base.folder, `${host}/${name}:1`],
    list: ['ls', '--insecure', `${host}/${name}`],
    pull: ['manifest', '--insecure', `${host}/${name}:1`],
    delete: ['delete', '--insecure', `${host}/${name}@${base.digest}`],
  }),
  oras: (host, name, { base }, session) => {
    const header = `Authorization: Bearer ${session}`
    const as = ['--plain-http', '--header', header]
    return {
      push: [
        ...['cp', '--from-oci-layout', '--to-plain-http', '--to-header', header],
        ...[`${base.folder}:latest`, `${host}/${name}:1`],
      ],
      list: ['repo', 'tags', ...as, `${host}/${name}`],
      pull: ['manifest', 'fetch', ...as, `${host}/${name}:1`],
      delete: ['manifest', 'delete', '--force', ...as, `${host}/${name}@${base.digest}`],
    }
  },
  skopeo: (host, name, { base }, session) => {
    const as = ['--tls-verify=false', '--registry-token', session]
    return {
      push: [
        ...[
          '--insecure-policy',
          'copy',
          '--quiet',
          '--dest-tls-verify=false',
          '--dest-registry-token',
          session,
        ],
        ...[`oci:${base.folder}:latest`, `docker://${host}/${name}:1`],
      ],
      list: ['list-tags', ...as, `docker://${host}/${name}`],
      pull: ['inspect', '--raw', ...as, `docker://${host}/${name}:1`],
      delete: ['delete', ...as, `docker://${host}/${name}:1`],
    }
  },
  regctl: (host, name, { base }) => ({
    push: ['image', 'copy', `ocidir://${base.folder}:latest`, `${host}/${name}:1`],
    list: ['tag', 'ls', `${host}/${name}`],
    pull: ['manifest', 'get', '--format', 'raw-body', `${host}/${name}:1`],
    delete: ['manifest', 'delete', `${host}/${name}@${base.digest}`],
  }),
}

for (const [kind, name] of [
  ['token', 'docker_auth'],
  ['Basic', 'distribution-htpasswd'],
]) {
  describe(`a ${kind} registry`, () => {
    let front
    let session
    let env

    before(async () => {
      const { realm } = await readFixture(name)
      const place = await folder.folder(name)
      const { origins } = await recordings[name].start({ programs: found, folder: place, images })
      const { registry: url, ...others } = origins
      const keyserver = await startKeyServer({
        program: found.keyserver,
        folder: await folder.folder(`keyserver-${name}`),
        registries: [{ name, url, realms: Object.values(others).map((origin) => origin + realm) }],
        settings: { gateway: { read_only: false } },
      })
      const registry = keyserver.registries[name]
      const login = await call(keyserver, 'POST', '/v1/sessions', {
        body: { registry, username: 'ada', password: people.ada },
      })
      assert.equal(login.status, 200)
      session = login.body.session
      front = await startFront(keyserver, registry)
      env = await configured(await folder.folder(`config-${name}`))
    })

    after(() => front?.stop())

    /** crane reads the session from docker's configuration file. regctl takes no token and logs in itself. */
    async function configured(place) {
      const file = join(place, 'config.json')
      await writeFile(file, JSON.stringify({ auths: { [front.host]: { registrytoken: session } } }))
      const regctl = join(place, 'regctl.json')
      const host = { tls: 'disabled', user: 'ada', pass: people.ada }
      await writeFile(regctl, JSON.stringify({ hosts: { [front.host]: host } }))
      return { DOCKER_CONFIG: place, REGCTL_CONFIG: regctl, HOME: place }
    }

    const type = (client, args, expect) => run(found[client], args, { env, expect })

    const works = kind === 'token' ? ['crane', 'oras', 'skopeo', 'regctl'] : ['crane', 'oras']
    for (const client of works) {
      it(`${client} pushes, lists, pulls and deletes`, async () => {
        const commands = typed[client](front.host, `team-a/${client}`, images, session)
        await type(client, commands.push, 0)
        const { stdout: tags } = await type(client, commands.list, 0)
        assert.match(tags, /(^|")1("|$)/m)
        const { stdout: manifest } = await type(client, commands.pull, 0)
        assert.equal(JSON.parse(manifest).schemaVersion, 2)
        await type(client, commands.delete, 0)
        assert.notEqual((await type(client, commands.pull, null)).code, 0)
      })
    }

    if (kind === 'Basic') {
      for (const client of ['skopeo', 'regctl']) {
        it(`${client} fails because the registry sends no challenge`, async () => {
          const commands = typed[client](front.host, 'team-b/tools', images, session)
          assert.notEqual((await type(client, commands.list, null)).code, 0)
        })
      }
    }
  })
}
