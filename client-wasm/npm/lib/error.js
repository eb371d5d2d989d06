/** Every error of this package. See index.d.ts. */
export class DockpassError extends Error {
  /** @param {object} fields `code` and `message`, and what else is known. Fields that are undefined are left out. */
  constructor({ code, message, cause, ...more }) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    for (const [name, value] of Object.entries(more)) {
      if (value !== undefined) this[name] = value
    }
  }

  get name() {
    return this.code === 'aborted' ? 'AbortError' : 'DockpassError'
  }
}

/** An argument that is not what the documentation says. */
export function argumentError(message) {
  return new DockpassError({ code: 'ERR_INVALID_ARGUMENT', message })
}
