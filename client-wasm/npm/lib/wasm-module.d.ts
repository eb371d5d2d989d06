// What runtimes that compile WebAssembly themselves give for an import of the file.

declare module '*.wasm' {
  const compiled: WebAssembly.Module
  export default compiled
}

declare module '*.wasm?module' {
  const compiled: WebAssembly.Module
  export default compiled
}
