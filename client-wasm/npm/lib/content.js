// Manifests and small blobs, with their digests verified.

import { DockpassError, argumentError } from './error.js'
import { discard, failure, race, signalOf } from './key-server.js'

/** What is asked for: an index first, as registries answer with an old form or 404 to who does not ask. */
const ACCEPT = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')
/** The most bytes read into memory at once: what registries should take as a manifest (distribution-spec). */
const LONGEST = 4 * 1024 * 1024
/** Media types with which a registry, or what stands before it, says nothing. */
const SILENT = ['', 'application/json', 'application/octet-stream', 'text/plain']
const ALGORITHMS = { sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' }

/** `RegistryClient.manifest`, by a function that fetches paths. */
export async function manifest(fetch, repository, reference, options = {}) {
  const signal = signalOf(options)
  const platform = platformOf(options.platform)
  const found = await oneManifest(fetch, repository, reference, signal)
  if (platform === undefined || !Array.isArray(found.manifest.manifests)) return found
  const digest = choose(found.manifest.manifests, platform)
  if (digest === undefined) throw failure('missing', 'registry')
  return oneManifest(fetch, repository, digest, signal)
}

/** `RegistryClient.blob`. */
export async function blob(fetch, repository, digest, options) {
  const signal = signalOf(options)
  const response = await fetch(`/v2/${repository}/blobs/${digest}`, { headers: { accept: '*/*' }, signal })
  const raw = await body(response, signal)
  return { digest: await verify(raw, digest), size: raw.length, raw }
}

async function oneManifest(fetch, repository, reference, signal) {
  const response = await fetch(`/v2/${repository}/manifests/${reference}`, {
    headers: { accept: ACCEPT },
    signal,
  })
  const raw = await body(response, signal)
  // The digest that was asked by is the one to trust; by tag, the registry's word is all there is to compare with.
  const stated = response.headers.get('docker-content-digest')
  const digest = await verify(raw, reference.includes(':') ? reference : stated)
  let content
  try {
    content = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(raw))
  } catch {
    // Said below.
  }
  const mediaType = mediaTypeOf(response.headers.get('content-type') ?? '', content)
  if (mediaType === undefined) throw failure('upstream_invalid', 'registry')
  return { mediaType, digest, size: raw.length, manifest: content, raw }
}

/**
 * The media type on which header and content agree; undefined where they do not, or where the content could be read as
 * a manifest and as an index (GHSA-qq97-vm5h-rrhg).
 */
function mediaTypeOf(contentType, content) {
  if (content === null || typeof content !== 'object' || Array.isArray(content)) return undefined
  if ('manifests' in content && ('layers' in content || 'config' in content)) return undefined
  const header = contentType.split(';')[0].trim().toLowerCase()
  const own = typeof content.mediaType === 'string' ? content.mediaType : undefined
  if (SILENT.includes(header)) return own
  return own === undefined || own === header ? header : undefined
}

function platformOf(given) {
  if (given === undefined || given === null) return undefined
  let platform = given
  if (typeof given === 'string') {
    const [os, architecture, variant, ...more] = given.split('/')
    platform = more.length === 0 && variant !== '' ? { os, architecture, variant } : {}
  }
  if (!platform.os || !platform.architecture) throw argumentError('platform is no os/architecture[/variant].')
  return platform
}

/** The digest of a platform's manifest: with the variant asked for, else the one without, else the first. */
function choose(descriptors, { os, architecture, variant }) {
  const fitting = descriptors.filter(
    (entry) =>
      entry?.platform?.os === os &&
      entry.platform.architecture === architecture &&
      typeof entry.digest === 'string',
  )
  // arm64 is v8 whether it says so or not (image-spec, "Platform Variants").
  const implied = architecture === 'arm64' ? 'v8' : undefined
  const entry =
    variant === undefined
      ? (fitting.find((entry) => !entry.platform.variant) ?? fitting[0])
      : fitting.find((entry) => (entry.platform.variant || implied) === variant)
  return entry?.digest
}

/** The body of a 200, whole. */
async function body(response, signal) {
  const { status } = response
  if (status !== 200) {
    await discard(response)
    const code = status === 404 ? 'missing' : status >= 500 ? 'upstream_failed' : 'upstream_invalid'
    throw failure(code, 'registry', { status })
  }
  const tooLong = () => failure('payload_too_large', 'registry')
  if (Number(response.headers.get('content-length')) > LONGEST) {
    await discard(response)
    throw tooLong()
  }
  const chunks = []
  let length = 0
  const reader = response.body?.getReader()
  for (;;) {
    const { value, done } = (await race(signal, read(reader))) ?? { done: true }
    if (done) break
    length += value.length
    if (length > LONGEST) {
      await reader.cancel().catch(() => {})
      throw tooLong()
    }
    chunks.push(value)
  }
  const whole = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

async function read(reader) {
  try {
    return await reader?.read()
  } catch {
    // It ended early.
    throw failure('upstream_invalid', 'registry')
  }
}

/** The digest of these bytes, which is the expected one where one is expected. */
async function verify(raw, expected) {
  const algorithm = expected?.split(':', 1)[0] ?? 'sha256'
  if (!Object.hasOwn(ALGORITHMS, algorithm)) throw failure('upstream_invalid', 'registry')
  const subtle = globalThis.crypto?.subtle
  if (subtle === undefined) {
    const message = 'Digests need WebCrypto, which browsers offer to https and localhost pages only.'
    throw new DockpassError({ code: 'ERR_NO_WEBCRYPTO', message })
  }
  const hash = new Uint8Array(await subtle.digest(ALGORITHMS[algorithm], raw))
  const digest = `${algorithm}:${Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
  if (expected && digest !== expected) throw failure('digest_mismatch', 'registry')
  return digest
}
