// Reading and writing content: what is sent, and what happens when connections are lost.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import init, { RegistryClient } from 'dockpass'
import { rejects } from './support/clients.mjs'
import { digestOf, startRegistry } from './support/registry.mjs'

const IMAGE = 'application/vnd.oci.image.manifest.v1+json'
const INDEX = 'application/vnd.oci.image.index.v1+json'
const CONFIG = 'application/vnd.oci.image.config.v1+json'
const any = (value) => /** @type {any} */ (value)

const stops = []
before(() => init())
after(() => Promise.all(stops.map((stop) => stop())))

/** A registry with these abilities and faults, and a client of it. */
async function setUp(options, connect = {}) {
  const registry = await startRegistry(options)
  stops.push(registry.stop)
  const client = await RegistryClient.connect({
    keyServer: registry.url,
    registry: 'registry.test',
    ...connect,
  })
  return { registry, client }
}

/** Bytes that look random and are the same each time. */
function bytes(length) {
  const blocks = []
  for (let at = 0; at * 32 < length; at += 1) blocks.push(createHash('sha256').update(String(at)).digest())
  return Buffer.concat(blocks).subarray(0, length)
}

/** An image of one layer in a registry. */
function putImage(registry, repository, architecture, ...tags) {
  const config = registry.put(repository, JSON.stringify({ os: 'linux', architecture }), CONFIG)
  const layer = registry.put(repository, bytes(1000))
  return registry.tag(repository, { schemaVersion: 2, mediaType: IMAGE, config, layers: [layer] }, ...tags)
}

const contents = async (stream) => Buffer.from(await new Response(stream).arrayBuffer())

describe('download', () => {
  const large = bytes(300_000)

  test('a blob is a stream, with progress', async () => {
    const { registry, client } = await setUp()
    const { digest } = registry.put('app', large)
    const progress = []
    const onProgress = (/** @type {any} */ now) => progress.push(now)
    const found = await client.download('app', digest, { onProgress })
    assert.deepEqual([found.digest, found.size], [digest, large.length])
    assert.deepEqual(await contents(found.body), large)
    assert.deepEqual(progress.at(-1), { loaded: large.length, total: large.length })
    assert.ok(progress.every(({ loaded }, at) => loaded > (progress[at - 1]?.loaded ?? 0)))
    for (const algorithm of ['sha384', 'sha512']) {
      const digest = digestOf(large, algorithm)
      registry.blobs.set(`app@${digest}`, large)
      assert.deepEqual(await contents((await client.download('app', digest)).body), large)
    }
  })

  test('other content than the digest says fails at its end', async () => {
    const { registry, client } = await setUp()
    const digest = digestOf(large)
    registry.blobs.set(`app@${digest}`, Buffer.concat([large.subarray(1), Buffer.from('x')]))
    const { body } = await client.download('app', digest)
    await rejects(contents(body), 'digest_mismatch')
  })

  test('it goes on where the connection was lost', async () => {
    let cuts = 3
    const { registry, client } = await setUp({ cut: () => (cuts-- > 0 ? 70_000 : undefined) })
    const { digest } = registry.put('app', large)
    const { body } = await client.download('app', digest)
    assert.deepEqual(await contents(body), large)
    const ranges = registry.requests.map(({ headers }) => headers.range)
    assert.equal(ranges[0], undefined)
    assert.ok(
      ranges.length === 4 && ranges.slice(1).every((range) => /^bytes=\d+-$/.test(range)),
      String(ranges),
    )
  })

  test('a registry without ranges begins again, and nothing comes twice', async () => {
    let cuts = 1
    const { registry, client } = await setUp({ ranges: false, cut: () => (cuts-- > 0 ? 70_000 : undefined) })
    const { digest } = registry.put('app', large)
    assert.deepEqual(await contents((await client.download('app', digest)).body), large)
  })

  test('a connection that is lost again and again is an error', async () => {
    const { registry, client } = await setUp({ cut: () => 0 })
    const { digest } = registry.put('app', large)
    await rejects(contents((await client.download('app', digest)).body), 'upstream_failed')
  })

  test('a download that was not completed is completed, and verified as a whole', async () => {
    const { registry, client } = await setUp()
    const { digest } = registry.put('app', large)
    const have = new Blob([large.subarray(0, 100_000)])
    const { body, size } = await client.download('app', digest, { have })
    assert.deepEqual([await contents(body), size], [large.subarray(100_000), large.length])
    assert.equal(registry.requests.at(-1).headers.range, 'bytes=100000-')
    const whole = await client.download('app', digest, { have: new Blob([large]) })
    assert.equal((await contents(whole.body)).length, 0)
    const wrong = await client.download('app', digest, { have: new Blob([bytes(99), 'x']) })
    await rejects(contents(wrong.body), 'digest_mismatch')
  })

  test('it can be cancelled, and what is not there is missing', async () => {
    const { registry, client } = await setUp({ cut: () => 70_000 })
    const { digest } = registry.put('app', large)
    const controller = new AbortController()
    const { body } = await client.download('app', digest, { signal: controller.signal })
    setTimeout(() => controller.abort(), 30)
    await rejects(contents(body), 'aborted')
    await rejects(client.download('app', digestOf('none')), 'missing')
    for (const wrong of ['latest', 'sha256:xyz', undefined, `md5:${'0'.repeat(32)}`])
      await rejects(client.download('app', any(wrong)), 'ERR_INVALID_ARGUMENT')
    const stopped = await client.download('app', digest)
    await stopped.body.cancel()
  })
})

describe('push', () => {
  const large = bytes(250_000)

  test('a blob goes in chunks, and only once', async () => {
    const { registry, client } = await setUp()
    const progress = []
    const options = { chunkSize: 100_000, onProgress: (/** @type {any} */ now) => progress.push(now.loaded) }
    const pushed = await client.push('app', new Blob([large]), options)
    assert.deepEqual(pushed, { digest: digestOf(large), size: large.length, how: 'uploaded' })
    assert.deepEqual(registry.blobs.get(`app@${pushed.digest}`), large)
    const id = '/v2/app/blobs/uploads/'
    const [head, post] = [`HEAD /v2/app/blobs/${pushed.digest}`, `POST ${id}`]
    assert.deepEqual(registry.take(), [head, post, ...Array(3).fill(`PATCH ${id}ID`), `PUT ${id}ID`])
    assert.deepEqual(progress, [100_000, 200_000, 250_000, 250_000])
    assert.equal((await client.push('app', large)).how, 'existed')
    assert.deepEqual(registry.take(), [head])
  })

  test('a small one takes one request after the first', async () => {
    const { registry, client } = await setUp()
    const { digest } = await client.push('app', new TextEncoder().encode('hello'))
    assert.equal(registry.blobs.get(`app@${digest}`)?.toString(), 'hello')
    const requests = [
      `HEAD /v2/app/blobs/${digest}`,
      'POST /v2/app/blobs/uploads/',
      'PUT /v2/app/blobs/uploads/ID',
    ]
    assert.deepEqual(registry.take(), requests)
  })

  test('a stream is sent as it comes', async () => {
    const { registry, client } = await setUp()
    const stream = new Blob([large]).stream()
    const { digest, size } = await client.push('app', stream, { chunkSize: 100_000 })
    assert.deepEqual(
      [digest, size, registry.blobs.get(`app@${digest}`)],
      [digestOf(large), large.length, large],
    )
    await rejects(
      client.push('app', new Blob(['other']).stream(), { digest: digestOf('this') }),
      'ERR_INVALID_ARGUMENT',
    )
    assert.equal(registry.uploads.size, 0, 'the upload was given up')
  })

  test('it goes on where the connection was lost, whether the chunk arrived or not', async () => {
    const faults = { lost: 1, refused: 1 }
    const { registry, client } = await setUp({
      lose: ({ method }) => method === 'PATCH' && faults.lost-- > 0,
      refuse: ({ method }) =>
        method === 'PATCH' && faults.lost < 0 && faults.refused-- > 0 ? 503 : undefined,
    })
    const { digest } = await client.push('app', new Blob([large]), { chunkSize: 100_000 })
    assert.deepEqual(registry.blobs.get(`app@${digest}`), large)
    assert.ok(registry.take().includes('GET /v2/app/blobs/uploads/ID'))
  })

  test('the end of an upload whose response was lost is found', async () => {
    let losses = 1
    const { registry, client } = await setUp({ lose: ({ method }) => method === 'PUT' && losses-- > 0 })
    const { digest } = await client.push('app', new Blob([large]))
    assert.deepEqual(registry.blobs.get(`app@${digest}`), large)
  })

  test('a blob of another repository is mounted, or uploaded where that is not possible', async () => {
    for (const [mounts, how] of /** @type {[boolean, string][]} */ ([
      [true, 'mounted'],
      [false, 'uploaded'],
    ])) {
      const { registry, client } = await setUp({ mounts })
      registry.put('base', large)
      const pushed = await client.push('app', large, { mount: 'base' })
      assert.equal(pushed.how, how)
      assert.deepEqual(registry.blobs.get(`app@${pushed.digest}`), large)
    }
  })

  test('what cannot be pushed is refused before a request', async () => {
    const { registry, client } = await setUp()
    for (const [content, options] of [
      ['text', {}],
      [new Blob(['a']), { chunkSize: 0 }],
      [new Blob(['a']), { digest: digestOf('b') }],
      [new Blob(['a']), { mount: '' }],
    ]) {
      await rejects(client.push('app', any(content), any(options)), 'ERR_INVALID_ARGUMENT')
    }
    assert.deepEqual(registry.take(), [])
  })
})

describe('manifests', () => {
  test('configuration and layers of an image, and of one in an index', async () => {
    const { registry, client } = await setUp()
    const arm = putImage(registry, 'app', 'arm64', 'arm')
    const amd = putImage(registry, 'app', 'amd64')
    const entries = [arm, amd].map((image, at) => ({
      ...image,
      platform: { os: 'linux', architecture: ['arm64', 'amd64'][at] },
    }))
    registry.tag('app', { schemaVersion: 2, mediaType: INDEX, manifests: entries }, 'latest')
    const found = await client.config('app', 'latest', { platform: 'linux/amd64' })
    assert.deepEqual(
      [found.config.architecture, found.mediaType, found.manifestDigest],
      ['amd64', CONFIG, amd.digest],
    )
    const layers = await client.layers('app', 'arm')
    assert.deepEqual(
      layers.map(({ size, digest }) => [size, digest]),
      [[1000, digestOf(bytes(1000))]],
    )
    const platforms = ['linux/arm64', 'linux/amd64']
    await rejects(client.layers('app', 'latest'), 'missing', { platforms })
  })

  test('one is written byte for byte', async () => {
    const { registry, client } = await setUp()
    const text = `{ "schemaVersion": 2,\n "mediaType": "${IMAGE}" }`
    const put = await client.putManifest('app', 'one', text)
    assert.deepEqual(put, { mediaType: IMAGE, digest: digestOf(text), size: text.length })
    assert.equal(registry.manifests.get(`app@${put.digest}`)?.body.toString(), text)
    await client.putManifest('app', put.digest, text)
    await rejects(client.putManifest('app', 'one', { schemaVersion: 2 }), 'ERR_INVALID_ARGUMENT')
    await rejects(client.putManifest('app', digestOf('x'), text), 'ERR_INVALID_ARGUMENT')
    const other = await client.putManifest('app', 'two', { schemaVersion: 2 }, { mediaType: IMAGE })
    assert.equal(registry.manifests.get(`app@${other.digest}`)?.type, IMAGE)
  })

  test('referrers by the API and by the tag, and unknown is not none', async () => {
    for (const source of /** @type {const} */ (['api', 'tag'])) {
      const { registry, client } = await setUp({ referrers: source === 'api' })
      const subject = putImage(registry, 'app', 'arm64', 'latest')
      const none = await client.referrers('app', subject.digest)
      assert.deepEqual(none, { known: true, source, referrers: [] })
      for (const artifactType of ['a/signature', 'a/sbom']) {
        await client.putManifest('app', artifactType.slice(2), {
          schemaVersion: 2,
          mediaType: IMAGE,
          artifactType,
          subject,
          layers: [],
        })
      }
      const all = any(await client.referrers('app', subject.digest))
      assert.deepEqual([all.source, all.referrers.length], [source, 2])
      const one = any(await client.referrers('app', subject.digest, { artifactType: 'a/sbom' }))
      assert.deepEqual(
        one.referrers.map(({ artifactType, digest }) => [artifactType, digest]),
        [['a/sbom', registry.tags.get('app:sbom')]],
      )
    }
    const { registry, client } = await setUp({
      refuse: ({ path }) => (path.includes('/referrers/') ? 400 : undefined),
    })
    const subject = putImage(registry, 'app', 'arm64')
    assert.deepEqual(await client.referrers('app', subject.digest), { known: false })
    const failing = await setUp({ refuse: ({ path }) => (path.includes('/referrers/') ? 500 : undefined) })
    await rejects(failing.client.referrers('app', subject.digest), 'upstream_failed')
    await rejects(client.referrers('app', 'latest'), 'ERR_INVALID_ARGUMENT')
  })

  test('copy gives another tag with one write', async () => {
    const { registry, client } = await setUp()
    const image = putImage(registry, 'app', 'arm64', 'latest')
    const copied = await client.copy({ repository: 'app', reference: 'latest' }, { reference: 'stable' })
    assert.deepEqual(copied, image)
    assert.equal(registry.tags.get('app:stable'), image.digest)
    assert.deepEqual(registry.take(), ['GET /v2/app/manifests/latest', 'PUT /v2/app/manifests/stable'])
    await rejects(client.copy({ repository: 'app', reference: 'latest' }, {}), 'ERR_INVALID_ARGUMENT')
  })

  test('copy takes everything to another repository, mounted or through the page', async () => {
    for (const [mounts, how] of /** @type {[boolean, string][]} */ ([
      [true, 'mounted'],
      [false, 'uploaded'],
    ])) {
      const { registry, client } = await setUp({ mounts })
      const images = ['arm64', 'amd64'].map((architecture) => putImage(registry, 'app', architecture))
      const index = registry.tag('app', { schemaVersion: 2, mediaType: INDEX, manifests: images }, 'latest')
      const hows = []
      const onBlob = (/** @type {any} */ { how }) => hows.push(how)
      const copied = await client.copy(
        { repository: 'app', reference: 'latest' },
        { repository: 'other' },
        { onBlob },
      )
      assert.equal(copied.digest, index.digest)
      assert.equal(registry.tags.get('other:latest'), index.digest)
      for (const { digest } of images) assert.ok(registry.manifests.has(`other@${digest}`))
      assert.equal([...registry.blobs.keys()].filter((name) => name.startsWith('other@')).length, 3)
      // Both images have the same layer.
      assert.deepEqual(hows, [how, how, 'existed', how])
      assert.equal(registry.uploads.size, 0)
    }
  })

  test('delete names the tags that share the manifest', async () => {
    for (const tagDeletes of [true, false]) {
      const { registry, client } = await setUp({ tagDeletes })
      const { digest } = putImage(registry, 'app', 'arm64', 'one', 'two')
      putImage(registry, 'app', 'amd64', 'else')
      const tags = ['one', 'two']
      const dry = await client.delete('app', 'one', { dryRun: true })
      assert.deepEqual(dry, { deleted: false, reason: 'dry_run', digest, tags })
      assert.equal(registry.tags.size, 3)
      const first = await client.delete('app', 'one')
      if (tagDeletes) {
        assert.deepEqual(first, { deleted: true, digest, tags: ['one'] })
        assert.deepEqual([...registry.tags.keys()], ['app:two', 'app:else'])
      } else {
        assert.deepEqual(first, { deleted: false, reason: 'shared', digest, tags })
        assert.deepEqual(await client.delete('app', 'one', { allTags: true }), {
          deleted: true,
          digest,
          tags,
        })
        assert.deepEqual([...registry.tags.keys()], ['app:else'])
      }
      const rest = any(await client.delete('app', 'else'))
      assert.deepEqual([rest.deleted, rest.tags], [true, ['else']])
      await rejects(client.delete('app', 'none'), 'missing')
    }
  })
})
