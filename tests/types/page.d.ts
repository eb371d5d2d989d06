// The npm package under the addresses at which the key server serves it to pages.

declare module '*/dockpass/index.js' {
  export { default } from 'dockpass'
  export * from 'dockpass'
}
declare module '*/dockpass/doctor.js' {
  export * from 'dockpass/doctor'
}

/** What tests keep in a page between two calls of `evaluate`. */
interface Window {
  dockpass: typeof import('dockpass')
  client: import('dockpass').RegistryClient
  reader: ReadableStreamDefaultReader<Uint8Array>
}
