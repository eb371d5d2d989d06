// What the page shows, as the part of its address after `#`: `#/registry`, `#/registry/repository`,
// `#/registry/repository:tag`, `#/registry/repository@digest`. It never holds anything secret. Pure.

const REGISTRY = /^[A-Za-z0-9.-]+(?::\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](?::\d{1,5})?$/
// The distribution specification's <name>, <tag> and <digest>.
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/
const DIGEST = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]{32,}$/

export const isRepository = (text) => text.length <= 255 && REPOSITORY.test(text)
export const isDigest = (text) => DIGEST.test(text)
export const isReference = (text) => TAG.test(text) || isDigest(text)

/** `repository:tag` or `repository@digest`. */
export function qualified(repository, reference) {
  return `${repository}${isDigest(reference) ? '@' : ':'}${reference}`
}

/** The address for a place; what is left out is not in it. */
export function hrefFor({ registry, repository, reference }) {
  let path = `#/${registry}`
  if (repository) path += `/${repository}`
  if (repository && reference) path = `#/${registry}/${qualified(repository, reference)}`
  return path
}

/**
 * Reads an address. Returns `{registry, repository, reference}`, each null where the address does not name it; what is
 * not a registry, repository or reference by the specification's grammar is dropped, with all that follows it.
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

/** Splits `repository[:tag][@digest]`; the digest wins over the tag. Null when it is no repository. */
export function splitName(text) {
  const at = text.indexOf('@')
  const digest = at < 0 ? null : text.slice(at + 1)
  let repository = at < 0 ? text : text.slice(0, at)
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
