// Small but real images, made here as OCI image layouts: layers are gzipped tar archives, the configuration lists their
// digests, an index names its platforms. Real clients push them.

import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const INDEX = 'application/vnd.oci.image.index.v1+json'
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const CONFIG = 'application/vnd.oci.image.config.v1+json'
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'
const CREATED = '2026-01-02T03:04:05Z'

const digestOf = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** POSIX ustar: one header block per file, contents padded to 512 bytes, two empty blocks at the end. */
export function tar(files) {
  const blocks = []
  for (const [name, text] of Object.entries(files)) {
    const contents = Buffer.from(text)
    const header = Buffer.alloc(512)
    const field = (value, offset) => header.write(value, offset, 'latin1')
    const octal = (value, length) => `${value.toString(8).padStart(length - 1, '0')}\0`
    field(name, 0)
    field(octal(0o644, 8), 100)
    field(octal(0, 8), 108)
    field(octal(0, 8), 116)
    field(octal(contents.length, 12), 124)
    field(octal(Date.parse(CREATED) / 1000, 12), 136)
    field('        ', 148) // the checksum counts its own field as spaces
    field('0', 156)
    field('ustar\x0000', 257)
    field(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    )
    blocks.push(header, contents, Buffer.alloc((512 - (contents.length % 512)) % 512))
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

/**
 * Writes an image layout into `folder`. `platforms` such as `['linux/amd64', 'linux/arm/v7']`: one gives a manifest,
 * several give an index. Resolves with `{folder, digest, mediaType, manifests: [{platform, digest, size, layers}]}`.
 */
export async function writeImage(folder, { name, platforms = ['linux/amd64'], files = {}, labels = {} }) {
  const blobs = join(folder, 'blobs', 'sha256')
  await mkdir(blobs, { recursive: true })
  const put = async (bytes, mediaType) => {
    const digest = digestOf(bytes)
    await writeFile(join(blobs, digest.slice('sha256:'.length)), bytes)
    return { mediaType, digest, size: bytes.length }
  }
  const putJson = (value, mediaType) => put(Buffer.from(JSON.stringify(value)), mediaType)

  const manifests = []
  for (const platform of platforms) {
    const [os, architecture, variant] = platform.split('/')
    const parts = [
      tar({ 'etc/os-release': 'NAME=dockpass-e2e\n' }),
      tar({ 'app/name': name, 'app/platform': platform, ...files }),
    ]
    const layers = []
    for (const part of parts) layers.push(await put(gzipSync(part, { level: 9 }), LAYER))
    const config = await putJson(
      {
        created: CREATED,
        architecture,
        os,
        ...(variant && { variant }),
        config: { Cmd: ['/app/name'], Labels: labels },
        rootfs: { type: 'layers', diff_ids: parts.map(digestOf) },
        history: parts.map((_, index) => ({ created: CREATED, created_by: `step ${index + 1}` })),
      },
      CONFIG,
    )
    const manifest = await putJson({ schemaVersion: 2, mediaType: MANIFEST, config, layers }, MANIFEST)
    manifests.push({
      platform,
      ...manifest,
      descriptor: { ...manifest, platform: { architecture, os, ...(variant && { variant }) } },
      layers: layers.map(({ digest, size }) => ({ digest, size })),
    })
  }

  /** @type {{ mediaType: any, digest: string, size: any }} */
  let top = manifests[0]
  if (manifests.length > 1) {
    top = await putJson(
      { schemaVersion: 2, mediaType: INDEX, manifests: manifests.map((each) => each.descriptor) },
      INDEX,
    )
  }
  const { mediaType, digest, size } = top
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  await writeFile(
    join(folder, 'index.json'),
    JSON.stringify({
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: [
        { mediaType, digest, size, annotations: { 'org.opencontainers.image.ref.name': 'latest' } },
      ],
    }),
  )
  return { folder, digest, mediaType, manifests: manifests.map(({ descriptor, ...rest }) => rest) }
}
