// Finds and compiles a WebAssembly module: the one that `init` was given, else the one that the package has.

/**
 * @import { InitSource } from '../index.js'
 * @import { ModuleOptions, PackagedModule } from './types.js'
 */

import { DockpassError } from './error.js'

/**
 * A function that runs `work` once and returns the first call's promise. After a failure the next call tries again.
 * @template {unknown[]} A, R
 * @param {(...given: A) => Promise<R>} work
 * @returns {((...given: A) => Promise<R>) & { isBusy(): boolean }} `isBusy`: whether it was called, and did not fail.
 */
export function once(work) {
  /** @type {Promise<R> | undefined} */
  let result
  const call = (/** @type {A} */ ...given) => {
    result ??= work(...given).catch((error) => {
      result = undefined
      throw error
    })
    return result
  }
  return Object.assign(call, { isBusy: () => result !== undefined })
}

/**
 * Compiles and starts a module.
 *
 * Without `source` it is the package's own: the file beside the script, and where that is not found, is no WebAssembly
 * or cannot be started, the copy that the package has as a script (decision 0025). A given source has no replacement.
 * @template T
 * @param {ModuleOptions<T>} options
 * @param {PackagedModule} packaged
 * @param {InitSource | PromiseLike<InitSource>} [source]
 * @returns {Promise<T>}
 * @throws {DockpassError} `ERR_WASM_LOAD`.
 */
export async function instantiate(options, packaged, source) {
  if (source !== undefined) return start(options, () => source, packaged.read)
  if (packaged.url === undefined) return start(options, () => packaged.copy())
  try {
    return await start(options, packaged.url, packaged.read)
  } catch (error) {
    const { url } = error
    const message = `${error.message} The copy in the package could not be loaded either.`
    try {
      return await start(options, () => packaged.copy())
    } catch {
      // The first error says more: the copy fails for the same reason or because a bundler left it out.
      throw new DockpassError({ code: 'ERR_WASM_LOAD', message, url, cause: error.cause })
    }
  }
}

/**
 * @template T
 * @param {ModuleOptions<T>} options
 * @param {() => InitSource | PromiseLike<InitSource>} source
 * @param {PackagedModule['read']} [read]
 */
async function start({ name, has, begin }, source, read) {
  let url
  try {
    let given = await source()
    if (typeof given === 'string') given = new URL(given, globalThis.location?.href)
    if (tag(given) === 'URL') url = String(given)
    const module = await compile(given, read)
    // Before it is instantiated, so that the error says what is wrong.
    const names = WebAssembly.Module.exports(module).map((item) => item.name)
    if (!has.every((name) => names.includes(name)))
      throw new Error(`This is not the WebAssembly module of ${name}.`)
    return await begin(module)
  } catch (cause) {
    const from = url === undefined ? '' : ` from ${url}`
    throw new DockpassError({
      code: 'ERR_WASM_LOAD',
      message: `The WebAssembly module of ${name} could not be loaded${from}.`,
      url,
      cause,
    })
  }
}

/**
 * `Response` is looked at last: in Node.js, the first use of that global takes longer than everything else here.
 * @param {any} source
 * @param {PackagedModule['read']} [read]
 * @returns {Promise<WebAssembly.Module>}
 */
async function compile(source, read) {
  if (tag(source) === 'WebAssembly.Module') return source
  if (tag(source) === 'URL') {
    // A file is compiled at once, in 3 ms: another thread takes longer to begin, above all on a busy machine.
    if (read && source.protocol === 'file:') return new WebAssembly.Module(checked(read(source)))
    source = await fetch(source, { credentials: 'same-origin' })
  }
  if (ArrayBuffer.isView(source) || tag(source) === 'ArrayBuffer') return WebAssembly.compile(checked(source))
  if (tag(source) !== 'Response')
    throw new TypeError('The source of a module is a URL, a Response, bytes or a WebAssembly.Module.')
  if (!source.ok) throw new Error(`The server responded with HTTP status ${source.status}.`)
  if (source.headers.get('content-type') === 'application/wasm' && WebAssembly.compileStreaming)
    return WebAssembly.compileStreaming(source)
  return WebAssembly.compile(checked(await source.arrayBuffer()))
}

/**
 * A page in place of the module is told by its first bytes, so that the error is not the compiler's.
 * @param {any} bytes
 */
function checked(bytes) {
  const start = new Uint8Array(bytes.buffer ?? bytes, bytes.byteOffset).slice(0, 4)
  if (String(start) !== '0,97,115,109') throw new Error('What was loaded is not a WebAssembly module.')
  return bytes
}

/**
 * The name of a value's class, which `instanceof` would deny to values of another realm, such as a test's.
 * @param {unknown} value
 */
export function tag(value) {
  return Object.prototype.toString.call(value).slice(8, -1)
}

/**
 * The bytes of a base64 text.
 * @param {string} text
 */
export function fromBase64(text) {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at)
  return bytes
}
