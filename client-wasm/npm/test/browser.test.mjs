// What only a browser can show: the package loaded by a page, under a strict policy, with the browser's own cookies,
// streams and signals; and the vectors once more, in the engine that they are for.

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { after, before, beforeEach, describe, test } from 'node:test'
import { packageFiles } from './support/files.mjs'
import { FILES } from './support/vectors.mjs'
import { USER, config, sha256, start } from './support/key-server.mjs'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const { chromium } = createRequire(join(root, 'package.json'))('playwright-core')
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; base-uri 'none'; form-action 'none'"
const readme = readFileSync(join(root, 'client-wasm/npm/README.md'), 'utf8')

function files(path) {
  if (path.startsWith('/testdata/')) {
    const file = join(root, 'protocol/testdata', path.slice('/testdata/'.length))
    return existsSync(file) ? { type: 'application/json', content: readFileSync(file) } : undefined
  }
  if (path === '/empty.html')
    return {
      type: 'text/html',
      content: '<!doctype html><title>test</title>',
      headers: { 'content-security-policy': POLICY },
    }
  const example = /^\/readme-(\d)\.html$/.exec(path)
  if (example) {
    const html = [...readme.matchAll(/```html\n([^]*?)```/g)][Number(example[1])][1]
    return { type: 'text/html', content: html.replace('registry.example', 'registry.test') }
  }
  return packageFiles(path)
}

let browser, profile, server, page, troubles

before(async () => {
  profile = mkdtempSync(join(tmpdir(), 'dockpass-chromium-'))
  browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  })
})
after(async () => {
  await browser?.close()
  rmSync(profile, { recursive: true, force: true })
})

/** A page of a key server's own origin, with the package loaded and a client connected as `client`. */
async function open(options = {}, connect = {}) {
  server = await start({ files, ...options })
  page = await browser.newPage()
  troubles = []
  page.on('pageerror', (error) => troubles.push(String(error)))
  page.on(
    'console',
    (message) => /Content Security|ERR_|DockpassError/.test(message.text()) && troubles.push(message.text()),
  )
  await page.goto(`${server.url}/empty.html`)
  await load(connect)
  server.take()
}

async function load(connect = {}) {
  await page.evaluate(async (connect) => {
    window.dockpass = await import('/dockpass/index.js')
    await window.dockpass.default()
    window.client = await window.dockpass.RegistryClient.connect({
      keyServer: '/',
      registry: 'registry.test',
      ...connect,
    })
  }, connect)
}

beforeEach((/** @type {any} */ t) => {
  t.after?.(async () => {
    await browser.clearCookies()
    await page?.close()
    await server?.stop()
  })
})

describe('in Chromium', () => {
  // Threats: WEB-02.
  test('a download is verified with a module that is loaded then, under the policy', async () => {
    await open({ auth: 'open' })
    const { loaded, text, wrong } = await page.evaluate(async (digest) => {
      const scripts = () =>
        performance.getEntriesByType('resource').filter(({ name }) => name.includes('digest_inline')).length
      const before = scripts()
      const { body } = await window.client.download('app', digest)
      const text = await new Response(body).text()
      const wrong = await window.client.download('app', `sha256:${'0'.repeat(64)}`).catch(({ code }) => code)
      return { loaded: [before, scripts()], text, wrong }
    }, sha256(config))
    assert.deepEqual([text, wrong, loaded], [config, 'missing', [0, 1]])
    assert.deepEqual(troubles, [])
  })

  test('an error crosses to a page from a worker with all its fields', async () => {
    await open()
    const { code, steps, isCopy } = await page.evaluate(async () => {
      const error = await window.client
        .login({ username: 'alice', password: 'wrong' })
        .catch((error) => error)
      const { port1, port2 } = new MessageChannel()
      const received = new Promise((resolve) => (port2.onmessage = ({ data }) => resolve(data)))
      port1.postMessage(error)
      const { code, steps } = await received
      return { code, steps: steps.length, isCopy: error instanceof Error }
    })
    assert.deepEqual([code, isCopy], ['bad_credentials', true])
    assert.ok(steps > 0)
  })

  test('the vectors', async () => {
    await open()
    for (const file of FILES) {
      const { ran, failed } = await page.evaluate(async (file) => {
        const { run } = await import('/dockpass/test/support/vectors.mjs')
        const vectors = await (await fetch(`/testdata/${file}.json`)).json()
        const failed = []
        for (const vector of vectors) {
          try {
            run(window.dockpass, file, vector)
          } catch (error) {
            failed.push(`${vector.name}: ${error.message}`)
          }
        }
        return { ran: vectors.length, failed }
      }, file)
      assert.deepEqual(failed, [], file)
      assert.ok(ran > 50, `${file}: ${ran}`)
    }
    const { ran, failed } = await page.evaluate(async () => {
      const { isOurs, runFlow } = await import('/dockpass/test/support/flows.mjs')
      const vectors = (await (await fetch('/testdata/flows.json')).json()).filter(isOurs)
      const failed = []
      for (const vector of vectors) {
        try {
          runFlow(vector)
        } catch (error) {
          failed.push(`${vector.name}: ${error.message}`)
        }
      }
      return { ran: vectors.length, failed }
    })
    assert.deepEqual(failed, [], 'flows')
    assert.ok(ran > 50, `flows: ${ran}`)
    const doctor = await page.evaluate(async () => {
      const loaded = () =>
        performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/doctor_bg.wasm'))
      const { runDiagnosis } = await import('/dockpass/test/support/vectors.mjs')
      const { diagnose } = await import('/dockpass/doctor.js')
      const before = loaded()
      const vectors = await (await fetch('/testdata/diagnoses.json')).json()
      const failed = []
      for (const vector of vectors)
        await runDiagnosis(diagnose, vector).catch(({ message }) => failed.push(`${vector.name}: ${message}`))
      return { ran: vectors.length, failed, loaded: [before, loaded()] }
    })
    assert.deepEqual(doctor.failed, [], 'diagnoses')
    assert.ok(doctor.ran > 50, `diagnoses: ${doctor.ran}`)
    assert.deepEqual(doctor.loaded, [false, true], 'loaded when it is asked')
    assert.deepEqual(troubles, [])
  })

  test('the session is a cookie that no script sees, and a reload finds it', async () => {
    await open()
    assert.equal(await page.evaluate(() => window.client.session), null)
    await page.evaluate((user) => window.client.login(user), USER)
    server.take()
    await page.evaluate(() => window.client.fetch('/v2/app/tags/list'))
    assert.deepEqual(server.take(), ['POST /v1/token', 'GET /r/registry.test/v2/app/tags/list'])
    await page.evaluate(() => window.client.fetch('/v2/app/tags/list'))
    assert.deepEqual(server.take(), ['GET /r/registry.test/v2/app/tags/list'])
    const stored = await page.evaluate(async () => [
      document.cookie,
      localStorage.length,
      sessionStorage.length,
      (await indexedDB.databases()).length,
      (await caches.keys()).length,
    ])
    assert.deepEqual(stored, ['', 0, 0, 0, 0])
    await page.reload()
    await load()
    assert.equal(await page.evaluate(() => window.client.session.username), 'alice')
    await page.evaluate(() => window.client.logout())
    await page.reload()
    await load()
    assert.equal(await page.evaluate(() => window.client.session), null)
    assert.deepEqual(
      troubles.filter((text) => !/401/.test(text)),
      [],
    )
  })

  test('a Basic registry: the gateway attaches, and no password box opens', async () => {
    await open({ auth: 'basic' })
    await page.evaluate((user) => window.client.login(user), USER)
    server.take()
    assert.equal(await page.evaluate(async () => (await window.client.fetch('/v2/_catalog')).status), 200)
    assert.deepEqual(server.take(), ['GET /r/registry.test/v2/_catalog'])
  })

  // Threats: WEB-08.
  test('from another origin the session is a bearer token, and no cookie goes along', async () => {
    await open()
    const other = await start()
    try {
      await page.goto(`${server.url}/dockpass/package.json`)
      const names = await page.evaluate(
        async ([keyServer, user]) => {
          window.dockpass = await import('/dockpass/index.js')
          await window.dockpass.default()
          const client = await window.dockpass.RegistryClient.connect({
            keyServer,
            registry: 'registry.test',
          })
          await client.login(user)
          const names = []
          for await (const name of client.tags('app', { n: 3 })) names.push(name)
          return names
        },
        [other.url, USER],
      )
      assert.deepEqual(names, ['v1', 'v2', 'v3', 'v4', 'v5'])
      assert.ok(other.requests.every(({ headers }) => headers.cookie === undefined))
      const refused = await page.evaluate(
        (keyServer) =>
          window.dockpass.RegistryClient.connect({
            keyServer,
            registry: 'registry.test',
            carrier: 'cookie',
          }).catch(({ code }) => code),
        other.url,
      )
      assert.equal(refused, 'ERR_INVALID_ARGUMENT')
    } finally {
      await other.stop()
    }
  })

  test('a page whose origin the key server does not allow is told what to configure', async () => {
    await open()
    const silent = ({ response }) => response.writeHead(200).end('{"registries":[]}')
    const other = await start({ hooks: { 'GET /v1/registries': silent } })
    try {
      await page.goto(`${server.url}/dockpass/package.json`)
      const refusal = (keyServer) =>
        page.evaluate(async (keyServer) => {
          window.dockpass = await import('/dockpass/index.js')
          await window.dockpass.default()
          return window.dockpass.RegistryClient.registries({ keyServer }).catch(
            ({ code, message, context }) => [code, message.includes('cors.allowed_origins'), context.browser],
          )
        }, keyServer)
      assert.deepEqual(await refusal(other.url), ['origin_not_allowed', true, 'preflight'])
      assert.equal(other.requests.at(-1).path, '/healthz')
      await other.stop()
      assert.deepEqual(await refusal(other.url), ['key_server_unreachable', false, 'key_server'])
    } finally {
      await other.stop()
    }
  })

  test('bodies stream', async () => {
    /** @type {(value?: unknown) => void} */
    let release
    const held = new Promise((resolve) => (release = resolve))
    const path = `/v2/app/blobs/${sha256('x')}`
    await open({
      auth: 'open',
      hooks: {
        [`GET /r/registry.test${path}`]: async ({ response }) => (
          response.writeHead(200),
          response.write('first'),
          await held,
          response.end('second')
        ),
      },
    })
    const first = await page.evaluate(async (path) => {
      window.reader = (await window.client.fetch(path)).body.getReader()
      return new TextDecoder().decode((await window.reader.read()).value)
    }, path)
    assert.equal(first, 'first')
    release()
    assert.equal(
      await page.evaluate(async () => new TextDecoder().decode((await window.reader.read()).value)),
      'second',
    )
  })

  test('an AbortSignal ends a request under way, as fetch does', async () => {
    /** @type {(value?: unknown) => void} */
    let left
    const gone = new Promise((resolve) => (left = resolve))
    await open({
      auth: 'open',
      hooks: {
        'GET /r/registry.test/v2/_catalog': ({ response }) => new Promise(() => response.on('close', left)),
      },
    })
    const error = await page.evaluate(async () => {
      const controller = new AbortController()
      setTimeout(() => controller.abort(), 50)
      const { name, code, cause } = await window.client
        .fetch('/v2/_catalog', { signal: controller.signal })
        .catch((error) => error)
      return [name, code, cause.name]
    })
    assert.deepEqual(error, ['AbortError', 'aborted', 'AbortError'])
    await gone
  })

  test('events tell the steps', async () => {
    await open()
    const steps = await page.evaluate(async (user) => {
      const steps = []
      window.client.addEventListener('step', ({ detail }) =>
        steps.push(`${detail.kind} ${detail.hop} ${detail.decision}`),
      )
      window.client.addEventListener('signedout', ({ detail }) => steps.push(detail.reason))
      await window.client.login(user)
      await window.client.fetch('/v2/app/tags/list')
      await window.client.logout()
      return steps
    }, USER)
    assert.deepEqual(steps.slice(0, 2), ['key_server token_service proven', 'page key_server proven'])
    assert.ok(steps.includes('page registry accepted') && steps.at(-1) === 'logout')
  })

  test('a manifest, verified by the browser', async () => {
    await open({ auth: 'open' })
    const { digest, size } = await page.evaluate(async () =>
      window.client.manifest('app', 'latest', { platform: 'linux/arm64' }),
    )
    assert.match(digest, /^sha256:[0-9a-f]{64}$/)
    assert.ok(size > 100)
  })

  test('the first example of the README works as it is pasted', async () => {
    await open()
    await page.goto(`${server.url}/readme-0.html`)
    await page.getByLabel('User name').fill(USER.username)
    await page.getByLabel('Password').fill('wrong')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('Wrong user name or password').waitFor()
    await page.getByLabel('Password').fill(USER.password)
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('public/app').waitFor()
    assert.equal(await page.locator('pre').textContent(), 'app\npublic/app\n')
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByLabel('Password').waitFor()
    assert.equal(await page.locator('pre').textContent(), '')
  })

  test('the example of the README with a form works as it is pasted', async () => {
    await open()
    await page.goto(`${server.url}/readme-1.html`)
    await page.getByPlaceholder('user').fill(USER.username)
    await page.getByPlaceholder('password').fill('wrong')
    await page.getByRole('button').click()
    await page.getByText('refused').waitFor()
    await page.getByPlaceholder('password').fill(USER.password)
    await page.getByRole('button').click()
    await page.getByText('public/app').waitFor()
    assert.deepEqual(await page.locator('li').allTextContents(), ['app', 'public/app'])
  })
})
