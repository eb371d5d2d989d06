// From what `init` was given to a compiled module.

/**
 * @param source A compiled module, its bytes, its address, or a response with it.
 * @param readFile Reads `file:` addresses, where there is something that can.
 */
export async function compile(source, readFile) {
  if (source instanceof WebAssembly.Module) return source
  if (typeof source === 'string') source = new URL(source, globalThis.location?.href)
  if (source instanceof URL) {
    source = readFile && source.protocol === 'file:' ? await readFile(source) : await fetch(source, { credentials: 'same-origin' })
  }
  if (typeof Response === 'function' && source instanceof Response) {
    if (!source.ok) throw new Error(`HTTP status ${source.status}`)
    const streams = source.headers.get('content-type') === 'application/wasm' && WebAssembly.compileStreaming
    return streams ? WebAssembly.compileStreaming(source) : WebAssembly.compile(await source.arrayBuffer())
  }
  return WebAssembly.compile(source)
}
