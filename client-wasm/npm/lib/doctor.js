// Calls the doctor's module, which is loaded at the first call.

import * as glue from '../dist/doctor.js'
import { instantiate, once } from './compile.js'
import { DockpassError, argumentError } from './error.js'
import { version } from './version.js'

/**
 * @import { Diagnosis, Facts } from '../doctor.js'
 * @import { Step } from '../index.js'
 * @import { ModuleSource, ReadFile } from './types.js'
 */

/**
 * Creates the function `diagnose`.
 * @param {ModuleSource} source Returns the module's URL.
 * @param {ReadFile} [readFile] Reads `file:` URLs. Without it they are fetched.
 * @returns {(steps: readonly Step[], facts?: Facts) => Promise<Diagnosis>}
 */
export function doctor(source, readFile) {
  return async function diagnose(steps, facts = {}) {
    const input = toJson(steps, facts)
    await load(source, readFile)
    const output = glue.diagnose(input)
    if (output === undefined) {
      throw argumentError(
        'steps or facts do not have the documented form, or come from another version of dockpass.',
      )
    }
    return JSON.parse(output)
  }
}

/**
 * The module's input. Only documented fields of a step are passed, under the names that the module uses.
 * @param {readonly Step[]} steps
 * @param {Facts} facts
 */
function toJson(steps, facts) {
  if (!Array.isArray(steps) || !steps.every((step) => isObject(step)))
    throw argumentError('steps must be a list of objects.')
  if (!isObject(facts)) throw argumentError('facts must be an object.')
  const own = ofOneCall(steps)
  const records = own.map(
    ({ hop, method, url, status, sent, scopes, decision, reason, code, problem, place }) => ({
      hop,
      method,
      target: url,
      status,
      sent,
      scopes,
      decision,
      reason,
      code,
      problem,
      place,
    }),
  )
  return JSON.stringify({ ...own.at(-1)?.context, ...facts, steps: records })
}

/**
 * The steps of one of several calls at once: of the last that failed, if one did. Steps without a call are one call.
 * @param {readonly Step[]} steps
 */
function ofOneCall(steps) {
  const ends = steps.filter((step, at) => !steps.slice(at + 1).some(({ call }) => call === step.call))
  const end = ends.findLast(({ code }) => code !== undefined) ?? steps.at(-1)
  return steps.filter((step) => step.call === end?.call)
}

/** @type {(value: unknown) => boolean} */
const isObject = (value) => typeof value === 'object' && value !== null

const load = once(
  async (/** @type {ModuleSource} */ source, /** @type {ReadFile | undefined} */ readFile) => {
    await instantiate({ glue, name: 'the doctor', has: 'diagnose' }, source, readFile)
    if (glue.version() !== version) {
      throw new DockpassError({
        code: 'ERR_WASM_LOAD',
        message: 'The WebAssembly module of the doctor belongs to another version of dockpass.',
      })
    }
  },
)
