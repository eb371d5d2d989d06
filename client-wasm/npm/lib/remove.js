// Deletes tags and manifests, and tells which tags go with them.

import { discard, failure, refused, signalOf, text } from './failure.js'
import { ACCEPT, manifest } from './content.js'

/**
 * @import { DeleteOptions, Deleted } from '../index.js'
 * @import { Content } from './types.js'
 */

/** How many tags are compared at a time. */
const AT_A_TIME = 6
/** Responses of registries that delete manifests only, and no tags. */
const NO_TAGS = [400, 405, 501]

/**
 * Implements `RegistryClient.delete`.
 * @param {Content} content
 * @param {string} repository
 * @param {string} reference
 * @param {DeleteOptions} [options]
 * @returns {Promise<Deleted>}
 */
export async function remove(content, repository, reference, options) {
  const signal = signalOf(options)
  const { allTags = false, dryRun = false } = options ?? {}
  text(repository, 'repository')
  text(reference, 'reference')
  const isTag = !reference.includes(':')
  const digest = isTag ? await digestOfTag(content, repository, reference, signal) : reference
  const tags = await tagsOf(content, repository, digest, signal)
  const others = isTag ? tags.filter((tag) => tag !== reference) : tags
  if (dryRun) return { deleted: false, reason: 'dry_run', digest, tags }
  if (isTag && !allTags) {
    const status = await send(content, `/v2/${repository}/manifests/${reference}`, signal)
    if (status < 300) return { deleted: true, digest, tags: [reference] }
    if (!NO_TAGS.includes(status))
      throw failure(status === 404 ? 'missing' : 'upstream_invalid', 'registry', { status })
  }
  // With the manifest, all of its tags are gone.
  if (others.length > 0 && !allTags) return { deleted: false, reason: 'shared', digest, tags }
  const status = await send(content, `/v2/${repository}/manifests/${digest}`, signal)
  if (status >= 300)
    throw failure(
      status === 404 ? 'missing' : status === 405 ? 'method_not_allowed' : 'upstream_invalid',
      'registry',
      { status },
    )
  return { deleted: true, digest, tags }
}

/** @param {Content} content @param {string} path @param {AbortSignal} [signal] */
async function send(content, path, signal) {
  const response = await content.fetch(path, { method: 'DELETE', signal })
  await discard(response)
  if (response.status >= 500 && response.status !== 501) throw await refused(response)
  return response.status
}

/**
 * @param {Content} content
 * @param {string} repository
 * @param {string} tag
 * @param {AbortSignal} [signal]
 */
async function digestOfTag(content, repository, tag, signal) {
  const path = `/v2/${repository}/manifests/${tag}`
  const head = await content.fetch(path, { method: 'HEAD', headers: { accept: ACCEPT }, signal })
  const stated = head.headers.get('docker-content-digest')
  if (head.status === 200 && stated !== null) return stated
  return (await manifest(content.fetch, repository, tag, { signal })).digest
}

/**
 * The tags of a manifest.
 * @param {Content} content
 * @param {string} repository
 * @param {string} digest
 * @param {AbortSignal} [signal]
 */
async function tagsOf(content, repository, digest, signal) {
  const names = []
  for await (const name of content.tags(repository, { signal })) names.push(name)
  /** @type {string[]} */
  const found = []
  const next = names.values()
  const compare = async () => {
    for (const name of next) {
      const is = await digestOfTag(content, repository, name, signal).catch((error) => {
        if (error.code !== 'missing') throw error
      })
      if (is === digest) found.push(name)
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, compare))
  return names.filter((name) => found.includes(name))
}
