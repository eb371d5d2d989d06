// Writing and reading content with the npm package, at CNCF distribution through the gateway of a key server that allows
// writes. What was written is read with crane, and what crane has written is read with the package.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { connect } from './harness/dockpass.mjs'
import { startKeyServer } from './harness/keyserver.mjs'
import { scratch, stopAll } from './harness/process.mjs'
import { programs } from './harness/programs.mjs'
import { makeImages, people, startSetups } from './harness/setups.mjs'

const IMAGE = 'application/vnd.oci.image.manifest.v1+json'
const folder = await scratch('content')
const found = await programs(
  'keyserver',
  'registry2',
  'registry3',
  'docker_auth',
  'crane',
  'skopeo',
  'htpasswd',
  'openssl',
)
let setups
let keyserver

before(async () => {
  const images = await makeImages(await folder.folder('images'))
  setups = await startSetups({ programs: found, scratch: folder, images, kinds: ['token', 'htpasswd'] })
  keyserver = await startKeyServer({
    program: found.keyserver,
    folder: await folder.folder('keyserver'),
    registries: setups.map(({ name, registry, tokenService }) => ({
      name,
      url: registry.url,
      ...(tokenService && { realms: [tokenService.realm] }),
    })),
    settings: { gateway: { read_only: false } },
  })
})

after(async () => {
  await stopAll()
  await folder.remove()
})

const sha256 = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

for (const version of ['2.8', '3']) {
  for (const kind of ['token', 'htpasswd']) {
    describe(`distribution ${version}, ${kind}`, () => {
      const repository = `team-a/pushed-${kind}`
      const large = randomBytes(3_000_000)
      let setup
      let client

      before(async () => {
        setup = setups.find((each) => each.version === version && each.kind === kind)
        client = await connect(keyserver, keyserver.registries[setup.name])
        await client.login({ username: 'ada', password: people.ada })
      })

      it('pushes an image in chunks, which crane can pull', async () => {
        const progress = []
        const onProgress = (now) => progress.push(now.loaded)
        const layer = await client.push(repository, new Blob([large]), { chunkSize: 1_000_000, onProgress })
        assert.deepEqual([layer.digest, layer.how], [sha256(large), 'uploaded'])
        assert.deepEqual(progress.slice(0, 3), [1_000_000, 2_000_000, 3_000_000])
        assert.equal((await client.push(repository, large)).how, 'existed')
        const config = await client.push(
          repository,
          new TextEncoder().encode(
            '{"os":"linux","architecture":"arm64","rootfs":{"type":"layers","diff_ids":[]}}',
          ),
        )
        const manifest = {
          schemaVersion: 2,
          mediaType: IMAGE,
          config: { ...pick(config), mediaType: 'application/vnd.oci.image.config.v1+json' },
          layers: [{ ...pick(layer), mediaType: 'application/vnd.oci.image.layer.v1.tar' }],
        }
        const put = await client.putManifest(repository, '1.0', manifest)
        const { manifest: read } = await client.manifest(repository, '1.0')
        assert.deepEqual(read, manifest)
        assert.equal(await setup.client.digest(repository, '1.0'), put.digest)
      })

      it('pushes a stream', async () => {
        const bytes = randomBytes(700_000)
        const pushed = await client.push(repository, new Blob([bytes]).stream(), { chunkSize: 300_000 })
        assert.deepEqual(pushed, { digest: sha256(bytes), size: bytes.length, how: 'uploaded' })
      })

      it('downloads it, in one go and from the middle', async () => {
        const whole = await client.download(repository, sha256(large))
        assert.equal(whole.size, large.length)
        assert.ok(large.equals(Buffer.from(await new Response(whole.body).arrayBuffer())))
        const have = new Blob([large.subarray(0, 1_234_567)])
        const rest = await client.download(repository, sha256(large), { have })
        assert.ok(large.subarray(1_234_567).equals(Buffer.from(await new Response(rest.body).arrayBuffer())))
      })

      it('reads configuration and layers', async () => {
        const { config } = await client.config(repository, '1.0')
        assert.equal(config.architecture, 'arm64')
        const layers = await client.layers(repository, '1.0')
        assert.deepEqual(
          layers.map(({ digest }) => digest),
          [sha256(large)],
        )
        const tools = await client.config('team-b/tools', '2.1', { platform: 'linux/arm64' })
        assert.equal(tools.config.architecture, 'arm64')
      })

      it('gives it another tag and copies an index to another repository', async () => {
        const one = await client.manifest(repository, '1.0')
        await client.copy({ repository, reference: '1.0' }, { reference: 'stable' })
        assert.equal(await setup.client.digest(repository, 'stable'), one.digest)
        const hows = new Set()
        const target = `team-a/copied-${kind}`
        const { digest } = await client.copy(
          { repository: 'team-b/tools', reference: '2.1' },
          { repository: target },
          { onBlob: ({ how }) => hows.add(how) },
        )
        assert.equal(await setup.client.digest(target, '2.1'), digest)
        assert.ok(hows.has('mounted'), [...hows].join())
      })

      it('lists what refers to it', async () => {
        const { digest, mediaType, size } = await client.manifest(repository, '1.0')
        const none = await client.referrers(repository, digest)
        assert.deepEqual(none.known && none.referrers, [])
        const empty = await client.push(repository, new TextEncoder().encode('{}'))
        const artifact = await client.putManifest(repository, 'signature', {
          schemaVersion: 2,
          mediaType: IMAGE,
          artifactType: 'application/vnd.example.signature',
          config: { ...pick(empty), mediaType: 'application/vnd.oci.empty.v1+json' },
          layers: [],
          subject: { mediaType, digest, size },
        })
        const found = await client.referrers(repository, digest)
        assert.deepEqual(found.known && found.referrers.map(({ digest }) => digest), [artifact.digest])
      })

      it('deletes a tag, and says which tags share the manifest', async () => {
        const dry = await client.delete(repository, '1.0', { dryRun: true })
        assert.deepEqual([dry.deleted, dry.tags], [false, ['1.0', 'stable']])
        const one = await client.delete(repository, 'stable')
        // Version 2 deletes manifests only.
        assert.equal(one.deleted, version === '3', JSON.stringify(one))
        const all = await client.delete(repository, '1.0', { allTags: true })
        assert.deepEqual([all.deleted, all.digest], [true, dry.digest])
        await assert.rejects(client.manifest(repository, 'stable'), { code: 'missing' })
      })

      if (kind !== 'token') return
      it('has one token for all of it with a scope hint', async () => {
        const wide = client.with({ scopes: [`repository:${repository}:pull,push,delete`] })
        const requests = []
        const hear = ({ detail }) => detail.url === '/v1/token' && requests.push(detail)
        client.addEventListener('step', hear)
        await wide.push(repository, randomBytes(1000))
        await client.fetch(`/v2/${repository}/tags/list`)
        client.removeEventListener('step', hear)
        assert.equal(requests.length, 1)
      })
    })
  }
}

it('a key server that does not allow writes says so', async () => {
  const setup = setups[0]
  const server = await startKeyServer({
    name: 'read-only',
    program: found.keyserver,
    folder: await folder.folder('read-only'),
    registries: [{ name: 'registry', url: setup.registry.url, realms: [setup.tokenService.realm] }],
  })
  const client = await connect(server, server.registries.registry)
  await client.login({ username: 'ada', password: people.ada })
  await assert.rejects(client.push('team-a/x', new TextEncoder().encode('x')), { code: 'method_not_allowed' })
})

/** The part of a descriptor that a manifest has. */
const pick = ({ digest, size }) => ({ digest, size })
