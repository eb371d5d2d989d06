// The running key server against its OpenAPI description, with requests that Schemathesis makes up.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startDemo } from '../e2e/harness/demo.mjs'
import { call, startKeyServer } from '../e2e/harness/keyserver.mjs'
import { run, scratch, stopAll } from '../e2e/harness/process.mjs'
import { programs } from '../e2e/harness/programs.mjs'

const folder = await scratch('openapi')
const found = await programs('keyserver', 'demo', 'schemathesis')
const description = fileURLToPath(new URL('../../docs/openapi.json', import.meta.url))
const config = fileURLToPath(new URL('schemathesis.toml', import.meta.url))
/** Requests for each operation, besides those that cover the description. */
const EXAMPLES = Number(process.env.DOCKPASS_OPENAPI_EXAMPLES ?? 30)
/** The same requests in each run. */
const SEED = Number(process.env.DOCKPASS_OPENAPI_SEED ?? 1)
/** After this, a run is ended and has failed, in seconds. */
const LONGEST = 300

let demo
let keyserver

before(async () => {
  demo = await startDemo({ program: found.demo, folder: await folder.folder('demo') })
  const registries = Object.values(demo.registries).map(({ name, url, realms }) => ({ name, url, realms }))
  const none = 100_000
  keyserver = await startKeyServer({
    program: found.keyserver,
    folder: await folder.folder('keyserver'),
    registries,
    settings: {
      log: { filter: 'info', format: 'json' },
      limits: {
        login_burst: none,
        login_per_minute: none,
        account_per_minute: none,
        anonymous_per_minute: none,
        session_scopes_per_minute: none,
        requests_per_minute: 0,
      },
    },
  })
})

after(async () => {
  await stopAll()
  await folder.remove()
})

/** Runs Schemathesis, and gives how many operations and requests it made. */
async function tried(name, session) {
  const path = await folder.folder(name)
  const file = join(path, 'schemathesis.toml')
  let settings = await readFile(config, 'utf8')
  // In the file, because the arguments of a process are visible to others.
  if (session) settings = `headers = { Authorization = "Bearer ${session}" }\n\n${settings}`
  await writeFile(file, settings, { mode: 0o600 })
  const report = join(path, 'report.json')
  const args = ['--no-color', '--config-file', file, 'run', description, '--url', keyserver.url]
  const bounds = ['--max-examples', EXAMPLES, '--phases', 'examples,coverage,fuzzing', '--seed', SEED]
  const { code, stdout } = await run(
    found.schemathesis,
    [...args, ...bounds.map(String), '--report-json-path', report],
    { cwd: path, expect: null, seconds: LONGEST },
  )
  assert.equal(code, 0, stdout)
  const [, tested] = /Tested: (\d+)/.exec(stdout) ?? []
  const [, generated] = /(\d+) generated/.exec(stdout) ?? []
  return { tested: Number(tested), generated: Number(generated) }
}

/** How many operations the description has. */
async function operations() {
  const { paths } = JSON.parse(await readFile(description, 'utf8'))
  return Object.values(paths).flatMap((methods) => Object.keys(methods)).length
}

const session = async () => {
  const { body } = await call(keyserver, 'POST', '/v1/sessions', {
    body: { registry: keyserver.registries.token, username: 'ada', password: demo.password('ada') },
  })
  assert.ok(body.session, JSON.stringify(body))
  return body.session
}

const callers = { 'without a session': async () => undefined, 'with a session': session }
for (const [who, one] of Object.entries(callers)) {
  it(`responds as described to everything, ${who}`, async () => {
    const { tested, generated } = await tried(who.replaceAll(' ', '-'), await one())
    assert.equal(tested, await operations())
    assert.ok(generated > 200, `${generated} requests`)
    assert.equal((await call(keyserver, 'GET', '/healthz')).status, 200)
    const panics = keyserver.events().filter(({ message }) => /panicked/.test(message ?? ''))
    assert.deepEqual(panics, [])
  })
}
