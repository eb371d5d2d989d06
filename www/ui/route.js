// The page's routes, in the fragment of its URL: `#/registry`, `#/registry/repository`, `#/registry/repository:tag`,
// `#/registry/repository@digest`. They contain no secrets. Pure functions.

/**
 * A repository, and a tag or digest in it.
 * @typedef {{ repository: string, reference: string | null }} Name
 */

/**
 * What the page shows. Null: not chosen.
 * @typedef {{ registry: string | null, repository: string | null, reference: string | null }} Place
 */

const REGISTRY = /^[A-Za-z0-9._-]+(?::\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](?::\d{1,5})?$/
// The distribution specification's <name>, <tag> and <digest>.
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/
const DIGEST = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]{32,}$/

/** @param {string} text */
export const isRepository = (text) => text.length <= 255 && REPOSITORY.test(text)
/** @param {string} text */
export const isDigest = (text) => DIGEST.test(text)
/** @param {string} text */
export const isReference = (text) => TAG.test(text) || isDigest(text)

/**
 * `repository:tag` or `repository@digest`.
 * @param {string} repository
 * @param {string} reference
 */
export function qualified(repository, reference) {
  return `${repository}${isDigest(reference) ? '@' : ':'}${reference}`
}

/**
 * The link to a place.
 * @param {{ registry: string, repository?: string | null, reference?: string | null }} place
 */
export function hrefFor({ registry, repository, reference }) {
  let path = `#/${registry}`
  if (repository) path += `/${repository}`
  if (repository && reference) path = `#/${registry}/${qualified(repository, reference)}`
  return path
}

/**
 * Parses a fragment. A part that does not follow the specification's grammar is ignored, with everything after it.
 * @param {string} hash
 * @returns {Place}
 */
export function parseRoute(hash) {
  const none = { registry: null, repository: null, reference: null }
  let text
  try {
    text = decodeURIComponent(hash.replace(/^#\/?/, ''))
  } catch {
    return none
  }
  const slash = text.indexOf('/')
  const registry = slash < 0 ? text : text.slice(0, slash)
  if (!REGISTRY.test(registry)) return none
  const name = splitName(slash < 0 ? '' : text.slice(slash + 1))
  return { registry, ...(name ?? { repository: null, reference: null }) }
}

/**
 * Splits `repository[:tag][@digest]`. The digest wins over the tag. Null when this is not a repository.
 * @param {string} text
 * @returns {Name | null}
 */
export function splitName(text) {
  const at = text.indexOf('@')
  const digest = at < 0 ? null : text.slice(at + 1)
  let repository = at < 0 ? text : text.slice(0, at)
  /** @type {string | null} */
  let tag = null
  const colon = repository.lastIndexOf(':')
  if (colon > repository.lastIndexOf('/')) {
    tag = repository.slice(colon + 1)
    repository = repository.slice(0, colon)
  }
  if (!isRepository(repository)) return null
  if (digest !== null) return isDigest(digest) ? { repository, reference: digest } : null
  if (tag !== null) return TAG.test(tag) ? { repository, reference: tag } : null
  return { repository, reference: null }
}
