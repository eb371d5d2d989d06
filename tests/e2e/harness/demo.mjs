// The demo registries: they implement every flow, refuse what the specifications forbid, and record each request.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Server } from './process.mjs'

/** Starts them. The server returned also has `registries` by name, `password(user)`, `journal()`, `violations()`, `reset()`. */
export async function startDemo({ program, folder }) {
  const file = join(folder, 'ready.json')
  const server = new Server('demo', program, ['--ready-file', file], { cwd: folder, logs: folder })
  const ready = await server.until(
    async () => JSON.parse(await readFile(file, 'utf8')),
    'write its ready file',
  )
  const control = async (method, path) => {
    const response = await fetch(`${ready.control}${path}`, { method })
    if (!response.ok) throw new Error(`demo ${path}: ${response.status} ${await response.text()}`)
    return response.json()
  }
  return Object.assign(server, {
    registries: Object.fromEntries(ready.registries.map((registry) => [registry.name, registry])),
    password: (user) =>
      ready.registries.flatMap(({ logins }) => logins).find(({ username }) => username === user).password,
    journal: () => control('GET', '/journal'),
    violations: () => control('GET', '/violations'),
    reset: () => control('POST', '/reset'),
  })
}
