// The end of a session, announced before it comes and when it has come.

/** How long before the end of a session `soon` is called, in milliseconds. */
const NOTICE = 60_000
/** How long after the end of a session `over` is called, so that small differences of the clocks do not matter. */
const SLACK = 1000
/** The longest delay of a timer. */
const LONGEST_WAIT = 2 ** 31 - 1

export class Expiry {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer

  /**
   * Waits for the end of a session, in place of what was waited for before.
   * @param {number} expiresAt
   * @param {() => void} soon
   * @param {() => void} over
   */
  watch(expiresAt, soon, over) {
    this.cancel()
    // The session has ended by this clock but not by the key server's: its end is not known here.
    if (expiresAt <= Date.now()) return
    this.#at(expiresAt - NOTICE, () => {
      soon()
      this.#at(expiresAt + SLACK, over)
    })
  }

  cancel() {
    clearTimeout(this.#timer)
  }

  /** @param {number} time @param {() => void} then */
  #at(time, then) {
    const wait = Math.max(0, time - Date.now())
    const ring = () => (wait > LONGEST_WAIT ? this.#at(time, then) : then())
    this.#timer = setTimeout(ring, Math.min(wait, LONGEST_WAIT))
    // In Node.js, the timer must not keep the process alive. In browsers it is a number.
    if (typeof this.#timer === 'object') this.#timer.unref()
  }
}
