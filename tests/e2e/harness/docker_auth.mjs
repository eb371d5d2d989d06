// cesanta/docker_auth, the token service that most self-hosted registries use.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Server, run } from './process.mjs'
import { bcrypt } from './registry.mjs'

const ISSUER = 'dockpass e2e token service'

/**
 * Makes a key and a certificate and starts the token service on a free port.
 *
 * `users` maps names to passwords; the name '' with null is the anonymous user. `acl` is docker_auth's.
 * `thumbprintKeyId`: distribution 3 wants RFC 7638 key ids, 2.8 wants those of libtrust.
 * The server returned also has `realm`, `service`, `issuer`, `certificate` and `requests(mark)`.
 */
export async function startDockerAuth({
  name,
  program,
  openssl,
  htpasswd,
  folder,
  users,
  acl,
  thumbprintKeyId,
  lifetime = 900,
}) {
  const key = join(folder, 'token.key')
  const certificate = join(folder, 'token.pem')
  await run(openssl, [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=dockpass e2e',
    '-keyout',
    key,
    '-out',
    certificate,
  ])
  const config = {
    server: { addr: '127.0.0.1:0' },
    token: {
      issuer: ISSUER,
      expiration: lifetime,
      certificate,
      key,
      disable_legacy_key_id: thumbprintKeyId,
    },
    users: Object.fromEntries(
      await Promise.all(
        Object.entries(users).map(async ([user, password]) => [
          user,
          password === null ? {} : { password: await bcrypt(htpasswd, password) },
        ]),
      ),
    ),
    acl,
  }
  const file = join(folder, 'docker_auth.yml')
  await writeFile(file, JSON.stringify(config, null, 2))
  const server = new Server(name, program, ['-logtostderr', '-v=2', file], { cwd: folder, logs: folder })
  const [, port] = await server.says(/listening on http:\/\/127\.0\.0\.1:(\d+)/)
  return Object.assign(server, {
    // By name: crane refuses a realm with a private IP address unless the registry has the same address.
    realm: `http://localhost:${port}/auth`,
    service: `registry ${name}`,
    issuer: ISSUER,
    certificate,

    mark: () => server.stderr.length,

    /** How many requests for tokens it got since `mark`, granted or not. */
    requests: (mark = 0) => [...server.stderr.slice(mark).matchAll(/Auth request: /g)].length,
  })
}
