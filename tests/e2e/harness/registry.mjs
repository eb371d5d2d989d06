// CNCF distribution, 2.8 as Debian has it and 3 as Go builds it, in three set-ups: open, htpasswd, token.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Server, run } from './process.mjs'

/**
 * Starts a registry on a free port, with its storage and its log in `folder`.
 *
 * `auth` is `{kind: 'open'}`, `{kind: 'htpasswd', users: {name: password}}` or
 * `{kind: 'token', realm, service, issuer, certificate}`.
 * `proxy` makes it a pull-through cache of the registry at this address.
 * The server returned also has `url`, `host` `accesses(from)`, and with
 * htpasswd `setUsers(users)`.
 * @param {{ name: string, program: string, htpasswd?: string, folder: string, auth: any, proxy?: string }} options
 */
export async function startRegistry({ name, program, htpasswd, folder, auth, proxy }) {
  const config = {
    version: 0.1,
    log: { level: 'info', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: join(folder, 'storage') }, delete: { enabled: true } },
    http: { addr: '127.0.0.1:0', secret: 'one registry only, so any text will do' },
    ...(await authSection(auth, folder, htpasswd)),
    ...(proxy !== undefined && { proxy: { remoteurl: proxy } }),
  }
  await mkdir(folder, { recursive: true })
  const file = join(folder, 'registry.yml')
  await writeFile(file, JSON.stringify(config, null, 2)) // every JSON text is a YAML text
  const server = new Server(name, program, ['serve', file], {
    cwd: folder,
    logs: folder,
    env: { OTEL_TRACES_EXPORTER: 'none' },
  })
  const [, port] = await server.says(/listening on 127\.0\.0\.1:(\d+)/)
  return Object.assign(server, {
    host: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,

    /** Replaces the users of a registry with htpasswd, which reads its file again when it has changed. */
    setUsers: (users) => writePasswords(htpasswd, folder, users),

    /** The current end of the access log; `accesses` takes it to return later requests only. */
    mark: () => server.stdout.length,

    /** Requests in the access log since `mark`: `[{method, path, status}]`. */
    accesses(mark = 0) {
      const lines = server.stdout
        .slice(mark)
        .matchAll(/"(GET|HEAD|PUT|POST|PATCH|DELETE) (\S+) HTTP\/[\d.]+" (\d{3})/g)
      return [...lines].map(([, method, path, status]) => ({ method, path, status: Number(status) }))
    },
  })
}

async function authSection(auth, folder, htpasswd) {
  switch (auth.kind) {
    case 'open':
      return {}
    case 'htpasswd': {
      const path = passwords(folder)
      await writePasswords(htpasswd, folder, auth.users)
      return { auth: { htpasswd: { realm: 'dockpass e2e', path } } }
    }
    case 'token': {
      const { realm, service, issuer, certificate } = auth
      return { auth: { token: { realm, service, issuer, rootcertbundle: certificate } } }
    }
    default:
      throw new Error(`unknown kind of authorization: ${auth.kind}`)
  }
}

const passwords = (folder) => join(folder, 'htpasswd')

async function writePasswords(htpasswd, folder, users) {
  const lines = await Promise.all(
    Object.entries(users).map(async ([user, password]) => `${user}:${await bcrypt(htpasswd, password)}\n`),
  )
  await writeFile(passwords(folder), lines.join(''))
}

/** The bcrypt hash of a password, made by Apache's htpasswd. */
export async function bcrypt(htpasswd, password) {
  const { stdout } = await run(htpasswd, ['-n', '-i', '-B', '-C', '5', 'user'], { input: password })
  return stdout.trim().slice('user:'.length)
}
