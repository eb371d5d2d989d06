/** @import { ErrorCode } from '../index.js' */

/** The error class of this package. `index.d.ts` describes its fields for each code. */
export class DockpassError extends Error {
  /**
   * @param {{ code: ErrorCode, message: string, cause?: unknown } & Record<string, unknown>} fields
   *   Fields that are undefined are left out.
   */
  constructor({ code, message, cause, ...more }) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    Object.assign(this, Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined)))
  }

  // @ts-expect-error -- `Error` declares a property. A getter of the prototype also names the class in `stack`.
  get name() {
    return this.code === 'aborted' ? 'AbortError' : 'DockpassError'
  }
}

/**
 * The error for an argument that does not follow the documentation.
 * @param {string} message
 */
export function argumentError(message) {
  return new DockpassError({ code: 'ERR_INVALID_ARGUMENT', message })
}
