// Token requests in progress. Calls that need the same token share one request.

import { DockpassError } from './error.js'

/**
 * @import { Call } from './steps.js'
 * @import { Token } from './types.js'
 */

export class Flights {
  /** @type {Map<string, { call: Call, token: Promise<Token> }>} */
  #running = new Map()

  /**
   * The token of the request in progress for `key`, or of a new one.
   * @param {string} key
   * @param {Call} call The call that needs the token.
   * @param {() => Promise<Token>} start Sends the request, for `call`.
   */
  async share(key, call, start) {
    const running = this.#running.get(key)
    if (running === undefined) {
      const flight = { call, token: start().finally(() => this.#running.delete(key)) }
      this.#running.set(key, flight)
      return flight.token
    }
    try {
      return await running.token
    } catch (error) {
      call.adopt(running.call)
      // An error belongs to one call: it has the steps of that call.
      throw new DockpassError({ ...error, message: error.message, cause: error.cause, steps: undefined })
    }
  }
}
