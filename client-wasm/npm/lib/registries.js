// The list of registries that a key server is configured for.

/**
 * @import { RegistryInfo } from '../index.js'
 * @import { KeyServer } from './key-server.js'
 * @import { Call } from './steps.js'
 */

import { failure } from './failure.js'

/** The fields that an entry must have. All are strings. */
const NAMES = ['registry', 'name', 'url', 'gateway']

/**
 * Requests the list.
 * @param {KeyServer} keyServer
 * @param {AbortSignal | undefined} signal
 * @param {Call} call
 * @returns {Promise<RegistryInfo[]>}
 */
export async function registries(keyServer, signal, call) {
  const response = await keyServer.request('GET', '/v1/registries', {
    identified: false,
    signal,
    decision: 'accepted',
    reason: 'The key server listed its registries.',
    call,
  })
  const list = response?.registries
  if (
    !Array.isArray(list) ||
    !list.every((entry) => NAMES.every((name) => typeof entry?.[name] === 'string'))
  ) {
    throw failure('key_server_invalid', 'key_server')
  }
  return list.map(({ registry, name, url, gateway, catalog }) => ({
    registry,
    name,
    url,
    gateway,
    catalog: Array.isArray(catalog)
      ? catalog.filter((/** @type {unknown} */ name) => typeof name === 'string')
      : [],
  }))
}
