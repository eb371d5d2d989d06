// What an image consists of: its configuration and its layers.

import { blob, manifest } from './content.js'
import { failure, signalOf, text } from './failure.js'

/**
 * @import { Descriptor, ImageConfig, ManifestOptions } from '../index.js'
 * @import { Content } from './types.js'
 */

/**
 * The manifest of one image. An index has several, so a platform is necessary.
 * @param {Content} content
 * @param {string} repository
 * @param {string} reference
 * @param {ManifestOptions} [options]
 */
async function imageManifest(content, repository, reference, options) {
  const found = await manifest(
    content.fetch,
    text(repository, 'repository'),
    text(reference, 'reference'),
    options,
  )
  if (!Array.isArray(found.manifest.manifests)) return found
  const platforms = found.manifest.manifests
    .map((/** @type {any} */ { platform }) => [platform?.os, platform?.architecture, platform?.variant])
    .filter((/** @type {unknown[]} */ [os]) => typeof os === 'string' && os !== 'unknown')
    .map((/** @type {unknown[]} */ parts) =>
      parts.filter((part) => typeof part === 'string' && part !== '').join('/'),
    )
  const message = 'This is an index of several images. Say which one with the option `platform`.'
  throw failure('missing', 'registry', { message, platforms })
}

/**
 * Implements `RegistryClient.config`.
 * @param {Content} content
 * @param {string} repository
 * @param {string} reference
 * @param {ManifestOptions} [options]
 * @returns {Promise<ImageConfig>}
 */
export async function config(content, repository, reference, options) {
  const { manifest: image, digest: manifestDigest } = await imageManifest(
    content,
    repository,
    reference,
    options,
  )
  const { digest, mediaType } = image.config ?? {}
  if (typeof digest !== 'string' || typeof mediaType !== 'string') {
    const message = 'This manifest has no configuration.'
    throw failure('missing', 'registry', { message })
  }
  const found = await blob(content.fetch, repository, digest, { signal: signalOf(options) })
  let parsed
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(found.raw))
  } catch {
    // An artifact's configuration may be anything.
  }
  return { ...found, mediaType, config: parsed, manifestDigest }
}

/**
 * Implements `RegistryClient.layers`.
 * @param {Content} content
 * @param {string} repository
 * @param {string} reference
 * @param {ManifestOptions} [options]
 * @returns {Promise<Descriptor[]>}
 */
export async function layers(content, repository, reference, options) {
  const { manifest: image } = await imageManifest(content, repository, reference, options)
  // Schema 1 has them from the top, without sizes.
  if (Array.isArray(image.fsLayers)) throw failure('upstream_invalid', 'registry', { status: 200 })
  const list = Array.isArray(image.layers) ? image.layers : []
  if (!list.every(isDescriptor)) throw failure('upstream_invalid', 'registry', { status: 200 })
  return list
}

/** @param {any} entry @returns {entry is Descriptor} */
export const isDescriptor = (entry) =>
  typeof entry?.digest === 'string' && typeof entry.mediaType === 'string' && Number.isInteger(entry.size)
