// From what `init` was given to a running module.

import { DockpassError } from './error.js'

/** What `work` promises, of its first call; after a failure the next call tries again. */
export function once(work) {
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
 * Runs the module that some glue is for, and gives its exports.
 * @param {{glue: object, name: string, has: string}} module `has`: one of its exports, by which it is known.
 * @param source A compiled module, its bytes, its address, or a response with it; or a function that gives one.
 * @param readFile Reads `file:` addresses, where there is something that can.
 * @throws {DockpassError} `ERR_WASM_LOAD`.
 */
export async function instantiate({ glue, name, has }, source, readFile) {
  try {
    const module = await compile(await (typeof source === 'function' ? source() : source), readFile)
    // Looked at before it runs: what has been instantiated once cannot be replaced.
    if (!WebAssembly.Module.exports(module).some((item) => item.name === has)) throw new Error(`not ${name}`)
    return await glue.default({ module_or_path: module })
  } catch (cause) {
    throw new DockpassError({
      code: 'ERR_WASM_LOAD',
      message: `The WebAssembly module of ${name} could not be loaded.`,
      cause,
    })
  }
}

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
    if (!source.ok) throw new Error(`HTTP status ${source.status}`)
    const streams = source.headers.get('content-type') === 'application/wasm' && WebAssembly.compileStreaming
    return streams ? WebAssembly.compileStreaming(source) : WebAssembly.compile(await source.arrayBuffer())
  }
  return WebAssembly.compile(source)
}
