// What few calls need of the functions: loaded with the first one that does, with a module that has them.

import { sources } from './sources.js'

/** The functions of `reading.js`, which can be called at once. */
export async function reading() {
  // The entries that set no such module have loaded it before.
  const [functions] = await Promise.all([import('./reading.js'), sources.functions?.()])
  return functions
}
