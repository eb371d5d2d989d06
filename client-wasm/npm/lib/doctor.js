// Calls the doctor's module, which is loaded at the first call.

import * as glue from '../dist/doctor.js'
import { instantiate, once } from './compile.js'
import { argumentError } from './error.js'
import { sources } from './sources.js'
import { version } from './version.js'

/**
 * @import { Facts } from '../doctor.js'
 * @import { InitSource, Step } from '../index.js'
 * @import { PackagedModule } from './types.js'
 */

/**
 * Creates the functions of the doctor's entry.
 * @param {PackagedModule} packaged
 */
export function doctor(packaged) {
  return {
    /** @type {typeof import('../doctor.js').preload} */
    preload: (source) => load(packaged, source),

    /** @type {typeof import('../doctor.js').diagnose} */
    async diagnose(steps, facts = {}) {
      const input = toJson(steps, facts)
      await load(packaged)
      const output = glue.diagnose(input)
      if (output === undefined) {
        throw argumentError(
          'steps or facts do not have the documented form, or come from another version of dockpass.',
        )
      }
      return JSON.parse(output)
    },
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
  (
    /** @type {PackagedModule} */ packaged,
    /** @type {InitSource | PromiseLike<InitSource> | undefined} */ source = sources.doctor,
  ) => instantiate({ name: 'the doctor', has: ['diagnose'], begin }, packaged, source),
)

/** @param {WebAssembly.Module} compiled */
async function begin(compiled) {
  glue.start(await WebAssembly.instantiate(compiled, glue.imports()))
  if (glue.version() !== version)
    throw new Error('The WebAssembly module of the doctor belongs to another version of dockpass.')
}
