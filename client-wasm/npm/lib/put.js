// Writes manifests.

import { argumentError } from './error.js'
import { discard, failure, refused, signalOf, text } from './failure.js'
import { INDEX, referrersTag, tagged } from './referrers.js'
import { digestOf, isBytes } from './upload.js'

/**
 * @import { Descriptor, PutManifestOptions } from '../index.js'
 * @import { Content } from './types.js'
 */

/**
 * Implements `RegistryClient.putManifest`.
 * @param {Content} content
 * @param {string} repository
 * @param {string} reference
 * @param {string | object} manifest
 * @param {PutManifestOptions} [options]
 * @returns {Promise<Descriptor>}
 */
export async function putManifest(content, repository, reference, manifest, options) {
  const signal = signalOf(options)
  text(repository, 'repository')
  text(reference, 'reference')
  const raw = typeof manifest === 'string' || isBytes(manifest) ? manifest : JSON.stringify(manifest)
  if (raw === undefined) throw argumentError('manifest must be an object, a string or bytes.')
  const blob = new Blob([raw])
  const parsed = parse(await blob.text())
  const mediaType = options?.mediaType ?? parsed?.mediaType
  if (typeof mediaType !== 'string')
    throw argumentError('mediaType is required for a manifest that does not state its own.')
  const digest = await digestOf(blob, reference.includes(':') ? reference : undefined)
  const descriptor = { mediaType, digest, size: blob.size }
  const path = `/v2/${repository}/manifests/${reference}`
  const headers = { 'content-type': mediaType }
  const response = await content.fetch(path, { method: 'PUT', headers, body: blob, signal })
  await discard(response)
  if (response.status !== 201) throw await refused(response)
  const stated = response.headers.get('docker-content-digest')
  if (stated?.split(':', 1)[0] === 'sha256' && digest.startsWith('sha256:') && stated !== digest)
    throw failure('digest_mismatch', 'registry', { status: 201 })
  // A registry without the referrers API does not list it (distribution-spec, "Pushing Manifests with Subject").
  const subject = parsed?.subject?.digest
  if (typeof subject === 'string' && !response.headers.has('oci-subject')) {
    const { artifactType = parsed.config?.mediaType, annotations } = parsed
    await addReferrer(content, repository, subject, { ...descriptor, artifactType, annotations }, signal)
  }
  return descriptor
}

/**
 * Adds an entry to the index that lists the referrers of a manifest under a tag.
 * @param {Content} content
 * @param {string} repository
 * @param {string} subject
 * @param {Descriptor} descriptor
 * @param {AbortSignal} [signal]
 */
async function addReferrer(content, repository, subject, descriptor, signal) {
  const listed = (await tagged(content, repository, subject, signal)) ?? []
  if (listed.some(({ digest }) => digest === descriptor.digest)) return
  const index = { schemaVersion: 2, mediaType: INDEX, manifests: [...listed, descriptor] }
  await putManifest(content, repository, referrersTag(subject), index, { signal })
}

/** @param {string} json @returns {any} */
function parse(json) {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
