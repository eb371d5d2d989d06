// The entry `dockpass/sw`, for service workers.

import { explain } from './errors.js'
import init, { RegistryClient } from './client.js'
import { requestHandler } from './lib/sw.js'

/** @type {typeof import('./sw.js').handler} */
export const handler = (options) => requestHandler({ init, RegistryClient, explain }, options)

/** @type {typeof import('./sw.js').authorize} */
export function authorize(options) {
  const handle = handler(options)
  const worker = /** @type {import('./lib/sw.js').WorkerScope} */ (/** @type {unknown} */ (globalThis))
  // The pages that are open already get it too, without a reload.
  worker.addEventListener('install', () => void worker.skipWaiting())
  worker.addEventListener('activate', (event) => event.waitUntil(worker.clients.claim()))
  worker.addEventListener('fetch', handle)
}
