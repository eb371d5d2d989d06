// Compiles and instantiates a WebAssembly module from whatever `init` was given.

/** @import { ModuleSource, ReadFile } from './types.js' */

import { DockpassError } from './error.js'

/**
 * A function that runs `work` once and returns the first call's promise. After a failure the next call tries again.
 * @template {unknown[]} A, R
 * @param {(...given: A) => Promise<R>} work
 * @returns {(...given: A) => Promise<R>}
 */
export function once(work) {
  /** @type {Promise<R> | undefined} */
  let result
  return (...given) => {
    result ??= work(...given).catch((error) => {
      result = undefined
      throw error
    })
    return result
  }
}

/**
 * Instantiates the module that belongs to some generated glue, and returns its exports.
 * @template T
 * @param {{glue: {default(options: {module_or_path: WebAssembly.Module}): Promise<T>}, name: string, has: string}} module
 *   `has`: the name of an export that identifies the module.
 * @param {ModuleSource} source
 * @param {ReadFile} [readFile] Reads `file:` URLs. Without it they are fetched.
 * @returns {Promise<T>}
 * @throws {DockpassError} `ERR_WASM_LOAD`.
 */
export async function instantiate({ glue, name, has }, source, readFile) {
  try {
    const module = await compile(await (typeof source === 'function' ? source() : source), readFile)
    // Before it is instantiated: the glue keeps its first instance.
    if (!WebAssembly.Module.exports(module).some((item) => item.name === has))
      throw new Error(`This is not the WebAssembly module of ${name}.`)
    return await glue.default({ module_or_path: module })
  } catch (cause) {
    throw new DockpassError({
      code: 'ERR_WASM_LOAD',
      message: `The WebAssembly module of ${name} could not be loaded.`,
      cause,
    })
  }
}

/**
 * @param {import('../index.js').InitSource} source
 * @param {ReadFile} [readFile]
 */
async function compile(source, readFile) {
  if (source instanceof WebAssembly.Module) return source
  if (typeof source === 'string') source = new URL(source, globalThis.location?.href)
  if (source instanceof URL) {
    source =
      readFile && source.protocol === 'file:'
        ? await readFile(source)
        : await fetch(source, { credentials: 'same-origin' })
  }
  if (typeof Response === 'function' && source instanceof Response) {
    if (!source.ok) throw new Error(`The server responded with HTTP status ${source.status}.`)
    const streams = source.headers.get('content-type') === 'application/wasm' && WebAssembly.compileStreaming
    return streams ? WebAssembly.compileStreaming(source) : WebAssembly.compile(await source.arrayBuffer())
  }
  return WebAssembly.compile(/** @type {BufferSource} */ (source))
}
