// Connections without a key server.

import { argumentError } from './error.js'
import { OwnToken } from './own-token.js'
import { Route } from './route.js'

/**
 * @import { ConnectOptions } from '../index.js'
 * @import { Transport } from './transport.js'
 * @import { Connection } from './types.js'
 */

/**
 * A connection of a page that talks to the registry alone.
 * @param {string} registry
 * @param {ConnectOptions} options
 * @param {Transport} transport
 * @returns {Connection}
 */
export function alone(registry, { token, url, carrier, transport: way, reauthenticate }, transport) {
  if (carrier !== undefined || reauthenticate !== undefined || way === 'gateway')
    throw argumentError(
      'carrier, reauthenticate and the gateway require a key server: call connect() with keyServer.',
    )
  const identity = new OwnToken(token)
  const route = new Route(urlOf(registry, url), [`https://${registry}`], false)
  return { registry, identity, keyServer: undefined, transport, route, isClosed: false }
}

/** Where a registry is, without a key server that knows it. @param {string} registry @param {string | URL} [given] */
function urlOf(registry, given) {
  // Docker Hub's API has another host than its names.
  const url = given ?? `https://${registry === 'docker.io' ? 'registry-1.docker.io' : registry}`
  try {
    const { origin, pathname, protocol } = new URL(url)
    if (/^https?:$/.test(protocol)) return origin + pathname.replace(/\/+$/, '')
  } catch {
    // It is no URL.
  }
  throw argumentError('url must be an http or https URL.')
}
