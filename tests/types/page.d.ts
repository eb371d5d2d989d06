// The npm package under the addresses at which the key server serves it to pages.

declare module '*/dockpass/index.js' {
  export { default } from 'dockpass'
  export * from 'dockpass'
}
declare module '*/dockpass/doctor.js' {
  export * from 'dockpass/doctor'
}
declare module '*/dockpass/elements.js' {
  export * from 'dockpass/elements'
}
declare module '*/dockpass/errors.js' {
  export * from 'dockpass/errors'
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
  events: string[][]
  reader: ReadableStreamDefaultReader<Uint8Array>
}
