// Resolves what the user typed as a repository.

import { splitName } from './route.js'

/**
 * @import { Reference, RegistryInfo } from '../dockpass/index.js'
 * @import { Name } from './route.js'
 */

/**
 * A repository of `registry`, as docker would parse it.
 * @param {string} text
 * @param {string} registry
 * @param {readonly RegistryInfo[]} registries
 * @param {(text: string) => Reference} parseReference
 * @returns {Name}
 * @throws An error with `code`, and `forPerson` when the text names another registry.
 */
export function resolveName(text, registry, registries, parseReference) {
  const bare = text.replace(/^(?:docker|oci|https?):\/\//, '').replace(/^\/?v2\//, '')
  const reference = attempt(() => parseReference(bare))
  if (
    reference &&
    registries.some((one) => one.registry === reference.registry) &&
    (reference.registry === registry || bare.startsWith(`${reference.registry}/`))
  ) {
    if (reference.registry !== registry) {
      const forPerson = `This repository belongs to ${reference.registry}. Choose that registry first.`
      throw Object.assign(new Error('another registry'), { forPerson })
    }
    return { repository: reference.repository, reference: reference.digest ?? reference.tag ?? null }
  }
  const own = splitName(bare.startsWith(`${registry}/`) ? bare.slice(registry.length + 1) : bare)
  if (!own) throw Object.assign(new Error('not a repository name'), { code: 'invalid_reference' })
  return own
}

/**
 * @template T
 * @param {() => T} work
 */
function attempt(work) {
  try {
    return work()
  } catch {
    return null
  }
}
