// Uploads: a blob in chunks, which goes on after the connection was lost.

import { Digest, isDigest } from './digest.js'
import { feed } from './download.js'
import { argumentError } from './error.js'
import { discard, failure, pause, refused, signalOf, text } from './failure.js'

/**
 * @import { Progress, Pushed, PushOptions } from '../index.js'
 * @import { Content } from './types.js'
 */

/** How many bytes are sent at a time. */
const CHUNK = 8 * 1024 * 1024
/** How often in a row a chunk is sent again, and the wait before, in milliseconds, which doubles. */
const MOST_FAILURES = 4
const FIRST_WAIT = 250
/** Errors after which the same chunk may succeed. */
const PASSING = [
  'key_server_unreachable',
  'upstream_unreachable',
  'upstream_timeout',
  'upstream_failed',
  'body_spent',
  'overloaded',
  'rate_limited',
  'registry_busy',
]
const BYTES = 'application/octet-stream'

/**
 * Implements `RegistryClient.push`.
 * @param {Content} content
 * @param {string} repository
 * @param {Blob | ArrayBuffer | ArrayBufferView | ReadableStream<Uint8Array<ArrayBuffer>>} source
 * @param {PushOptions} [options]
 * @returns {Promise<Pushed>}
 */
export async function push(content, repository, source, options) {
  const signal = signalOf(options)
  const { mount, onProgress, chunkSize = CHUNK } = options ?? {}
  text(repository, 'repository')
  if (mount !== undefined) text(mount, 'mount')
  if (!(Number.isInteger(chunkSize) && chunkSize > 0))
    throw argumentError('chunkSize must be an integer, at least 1.')
  if (source instanceof ReadableStream) {
    return new Upload(content, repository, { signal, onProgress, chunkSize }).ofStream(
      source,
      options?.digest,
    )
  }
  const blob = source instanceof Blob ? source : isBytes(source) ? new Blob([source]) : undefined
  if (blob === undefined) throw argumentError('content must be a Blob, bytes or a ReadableStream.')
  const digest = await digestOf(blob, options?.digest)
  const known = { digest, size: blob.size }
  const existing = await content.fetch(`/v2/${repository}/blobs/${digest}`, { method: 'HEAD', signal })
  await discard(existing)
  if (existing.status === 200) return { ...known, how: 'existed' }
  const upload = new Upload(content, repository, { signal, onProgress, chunkSize, total: blob.size })
  return (await upload.ofBlob(blob, digest, mount)) === 'mounted'
    ? { ...known, how: 'mounted' }
    : { ...known, how: 'uploaded' }
}

/** @param {unknown} value @returns {value is BufferSource} */
export const isBytes = (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value)

/** The digest of a whole. @param {Blob} blob @param {string} [expected] */
export async function digestOf(blob, expected) {
  if (expected !== undefined && !isDigest(expected)) throw argumentError('digest must be algorithm:hex.')
  const hash = await Digest.begin(expected)
  try {
    await feed(hash, blob)
    if (expected !== undefined && hash.value !== expected)
      throw argumentError('digest is not that of the content.')
    return hash.value
  } finally {
    hash.free()
  }
}

/** One upload session (distribution-spec, "Pushing a blob in chunks"). */
class Upload {
  #content
  #repository
  #options
  /** Where it goes on. */
  #path = ''
  /** How many bytes the registry has. */
  #sent = 0
  #chunkSize

  /**
   * @param {Content} content
   * @param {string} repository
   * @param {{ signal?: AbortSignal, onProgress?: (progress: Progress) => void, chunkSize: number, total?: number }} options
   */
  constructor(content, repository, options) {
    this.#content = content
    this.#repository = repository
    this.#options = options
    this.#chunkSize = options.chunkSize
  }

  /** @param {Blob} blob @param {string} digest @param {string} [mount] */
  async ofBlob(blob, digest, mount) {
    const from =
      mount === undefined ? '' : `?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(mount)}`
    if (await this.#begin(from)) return 'mounted'
    try {
      if (blob.size <= this.#chunkSize) await this.#finish(digest, blob)
      else {
        while (this.#sent < blob.size)
          await this.#chunk((start) => blob.slice(start, start + this.#chunkSize))
        await this.#finish(digest)
      }
    } catch (error) {
      await this.#abandon()
      throw error
    }
    return 'uploaded'
  }

  /** @param {ReadableStream<Uint8Array<ArrayBuffer>>} stream @param {string} [expected] @returns {Promise<Pushed>} */
  async ofStream(stream, expected) {
    if (expected !== undefined && !isDigest(expected)) throw argumentError('digest must be algorithm:hex.')
    const hash = await Digest.begin(expected)
    const reader = stream.getReader()
    try {
      await this.#begin('')
      /** @type {Uint8Array<ArrayBuffer>[]} */
      let pieces = []
      let length = 0
      for (let ended = false; !ended;) {
        const { value, done } = await reader.read()
        ended = done
        if (value !== undefined) {
          hash.update(value)
          pieces.push(/** @type {Uint8Array<ArrayBuffer>} */ (value))
          length += value.length
        }
        if (length >= this.#chunkSize || (ended && length > 0)) {
          const start = this.#sent
          const chunk = new Blob(pieces)
          while (this.#sent < start + length) await this.#chunk((at) => chunk.slice(at - start))
          pieces = []
          length = 0
        }
      }
      const digest = hash.value
      if (expected !== undefined && digest !== expected)
        throw argumentError('digest is not that of the content.')
      await this.#finish(digest)
      return { digest, size: this.#sent, how: 'uploaded' }
    } catch (error) {
      await reader.cancel(error).catch(() => {})
      await this.#abandon()
      throw error
    } finally {
      hash.free()
    }
  }

  /** Begins; returns whether the blob was mounted instead. @param {string} query */
  async #begin(query) {
    const { signal } = this.#options
    const path = `/v2/${this.#repository}/blobs/uploads/`
    const response = await this.#content.fetch(path + query, { method: 'POST', signal })
    await discard(response)
    if (response.status === 201 && query !== '') return true
    if (response.status !== 202) throw await refused(response)
    this.#path = this.#next(response, path)
    const least = Number(response.headers.get('oci-chunk-min-length'))
    if (least > this.#chunkSize) this.#chunkSize = least
    return false
  }

  /** Sends one chunk. @param {(start: number) => Blob} cut The bytes of the content from a position on. */
  async #chunk(cut) {
    for (let failures = 0; ; failures += 1) {
      const start = this.#sent
      const body = cut(start)
      try {
        const headers = { 'content-type': BYTES, 'content-range': `${start}-${start + body.size - 1}` }
        const response = await this.#request({ method: 'PATCH', headers, body })
        await discard(response)
        // 416: the registry has more or less than was sent, such as after a response that was lost.
        if (response.status !== 202 && response.status !== 204 && response.status !== 416)
          throw await refused(response)
        if (response.status === 416) await this.#ask()
        else {
          this.#path = this.#next(response, this.#path)
          this.#sent = received(response) ?? start + body.size
        }
        if (this.#sent > start) return this.#report()
        if (failures === MOST_FAILURES)
          throw failure('upstream_invalid', 'registry', { status: response.status })
      } catch (error) {
        if (failures === MOST_FAILURES || !PASSING.includes(error.code)) throw error
        await pause(error.retryAfter ?? FIRST_WAIT * 2 ** failures, this.#options.signal)
        await this.#ask().catch(() => {})
        if (this.#sent > start) return this.#report()
      }
    }
  }

  /** Asks how many bytes the registry has. */
  async #ask() {
    const response = await this.#request({ method: 'GET' })
    await discard(response)
    if (response.status !== 204) return
    this.#path = this.#next(response, this.#path)
    this.#sent = received(response) ?? this.#sent
  }

  /** @param {string} digest @param {Blob} [body] All of the content, when nothing was sent. */
  async #finish(digest, body) {
    const query = `${this.#path.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`
    const path = this.#path + query
    const headers = { 'content-type': BYTES }
    for (let failures = 0; ; failures += 1) {
      try {
        const response = await this.#request({ method: 'PUT', headers, body }, path)
        await discard(response)
        if (response.status !== 201) throw await refused(response)
        this.#sent += body?.size ?? 0
        this.#path = ''
        return this.#report()
      } catch (error) {
        if (failures === MOST_FAILURES || !PASSING.includes(error.code)) throw error
        await pause(error.retryAfter ?? FIRST_WAIT * 2 ** failures, this.#options.signal)
        // Its response may be what was lost.
        const path = `/v2/${this.#repository}/blobs/${digest}`
        const there = await this.#request({ method: 'HEAD' }, path).catch(() => undefined)
        if (there?.status === 200) return this.#report()
      }
    }
  }

  /** Tells the registry that it may forget what it has. */
  async #abandon() {
    if (this.#path === '') return
    const response = await this.#content.fetch(this.#path, { method: 'DELETE' }).catch(() => undefined)
    if (response !== undefined) await discard(response)
  }

  /** @param {RequestInit} init @param {string} [path] */
  #request(init, path = this.#path) {
    return this.#content.fetch(path, { ...init, signal: this.#options.signal })
  }

  /** @param {Response} response @param {string} path */
  #next(response, path) {
    const location = response.headers.get('location')
    if (location !== null) return this.#content.resolve(location, path)
    if (path.endsWith('/uploads/')) throw failure('upstream_invalid', 'registry', { status: response.status })
    return path
  }

  #report() {
    this.#options.onProgress?.({ loaded: this.#sent, total: this.#options.total })
  }
}

/** How many bytes a registry has, by its `Range: 0-LAST`. @param {Response} response */
function received({ headers }) {
  const range = /^(?:bytes=)?0-(\d+)$/.exec(headers.get('range') ?? '')
  return range === null ? undefined : Number(range[1]) + 1
}
