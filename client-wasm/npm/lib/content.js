// Manifests and small blobs whose digests are verified.

import { DockpassError, argumentError } from './error.js'
import { discard, failure, race, refused, signalOf } from './failure.js'

/**
 * @import { CallOptions, Manifest, ManifestOptions, Platform, Verified } from '../index.js'
 * @import { FetchPath } from './types.js'
 */

/** Index types first: without them, registries respond with an old format or 404. */
export const ACCEPT = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  // Last: the format of images from before 2016, for registries that have nothing newer.
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
].join(', ')
/** The largest body that is read into memory: the limit of manifests in the distribution specification. */
const LONGEST = 4 * 1024 * 1024
/** Media types that say nothing about the content. Some registries and proxies send them. */
const SILENT = ['', 'application/json', 'application/octet-stream', 'binary/octet-stream', 'text/plain']
/** The limits of a search for a platform in nested indexes: depth and number of requests. */
const MOST_LEVELS = 4
const MOST_REQUESTS = 32
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
  const search = new PlatformSearch(fetch, repository, signal, platform)
  const fitting = await search.within(found, 1)
  if (fitting === undefined) throw failure('missing', 'registry', { platforms: [...search.seen] })
  return fitting
}

/** Searches an index and its nested indexes for the manifest of a platform. */
class PlatformSearch {
  /** The available platforms, as `os/architecture[/variant]`. @type {Set<string>} */
  seen = new Set()
  #read
  #blob
  #wanted
  #left = MOST_REQUESTS
  /** Digests of indexes that were searched, because indexes can contain each other. */
  #visited = new Set()

  /**
   * @param {FetchPath} fetch
   * @param {string} repository
   * @param {AbortSignal | undefined} signal
   * @param {Platform} wanted
   */
  constructor(fetch, repository, signal, wanted) {
    this.#read = (/** @type {string} */ digest) => oneManifest(fetch, repository, digest, signal)
    this.#blob = (/** @type {string} */ digest) => blob(fetch, repository, digest, { signal })
    this.#wanted = wanted
  }

  /**
   * The matching manifest; undefined when this index and its nested indexes have none.
   * @param {Manifest} index
   * @param {number} level
   * @returns {Promise<Manifest | undefined>}
   */
  async within(index, level) {
    const entries = index.manifest.manifests.filter(
      (/** @type {any} */ entry) => typeof entry?.digest === 'string',
    )
    const best = choose(entries, this.#wanted)
    const found = best && (await this.#open(best, level))
    if (found !== undefined) return found
    for (const entry of entries) {
      if (isStated(entry.platform)) this.#note(entry.platform)
      // What says its platform and is no index was looked at by `choose`.
      if (entry === best || (isStated(entry.platform) && !isIndexType(entry.mediaType))) continue
      const inner = await this.#open(entry, level)
      if (inner !== undefined) return inner
    }
    return undefined
  }

  /**
   * The manifest of an entry, if it matches.
   * @param {any} entry
   * @param {number} level
   * @returns {Promise<Manifest | undefined>}
   */
  async #open(entry, level) {
    if (this.#left <= 0 || this.#visited.has(entry.digest)) return undefined
    this.#visited.add(entry.digest)
    let found
    try {
      this.#left -= 1
      found = await this.#read(entry.digest)
    } catch (error) {
      // An index may list manifests that this registry lacks, such as a mirror of some platforms.
      if (error.code === 'missing') return undefined
      throw error
    }
    if (Array.isArray(found.manifest.manifests)) {
      return level < MOST_LEVELS ? this.within(found, level + 1) : undefined
    }
    if (isStated(entry.platform)) return found
    const platform = await this.#ofConfiguration(found.manifest.config)
    if (platform === undefined) return undefined
    this.#note(platform)
    return choose([{ platform, digest: found.digest }], this.#wanted) === undefined ? undefined : found
  }

  /** The platform that an image's configuration states. @param {any} config */
  async #ofConfiguration(config) {
    if (!IMAGE_CONFIGURATIONS.includes(config?.mediaType) || typeof config.digest !== 'string')
      return undefined
    if (this.#left <= 0) return undefined
    this.#left -= 1
    try {
      const platform = parse((await this.#blob(config.digest)).raw)
      return isStated(platform) ? platform : undefined
    } catch (error) {
      if (error.code === 'missing' || error.code === 'payload_too_large') return undefined
      throw error
    }
  }

  /** @param {Platform} platform */
  #note({ os, architecture, variant }) {
    // What attestations are marked with.
    if (os === 'unknown') return
    this.seen.add(
      [os, architecture, ...(typeof variant === 'string' && variant !== '' ? [variant] : [])].join('/'),
    )
  }
}

const IMAGE_CONFIGURATIONS = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]
/** @param {any} platform */
const isStated = (platform) =>
  typeof platform?.os === 'string' && typeof platform.architecture === 'string' && platform.os !== ''
/** @param {unknown} mediaType */
const isIndexType = (mediaType) =>
  mediaType === 'application/vnd.oci.image.index.v1+json' ||
  mediaType === 'application/vnd.docker.distribution.manifest.list.v2+json'

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
  const bytes = await body(response, signal)
  // With a digest as the reference, that digest decides. With a tag, only the registry's header can be compared.
  const stated = response.headers.get('docker-content-digest') || undefined
  const expected = reference.includes(':') ? reference : stated
  const whole = parse(bytes)
  // The digest of a signed manifest is that of the signed content, without the signatures. Only that content is returned.
  const payload = signedPayload(bytes, whole)
  const isSigned = payload !== undefined && (!expected || (await digestOf(payload, expected)) === expected)
  const raw = isSigned ? payload : bytes
  const digest = await verify(raw, expected)
  const content = isSigned ? parse(payload) : whole
  const mediaType = mediaTypeOf(response.headers.get('content-type') ?? '', content, isSigned)
  if (mediaType === undefined) throw failure('upstream_invalid', 'registry', { status: 200 })
  return { mediaType, digest, size: raw.length, manifest: content, raw }
}

/** The parsed JSON; undefined when it is not JSON in UTF-8. @param {Uint8Array} bytes @returns {any} */
function parse(bytes) {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}

/**
 * What the signatures of a schema 1 manifest sign (docker/libtrust, "JSON Signature"): so many octets of the beginning,
 * and an end of its own. Undefined where there are none that can be read.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {any} content
 */
function signedPayload(bytes, content) {
  if (content?.schemaVersion !== 1 || !Array.isArray(content.signatures)) return undefined
  try {
    const { formatLength, formatTail } = parse(base64url(content.signatures[0].protected))
    if (!Number.isInteger(formatLength) || formatLength < 0 || formatLength > bytes.length) return undefined
    const tail = base64url(formatTail)
    const payload = new Uint8Array(formatLength + tail.length)
    payload.set(bytes.subarray(0, formatLength))
    payload.set(tail, formatLength)
    return payload
  } catch {
    return undefined
  }
}

/** @param {string} text */
function base64url(text) {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) =>
    character.charCodeAt(0),
  )
}

/**
 * The media type; undefined when header and content contradict each other, or when the content could be read as a
 * manifest and as an index (GHSA-qq97-vm5h-rrhg).
 * @param {string} contentType
 * @param {any} content
 * @param {boolean} isSigned
 * @returns {string | undefined}
 */
function mediaTypeOf(contentType, content, isSigned) {
  if (content === null || typeof content !== 'object' || Array.isArray(content)) return undefined
  if ('manifests' in content && ('layers' in content || 'config' in content)) return undefined
  const header = contentType.split(';')[0].trim().toLowerCase()
  const own = typeof content.mediaType === 'string' ? content.mediaType : undefined
  if (SILENT.includes(header)) return own ?? typeByContent(content, isSigned)
  return own === undefined || own === header ? header : undefined
}

/**
 * The type by what manifests of it, and of no other, consist of (image-spec "manifest" and "index", docker's schemas).
 * @param {any} content
 * @param {boolean} isSigned
 */
function typeByContent({ schemaVersion, fsLayers, manifests, config, layers }, isSigned) {
  if (schemaVersion === 1 && Array.isArray(fsLayers)) {
    return `application/vnd.docker.distribution.manifest.v1+${isSigned ? 'prettyjws' : 'json'}`
  }
  if (schemaVersion !== 2) return undefined
  if (Array.isArray(manifests)) {
    return manifests.some((/** @type {any} */ entry) => isDockers(entry?.mediaType))
      ? 'application/vnd.docker.distribution.manifest.list.v2+json'
      : 'application/vnd.oci.image.index.v1+json'
  }
  if (config === null || typeof config !== 'object' || !Array.isArray(layers)) return undefined
  return isDockers(config.mediaType)
    ? 'application/vnd.docker.distribution.manifest.v2+json'
    : 'application/vnd.oci.image.manifest.v1+json'
}

/** @param {unknown} mediaType */
const isDockers = (mediaType) =>
  typeof mediaType === 'string' && mediaType.startsWith('application/vnd.docker.')

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
 * The entry of a platform: the one with the requested variant; without one, the entry that has no variant, or else the
 * first.
 * @param {any[]} entries
 * @param {Platform} platform
 * @returns {any}
 */
function choose(entries, { os, architecture, variant }) {
  const fitting = entries.filter(
    (entry) => entry.platform?.os === os && entry.platform.architecture === architecture,
  )
  if (variant === undefined) return fitting.find((entry) => !entry.platform.variant) ?? fitting[0]
  // arm64 without a variant is v8 (image-spec, "Platform Variants").
  const implied = architecture === 'arm64' ? 'v8' : undefined
  return fitting.find((entry) => (entry.platform.variant || implied) === variant)
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
 * @param {string} [expected]
 */
async function verify(raw, expected) {
  const digest = await digestOf(raw, expected)
  if (expected && digest !== expected) throw failure('digest_mismatch', 'registry', { status: 200 })
  return digest
}

/**
 * Computes the digest with the algorithm of another digest.
 * @param {Uint8Array<ArrayBuffer>} raw
 * @param {string} [other]
 */
async function digestOf(raw, other = 'sha256:') {
  const algorithm = other.split(':', 1)[0]
  if (!Object.hasOwn(ALGORITHMS, algorithm)) throw failure('upstream_invalid', 'registry', { status: 200 })
  const subtle = globalThis.crypto?.subtle
  if (subtle === undefined) {
    const message =
      'Verifying digests requires WebCrypto, which browsers provide on https pages and on localhost only.'
    throw new DockpassError({ code: 'ERR_NO_WEBCRYPTO', message })
  }
  const hash = new Uint8Array(await subtle.digest(ALGORITHMS[algorithm], raw))
  return `${algorithm}:${Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
