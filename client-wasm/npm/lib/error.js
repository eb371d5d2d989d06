/** @import { ErrorCode } from '../index.js' */

/** `Error` without its internal slot: such an error is an `instanceof Error`, and an ordinary object for the rest. */
function ErrorObject() {}
ErrorObject.prototype = Error.prototype

/**
 * The error class of this package. `index.d.ts` describes its fields for each code.
 *
 * Its objects are no native errors: `structuredClone` and `postMessage` keep nothing of those but the message, and
 * `JSON.stringify` nothing at all (decision 0050).
 */
export class DockpassError extends /** @type {new () => Error} */ (/** @type {unknown} */ (ErrorObject)) {
  /**
   * @param {{ code: ErrorCode, name?: string, message: string, cause?: unknown } & Record<string, unknown>} fields
   *   Fields that are undefined are left out.
   */
  constructor({ code, name = 'DockpassError', message, cause, ...more }) {
    super()
    this.name = name
    this.code = code
    this.message = message
    for (const [name, value] of Object.entries(more))
      if (value !== undefined) /** @type {any} */ (this)[name] = value
    // As with native errors, these two are not enumerable: a cause may be something that cannot be cloned.
    if (cause !== undefined)
      Object.defineProperty(this, 'cause', { value: cause, writable: true, configurable: true })
    if (typeof Error.captureStackTrace === 'function') Error.captureStackTrace(this, new.target)
    else
      Object.defineProperty(this, 'stack', {
        value: new Error(message).stack,
        writable: true,
        configurable: true,
      })
  }
}

/**
 * The error for an argument that does not follow the documentation.
 * @param {string} message
 * @param {unknown} [cause]
 */
export function argumentError(message, cause) {
  return new DockpassError({ code: 'ERR_INVALID_ARGUMENT', message, cause })
}
