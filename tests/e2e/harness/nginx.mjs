// nginx, with nothing configured but where to listen and what to proxy.

import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Server } from './process.mjs'

/** A port of loopback that nobody uses now. */
export async function freePort() {
  const socket = createServer()
  await new Promise((resolve) => {
    socket.listen(0, '127.0.0.1', () => resolve(undefined))
  })
  const { port } = /** @type {import('node:net').AddressInfo} */ (socket.address())
  await new Promise((resolve) => socket.close(resolve))
  return port
}

/**
 * Starts it with these `location` blocks, and waits until `probe` is answered well. Everything it writes goes below
 * `folder`.
 * @param {{ program: string, folder: string, port: number, locations: string, probe: string }} options
 */
export async function startNginx({ program, folder, port, locations, probe }) {
  const file = join(folder, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  )
  await writeFile(
    file,
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr;
     events {}
     http { access_log off; ${temporary.join(' ')}
       server { listen 127.0.0.1:${port}; ${locations} } }`,
  )
  const server = new Server('nginx', program, ['-p', folder, '-c', file, '-e', 'stderr'], {
    cwd: folder,
    logs: folder,
  })
  await server.until(async () => (await fetch(`http://127.0.0.1:${port}${probe}`)).ok, 'answer')
  return server
}
