// What refers to a manifest: signatures, attestations, and other artifacts (distribution-spec, "Listing Referrers").

import { manifest } from './content.js'
import { argumentError } from './error.js'
import { discard, refused, signalOf, text } from './failure.js'
import { isDigest } from './digest.js'

/**
 * @import { Descriptor, Referrers, ReferrersOptions } from '../index.js'
 * @import { Content } from './types.js'
 */

export const INDEX = 'application/vnd.oci.image.index.v1+json'
/** Responses of registries that do not have the API, besides 404. */
const NO_API = [400, 405, 501]
/** No manifest has more pages of referrers. */
const MOST_PAGES = 1000

/**
 * Implements `RegistryClient.referrers`.
 * @param {Content} content
 * @param {string} repository
 * @param {string} digest
 * @param {ReferrersOptions} [options]
 * @returns {Promise<Referrers>}
 */
export async function referrers(content, repository, digest, options) {
  const signal = signalOf(options)
  const { artifactType } = options ?? {}
  text(repository, 'repository')
  if (typeof digest !== 'string' || !isDigest(digest)) throw argumentError('digest must be algorithm:hex.')
  if (artifactType !== undefined) text(artifactType, 'artifactType')
  // A registry may or may not apply the filter.
  const filtered = (/** @type {Descriptor[]} */ all) =>
    artifactType === undefined ? all : all.filter((each) => each.artifactType === artifactType)
  const query = artifactType === undefined ? '' : `?artifactType=${encodeURIComponent(artifactType)}`
  const listed = await byApi(content, `/v2/${repository}/referrers/${digest}${query}`, signal)
  if (listed !== 'no API' && listed !== 'not there')
    return { known: true, source: 'api', referrers: filtered(listed) }
  const fallback = await tagged(content, repository, digest, signal)
  if (fallback !== undefined) return { known: true, source: 'tag', referrers: filtered(fallback) }
  // 404 for both: the specification says that there are none. Whatever else the registry said, it is no answer.
  return listed === 'not there' ? { known: true, source: 'tag', referrers: [] } : { known: false }
}

/**
 * @param {Content} content
 * @param {string} first
 * @param {AbortSignal} [signal]
 * @returns {Promise<Descriptor[] | 'no API' | 'not there'>}
 */
async function byApi(content, first, signal) {
  /** @type {Descriptor[]} */
  const all = []
  /** @type {string | null | undefined} */
  let path = first
  for (let pages = 0; typeof path === 'string'; pages += 1) {
    const response = await content.fetch(path, { headers: { accept: INDEX }, signal })
    const { status } = response
    if (pages === 0 && (status === 404 || NO_API.includes(status))) {
      await discard(response)
      return status === 404 ? 'not there' : 'no API'
    }
    if (status !== 200) throw await refused(response)
    const page = entriesOf(await response.json().catch(() => undefined))
    // A page for people, or what a proxy says.
    if (page === undefined) return 'no API'
    all.push(...page)
    path = await content.next(response.headers, path)
    if (path === null || pages === MOST_PAGES) return 'no API'
  }
  return all
}

/**
 * The entries of the index that lists the referrers under a tag; undefined without such a tag.
 * @param {Content} content
 * @param {string} repository
 * @param {string} digest
 * @param {AbortSignal} [signal]
 */
export async function tagged(content, repository, digest, signal) {
  try {
    return entriesOf((await manifest(content.fetch, repository, referrersTag(digest), { signal })).manifest)
  } catch (error) {
    if (error.code === 'missing') return undefined
    throw error
  }
}

/** The tag at which registries without the API list referrers ("Referrers Tag Schema"). @param {string} digest */
export const referrersTag = (digest) => digest.replace(':', '-').slice(0, 128)

/** @param {any} index @returns {Descriptor[] | undefined} */
function entriesOf(index) {
  if (index === null || typeof index !== 'object' || !Array.isArray(index.manifests)) return undefined
  return index.manifests.filter(
    (/** @type {any} */ entry) =>
      typeof entry?.digest === 'string' &&
      typeof entry.mediaType === 'string' &&
      Number.isInteger(entry.size),
  )
}
