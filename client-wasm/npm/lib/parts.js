// The parts of a session that is too long for one cookie.

import { failure } from './failure.js'
import { sessionPath } from './key-server.js'

/**
 * Puts the other parts of a long session into their cookies: proxies limit what one response can set.
 * A session without all its parts is none, so that it is removed when one of them cannot be set.
 * @param {unknown} parts The parts after the first, as the key server sent them.
 * @param {string} registry
 * @param {AbortSignal | undefined} signal
 * @param {(method: string, path: string, request: { body?: object, signal?: AbortSignal } & Accepted) => Promise<unknown>} request
 * @typedef {{ decision: 'accepted', reason: string }} Accepted
 */
export async function setParts(parts, registry, signal, request) {
  if (!Array.isArray(parts)) throw failure('key_server_invalid', 'key_server')
  try {
    for (const [index, text] of parts.entries()) {
      const body = { registry, number: index + 2, text, is_last: index + 1 === parts.length }
      const reason = 'The key server set the cookie of another part of the session.'
      await request('PUT', '/v1/session', { body, signal, decision: 'accepted', reason })
    }
  } catch (error) {
    const reason = 'The incomplete session was removed.'
    await request('DELETE', sessionPath(registry), { decision: 'accepted', reason }).catch(() => {})
    throw error
  }
}
