// Manifests and small blobs whose digests are verified.

import { DockpassError, argumentError } from './error.js'
import { discard, failure, race, signalOf } from './key-server.js'
import { refused } from './listing.js'

/**
 * @import { CallOptions, Manifest, ManifestOptions, Platform, Verified } from '../index.js'
 * @import { FetchPath } from './types.js'
 */

/** Index types first: without them, registries respond with an old format or 404. */
const ACCEPT = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')
/** The largest body that is read into memory: the limit of manifests in the distribution specification. */
const LONGEST = 4 * 1024 * 1024
/** Media types that say nothing about the content. Some registries and proxies send them. */
const SILENT = ['', 'application/json', 'application/octet-stream', 'text/plain']
/** @type {Record<string, string>} */
const ALGORITHMS = { sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' }

/**
 * Implements `RegistryClient.manifest`.
 * @param {FetchPath} fetch
 * @param {string} repository
 * @param {string} reference
 * @param {ManifestOptions} [options]
 */
export async function manifest(fetch, repository, reference, options = {}) {
  const signal = signalOf(options)
  const platform = platformOf(options.platform)
  const found = await oneManifest(fetch, repository, reference, signal)
  if (platform === undefined || !Array.isArray(found.manifest.manifests)) return found
  const digest = choose(found.manifest.manifests, platform)
  if (digest === undefined) throw failure('missing', 'registry')
  return oneManifest(fetch, repository, digest, signal)
}

/**
 * Implements `RegistryClient.blob`.
 * @param {FetchPath} fetch
 * @param {string} repository
 * @param {string} digest
 * @param {CallOptions} [options]
 * @returns {Promise<Verified>}
 */
export async function blob(fetch, repository, digest, options) {
  const signal = signalOf(options)
  const response = await fetch(`/v2/${repository}/blobs/${digest}`, { headers: { accept: '*/*' }, signal })
  const raw = await body(response, signal)
  return { digest: await verify(raw, digest), size: raw.length, raw }
}

/**
 * @param {FetchPath} fetch
 * @param {string} repository
 * @param {string} reference
 * @param {AbortSignal} [signal]
 * @returns {Promise<Manifest>}
 */
async function oneManifest(fetch, repository, reference, signal) {
  const response = await fetch(`/v2/${repository}/manifests/${reference}`, {
    headers: { accept: ACCEPT },
    signal,
  })
  const raw = await body(response, signal)
  // With a digest as the reference, that digest decides. With a tag, only the registry's header can be compared.
  const stated = response.headers.get('docker-content-digest')
  const digest = await verify(raw, reference.includes(':') ? reference : stated)
  let content
  try {
    content = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(raw))
  } catch {
    // `mediaTypeOf` refuses it.
  }
  const mediaType = mediaTypeOf(response.headers.get('content-type') ?? '', content)
  if (mediaType === undefined) throw failure('upstream_invalid', 'registry')
  return { mediaType, digest, size: raw.length, manifest: content, raw }
}

/**
 * The media type; undefined when header and content contradict each other, or when the content could be read as a
 * manifest and as an index (GHSA-qq97-vm5h-rrhg).
 * @param {string} contentType
 * @param {any} content
 * @returns {string | undefined}
 */
function mediaTypeOf(contentType, content) {
  if (content === null || typeof content !== 'object' || Array.isArray(content)) return undefined
  if ('manifests' in content && ('layers' in content || 'config' in content)) return undefined
  const header = contentType.split(';')[0].trim().toLowerCase()
  const own = typeof content.mediaType === 'string' ? content.mediaType : undefined
  if (SILENT.includes(header)) return own
  return own === undefined || own === header ? header : undefined
}

/**
 * @param {ManifestOptions['platform'] | null} given
 * @returns {Platform | undefined}
 */
function platformOf(given) {
  if (given === undefined || given === null) return undefined
  const parts = typeof given === 'string' ? given.split('/') : [given.os, given.architecture, given.variant]
  const [os, architecture, variant] = parts
  if (!os || !architecture || variant === '' || parts.length > 3) {
    throw argumentError('platform must be os/architecture or os/architecture/variant.')
  }
  return { os, architecture, variant }
}

/**
 * The digest of a platform's manifest: the one with the requested variant; without one, the entry that has no variant,
 * or else the first.
 * @param {any[]} descriptors
 * @param {Platform} platform
 * @returns {string | undefined}
 */
function choose(descriptors, { os, architecture, variant }) {
  const fitting = descriptors.filter(
    (entry) =>
      entry?.platform?.os === os &&
      entry.platform.architecture === architecture &&
      typeof entry.digest === 'string',
  )
  // arm64 without a variant is v8 (image-spec, "Platform Variants").
  const implied = architecture === 'arm64' ? 'v8' : undefined
  const entry =
    variant === undefined
      ? (fitting.find((entry) => !entry.platform.variant) ?? fitting[0])
      : fitting.find((entry) => (entry.platform.variant || implied) === variant)
  return entry?.digest
}

/**
 * The whole body of a 200 response.
 * @param {Response} response
 * @param {AbortSignal} [signal]
 */
async function body(response, signal) {
  if (response.status !== 200) throw await refused(response)
  const tooLong = () => failure('payload_too_large', 'registry')
  if (Number(response.headers.get('content-length')) > LONGEST) {
    await discard(response)
    throw tooLong()
  }
  /** @type {Uint8Array[]} */
  const chunks = []
  let length = 0
  const reader = response.body?.getReader()
  while (reader !== undefined) {
    const { value, done } = await race(signal, read(reader))
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

/** @param {ReadableStreamDefaultReader<Uint8Array>} reader */
async function read(reader) {
  try {
    return await reader.read()
  } catch {
    // The connection ended before the body was complete.
    throw failure('upstream_invalid', 'registry')
  }
}

/**
 * Computes the digest and compares it with the expected one, if any.
 * @param {Uint8Array<ArrayBuffer>} raw
 * @param {string | null} expected
 */
async function verify(raw, expected) {
  const algorithm = expected?.split(':', 1)[0] ?? 'sha256'
  if (!Object.hasOwn(ALGORITHMS, algorithm)) throw failure('upstream_invalid', 'registry')
  const subtle = globalThis.crypto?.subtle
  if (subtle === undefined) {
    const message =
      'Verifying digests requires WebCrypto, which browsers provide on https pages and on localhost only.'
    throw new DockpassError({ code: 'ERR_NO_WEBCRYPTO', message })
  }
  const hash = new Uint8Array(await subtle.digest(ALGORITHMS[algorithm], raw))
  const digest = `${algorithm}:${Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
  if (expected && digest !== expected) throw failure('digest_mismatch', 'registry')
  return digest
}
