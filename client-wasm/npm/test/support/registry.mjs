// A registry in this process, behind the gateway of a key server, that can be written to and that loses connections.

import { createHash, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'

const PREFIX = '/r/registry.test'
export const digestOf = (bytes, algorithm = 'sha256') =>
  `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`

/**
 * Starts it. `faults` are functions that are called with each request, by name:
 * - `cut(request, body)`: after how many bytes of a blob the connection is closed; undefined for no cut.
 * - `lose(request)`: whether a request is done and its response is lost.
 * - `refuse(request)`: a status instead of a response.
 * @param {{
 *   cut?: (request: any) => number | undefined,
 *   lose?: (request: any) => boolean,
 *   refuse?: (request: any) => number | undefined,
 *   ranges?: boolean, mounts?: boolean, referrers?: boolean, tagDeletes?: boolean,
 * }} [options] What it can do; everything, by default.
 */
export async function startRegistry(options = {}) {
  const { cut, lose, refuse, ranges = true, mounts = true, referrers = true, tagDeletes = true } = options
  /** By `repository@digest`. @type {Map<string, Buffer>} */
  const blobs = new Map()
  /** By `repository@digest`. @type {Map<string, { type: string, body: Buffer }>} */
  const manifests = new Map()
  /** By `repository:tag`. @type {Map<string, string>} */
  const tags = new Map()
  /** @type {Map<string, Buffer>} */
  const uploads = new Map()
  const requests = []

  const server = createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const url = new URL(request.url ?? '', 'http://here')
    const path = decodeURIComponent(url.pathname.slice(PREFIX.length))
    const seen = {
      method: request.method,
      path,
      query: url.searchParams,
      headers: request.headers,
      size: body.length,
    }
    requests.push(seen)
    const send = (status, headers = {}, content = Buffer.alloc(0)) => {
      if (lose?.(seen)) return response.destroy()
      response.writeHead(status, { 'content-length': content.length, ...headers })
      response.end(request.method === 'HEAD' ? undefined : content)
    }
    const refused = refuse?.(seen)
    if (refused !== undefined) return send(refused)

    const upload = /^\/v2\/(.+)\/blobs\/uploads\/(.*)$/.exec(path)
    if (upload !== null) return uploading(seen, upload[1], upload[2], body, send)
    const [, repository, kind, reference] =
      /^\/v2\/(.+)\/(blobs|manifests|referrers|tags)\/(.+)$/.exec(path) ?? []
    const named = `${repository}@${reference}`
    if (kind === 'blobs') return blob(seen, blobs.get(named), response, send)
    if (kind === 'tags') {
      const names = [...tags.keys()]
        .filter((name) => name.startsWith(`${repository}:`))
        .map((name) => name.split(':')[1])
      return send(
        200,
        { 'content-type': 'application/json' },
        Buffer.from(JSON.stringify({ name: repository, tags: names })),
      )
    }
    if (kind === 'referrers' && referrers) {
      const list = [...manifests.entries()].filter(
        ([name, { body }]) =>
          name.startsWith(`${repository}@`) && JSON.parse(body.toString()).subject?.digest === reference,
      )
      const entries = list.map(([, { type, body }]) => ({
        mediaType: type,
        digest: digestOf(body),
        size: body.length,
        artifactType: JSON.parse(body.toString()).artifactType,
      }))
      return send(
        200,
        { 'content-type': 'application/vnd.oci.image.index.v1+json' },
        Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: entries })),
      )
    }
    if (kind === 'manifests') return manifest(seen, repository, reference, body, send)
    return send(404)
  })

  const uploading = (seen, repository, id, body, send) => {
    const { method, query, headers } = seen
    const location = (name) => ({ location: `${PREFIX}/v2/${repository}/blobs/uploads/${name}?state=1` })
    if (method === 'POST') {
      const source = blobs.get(`${query.get('from')}@${query.get('mount')}`)
      if (mounts && source !== undefined) {
        blobs.set(`${repository}@${query.get('mount')}`, source)
        return send(201)
      }
      const name = randomUUID()
      uploads.set(name, Buffer.alloc(0))
      return send(202, location(name))
    }
    const so = uploads.get(id)
    if (so === undefined) return send(404)
    const range = (bytes) => ({
      ...location(id),
      ...(bytes.length > 0 ? { range: `0-${bytes.length - 1}` } : {}),
    })
    if (method === 'GET') return send(204, range(so))
    if (method === 'DELETE') return (uploads.delete(id), send(204))
    if (method === 'PATCH') {
      const start = Number(/^(\d+)-/.exec(headers['content-range'])?.[1])
      if (start !== so.length) return send(416, range(so))
      const all = Buffer.concat([so, body])
      uploads.set(id, all)
      return send(202, range(all))
    }
    const all = Buffer.concat([so, body])
    if (digestOf(all) !== query.get('digest')) return send(400)
    blobs.set(`${repository}@${query.get('digest')}`, all)
    uploads.delete(id)
    return send(201)
  }

  const blob = (seen, content, response, send) => {
    if (content === undefined) return send(404)
    if (seen.method === 'HEAD') return send(200, {}, content)
    const from = Number(/^bytes=(\d+)-$/.exec(seen.headers.range ?? '')?.[1] ?? 0)
    if (ranges && from > 0 && from >= content.length) return send(416)
    const part = ranges ? content.subarray(from) : content
    const partial = ranges && from > 0
    const headers = partial
      ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` }
      : {}
    const after = cut?.(seen)
    if (after === undefined) return send(partial ? 206 : 200, headers, part)
    response.writeHead(partial ? 206 : 200, { 'content-length': part.length, ...headers })
    response.write(part.subarray(0, after), () => setTimeout(() => response.destroy(), 20))
  }

  const manifest = ({ method, headers }, repository, reference, body, send) => {
    const digest = reference.includes(':') ? reference : tags.get(`${repository}:${reference}`)
    const found = manifests.get(`${repository}@${digest}`)
    if (method === 'PUT') {
      const own = digestOf(body)
      manifests.set(`${repository}@${own}`, { type: headers['content-type'], body })
      if (!reference.includes(':')) tags.set(`${repository}:${reference}`, own)
      const subject = JSON.parse(body.toString()).subject?.digest
      return send(201, {
        'docker-content-digest': own,
        ...(subject && referrers ? { 'oci-subject': subject } : {}),
      })
    }
    if (found === undefined) return send(404)
    if (method === 'DELETE') {
      if (!reference.includes(':')) {
        if (!tagDeletes) return send(400)
        tags.delete(`${repository}:${reference}`)
        return send(202)
      }
      manifests.delete(`${repository}@${digest}`)
      for (const [name, of] of tags) if (of === digest && name.startsWith(`${repository}:`)) tags.delete(name)
      return send(202)
    }
    return send(200, { 'content-type': found.type, 'docker-content-digest': digest }, found.body)
  }

  await new Promise((/** @type {(value?: unknown) => void} */ resolve) =>
    server.listen(0, '127.0.0.1', resolve),
  )
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    blobs,
    manifests,
    tags,
    uploads,
    /** The requests since the last call, as `METHOD path`. */
    take: () =>
      requests.splice(0).map(({ method, path }) => `${method} ${path.replace(/uploads\/.+/, 'uploads/ID')}`),
    /** Puts a blob, and returns its descriptor. */
    put(repository, bytes, mediaType = 'application/vnd.oci.image.layer.v1.tar') {
      const digest = digestOf(bytes)
      blobs.set(`${repository}@${digest}`, Buffer.from(bytes))
      return { mediaType, digest, size: bytes.length }
    },
    /** Puts a manifest under tags, and returns its descriptor. */
    tag(repository, content, ...names) {
      const body = Buffer.from(JSON.stringify(content))
      const digest = digestOf(body)
      manifests.set(`${repository}@${digest}`, { type: content.mediaType, body })
      for (const name of names) tags.set(`${repository}:${name}`, digest)
      return { mediaType: content.mediaType, digest, size: body.length }
    },
    stop: () =>
      new Promise(
        (/** @type {(value?: unknown) => void} */ resolve) => (
          server.closeAllConnections(),
          server.close(resolve)
        ),
      ),
  }
}
