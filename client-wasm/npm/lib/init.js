// `init` of the entries with a client: one call for all modules of the package.

import { tag } from './compile.js'
import { sources } from './sources.js'
import { CLIENT, FUNCTIONS, initialize } from './wasm.js'

/**
 * @import { InitSource, InitSources } from '../index.js'
 * @import { PackagedModule } from './types.js'
 */

/**
 * Loads the module with client and functions. What is given for the doctor is kept for its first call.
 * @param {PackagedModule} packaged
 * @param {InitSource | PromiseLike<InitSource> | InitSources} [given]
 * @returns {Promise<void>}
 */
export function initializeAll(packaged, given) {
  return initializeWith(packaged, given, [CLIENT, FUNCTIONS])
}

/**
 * Loads a module with the client alone.
 * @param {PackagedModule} packaged
 * @param {InitSource | PromiseLike<InitSource> | InitSources | undefined} given
 * @param {() => Promise<void>} functions Loads the module with the functions, for the first call that needs one of them.
 * @returns {Promise<void>}
 */
export function initializeClient(packaged, given, functions) {
  sources.functions = functions
  return initializeWith(packaged, given, [CLIENT])
}

/**
 * @param {PackagedModule} packaged
 * @param {InitSource | PromiseLike<InitSource> | InitSources | undefined} given
 * @param {readonly string[]} has
 */
function initializeWith(packaged, given, has) {
  const { dockpass: source, doctor } = isSources(given) ? given : { dockpass: given, doctor: undefined }
  if (doctor !== undefined) sources.doctor = doctor
  sources.digest = packaged.digest
  return initialize(packaged, source, has)
}

/**
 * Whether these are sources by name, and not one source.
 * @param {unknown} given
 * @returns {given is InitSources}
 */
function isSources(given) {
  return tag(given) === 'Object' && typeof (/** @type {any} */ (given).then) !== 'function'
}
