// Asks the doctor's module, which is loaded with the first question.

import * as glue from '../dist/doctor.js'
import { instantiate, once } from './compile.js'
import { DockpassError, argumentError } from './error.js'
import { version } from './version.js'

/**
 * A `diagnose` that gets the module from here.
 * @param source Gives the module's address.
 * @param readFile Reads `file:` addresses, where there is something that can.
 */
export function doctor(source, readFile) {
  return async function diagnose(steps, facts = {}) {
    const question = ask(steps, facts)
    await load(source, readFile)
    const answer = glue.diagnose(question)
    if (answer === undefined)
      throw argumentError('The steps or facts are not as documented, or of another version of dockpass.')
    return JSON.parse(answer)
  }
}

/** The question in JSON: of a step only what its record has, under the record's names. */
function ask(steps, facts) {
  if (!Array.isArray(steps) || !steps.every(isObject))
    throw argumentError('The steps have to be an array of objects.')
  if (!isObject(facts)) throw argumentError('The facts have to be an object.')
  const records = steps.map(({ hop, method, url, status, sent, scopes, decision, reason, code }) => ({
    hop,
    method,
    target: url,
    status,
    sent,
    scopes,
    decision,
    reason,
    code,
  }))
  return JSON.stringify({ ...facts, steps: records })
}

const isObject = (value) => typeof value === 'object' && value !== null

const load = once(async (source, readFile) => {
  await instantiate({ glue, name: 'the doctor', has: 'diagnose' }, source, readFile)
  if (glue.version() !== version) {
    throw new DockpassError({
      code: 'ERR_WASM_LOAD',
      message: 'The WebAssembly module of the doctor is of another version of dockpass.',
    })
  }
})
