// The npm package, as Node.js imports it, on a running key server.

import init, { RegistryClient } from '../../../client-wasm/npm/node.js'

await init()

/** A client of `registry` (the key server's name for it) without a login. */
export function connect(keyserver, registry) {
  return RegistryClient.connect({ keyServer: keyserver.url, registry })
}

/**
 * The results for a user: the names of a list, the media type of a manifest, or the code of the error.
 * `wanted` has the members `login` (with `username` and `password`), `catalog`, `tags` by repository, `oneByOne` (the same with
 * `n: 1`), `manifests` by reference and `authorize` by scope; the result has the same members.
 * @param {any} client
 * @param {any} wanted
 * @param {{ username?: string, password?: string }} [credentials]
 */
export async function seen(client, wanted, { username, password } = {}) {
  const result = {}
  if ('login' in wanted) {
    result.login = await outcome(client.login({ username, password }).then(() => 'ok'))
    if (result.login !== 'ok') return result
  }
  if ('catalog' in wanted) result.catalog = await outcome(names(client.catalog()))
  for (const repository of Object.keys(wanted.tags ?? {})) {
    result.tags ??= {}
    result.tags[repository] = await outcome(names(client.tags(repository)))
  }
  for (const repository of Object.keys(wanted.oneByOne ?? {})) {
    result.oneByOne ??= {}
    result.oneByOne[repository] = await outcome(names(client.tags(repository, { n: 1 })))
  }
  if ('authorize' in wanted) {
    const grants = await client.authorize(Object.keys(wanted.authorize))
    result.authorize = Object.fromEntries(grants.map(({ scope, grant }) => [scope, grant]))
  }
  for (const reference of Object.keys(wanted.manifests ?? {})) {
    const [repository, tag] = reference.split(':')
    result.manifests ??= {}
    result.manifests[reference] = await outcome(
      client.manifest(repository, tag).then(({ mediaType }) => mediaType),
    )
  }
  return result
}

async function names(list) {
  const all = []
  for await (const name of list) all.push(name)
  return all.sort()
}

async function outcome(promise) {
  try {
    return await promise
  } catch (error) {
    if (error.code === undefined) throw error
    return error.code
  }
}
