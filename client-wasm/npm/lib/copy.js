// Copies images: to another tag, and to another repository of the registry.

import { manifest } from './content.js'
import { download } from './download.js'
import { argumentError } from './error.js'
import { failure, signalOf, text } from './failure.js'
import { isDescriptor } from './image.js'
import { putManifest } from './put.js'
import { push } from './upload.js'

/**
 * @import { CopyOptions, Descriptor, ImageName } from '../index.js'
 * @import { Content } from './types.js'
 */

/** Indexes within indexes. */
const MOST_LEVELS = 4
/** Layers whose content is elsewhere, which registries need not have (image-spec, "Non-distributable layers"). */
const FOREIGN = /(nondistributable|foreign\.diff)/

/**
 * Implements `RegistryClient.copy`.
 * @param {Content} content
 * @param {ImageName} source
 * @param {Partial<ImageName>} target
 * @param {CopyOptions} [options]
 * @returns {Promise<Descriptor>}
 */
export async function copy(content, source, target, options) {
  const signal = signalOf(options)
  const from = text(source?.repository, 'source.repository')
  const reference = text(source.reference, 'source.reference')
  const to = text(target?.repository ?? from, 'target.repository')
  const name = target.reference ?? (to === from ? undefined : reference)
  if (name === undefined) throw argumentError('target must be another repository or have another reference.')
  const work = new Copying(content, from, to, { signal, onBlob: options?.onBlob })
  return work.whole(reference, text(name, 'target.reference'), 1)
}

class Copying {
  /** @type {Content} */
  #content
  #from
  #to
  #options

  /**
   * @param {Content} content
   * @param {string} from
   * @param {string} to
   * @param {{ signal?: AbortSignal } & Pick<CopyOptions, 'onBlob'>} options
   */
  constructor(content, from, to, options) {
    this.#content = content
    this.#from = from
    this.#to = to
    this.#options = options
  }

  /**
   * Copies a manifest after everything that it refers to.
   * @param {string} reference
   * @param {string} name Its tag or digest at the target.
   * @param {number} level
   * @returns {Promise<Descriptor>}
   */
  async whole(reference, name, level) {
    const { signal } = this.#options
    const found = await manifest(this.#content.fetch, this.#from, reference, { signal })
    const { manifest: content, mediaType, raw, digest } = found
    if (this.#from !== this.#to) {
      if (Array.isArray(content.manifests)) await this.#children(content.manifests, level)
      else await this.#blobs(content)
    }
    await putManifest(
      this.#content,
      this.#to,
      name.includes(':') ? digest : name,
      /** @type {Uint8Array<ArrayBuffer>} */ (raw),
      { mediaType, signal },
    )
    return { mediaType, digest, size: raw.length }
  }

  /** @param {any[]} entries @param {number} level */
  async #children(entries, level) {
    if (level === MOST_LEVELS) throw failure('upstream_invalid', 'registry', { status: 200 })
    for (const { digest } of entries) await this.whole(text(digest, 'digest'), digest, level + 1)
  }

  /** @param {any} image */
  async #blobs({ config, layers }) {
    const blobs = [...(Array.isArray(layers) ? layers : []), config]
    if (!blobs.every(isDescriptor)) throw failure('upstream_invalid', 'registry', { status: 200 })
    const { signal, onBlob } = this.#options
    const unique = new Map(blobs.map((blob) => [blob.digest, blob]))
    for (const descriptor of unique.values()) {
      const { digest } = descriptor
      if (FOREIGN.test(descriptor.mediaType)) continue
      const how = (await this.#mount(digest)) ?? (await this.#transfer(digest))
      onBlob?.({ descriptor, how })
      signal?.throwIfAborted()
    }
  }

  /** Lets the registry share a blob among repositories. @param {string} digest */
  async #mount(digest) {
    const { signal } = this.#options
    const there = await this.#content.fetch(`/v2/${this.#to}/blobs/${digest}`, { method: 'HEAD', signal })
    if (there.status === 200) return /** @type {const} */ ('existed')
    const query = `?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(this.#from)}`
    const path = `/v2/${this.#to}/blobs/uploads/`
    const response = await this.#content.fetch(path + query, { method: 'POST', signal })
    if (response.status === 201) return /** @type {const} */ ('mounted')
    // The registry has begun an upload instead, which is of no use: the stream begins its own.
    const location = response.headers.get('location')
    if (response.status === 202 && location !== null)
      await this.#content
        .fetch(this.#content.resolve(location, path), { method: 'DELETE', signal })
        .catch(() => {})
    return undefined
  }

  /** Sends a blob through this page. @param {string} digest @returns {Promise<'uploaded'>} */
  async #transfer(digest) {
    const { signal } = this.#options
    const { body } = await download(this.#content, this.#from, digest, { signal })
    await push(this.#content, this.#to, body, { digest, signal })
    return 'uploaded'
  }
}
