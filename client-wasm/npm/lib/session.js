// The key server's description of a session.

import { argumentError } from './error.js'
import { failure } from './failure.js'

/**
 * @import { Session } from '../index.js'
 * @import { SessionResponse } from './types.js'
 */

/** The numbers by which the module knows how a registry authenticates. */
const AUTH = { open: 0, basic: 1, bearer: 2 }

/**
 * Checks the description of a session.
 * @param {SessionResponse | undefined} response JSON of the key server.
 * @returns {{ session: Session, id: string | undefined, auth: number, realm: string, service: string }}
 * @throws {DockpassError} `key_server_invalid`.
 */
export function readSession(response) {
  const { registry, username, expires_at: expiresAt, auth, id, realm = '', service = '' } = response ?? {}
  if (
    typeof registry !== 'string' ||
    typeof username !== 'string' ||
    typeof realm !== 'string' ||
    typeof service !== 'string' ||
    typeof expiresAt !== 'number' ||
    (id !== undefined && !(typeof id === 'string' && /^[\w-]{1,64}$/.test(id))) ||
    auth === undefined ||
    !Object.hasOwn(AUTH, auth)
  ) {
    throw failure('key_server_invalid', 'key_server')
  }
  const session = Object.freeze({ registry, username, expiresAt, auth })
  return { session, id, auth: AUTH[auth], realm, service }
}

/** What proves the user's identity, as the key server reads it. @param {any} credentials */
export function proofOf(credentials) {
  /** @type {{ username?: string, password?: string, identityToken?: string }} */
  const { username, password, identityToken } = credentials ?? {}
  const proof = identityToken === undefined ? { username, password } : { identity_token: identityToken }
  if (!Object.values(proof).every((value) => typeof value === 'string')) {
    throw argumentError('credentials must be {username, password} or {identityToken}, all strings.')
  }
  return proof
}
