/** Every error of this package. See index.d.ts. */
export class DockpassError extends Error {
  /** @param {object} fields `code` and `message`, and what else is known. Fields that are undefined are left out. */
  constructor({ code, message, cause, ...more }) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    for (const [name, value] of Object.entries(more)) {
      if (value !== undefined) this[name] = value
    }
    if (code === 'aborted') this.name = 'AbortError'
  }
}

Object.defineProperty(DockpassError.prototype, 'name', { value: 'DockpassError', writable: true, configurable: true })

/** An argument that is not what the documentation says. */
export function argumentError(message) {
  return new DockpassError({ code: 'ERR_INVALID_ARGUMENT', message })
}

/** What the module threw, as an Error of ours: it throws plain objects, so that the stack is the caller's. */
export function asError(thrown) {
  if (thrown instanceof DockpassError) return thrown
  if (thrown !== null && typeof thrown === 'object' && typeof thrown.code === 'string' && !(thrown instanceof Error)) {
    return new DockpassError(thrown)
  }
  return new DockpassError({ code: 'internal', message: 'dockpass failed; this is a bug of it.', cause: thrown })
}
