// Gitea with its container registry, on SQLite.

import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Server, freePort, run } from '../e2e/harness/process.mjs'

const module = dirname(fileURLToPath(new URL('peers/gitea/go.mod', import.meta.url)))

/**
 * Starts Gitea with `people` (ada administers it) and the organisations of `harness/setups.mjs`: `public` is public, `team-a`
 * and `team-b` are private, bob reads the packages of `team-b`. The server returned also has `url`, `host`, `realm` and
 * `setPassword(user, password)`.
 */
export async function startGitea({ program, folder, people }) {
  // What Gitea renders, it reads from its source.
  const source = await run('go', ['list', '-m', '-f', '{{.Dir}}', 'code.gitea.io/gitea'], { cwd: module })
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const file = join(folder, 'app.ini')
  await writeFile(file, configuration({ folder, port, url, source: source.stdout.trim() }))
  const gitea = (...args) =>
    run(program, ['--config', file, '--work-path', folder, ...args], {
      cwd: folder,
      env: { HOME: folder },
      seconds: 120,
    })
  await gitea('migrate')
  const created = await gitea(
    ...['admin', 'user', 'create', '--admin', '--username', 'ada', '--email', 'ada@example.test'],
    ...['--random-password', '--must-change-password=false'],
  )
  const [, drawn] = created.stdout.match(/generated random password is '([^']+)'/)

  const server = new Server('gitea', program, ['--config', file, '--work-path', folder, 'web'], {
    cwd: folder,
    logs: folder,
  })
  await server.until(async () => (await fetch(`${url}/v2/`)).status === 401, 'answer', 60)
  const api = apiOf(url, 'ada', drawn)
  const setPassword = (user, password, as = apiOf(url, 'ada', people.ada)) =>
    as('PATCH', `/admin/users/${user}`, {
      source_id: 0,
      login_name: user,
      password,
      must_change_password: false,
    })
  await api('POST', '/admin/users', {
    ...{ username: 'bob', email: 'bob@example.test', password: people.bob, must_change_password: false },
  })
  for (const [username, visibility] of [
    ['public', 'public'],
    ['team-a', 'private'],
    ['team-b', 'private'],
  ]) {
    await api('POST', '/orgs', { username, visibility })
  }
  const team = await api('POST', '/orgs/team-b/teams', {
    name: 'readers',
    permission: 'read',
    units: ['repo.packages'],
    includes_all_repositories: true,
  })
  await api('PUT', `/teams/${team.id}/members/bob`)
  await setPassword('ada', people.ada, api)
  return Object.assign(server, { url, host: new URL(url).host, realm: `${url}/v2/token`, setPassword })
}

function configuration({ folder, port, url, source }) {
  return `APP_NAME = dockpass e2e
RUN_USER = root
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
WORK_PATH = ${folder}

[server]
PROTOCOL = http
HTTP_ADDR = 127.0.0.1
HTTP_PORT = ${port}
ROOT_URL = ${url}/
STATIC_ROOT_PATH = ${source}
OFFLINE_MODE = true
DISABLE_SSH = true
LFS_START_SERVER = false

[database]
DB_TYPE = sqlite3
PATH = ${join(folder, 'gitea.db')}
; Clients write several blobs at once; on a slow machine one of them would find the database locked.
SQLITE_JOURNAL_MODE = WAL
SQLITE_TIMEOUT = 60000

[security]
INSTALL_LOCK = true
SECRET_KEY = one process only, so any text will do
PASSWORD_HASH_ALGO = pbkdf2$1000$50
PASSWORD_COMPLEXITY = off

[service]
DISABLE_REGISTRATION = true

[log]
MODE = console
LEVEL = warn

[actions]
ENABLED = false

[indexer]
ISSUE_INDEXER_TYPE = db
`
}

/** Gitea's own API as somebody; throws what it says when it refuses. */
function apiOf(url, user, password) {
  return async (method, path, body) => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`Gitea: ${method} ${path}: ${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
}
