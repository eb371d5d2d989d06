// The steps of a call, and the fields of its error that describe them.

import { DockpassError } from './error.js'

/**
 * @import { Step } from '../index.js'
 * @import { PageStep } from './types.js'
 */

/**
 * The fields of a step: the key server's name and that of `Step`.
 * @type {Record<string, keyof Step>}
 */
const STEP_FIELDS = {
  hop: 'hop',
  method: 'method',
  target: 'url',
  status: 'status',
  sent: 'sent',
  decision: 'decision',
  reason: 'reason',
  code: 'code',
  problem: 'problem',
  place: 'place',
}

/**
 * The `Step` for a step of the key server. Fields that a `Step` does not have are left out.
 * @param {any} step JSON of the key server.
 * @returns {Step}
 */
export function relayedStep(step) {
  /** @type {Record<string, unknown>} */
  const detail = { at: Date.now(), kind: 'key_server' }
  for (const [theirs, ours] of Object.entries(STEP_FIELDS)) {
    const value = step?.[theirs]
    if (typeof value === 'string' || typeof value === 'number') detail[ours] = value
  }
  if (Array.isArray(step?.scopes) && step.scopes.length > 0) detail.scopes = step.scopes.map(String)
  return /** @type {Step} */ (/** @type {unknown} */ (detail))
}

/** The number of the last call. It separates the steps of concurrent calls. */
let lastCall = 0

/** One call of a client: its steps, and more facts for the doctor. */
export class Call {
  /** Oldest first. @type {Step[]} */
  steps = []
  /** More facts for the doctor. @type {Record<string, unknown> | undefined} */
  context = undefined
  #id = (lastCall += 1)
  #tell

  /** @param {(step: Step) => void} [tell] Is called with each step. */
  constructor(tell = () => {}) {
    this.#tell = tell
  }

  /** @param {PageStep | Step} step */
  record(step) {
    const detail = /** @type {Step} */ ({ at: Date.now(), ...step, call: this.#id })
    this.steps.push(detail)
    this.#tell(detail)
  }

  /** Records steps that the key server reports. @param {unknown} steps JSON of the key server. */
  relayed(steps) {
    if (Array.isArray(steps)) for (const step of steps) this.record(relayedStep(step))
  }

  /** Takes over the steps of a call that was waited for. Listeners have them already. @param {Call} other */
  adopt(other) {
    for (const step of other.steps) this.steps.push({ ...step, call: this.#id })
    this.context ??= other.context
  }

  /**
   * Completes the error that ends the call. Its last step fails, so that nobody who looks at the steps sees a success.
   * @param {any} error
   */
  failed(error) {
    if (!(error instanceof DockpassError) || error.code.startsWith('ERR_')) return error
    /** @type {any} */
    const own = error
    if (own.steps !== undefined) return error
    this.context = own.context ?? this.context
    let last = this.steps.at(-1)
    if (last === undefined || last.code !== error.code) {
      const hop = own.step ?? last?.hop ?? 'key_server'
      const { method = 'GET', url = '/v2/' } = this.steps.filter((step) => step.hop === hop).at(-1) ?? {}
      const status = own.status === undefined ? {} : { status: own.status }
      const { code, message: reason } = own
      this.record({ kind: 'page', hop, method, url, ...status, decision: 'gave_up', reason, code })
      last = this.steps.at(-1)
    }
    if (this.context !== undefined && last !== undefined) {
      last.context = this.context
      own.context = this.context
    }
    own.steps = this.steps.slice()
    return error
  }

  /**
   * Does the work of the call.
   * @template T
   * @param {(call: Call) => Promise<T>} work
   */
  async run(work) {
    try {
      return await work(this)
    } catch (error) {
      throw this.failed(error)
    }
  }
}

/** The fields of a problem document's context: the key server's name and that of `Facts` in doctor.d.ts. */
const CONTEXT_FIELDS = {
  service: 'service',
  now_ms: 'now',
  skew_ms: 'skewMs',
  registry: 'registry',
  token: 'claims',
}

/**
 * The key server's facts about a failure, for the doctor.
 * @param {any} context JSON of the key server.
 */
export function relayedContext(context) {
  if (context === null || typeof context !== 'object') return undefined
  /** @type {Record<string, unknown>} */
  const own = {}
  for (const [theirs, ours] of Object.entries(CONTEXT_FIELDS)) {
    if (context[theirs] !== undefined && context[theirs] !== null) own[ours] = context[theirs]
  }
  return own
}
