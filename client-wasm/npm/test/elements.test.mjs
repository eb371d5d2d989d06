// <dockpass-login> and <dockpass-status> in Chromium: with the keyboard, with wrong passwords, without a server, under a
// strict policy, and judged by axe.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { after, afterEach, before, describe, test } from 'node:test'
import { packageFiles } from './support/files.mjs'
import { USER, start } from './support/key-server.mjs'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const require = createRequire(join(root, 'package.json'))
const { chromium } = require('playwright-core')
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; base-uri 'none'; " +
  "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

/** A page with these elements, and a script that writes down their events. */
const page = (body) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>test</title>
<script type="module" src="/page.js"></script></head><body><main><h1>Test</h1>${body}</main></body></html>`
const SCRIPT = `import '/dockpass/elements.js'
window.events = []
for (const type of ['connected', 'signedout', 'failed'])
  document.addEventListener(type, ({ detail }) => window.events.push(
    [type, detail.session?.username ?? detail.reason ?? detail.error?.code ?? 'anonymous']))`

let browser, server, tab, troubles

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-background-networking', '--no-first-run'],
  })
})
after(() => browser?.close())
afterEach(async () => {
  await tab?.context().close()
  await server?.stop()
})

const LOGIN = '<dockpass-status></dockpass-status><dockpass-login registry="registry.test"></dockpass-login>'

async function open(body = LOGIN, options = {}) {
  const headers = { 'content-security-policy': POLICY }
  const files = (path) =>
    path === '/'
      ? { type: 'text/html', content: page(body), headers }
      : path === '/page.js'
        ? { type: 'text/javascript', content: SCRIPT }
        : packageFiles(path)
  server = await start({ files, ...options })
  const context = await browser.newContext({ bypassCSP: false })
  tab = await context.newPage()
  tab.setDefaultTimeout(20_000)
  troubles = []
  tab.on('pageerror', (error) => troubles.push(String(error)))
  tab.on('console', (message) => {
    if (/Content Security|Trusted|dockpass/i.test(message.text())) troubles.push(message.text())
  })
  await tab.goto(server.url)
}

const user = () => tab.getByLabel('User name')
const password = () => tab.getByLabel('Password or access token')
const events = () => tab.evaluate(() => window.events)

async function logIn({ username, password: secret } = USER) {
  await user().fill(username)
  await password().fill(secret)
  await tab.getByRole('button', { name: 'Log in' }).click()
}

/** What axe finds. It is evaluated by the debugger, which no policy forbids. */
async function violations() {
  await tab.evaluate(AXE)
  return tab.evaluate(async () => {
    const { violations } = await /** @type {any} */ (window).axe.run()
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
  })
}

describe('<dockpass-login>', () => {
  test('logs in with the keyboard alone, and shows who it is', async () => {
    await open(LOGIN.replace('></dockpass-login>', ' autofocus></dockpass-login>'))
    await user().waitFor()
    assert.equal(await tab.evaluate(() => document.activeElement?.getAttribute('name')), 'username')
    await tab.keyboard.type(USER.username)
    await tab.keyboard.press('Tab')
    await tab.keyboard.type(USER.password)
    await tab.keyboard.press('Enter')
    await tab.locator('dockpass-status').getByText(USER.username).waitFor()
    assert.equal(await tab.locator('dockpass-login').innerHTML(), '')
    assert.deepEqual(await events(), [['connected', USER.username]])
    assert.deepEqual(troubles, [])
  })

  test('a page that was reloaded is logged in, without a form', async () => {
    await open()
    await logIn()
    await tab.getByRole('button', { name: 'Log out' }).waitFor()
    await tab.reload()
    await tab.getByRole('button', { name: 'Log out' }).waitFor()
    assert.equal(await tab.locator('dockpass-login').innerHTML(), '')
    assert.deepEqual(await events(), [['connected', USER.username]])
  })

  test('a wrong password is said in words, marked, and typed again at once', async () => {
    await open()
    await logIn({ username: USER.username, password: 'wrong' })
    await tab.getByRole('alert').filter({ hasText: 'Wrong user name or password' }).waitFor()
    assert.equal(await password().getAttribute('aria-invalid'), 'true')
    const description = await password().evaluate(
      (input) => document.getElementById(input.getAttribute('aria-describedby'))?.textContent,
    )
    assert.match(description, /The registry refused them/)
    assert.doesNotMatch(await tab.locator('body').innerText(), /SECRET/)
    // The wrong password is selected, so that typing replaces it.
    await tab.keyboard.type(USER.password)
    await tab.keyboard.press('Enter')
    await tab.getByRole('button', { name: 'Log out' }).waitFor()
    assert.deepEqual(await events(), [
      ['failed', 'bad_credentials'],
      ['connected', USER.username],
    ])
  })

  test('an empty field is marked, and nothing is sent', async () => {
    await open()
    await user().waitFor()
    server.take()
    await tab.getByRole('button', { name: 'Log in' }).click()
    assert.equal(await user().getAttribute('aria-invalid'), 'true')
    assert.deepEqual(server.take(), [])
  })

  test('logging out shows the form with an empty password, and says why', async () => {
    await open()
    await logIn()
    await tab.getByRole('button', { name: 'Log out' }).click()
    await tab.getByText('You have logged out.').waitFor()
    assert.equal(await password().inputValue(), '')
    assert.equal(await tab.evaluate(() => document.activeElement?.getAttribute('name')), 'password')
    assert.deepEqual(await events(), [
      ['connected', USER.username],
      ['signedout', 'logout'],
    ])
    await password().fill(USER.password)
    await tab.keyboard.press('Enter')
    await tab.getByRole('button', { name: 'Log out' }).waitFor()
    assert.equal((await events()).length, 3)
  })

  test('browses without a login, and logs in later', async () => {
    await open()
    await tab.getByRole('button', { name: 'Browse without logging in' }).click()
    await tab.getByText('Not logged in').waitFor()
    assert.deepEqual(await events(), [['connected', 'anonymous']])
    const anonymous = await tab.evaluate(() => document.querySelector('dockpass-login').client.session)
    assert.equal(anonymous, null)
    await tab.getByRole('button', { name: 'Log in' }).click()
    await logIn()
    await tab.getByRole('button', { name: 'Log out' }).waitFor()
    assert.equal((await events()).at(-1)[1], USER.username)
  })

  test('with `required` there is no browsing', async () => {
    await open('<dockpass-login registry="registry.test" required></dockpass-login>')
    await user().waitFor()
    assert.deepEqual(await tab.getByRole('button').allTextContents(), ['Log in'])
  })

  test('without `registry` the user chooses one of the list', async () => {
    const registries = ['registry.test', 'other.test'].map((registry) => ({
      registry,
      name: registry === 'other.test' ? 'The other one' : registry,
      url: `https://${registry}`,
      gateway: `/r/${registry}`,
    }))
    await open('<dockpass-login></dockpass-login>', {
      hooks: {
        'GET /v1/registries': ({ send }) => send(200, { registries }),
        'GET /v1/session': ({ send }) => send(204),
      },
    })
    const choice = tab.getByLabel('Registry')
    await choice.locator('option').nth(1).waitFor({ state: 'attached' })
    assert.deepEqual(await choice.locator('option').allTextContents(), [
      'registry.test',
      'The other one (other.test)',
    ])
    await choice.selectOption('other.test')
    await tab.waitForFunction(() => document.querySelector('dockpass-login').registry === 'other.test')
    assert.equal(await choice.inputValue(), 'other.test')
  })

  test('a login that takes long shows progress, and can be cancelled', async () => {
    await open(LOGIN, { hooks: { 'POST /v1/sessions': () => new Promise(() => {}) } })
    await logIn()
    await tab.getByText('Logging in …').waitFor()
    assert.equal(await tab.locator('progress').count(), 1)
    await tab.getByRole('button', { name: 'Cancel' }).click()
    await tab.getByText('Logging in …').waitFor({ state: 'detached' })
    assert.equal(await tab.locator('[part=error]').first().innerHTML(), '')
    assert.equal(await tab.getByRole('button', { name: 'Log in' }).getAttribute('aria-disabled'), null)
  })

  test('a key server that fails is said in words, and tried again', async () => {
    let fails = true
    await open(LOGIN, {
      hooks: {
        'GET /v1/session': ({ problem }) => (fails ? problem('overloaded', 503) : 'go on'),
      },
    })
    await tab.getByText('The key server is overloaded').waitFor()
    await tab.getByText('req-1').waitFor()
    fails = false
    await tab.getByRole('button', { name: 'Try again' }).click()
    await user().waitFor()
    assert.deepEqual(await events(), [['failed', 'overloaded']])
  })

  test('the texts can be replaced', async () => {
    await open('<p id="place"></p>')
    await tab.evaluate(() => {
      const login = document.createElement('dockpass-login')
      login.setAttribute('registry', 'registry.test')
      login.words = { username: 'Benutzer', login: 'Anmelden' }
      document.getElementById('place').append(login)
    })
    await tab.getByLabel('Benutzer').waitFor()
    await tab.getByRole('button', { name: 'Anmelden' }).waitFor()
    await password().waitFor()
  })

  test('the line breaks of a pasted key reach the registry', async () => {
    await open()
    await user().fill('_json_key')
    await password().evaluate((/** @type {HTMLInputElement} */ input) => {
      const data = new DataTransfer()
      data.setData('text/plain', '{\n"key": 1\n}')
      input.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, cancelable: true }))
    })
    await password().press('Enter')
    await tab.getByRole('alert').filter({ hasText: 'Wrong user name' }).waitFor()
    const { body } = server.requests.find(({ path }) => path === '/v1/sessions')
    assert.equal(body.password, '{\n"key": 1\n}')
  })

  // Threats: WEB-11.
  test('a login and a logout in another tab are followed', async () => {
    await open()
    await user().waitFor()
    const first = tab
    tab = await first.context().newPage()
    await tab.goto(server.url)
    await logIn()
    await first.locator('dockpass-status').getByText(USER.username).waitFor()
    await tab.getByRole('button', { name: 'Log out' }).click()
    await first.getByText('You have logged out.').waitFor()
    assert.deepEqual(await first.evaluate(() => window.events), [
      ['connected', USER.username],
      ['signedout', 'elsewhere'],
    ])
  })

  test('inserted, moved and removed, it connects once', async () => {
    await open()
    await user().waitFor()
    server.take()
    await tab.evaluate(() => {
      const login = document.querySelector('dockpass-login')
      document.body.append(login)
    })
    await user().fill('kept')
    await tab.waitForTimeout(200)
    assert.equal(await user().inputValue(), 'kept')
    assert.deepEqual(server.take(), [])
  })

  test('password managers find a form of the document, with the names that they look for', async () => {
    await open()
    await user().waitFor()
    const found = await tab.evaluate(() => {
      const [form] = document.forms
      return [...form.elements].map((field) => [
        field.getAttribute('autocomplete'),
        field.getAttribute('type'),
      ])
    })
    assert.deepEqual(found.slice(0, 2), [
      ['username', null],
      ['current-password', 'password'],
    ])
    assert.ok(found.some(([, type]) => type === 'submit'))
  })

  test('rules of the page take precedence, and custom properties are read', async () => {
    await open()
    await user().waitFor()
    const [padding, color] = await tab.evaluate(() => {
      const sheet = new CSSStyleSheet()
      sheet.replaceSync('input { padding: 1px } body { --dockpass-accent: rgb(1, 2, 3) }')
      document.adoptedStyleSheets = [sheet, ...document.adoptedStyleSheets]
      const style = (selector) => getComputedStyle(document.querySelector(selector))
      return [style('input').paddingTop, style('[part~=primary]').backgroundColor]
    })
    assert.deepEqual([padding, color], ['1px', 'rgb(1, 2, 3)'])
  })

  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    test(`axe finds nothing, in ${colorScheme} colours`, async () => {
      await open()
      await tab.emulateMedia({ colorScheme })
      await tab.evaluate((scheme) => {
        document.documentElement.style.colorScheme = scheme
      }, colorScheme)
      await user().waitFor()
      assert.deepEqual(await violations(), [])
      await logIn({ username: 'x', password: 'wrong' })
      await tab.getByRole('alert').filter({ hasText: 'Wrong' }).waitFor()
      assert.deepEqual(await violations(), [])
      await logIn()
      await tab.getByRole('button', { name: 'Log out' }).waitFor()
      assert.deepEqual(await violations(), [])
      assert.deepEqual(troubles, [])
    })
  }
})

describe('<dockpass-status>', () => {
  test('belongs to the element that it names', async () => {
    const two = ['one', 'two'].map(
      (id) => `<dockpass-login id="${id}" registry="registry.test"></dockpass-login>`,
    )
    await open(`<dockpass-status for="two"></dockpass-status>${two.join('')}`)
    await user().first().waitFor()
    assert.deepEqual(await tab.evaluate(() => document.querySelector('dockpass-status').login?.id), 'two')
  })

  test('a logout that fails says so, and can be tried again', async () => {
    let fails = true
    await open(LOGIN, {
      hooks: { 'DELETE /v1/session': ({ problem }) => (fails ? problem('store_unavailable', 503) : 'go on') },
    })
    await logIn()
    await tab.getByRole('button', { name: 'Log out' }).click()
    fails = false
    // The client forgets the session in any case; the form is there again.
    await user().waitFor()
    assert.equal((await events()).at(-1)[0], 'signedout')
  })
})

test('on a server without elements, the import does nothing', async () => {
  const { DockpassLogin } = await import('dockpass/elements')
  assert.equal(typeof DockpassLogin, 'function')
})
