// olareg: open, with Basic, or with opaque tokens of its own.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Server } from './process.mjs'
import { bcrypt } from './registry.mjs'

/**
 * Starts olareg on a free port; what is pushed is held in memory.
 *
 * `kind` is `open`, `basic` or `opaque`; `realm` (with `opaque`) replaces olareg's own, which is relative: `/token`.
 * `users` maps names to passwords, `acls` is olareg's list of rights. The server returned also has `url`, `host` and
 * `setUsers(users)`, which olareg reads within five seconds.
 */
export async function startOlareg({
  name = 'olareg',
  program,
  htpasswd = undefined,
  folder,
  kind,
  users = {},
  acls = [],
  realm = undefined,
}) {
  const file = join(folder, 'auth.yml')
  const setUsers = async (people) => {
    const creds = await Promise.all(
      Object.entries(people).map(async ([user, password]) => [
        user,
        { cred: await bcrypt(htpasswd, password) },
      ]),
    )
    await writeFile(file, JSON.stringify({ users: Object.fromEntries(creds), acls }, null, 2))
  }
  await setUsers(users)
  const args = kind === 'open' ? [] : [`-${kind}`, file, ...(realm === undefined ? [] : ['-realm', realm])]
  const server = new Server(name, program, args, { cwd: folder, logs: folder })
  const [, url] = await server.says(/listening on (http:\/\/127\.0\.0\.1:\d+)/, { stream: 'stdout' })
  return Object.assign(server, { url, host: new URL(url).host, setUsers })
}
