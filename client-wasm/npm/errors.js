// The entry `dockpass/errors`: errors in words. It needs no WebAssembly.

import { TEXTS, UNKNOWN } from './lib/error-texts.js'

/** @type {typeof import('./errors.js').isExplained} */
export const isExplained = (code) => Object.hasOwn(TEXTS, code)

/** @type {typeof import('./errors.js').explain} */
export function explain(error) {
  const code = codeOf(error)
  const [title, fault, text, action] = isExplained(code) ? TEXTS[code] : UNKNOWN
  const { retryAfter, requestId } = Object(error)
  const wait = Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : undefined
  const id = typeof requestId === 'string' && /^[\w-]{1,64}$/.test(requestId) ? requestId : undefined
  return {
    code,
    title,
    fault,
    text: wait === undefined ? text : `${text} Wait ${Math.ceil(wait / 1000)} s.`,
    ...(action && { action }),
    ...(wait !== undefined && { retryAfter: wait }),
    ...(id !== undefined && { requestId: id }),
  }
}

/**
 * @param {any} error
 * @returns {string}
 */
function codeOf(error) {
  if (error?.name === 'AbortError') return 'aborted'
  return typeof error?.code === 'string' && /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(error.code)
    ? error.code
    : 'unknown'
}
