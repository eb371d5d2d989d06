// The npm package under the addresses at which the key server serves it to pages.

declare module '*/dockpass/index.js' {
  export { default } from 'dockpass'
  export * from 'dockpass'
}
declare module '*/dockpass/doctor.js' {
  export * from 'dockpass/doctor'
}

declare module '*/test/support/vectors.mjs' {
  export const run: any, runDiagnosis: any
}
declare module '*/test/support/flows.mjs' {
  export const isOurs: any, runFlow: any
}

/** What tests keep in a page between two calls of `evaluate`. */
interface Window {
  dockpass: typeof import('dockpass')
  client: import('dockpass').RegistryClient
  reader: ReadableStreamDefaultReader<Uint8Array>
}
