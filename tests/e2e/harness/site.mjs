// A site at one origin with a key server, as a reverse proxy makes it: files of a folder, and everything else from the key
// server.

import { readFile } from 'node:fs/promises'
import { createServer, request as httpRequest } from 'node:http'
import { extname, join, normalize } from 'node:path'

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.wasm': 'application/wasm',
}

/**
 * Starts it on a free port of `host`. It serves the files of `folder`; `change` may alter their texts. With `forwardTo`, every
 * other path is the key server's of this URL.
 * @param {{ folder: string, host?: string, change?: (text: string) => string }} options
 */
export async function startSite({ folder, host = 'localhost', change = (text) => text }) {
  let forwardTo
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, 'http://here').pathname
    const file = join(folder, normalize(path === '/' ? '/index.html' : path))
    const content = await readFile(file).catch(() => undefined)
    if (content !== undefined) {
      const type = TYPES[extname(file)] ?? 'application/octet-stream'
      response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' })
      return response.end(/^text/.test(type) ? change(content.toString()) : content)
    }
    if (forwardTo === undefined) return response.writeHead(404).end()
    const { hostname, port } = new URL(forwardTo)
    const { method, url, headers } = request
    const onward = httpRequest({ host: hostname, port, method, path: url, headers }, (answer) => {
      const { statusCode, rawHeaders } = answer
      response.writeHead(statusCode, /** @type {any} */ (rawHeaders))
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    response.on('close', () => onward.destroy())
    request.pipe(onward)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  return {
    url: `http://${host}:${port}`,
    /** @param {string} url The key server. */
    forward: (url) => (forwardTo = url),
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(resolve)
      }),
  }
}
