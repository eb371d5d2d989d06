// The registries that a key server serves.

import { failure } from './key-server.js'

/** The names that an entry must have, all strings. */
const NAMES = ['registry', 'name', 'url', 'gateway']

/** `RegistryClient.registries`, by a key server. */
export async function registries(keyServer, signal) {
  const reason = 'The registries of the configuration.'
  const answer = await keyServer.ask('GET', '/v1/registries', {
    identified: false,
    signal,
    decision: 'accepted',
    reason,
  })
  const list = answer?.registries
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
    catalog: Array.isArray(catalog) ? catalog.filter((entry) => typeof entry === 'string') : [],
  }))
}
