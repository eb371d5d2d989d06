// Prints the tags of a repository, and what a user may do there. Through a key server:
//   KEYSERVER=http://127.0.0.1:8780/ REGISTRY=127.0.0.1:40001 USERNAME=ada PASSWORD=… node tags.js team-a/api

import init, { DockpassError, RegistryClient } from 'dockpass'
import { explain } from 'dockpass/errors'

const { KEYSERVER: keyServer, REGISTRY: registry, USERNAME: username, PASSWORD: password } = process.env
const [repository] = process.argv.slice(2)
if (!keyServer || !registry || !repository) {
  console.error('usage: KEYSERVER=URL REGISTRY=NAME [USERNAME=… PASSWORD=…] node tags.js REPOSITORY')
  process.exit(64)
}

await init()
try {
  const client = await RegistryClient.connect({ keyServer, registry })
  if (username && password) await client.login({ username, password })
  for await (const tag of client.tags(repository)) console.log(tag)
  const scopes = ['pull', 'push', 'delete'].map((action) => `repository:${repository}:${action}`)
  for (const { scope, grant } of await client.authorize(scopes)) console.error(`${scope}: ${grant}`)
  await client.logout()
} catch (error) {
  if (!(error instanceof DockpassError)) throw error
  const { code, title, text } = explain(error)
  console.error(`${title} (${code}). ${text}`)
  process.exitCode = 1
}
