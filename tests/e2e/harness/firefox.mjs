// The installed Firefox, without a driver: the page does everything itself and posts what it saw to its own server.

import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:http'

/**
 * Opens an address in a new profile, and returns what the page posts. `open` is called with the address for that.
 * @param {{ program: string, folder: string, open: (report: string) => string, seconds?: number }} options
 */
export async function reportedByFirefox({ program, folder, open, seconds = 60 }) {
  await mkdir(folder, { recursive: true })
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let child
  const server = createServer()
  try {
    return await new Promise((resolve, reject) => {
      setTimeout(
        () => reject(new Error(`Firefox reported nothing in ${seconds} seconds.`)),
        seconds * 1000,
      ).unref()
      server.on('request', async (request, response) => {
        let text = ''
        for await (const piece of request) text += piece
        response.writeHead(204, { 'access-control-allow-origin': '*' }).end()
        if (request.method === 'POST') resolve(JSON.parse(text))
      })
      server.listen(0, '127.0.0.1', () => {
        const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
        const arguments_ = [
          '--headless',
          '--no-remote',
          '--profile',
          folder,
          open(`http://127.0.0.1:${port}/`),
        ]
        child = spawn(program, arguments_, {
          env: { ...process.env, HOME: folder },
          stdio: 'ignore',
          detached: true,
        })
        child.on('error', reject)
      })
    })
  } finally {
    const { pid } = /** @type {Partial<import('node:child_process').ChildProcess>} */ (child ?? {})
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
    server.closeAllConnections()
    server.close()
  }
}
