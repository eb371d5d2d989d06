// Invalid input gets one clear message with its code, and the key server keeps running. An error at its start ends it
// with an exit code.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { createServer, get } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { errorCode, launch, logIn, visit } from './harness/browser.mjs'
import { call, runKeyServer, startKeyServer, writeConfig } from './harness/keyserver.mjs'
import { scratch, stopAll } from './harness/process.mjs'
import { programs } from './harness/programs.mjs'
import { occurrences } from './harness/secrets.mjs'
import { makeImages, people, startSetups } from './harness/setups.mjs'

const folder = await scratch('bad-input')
const found = await programs(
  'keyserver',
  'registry2',
  'docker_auth',
  'crane',
  'skopeo',
  'htpasswd',
  'openssl',
  'chromium',
)
const cleanups = []
let setup
let keyserver
let browser

/** An HTTP server with one response for every request; `seen` collects the requests. */
async function startStranger(answer) {
  const seen = []
  const server = createServer((request, response) => {
    seen.push({ method: request.method, url: request.url, headers: request.headers })
    answer(request, response)
  })
  await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  cleanups.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`,
    seen,
  }
}

/** A port without a listener. */
async function closedPort() {
  const server = createTcpServer()
  await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
    server.close(resolve)
  })
  return port
}

const html = (request, response) =>
  response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>It works!</h1>')

let website
let evil
let luring
let cases

before(async () => {
  const images = await makeImages(await folder.folder('images'))
  ;[[setup], browser] = await Promise.all([
    startSetups({ programs: found, scratch: folder, images, versions: ['2.8'], kinds: ['token'] }),
    launch(found.chromium),
  ])
  website = await startStranger(html)
  evil = await startStranger((request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ token: 'stolen' }))
  })
  luring = await startStranger((request, response) => {
    response
      .writeHead(401, {
        'docker-distribution-api-version': 'registry/2.0',
        'www-authenticate': `Bearer realm="${evil.url}/token",service="lure"`,
      })
      .end()
  })
  const garbled = await startStranger((request, response) => {
    response
      .writeHead(401, {
        'docker-distribution-api-version': 'registry/2.0',
        'www-authenticate': 'Bearer realm="unterminated',
      })
      .end()
  })
  const foreign = await startStranger((request, response) => {
    response
      .writeHead(401, {
        'docker-distribution-api-version': 'registry/2.0',
        'www-authenticate': 'Negotiate',
      })
      .end()
  })
  const failing = await startStranger((request, response) => {
    response.writeHead(500).end()
  })
  cases = [
    {
      name: 'unreachable',
      url: `http://127.0.0.1:${await closedPort()}`,
      status: 502,
      code: 'upstream_unreachable',
    },
    { name: 'a website', url: website.url, status: 502, code: 'not_a_registry' },
    { name: 'realm on another host', url: luring.url, status: 403, code: 'realm_not_allowed' },
    {
      name: 'a real token service that is not configured',
      url: setup.registry.url,
      status: 403,
      code: 'realm_not_allowed',
    },
    { name: 'a malformed challenge', url: garbled.url, status: 502, code: 'challenge_syntax' },
    { name: 'an unknown scheme', url: foreign.url, status: 502, code: 'unsupported_scheme' },
    { name: 'failing', url: failing.url, status: 502, code: 'upstream_failed' },
  ]
  keyserver = await startKeyServer({
    program: found.keyserver,
    folder: await folder.folder('keyserver'),
    registries: cases.map(({ name, url }) => ({ name, url })),
  })
})

after(async () => {
  await browser?.close()
  for (const cleanup of cleanups) cleanup()
  await stopAll()
  await folder.remove()
})

const login = (registry, password = people.ada) =>
  call(keyserver, 'POST', '/v1/sessions', { body: { registry, username: 'ada', password } })

describe('a server that is not a registry, or not as configured', () => {
  for (const name of [
    'unreachable',
    'a website',
    'realm on another host',
    'a real token service that is not configured',
    'a malformed challenge',
    'an unknown scheme',
    'failing',
  ]) {
    it(`${name}: the API and the page report the code`, async () => {
      const { status, code } = cases.find((each) => each.name === name)
      const registry = keyserver.registries[name]
      const answer = await login(registry)
      assert.equal(answer.headers.get('content-type'), 'application/problem+json')
      assert.deepEqual([answer.status, answer.body.code], [status, code])
      assert.deepEqual(occurrences(JSON.stringify(answer.body), people.ada, 'ada'), [])

      const tab = await visit(browser, `${keyserver.url}/#/${registry}`)
      await logIn(tab.page, 'ada', people.ada)
      assert.equal(await errorCode(tab.page), code)
      assert.equal(await tab.page.getByTestId('error').count(), 1)
      assert.deepEqual(tab.problems({ expected: [status] }), [])
      if (name === 'unreachable') await tab.shot('bad-input-unreachable')
      await tab.close()
      assert.ok(keyserver.alive)
    })
  }

  it('no server outside the configuration got a password', () => {
    assert.deepEqual(evil.seen, [])
    assert.equal(setup.tokenService.requests(setup.afterFilling), 0)
    for (const { headers, url } of [...website.seen, ...luring.seen]) {
      assert.equal(headers.authorization, undefined)
      assert.deepEqual(occurrences(url + JSON.stringify(headers), people.ada, 'ada'), [])
    }
    assert.deepEqual(occurrences(keyserver.stderr, people.ada, 'ada'), [])
  })

  it('a registry outside the configuration is refused without a request to it', async () => {
    const seen = evil.seen.length
    const answer = await login(new URL(evil.url).host)
    assert.deepEqual([answer.status, answer.body.code], [403, 'registry_not_allowed'])
    const relayed = await call(keyserver, 'GET', `/r/${new URL(evil.url).host}/v2/_catalog`)
    assert.deepEqual([relayed.status, relayed.body.code], [403, 'registry_not_allowed'])
    assert.equal(evil.seen.length, seen)
  })

  it('a session of another key server, and a changed one, are refused', async () => {
    const other = await startKeyServer({
      name: 'other',
      program: found.keyserver,
      folder: await folder.folder('other'),
      registries: [{ name: 'registry', url: setup.registry.url, realms: [setup.tokenService.realm] }],
    })
    const registry = other.registries.registry
    const { body } = await call(other, 'POST', '/v1/sessions', {
      body: { registry, username: 'ada', password: people.ada },
    })
    const session = body.session
    assert.equal((await call(other, 'GET', '/v1/session', { session })).status, 200)
    const flipped = session.replace(
      /\.([\w-])([\w-]*)$/,
      (_, first, rest) => `.${first === 'A' ? 'B' : 'A'}${rest}`,
    )
    for (const [server, bad] of [
      [keyserver, session],
      [other, flipped],
      [other, 'nonsense'],
      [other, `${session}A`],
      [other, '....'],
    ]) {
      const answer = await call(server, 'GET', '/v1/session', { session: bad })
      assert.deepEqual([answer.status, answer.body.code], [401, 'invalid_session'])
    }
    assert.equal((await other.stop()).code, 0)
  })

  it('malformed requests are refused with their code', async () => {
    const registry = keyserver.registries.unreachable
    const post = (path, body, type = 'application/json') =>
      fetch(new URL(path, keyserver.url), {
        method: 'POST',
        headers: { 'content-type': type },
        body,
      })
    // `fetch` normalizes paths before it sends them.
    const unnormalised = (path) =>
      new Promise((resolve, reject) => {
        get({ host: '127.0.0.1', port: new URL(keyserver.url).port, path }, (response) => {
          resolve({
            status: response.statusCode,
            url: path,
            json: async () => JSON.parse((await response.toArray()).join('')),
          })
        }).on('error', reject)
      })
    const cases_ = [
      [await post('/v1/sessions', '{'), 400, 'invalid_request'],
      [
        await post(
          '/v1/sessions',
          JSON.stringify({ registry, username: 'ada', password: 'x', pasword: 'y' }),
        ),
        400,
        'invalid_request',
      ],
      [
        await post('/v1/sessions', JSON.stringify({ registry: 'a b', username: 'ada', password: 'x' })),
        400,
        'invalid_registry',
      ],
      [
        await post('/v1/sessions', JSON.stringify({ registry, username: 'a:b', password: 'x' })),
        400,
        'invalid_username',
      ],
      [
        await post('/v1/sessions', 'registry=x', 'application/x-www-form-urlencoded'),
        415,
        'unsupported_media_type',
      ],
      [
        await post(
          '/v1/sessions',
          JSON.stringify({ registry, username: 'ada', password: 'x'.repeat(200_000) }),
        ),
        413,
        'payload_too_large',
      ],
      [
        await post(
          '/v1/token',
          JSON.stringify({ registry, scopes: ['repository:a:pull repository:b:pull'] }),
        ),
        400,
        'invalid_scope',
      ],
      [await fetch(new URL('/nowhere', keyserver.url)), 404, 'not_found'],
      [await fetch(new URL(`/r/${registry}/v2/a%2f..%2fb/tags/list`, keyserver.url)), 400, 'invalid_path'],
      [await unnormalised(`/r/${registry}/v2/a/../b/tags/list`), 400, 'invalid_path'],
      [
        await fetch(new URL(`/r/${registry}/v2/a/manifests/b`, keyserver.url), { method: 'DELETE' }),
        405,
        'method_not_allowed',
      ],
    ]
    for (const [response, status, code] of cases_) {
      const body = await response.json()
      assert.deepEqual([response.status, body.code], [status, code], response.url)
    }
    assert.ok(keyserver.alive)
  })
})

describe('failures at start', () => {
  let place
  before(async () => {
    place = await folder.folder('starts')
  })
  const start = (...args) => runKeyServer({ program: found.keyserver, args, folder: place })
  const refused = ({ code, stdout, stderr }, pattern) => {
    assert.ok(typeof code === 'number' && code !== 0, `exit ${code}\n${stderr}`)
    assert.match(stderr, pattern)
    assert.doesNotMatch(stdout, /listening on/)
    assert.doesNotMatch(stderr, /panicked|RUST_BACKTRACE/)
    assert.ok(stderr.trim().split('\n').length <= 3, `one message, not a wall of text:\n${stderr}`)
    return code
  }

  it('an unknown key is reported with its line, and nothing else is shown', async () => {
    const file = join(place, 'unknown.yaml')
    await writeFile(file, 'listen: 127.0.0.1:0\nlistten: hunter2-in-the-wrong-place\n')
    const served = await start('serve', '--config', file)
    const exit = refused(served, /line 2, column 1: listten: unknown key; did you mean `listen`\?/)
    assert.doesNotMatch(served.stderr, /hunter2/)
    const checked = await start('check-config', file)
    assert.equal(refused(checked, /line 2, column 1: listten/), exit)
  })

  it('a missing file, and a file that is not YAML', async () => {
    refused(await start('serve', '--config', join(place, 'absent.yaml')), /absent\.yaml/)
    const file = join(place, 'not.yaml')
    await writeFile(file, 'listen: [\n')
    refused(await start('serve', '--config', file), /YAML/)
  })

  it('a port in use is reported, with its own exit code', async () => {
    const taken = new URL(website.url).host
    const file = await writeConfig(place, 'taken.yaml', [], {
      listen: taken,
      log: { filter: 'info', format: 'text' },
    })
    const inUse = refused(await start('serve', '--config', file), new RegExp(taken.replaceAll('.', '\\.')))
    const unknown = await start('serve', '--config', join(place, 'unknown.yaml'))
    assert.notEqual(inUse, unknown.code, 'a supervisor may retry one and not the other')
  })

  it('a valid configuration passes the check', async () => {
    const file = await writeConfig(place, 'good.yaml', [
      { name: 'a', url: setup.registry.url, realms: [setup.tokenService.realm] },
    ])
    assert.equal((await start('check-config', file)).code, 0)
  })
})
