// The key server: the binary with a configuration file.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Server, run } from './process.mjs'

/**
 * Starts a key server on a free port, with a log at trace level.
 *
 * `registries` as in its configuration; `settings` are further sections. Everything it may write is below
 * `folder`: the configuration, the working directory, and a temporary folder of its own. The log is there too.
 * The server returned also has `url`, `registries` (name for people → canonical name) and `events()`.
 */
export async function startKeyServer({ name = 'keyserver', program, folder, registries, settings = {} }) {
  const file = await writeConfig(folder, `${name}.yaml`, registries, settings)
  const server = new Server(name, program, ['serve', '--config', file], {
    cwd: folder,
    logs: folder,
    env: { TMPDIR: folder },
  })
  const [, url] = await server.says(/dockpass-keyserver listening on (http:\/\/127\.0\.0\.1:\d+)/, {
    stream: 'stdout',
  })
  const listed = await (await fetch(`${url}/v1/registries`)).json()
  return Object.assign(server, {
    url,
    registries: Object.fromEntries(listed.registries.map((each) => [each.name, each.registry])),

    /** Lines of the log, parsed. */
    events: () =>
      server.stderr
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
  })
}

/** Writes a configuration and gives its path. JSON, because every JSON text is a YAML text. */
export async function writeConfig(folder, name, registries, settings = {}) {
  const file = join(folder, name)
  await writeFile(
    file,
    JSON.stringify(
      {
        listen: '127.0.0.1:0',
        registries,
        log: { filter: 'trace', format: 'json' },
        // Limits are raised, because here one address logs in many times and makes every request.
        limits: {
          login_burst: 1000,
          login_per_minute: 1000,
          account_per_minute: 1000,
          anonymous_per_minute: 100000,
          session_scopes_per_minute: 100000,
          requests_per_minute: 0,
        },
        ...settings,
      },
      null,
      2,
    ),
  )
  return file
}

/** Runs it until it exits, for starts that must fail. Resolves with `{code, stdout, stderr}`. */
export function runKeyServer({ program, args, folder, seconds = 10 }) {
  return run(program, args, { cwd: folder, expect: null, seconds })
}

/**
 * Calls its API. With a `cookie` it sends the headers that a browser sends on the key server's own page.
 * Resolves with `{status, headers, body}`; the body is parsed when it is JSON.
 * @param {{ url: string }} server
 * @param {string} method
 * @param {string} path
 * @param {{ session?: string, cookie?: string, body?: unknown, headers?: Record<string, string> }} [options]
 */
export async function call(server, method, path, { session, cookie, body, headers = {} } = {}) {
  const response = await fetch(new URL(path, server.url), {
    method,
    redirect: 'manual',
    headers: {
      ...(session && { authorization: `Bearer ${session}` }),
      ...(cookie && {
        cookie,
        'x-dockpass': '1',
        'sec-fetch-site': 'same-origin',
        origin: new URL(server.url).origin,
      }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  const text = await response.text()
  const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '')
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
}
