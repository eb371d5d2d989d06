// Calls the doctor's module, which is loaded at the first call.

import * as glue from '../dist/doctor.js'
import { claimsIn } from './claims.js'
import { instantiate, once } from './compile.js'
import { argumentError } from './error.js'
import { sources } from './sources.js'
import { version } from './version.js'

/**
 * @import { Diagnosis, Facts } from '../doctor.js'
 * @import { InitSource, Step, TokenInfo } from '../index.js'
 * @import { PackagedModule } from './types.js'
 */

/**
 * Creates the functions of the doctor's entry.
 * @param {PackagedModule} packaged
 * @param {() => Promise<{ default(): Promise<void>, inspectToken(token: string): TokenInfo }>} syntax Loads what reads a token.
 */
export function doctor(packaged, syntax) {
  return {
    /** @type {typeof import('../doctor.js').preload} */
    preload: (source) => load(packaged, source),

    /** @type {typeof import('../doctor.js').diagnose} */
    async diagnose(steps, facts = {}) {
      if (!isObject(facts)) throw argumentError('facts must be an object.')
      const own = ofOneCall(checked(steps))
      const { token, ...known } = /** @type {Facts} */ ({ ...own.at(-1)?.context, ...facts })
      const input = new Input()
      for (const step of own) input.step(step)
      if (token !== undefined && token !== null) {
        if (typeof token !== 'string') throw malformed()
        const { default: init, inspectToken } = await syntax()
        await init()
        known.claims = claimsIn(inspectToken(token))
      }
      input.facts(known)
      await load(packaged)
      const output = glue.diagnose(input.text)
      if (output === undefined) throw malformed()
      const [code, hop, fix, ...rest] = output.split('\0')
      const evidence = []
      for (let at = 0; at < rest.length; at += 2) evidence.push({ what: rest[at], value: rest[at + 1] })
      return /** @type {Diagnosis} */ ({ code, ...(hop === '' ? {} : { hop }), fix, evidence })
    },
  }
}

function malformed() {
  return argumentError(
    'steps or facts do not have the documented form, or come from another version of dockpass.',
  )
}

/** @param {readonly Step[]} steps */
function checked(steps) {
  if (!Array.isArray(steps) || !steps.every((step) => isObject(step)))
    throw argumentError('steps must be a list of objects.')
  return steps
}

/** The module's input (client-wasm/doctor/src/request.rs). Only documented fields are in it. */
class Input {
  /** @type {string[]} */
  #parts = []

  get text() {
    return this.#parts.join('\0')
  }

  /** @param {Step} step */
  step({ hop, method, url, status, sent, scopes, decision, reason, code, problem, place }) {
    const parts = [hop, method, url, decision, reason]
    if (!parts.every((part) => typeof part === 'string')) throw malformed()
    this.#parts.push('step', ...parts.map(plain))
    this.#put('status', status, 'number')
    this.#put('sent', sent)
    this.#list('scope', scopes)
    this.#put('code', code)
    this.#put('problem', problem)
    this.#put('place', place)
  }

  /** @param {Facts} facts */
  facts({ claims, now, skewMs, registry, service, trustedIssuer, browser, ...others }) {
    // Another name would be one of a step.
    if (Object.keys(others).length > 0) throw malformed()
    if (claims !== undefined && claims !== null) this.#claims(claims)
    this.#put('now', now, 'number')
    this.#put('skewMs', skewMs, 'number')
    this.#put('registry', registry)
    this.#put('service', service)
    this.#put('trustedIssuer', trustedIssuer)
    this.#put('browser', browser)
  }

  /** @param {any} claims */
  #claims({ is_jwt: isJwt, problem, audience, expires_at: expiresAt, not_before: notBefore, ...names }) {
    if (typeof isJwt !== 'boolean') throw malformed()
    this.#parts.push('token', String(isJwt))
    this.#put('token_problem', problem)
    this.#list('audience', audience)
    this.#put('expires_at', expiresAt, 'number')
    this.#put('not_before', notBefore, 'number')
    for (const name of ['issuer', 'key_id', 'algorithm']) this.#put(name, names[name])
  }

  /** @param {string} name @param {unknown} list */
  #list(name, list) {
    if (list === undefined || list === null) return
    if (!Array.isArray(list) || !list.every((value) => typeof value === 'string')) throw malformed()
    for (const value of list) this.#put(name, value)
  }

  /** @param {string} name @param {unknown} value @param {'string' | 'number'} [type] */
  #put(name, value, type = 'string') {
    if (value === undefined || value === null) return
    if (typeof value !== type) throw malformed()
    this.#parts.push(name, type === 'number' ? String(Math.trunc(Number(value))) : plain(String(value)))
  }
}

/** NUL separates the parts. @param {string} text */
const plain = (text) => text.replaceAll('\0', ' ')

/**
 * The steps of one of several calls at once: of the last that failed, if one did. Steps without a call are one call.
 * @param {readonly Step[]} steps
 */
function ofOneCall(steps) {
  const ends = steps.filter((step, at) => !steps.slice(at + 1).some(({ call }) => call === step.call))
  const end = ends.filter(({ code }) => code !== undefined).at(-1) ?? steps.at(-1)
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
