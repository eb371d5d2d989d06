// A reverse proxy that serves one registry of a key server at /v2/ of a host, where docker's clients expect it.

import { createServer, request as httpRequest } from 'node:http'

/**
 * Starts it on a free port: `/v2/…` becomes `/r/REGISTRY/v2/…`, any other path stays. Resolves with `{host, asked, stop()}`;
 * `asked` has the requests so far as `METHOD PATH STATUS`.
 */
export async function startFront(keyserver, registry) {
  const target = new URL(keyserver.url)
  const asked = []
  const server = createServer((request, response) => {
    const path = request.url.startsWith('/v2/') ? `/r/${registry}${request.url}` : request.url
    const onward = httpRequest(
      {
        host: target.hostname,
        port: target.port,
        method: request.method,
        path,
        headers: { ...request.headers, host: target.host },
      },
      (answer) => {
        asked.push(`${request.method} ${request.url} ${answer.statusCode}`)
        const { statusCode, rawHeaders } = answer
        response.writeHead(statusCode, /** @type {any} */ (rawHeaders))
        answer.pipe(response)
      },
    )
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(undefined))
  })
  return {
    host: `127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`,
    asked,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(resolve)
      }),
  }
}
