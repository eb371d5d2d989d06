// Which requests of a page are for which registry.

/**
 * @import { WorkerOptions } from '../sw.js'
 *
 * A registry, and the path there with the query.
 * @typedef {{ registry: string, path: string }} Destined
 */

/** Hosts of Docker Hub that its API has. */
const DOCKER_HUB = ['registry-1.docker.io', 'index.docker.io']

/**
 * A function that finds the registry of a URL; undefined for the URL of something else.
 * @param {WorkerOptions['registries']} registries
 * @param {string} worker The URL of the service worker.
 * @returns {(url: string) => Destined | undefined}
 */
export function registryOf(registries, worker) {
  const own = new URL(worker).origin
  /** @type {Map<string, string>} */
  const byOrigin = new Map()
  for (const entry of registries) {
    const { registry, url } = typeof entry === 'string' ? { registry: entry, url: undefined } : entry
    const hosts = registry === 'docker.io' ? [registry, ...DOCKER_HUB] : [registry]
    for (const origin of url === undefined ? hosts.map((host) => `https://${host}`) : [new URL(url).origin]) {
      byOrigin.set(origin, registry)
    }
  }
  const [first] = registries
  // Paths of the page's own origin are those of the first registry, unless that origin is itself a registry's.
  if (first !== undefined && !byOrigin.has(own)) {
    byOrigin.set(own, typeof first === 'string' ? first : first.registry)
  }
  const names = new Set(byOrigin.values())
  return (text) => {
    const { origin, pathname, search, username, password } = new URL(text)
    if (username !== '' || password !== '') return undefined
    // Links reach the service worker of their own origin only. There, every registry has the path that the gateway has.
    const [, named, rest] = (origin === own && /^\/r\/([^/]+)(\/.*)$/.exec(pathname)) || []
    const registry = named === undefined ? byOrigin.get(origin) : decoded(named)
    const path = rest ?? pathname
    if (registry === undefined || !names.has(registry) || !/^\/v2(\/|$)/.test(path)) return undefined
    return { registry, path: `${path === '/v2' ? '/v2/' : path}${search}` }
  }
}

/**
 * A part of a path without escapes: `[` and `]` may be escaped.
 * @param {string} part
 */
function decoded(part) {
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}
