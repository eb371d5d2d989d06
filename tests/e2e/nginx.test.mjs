// Long passwords, as cloud registries issue them, behind nginx with its defaults: a line of request headers may have
// 8 KiB (`large_client_header_buffers`), and all headers of a response 4 KiB (`proxy_buffer_size`).

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { expectRows, launch, logIn, nothingStored, visit } from './harness/browser.mjs'
import { startKeyServer } from './harness/keyserver.mjs'
import { freePort, startNginx } from './harness/nginx.mjs'
import { run, scratch, stopAll } from './harness/process.mjs'
import { programs, versions } from './harness/programs.mjs'

const folder = await scratch('nginx')
const found = await programs('keyserver', 'nginx', 'openssl', 'chromium')
for (const line of await versions(found)) console.log(`peer ${line}`)

/** Longest line of request headers that nginx accepts by default, and longest header of a response. */
const REQUEST_LINE = 8_192
const RESPONSE_HEAD = 4_096

// Passwords in the form in which the clouds issue them, and one of 4 KiB that cannot be compressed much.
const base64 = (bytes) => randomBytes(bytes).toString('base64')
const payload = {
  payload: base64(1_100),
  datakey: base64(180),
  version: '2',
  type: 'DATA_KEY',
  expiration: 1764000000,
}
const ecr = () =>
  Buffer.from(JSON.stringify({ ...payload, payload: base64(1_180) }))
    .toString('base64')
    .padEnd(2_368, 'A')
    .slice(0, 2_368)
const people = {
  'ecr-1': { user: 'AWS', password: ecr() },
  'ecr-2': { user: 'AWS', password: ecr() },
  google: { user: '_json_key', password: await googleKey() },
  longest: {
    user: 'ada',
    password: Array.from(randomBytes(4_096), (byte) => String.fromCharCode(33 + (byte % 94))).join(''),
  },
}

let registries
let keyserver
let url
let browser

/** The key file of a service account: JSON with a private key in PEM, 2.3 kB with line breaks. */
async function googleKey() {
  const { stdout } = await run(found.openssl, [
    'genpkey',
    '-algorithm',
    'RSA',
    '-pkeyopt',
    'rsa_keygen_bits:2048',
  ])
  const account = 'puller@some-project-123456.iam.gserviceaccount.com'
  const key = {
    type: 'service_account',
    project_id: 'some-project-123456',
    private_key_id: randomBytes(20).toString('hex'),
    private_key: stdout,
    client_email: account,
    client_id: '112233445566778899001',
    auth_uri: 'https://accounts.google.com/o/oauth2/auth',
    token_uri: 'https://oauth2.googleapis.com/token',
    auth_provider_x509_cert_url: 'https://www.googleapis.com/oauth2/v1/certs',
    client_x509_cert_url: `https://www.googleapis.com/robot/v1/metadata/x509/${encodeURIComponent(account)}`,
  }
  return JSON.stringify(key, null, 2)
}

/** A registry with Basic authorization that takes exactly one password, octet by octet. */
async function startRegistry({ user, password }) {
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const server = createServer({ maxHeaderSize: 65_536 }, (request, response) => {
    const json = { 'content-type': 'application/json', 'docker-distribution-api-version': 'registry/2.0' }
    if (request.headers.authorization !== expected) {
      response.writeHead(401, { ...json, 'www-authenticate': 'Basic realm="clouds"' }).end('{}')
      return
    }
    const [path] = request.url.split('?')
    const body = {
      '/v2/': {},
      '/v2/_catalog': { repositories: ['team/app'] },
      '/v2/team/app/tags/list': { name: 'team/app', tags: ['1.0', '2.0'] },
    }[path]
    response.writeHead(body ? 200 : 404, json).end(JSON.stringify(body ?? {}))
  })
  await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(undefined))
  })
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  return { server, url: `http://127.0.0.1:${port}` }
}

before(async () => {
  const started = Object.entries(people).map(async ([name, person]) => [name, await startRegistry(person)])
  registries = Object.fromEntries(await Promise.all(started))
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  keyserver = await startKeyServer({
    program: found.keyserver,
    folder: await folder.folder('keyserver'),
    registries: Object.entries(registries).map(([name, registry]) => ({ name, url: registry.url })),
    settings: { public_origin: url },
  })
  await startNginx({
    program: found.nginx,
    folder: await folder.folder('nginx'),
    port,
    locations: `location / { proxy_pass ${keyserver.url}; }`,
    probe: '/healthz',
  })
  browser = await launch(found.chromium)
})

after(async () => {
  await browser?.close()
  for (const { server } of Object.values(registries ?? {})) server.close()
  await stopAll()
  await folder.remove()
})

const ours = async (tab) =>
  (await tab.context.cookies()).filter(({ name }) => name.startsWith('__Host-dockpass-'))

async function open(tab, name) {
  await tab.page.goto(`${url}/#/${keyserver.registries[name]}`)
}

/** Pastes the password, as a person does with a key of several lines. */
async function logInByPaste(page, user, password) {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.evaluate((text) => navigator.clipboard.writeText(text), password)
  await page.getByTestId('username').fill(user)
  await page.getByTestId('password').focus()
  await page.keyboard.press('Control+V')
  await page.getByTestId('login-submit').click()
}

async function logInTo(tab, name) {
  await open(tab, name)
  const { user, password } = people[name]
  if (password.includes('\n')) await logInByPaste(tab.page, user, password)
  else await logIn(tab.page, user, password)
  await expectRows(tab.page, 'repo-row', ['team/app'])
}

async function showTags(tab) {
  await tab.page.locator('[data-testid=repo-row][data-name="team/app"]').click()
  await expectRows(tab.page, 'tag-row', ['1.0', '2.0'])
}

/** Returns what tells the longest `Cookie` line and the longest response head of what the tab has done so far. */
function watched(tab) {
  const sizes = []
  const sizesOf = async (response) => {
    const line = (await response.request().allHeaders()).cookie ?? ''
    const head = (await response.headersArray()).map(({ name, value }) => `${name}: ${value}\r\n`).join('')
    return { cookie: `cookie: ${line}\r\n`.length, head: head.length }
  }
  // A response may arrive while the page is closed, when nobody asks for its size any more.
  tab.page.on('response', (response) => sizes.push(sizesOf(response).catch(() => ({ cookie: 0, head: 0 }))))
  return async () => {
    const known = await Promise.all(sizes)
    assert.ok(known.some(({ head }) => head > 0))
    const most = (part) => Math.max(...known.map((size) => size[part]))
    return { cookie: most('cookie'), head: most('head') }
  }
}

describe('logs in, lists tags and logs out with a long password', () => {
  for (const name of Object.keys(people)) {
    // Threats: SES-02.
    it(`${name}, whose password has ${people[name].password.length} characters`, async () => {
      const tab = await visit(browser, url)
      try {
        const measure = watched(tab)
        await logInTo(tab, name)
        const cookies = await ours(tab)
        assert.ok(cookies.length >= 2, 'a session in several cookies')
        for (const each of cookies) {
          assert.ok(each.name.length + each.value.length <= 4_096)
          assert.ok(each.secure && each.httpOnly && each.sameSite === 'Strict' && each.path === '/')
        }
        await showTags(tab)
        await tab.page.reload()
        await expectRows(tab.page, 'tag-row', ['1.0', '2.0'])
        assert.deepEqual(await tab.stored(), nothingStored)
        const most = await measure()
        assert.ok(most.cookie > 2_400 && most.cookie < REQUEST_LINE, `${most.cookie} bytes of Cookie`)
        assert.ok(most.head < RESPONSE_HEAD, `${most.head} bytes of response head`)
        await tab.page.getByTestId('logout').click()
        await tab.page.getByTestId('username').waitFor()
        assert.deepEqual(await ours(tab), [])
        assert.deepEqual(tab.problems({ expected: [401] }), [])
      } finally {
        await tab.close()
      }
    })
  }
})

// Threats: SES-18.
it('keeps sessions at two cloud registries in one browser', async () => {
  const tab = await visit(browser, url)
  try {
    const measure = watched(tab)
    await logInTo(tab, 'ecr-1')
    await logInTo(tab, 'ecr-2')
    for (const name of ['ecr-1', 'ecr-2', 'ecr-1']) {
      await open(tab, name)
      await expectRows(tab.page, 'repo-row', ['team/app'])
      await showTags(tab)
    }
    const most = await measure()
    assert.ok(most.cookie < REQUEST_LINE, `${most.cookie} bytes of Cookie`)
    assert.ok(most.head < RESPONSE_HEAD, `${most.head} bytes of response head`)
    // With the longest password, the others are logged out: nothing breaks, and the new session works.
    await logInTo(tab, 'longest')
    await showTags(tab)
    const { cookie } = await measure()
    assert.ok(cookie < REQUEST_LINE, `${cookie} bytes of Cookie`)
    await tab.page.getByTestId('logout').click()
    await tab.page.getByTestId('username').waitFor()
  } finally {
    await tab.close()
  }
})
