// The functions without I/O.

export * from './rest.js'
export { parseScopes } from './scopes.js'
export * from './syntax.js'
