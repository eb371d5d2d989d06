// The files of the package, as a server has them under /dockpass/.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../..', import.meta.url))
const TYPES = {
  js: 'text/javascript',
  mjs: 'text/javascript',
  wasm: 'application/wasm',
  json: 'application/json',
}

/**
 * The file at a path below `/dockpass/`, if there is one.
 * @param {string} path
 */
export function packageFiles(path) {
  const file = join(folder, path.slice('/dockpass/'.length))
  if (!path.startsWith('/dockpass/') || !existsSync(file)) return undefined
  return { type: TYPES[path.split('.').at(-1)] ?? 'application/octet-stream', content: readFileSync(file) }
}
