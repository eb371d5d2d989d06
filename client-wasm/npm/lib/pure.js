// The functions without I/O.

export * from './rest.js'
export * from './scopes.js'
export * from './syntax.js'
