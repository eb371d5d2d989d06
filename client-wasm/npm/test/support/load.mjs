// Loads the package once more, unloaded: each query is a module of its own, and so is everything below a copied folder.

import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const folder = fileURLToPath(new URL('../..', import.meta.url))

/**
 * A fresh copy of the package's files, as modules that nothing has loaded yet.
 * @returns `{load(entry), path(name)}`; the copy goes with the test.
 */
export function copy(test) {
  const to = mkdtempSync(join(tmpdir(), 'dockpass-'))
  test.after(() => rmSync(to, { recursive: true, force: true }))
  for (const name of [
    'package.json',
    'index.js',
    'client.js',
    'node.js',
    'doctor.js',
    'doctor-node.js',
    'syntax.js',
    'syntax-node.js',
    'lib',
    'dist',
  ])
    cpSync(join(folder, name), join(to, name), {
      recursive: true,
      filter: (path) => !path.startsWith(join(folder, 'dist/package')),
    })
  return {
    load: (entry = 'node.js') => import(pathToFileURL(join(to, entry)).href),
    path: (name) => join(to, name),
  }
}
