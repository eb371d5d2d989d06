// Downloads: a blob as a stream whose digest is verified on the way, and which goes on after the connection was lost.

import { Digest, isDigest } from './digest.js'
import { argumentError } from './error.js'
import { aborted, discard, failure, pause, refused, signalOf, text } from './failure.js'

/**
 * @import { Download, DownloadOptions, Progress } from '../index.js'
 * @import { Content } from './types.js'
 */

/** How often in a row a download goes on after the connection was lost without a byte in between. */
const MOST_LOSSES = 4
/** The wait before it does, in milliseconds. It doubles with each loss in a row. */
const FIRST_WAIT = 250

/**
 * Implements `RegistryClient.download`.
 * @param {Content} content
 * @param {string} repository
 * @param {string} digest
 * @param {DownloadOptions} [options]
 * @returns {Promise<Download>}
 */
export async function download(content, repository, digest, options) {
  const signal = signalOf(options)
  const { have, onProgress } = options ?? {}
  text(repository, 'repository')
  if (typeof digest !== 'string' || !isDigest(digest)) throw argumentError('digest must be algorithm:hex.')
  if (have !== undefined && !(have instanceof Blob)) throw argumentError('have must be a Blob.')
  const hash = await Digest.begin(digest)
  try {
    if (have !== undefined) await feed(hash, have)
    const source = new Source(content, `/v2/${repository}/blobs/${digest}`, signal, have?.size ?? 0)
    await source.open()
    return { digest, size: source.size, body: verified(source, hash, digest, onProgress) }
  } catch (error) {
    hash.free()
    throw error
  }
}

/** @param {Digest} hash @param {Blob} blob */
export async function feed(hash, blob) {
  const reader = blob.stream().getReader()
  for (let part = await reader.read(); !part.done; part = await reader.read()) hash.update(part.value)
}

/**
 * The stream of a source, which fails at its end if it is not what the digest says.
 * @param {Source} source
 * @param {Digest} hash
 * @param {string} digest
 * @param {((progress: Progress) => void) | undefined} onProgress
 * @returns {ReadableStream<Uint8Array<ArrayBuffer>>}
 */
function verified(source, hash, digest, onProgress) {
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const piece = await source.read()
          if (piece !== undefined) {
            hash.update(piece)
            controller.enqueue(piece)
            onProgress?.({ loaded: source.loaded, total: source.size })
            return
          }
          const isRight = hash.value === digest
          hash.free()
          if (!isRight) throw failure('digest_mismatch', 'registry', { status: 200 })
          controller.close()
        } catch (error) {
          await source.cancel()
          controller.error(error)
        }
      },
      async cancel() {
        hash.free()
        await source.cancel()
      },
    },
    { highWaterMark: 0 },
  )
}

/** The bytes of a blob, over as many connections as it takes. */
class Source {
  /** How many bytes there are, if the registry says so. @type {number | undefined} */
  size
  #content
  #path
  #signal
  /** @type {ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined} */
  #reader
  /** How many bytes of a connection are known already, because the registry began with the first. */
  #skip = 0
  #losses = 0

  /** @param {Content} content @param {string} path @param {AbortSignal | undefined} signal @param {number} loaded */
  constructor(content, path, signal, loaded) {
    this.#content = content
    this.#path = path
    this.#signal = signal
    /** How many bytes have arrived. */
    this.loaded = loaded
  }

  /** Connects, for the bytes from `loaded` on. */
  async open() {
    /** @type {Record<string, string>} */
    const headers = { accept: '*/*' }
    if (this.loaded > 0) headers.range = `bytes=${this.loaded}-`
    const response = await this.#content.fetch(this.#path, { headers, signal: this.#signal })
    const { status } = response
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '')
    // All bytes have arrived, and only their end had not.
    if (status === 416 && this.loaded > 0 && (this.size ?? this.loaded) === this.loaded) {
      await discard(response)
      this.size = this.loaded
      return
    }
    if (status === 206 && range !== null && Number(range[1]) === this.loaded) {
      this.#skip = 0
      if (range[2] !== '*') this.#sized(Number(range[2]))
    } else if (status === 200) {
      this.#skip = this.loaded
      const length = response.headers.get('content-length')
      if (length !== null) this.#sized(Number(length))
    } else throw await refused(response)
    this.#reader = response.body?.getReader()
  }

  /** @param {number} size */
  #sized(size) {
    if (this.size !== undefined && this.size !== size)
      throw failure('digest_mismatch', 'registry', { status: 200 })
    this.size = size
  }

  /** The next bytes; undefined after the last. */
  async read() {
    while (this.#reader !== undefined) {
      /** @type {Uint8Array<ArrayBuffer> | undefined} */
      let piece
      try {
        const { value, done } = await this.#reader.read()
        if (done && this.size !== undefined && this.loaded < this.size)
          throw new Error('The body has ended early.')
        if (done) return undefined
        piece = value
      } catch {
        await this.#again()
        continue
      }
      const skipped = Math.min(this.#skip, piece.length)
      this.#skip -= skipped
      if (skipped === piece.length) continue
      this.#losses = 0
      this.loaded += piece.length - skipped
      return skipped === 0 ? piece : piece.subarray(skipped)
    }
    return undefined
  }

  /** Goes on after the connection was lost. */
  async #again() {
    if (this.#signal?.aborted) throw aborted(this.#signal)
    for (;;) {
      if (this.#losses === MOST_LOSSES) throw failure('upstream_failed', 'registry')
      await pause(FIRST_WAIT * 2 ** this.#losses, this.#signal)
      this.#losses += 1
      try {
        return await this.open()
      } catch (error) {
        if (error.code !== 'key_server_unreachable' && error.code !== 'upstream_unreachable') throw error
      }
    }
  }

  async cancel() {
    await this.#reader?.cancel().catch(() => {})
    this.#reader = undefined
  }
}
