// Errors with the codes that page and key server share, cancellation, and what is common to the readers of responses.

import { DockpassError, argumentError } from './error.js'
import { clientMemory } from './wasm.js'

/** @import { ErrorCode, Hop } from '../index.js' */

/**
 * An error with one of the codes that page and key server share.
 * @param {ErrorCode} code
 * @param {Hop} [step]
 * @param {{
 *   status?: number, retryAfter?: number, requestId?: string, cause?: unknown, context?: object, platforms?: string[],
 *   message?: string, name?: string,
 * }} [more] `message`: instead of the code's sentence.
 */
export function failure(code, step, more) {
  const module = clientMemory()
  const message = module.result(module.wasm.sentence(module.write(code)))
  return new DockpassError({ code, message: message ?? code, step, ...more })
}

/**
 * The error for a caller whose signal was aborted, named as `fetch` names it.
 * @param {AbortSignal} signal
 */
export function aborted({ reason: cause }) {
  const name = cause?.name === 'TimeoutError' ? 'TimeoutError' : 'AbortError'
  return failure('aborted', undefined, { name, cause })
}

/**
 * The `signal` of some options.
 * @param {{ signal?: AbortSignal | null } | null | undefined} options
 * @throws {DockpassError} `ERR_INVALID_ARGUMENT` when it is not an AbortSignal.
 */
export function signalOf(options) {
  const signal = options?.signal ?? undefined
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw argumentError('signal must be an AbortSignal.')
  return signal
}

/**
 * The result of `work`, or the error `aborted` as soon as the signal is aborted. `work` itself is not stopped.
 * @template T
 * @param {AbortSignal | undefined} signal
 * @param {Promise<T>} work
 * @returns {Promise<T>}
 */
export function race(signal, work) {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const fire = () => reject(aborted(signal))
    if (signal.aborted) fire()
    signal.addEventListener('abort', fire, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', fire))
  })
}

/**
 * Waits.
 * @param {number} milliseconds
 * @param {AbortSignal} [signal]
 */
export function pause(milliseconds, signal) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  const waited = new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
    timer = setTimeout(resolve, milliseconds)
  })
  return race(signal, waited).finally(() => clearTimeout(timer))
}

/**
 * Cancels a body without reading it, which frees its connection.
 * @param {Response} response
 */
export async function discard(response) {
  await response.body?.cancel().catch(() => {})
}

/** Statuses of registries that do not have the resource, or no such resource at all: a catalog, for example. */
const ABSENT = [404, 405, 410, 501]

/**
 * The error for a response of the registry that is no success.
 * @param {Response} response
 */
export async function refused(response) {
  const { status } = response
  await discard(response)
  const code = ABSENT.includes(status) ? 'missing' : status >= 500 ? 'upstream_failed' : 'upstream_invalid'
  return failure(code, 'registry', { status })
}

/**
 * A string that is not empty.
 * @param {unknown} value
 * @param {string} name The argument's name.
 */
export function text(value, name) {
  if (typeof value !== 'string' || value === '')
    throw argumentError(`${name} must be a string that is not empty.`)
  return value
}
