// Other tabs and clients that share the session cookie of a registry.

/** The part of `BroadcastChannel` of Node.js that browsers do not have. @typedef {BroadcastChannel & { unref?(): void }} Channel */

export class Tabs {
  /** @type {Channel | undefined} */
  #channel
  #changed

  /**
   * @param {string} name Names the cookie: clients with the same name share it.
   * @param {() => void} changed Is called when the session may be another one. Messages say nothing else: whoever hears one
   *   asks the key server.
   */
  constructor(name, changed) {
    this.#changed = (/** @type {{ persisted?: boolean }} */ { persisted }) => {
      if (persisted) changed()
    }
    // A page in the back/forward cache hears nothing.
    globalThis.addEventListener?.('pageshow', this.#changed)
    if (typeof BroadcastChannel !== 'function') return
    this.#channel = new BroadcastChannel(name)
    this.#channel.onmessage = changed
    // In Node.js, a channel must not keep the process alive.
    this.#channel.unref?.()
  }

  /** Tells the others that the session is another one. */
  tell() {
    this.#channel?.postMessage('session')
  }

  close() {
    this.#channel?.close()
    globalThis.removeEventListener?.('pageshow', this.#changed)
  }
}
