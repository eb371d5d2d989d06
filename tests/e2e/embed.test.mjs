// The README's example page, unchanged, on another origin than the key server.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { after, before, it } from 'node:test'
import { launch } from './harness/browser.mjs'
import { startDemo } from './harness/demo.mjs'
import { startKeyServer } from './harness/keyserver.mjs'
import { scratch, stopAll } from './harness/process.mjs'
import { programs } from './harness/programs.mjs'

const folder = await scratch('embed')
const found = await programs('keyserver', 'demo', 'chromium')
let site
let demo
let keyserver
let browser
let html

before(async () => {
  site = createServer((request, response) => {
    response.writeHead(request.url === '/' ? 200 : 404, { 'content-type': 'text/html' })
    response.end(request.url === '/' ? html : '')
  })
  await new Promise((resolve) => site.listen(0, 'localhost', resolve))
  ;[demo, browser] = await Promise.all([
    startDemo({ program: found.demo, folder: await folder.folder('demo') }),
    launch(found.chromium),
  ])
  keyserver = await startKeyServer({
    program: found.keyserver,
    folder: await folder.folder('keyserver'),
    registries: Object.values(demo.registries).map(({ name, url, realms }) => ({ name, url, realms })),
    settings: {
      cors: {
        allowed_origins: [
          `http://localhost:${/** @type {import('node:net').AddressInfo} */ (site.address()).port}`,
        ],
      },
    },
  })
  const text = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const [, example] = text.match(/```html\n([\s\S]*?)```/) ?? []
  assert.ok(
    example?.includes('http://127.0.0.1:8780/'),
    'the README has an example for the address of `cargo xtask run`',
  )
  html = example.replaceAll('http://127.0.0.1:8780', keyserver.url)
})

after(async () => {
  site?.close()
  await browser?.close()
  await stopAll()
  await folder.remove()
})

const listed = async (host) => {
  const context = await browser.newContext()
  const page = await context.newPage()
  const problems = []
  page.on('pageerror', (error) => problems.push(String(error)))
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
  await page.goto(`http://${host}:${/** @type {import('node:net').AddressInfo} */ (site.address()).port}/`)
  return { page, problems }
}

it('lists the repositories that a user of a chosen registry sees, from an origin that the configuration allows', async () => {
  const { page, problems } = await listed('localhost')
  const list = page.locator('pre')
  await page.getByLabel('Registry').selectOption({ label: `token (${keyserver.registries.token})` })
  await page.getByLabel('User name').fill('ada')
  await page.getByLabel('Password').fill(demo.password('ada'))
  await page.getByRole('button', { name: 'Log in' }).click()
  await list.getByText('team-a/api').waitFor()
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByLabel('Password').waitFor()
  assert.equal(await list.textContent(), '')
  assert.deepEqual(
    problems.filter((text) => !/status of (404|401|403)/.test(text)),
    [],
  )
  assert.deepEqual(await demo.violations(), [])
})

it('cannot read anything from an origin that is not allowed', async () => {
  const { page, problems } = await listed('other.localhost')
  await page.waitForFunction(() => document.readyState === 'complete')
  assert.ok(
    problems.some((text) => text.includes('CORS')),
    problems.join('\n'),
  )
  assert.equal(await page.locator('pre').textContent(), '')
})
