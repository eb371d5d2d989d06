// go-containerregistry's registry, as `crane registry serve` runs it: open, in memory.

import { Server } from './process.mjs'

/** Starts it on a free port. The server returned also has `url` and `host`. */
export async function startGgcr({ name = 'ggcr', program, folder }) {
  const server = new Server(name, program, ['registry', 'serve', '--address', '127.0.0.1:0'], {
    cwd: folder,
    logs: folder,
  })
  const [, port] = await server.says(/serving on port (\d+)/)
  return Object.assign(server, { url: `http://127.0.0.1:${port}`, host: `127.0.0.1:${port}` })
}
