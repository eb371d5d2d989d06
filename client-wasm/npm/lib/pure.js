// The functions without I/O.

export * from './rest.js'
export * from './syntax.js'
