// The key server's description of a session.

import { failure } from './key-server.js'

/**
 * @import { Session } from '../index.js'
 * @import { SessionResponse } from './types.js'
 */

/** The numbers by which the module knows how a registry authenticates. */
const AUTH = { open: 0, basic: 1, bearer: 2 }

/**
 * Checks the description of a session.
 * @param {SessionResponse | undefined} response JSON of the key server.
 * @returns {{ session: Session, auth: number, realm: string, service: string }}
 * @throws {DockpassError} `key_server_invalid`.
 */
export function readSession(response) {
  const { registry, username, expires_at: expiresAt, auth, realm = '', service = '' } = response ?? {}
  if (
    typeof registry !== 'string' ||
    typeof username !== 'string' ||
    typeof realm !== 'string' ||
    typeof service !== 'string' ||
    typeof expiresAt !== 'number' ||
    auth === undefined ||
    !Object.hasOwn(AUTH, auth)
  ) {
    throw failure('key_server_invalid', 'key_server')
  }
  const session = Object.freeze({ registry, username, expiresAt, auth })
  return { session, auth: AUTH[auth], realm, service }
}
