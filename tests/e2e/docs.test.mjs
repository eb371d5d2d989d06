// The documentation that the key server serves under /docs/: every page is there, every link leads somewhere, and it can be
// read under the policy, with the keyboard and by axe's rules.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, it } from 'node:test'
import { launch, visit } from './harness/browser.mjs'
import { startKeyServer } from './harness/keyserver.mjs'
import { scratch, stopAll } from './harness/process.mjs'
import { programs } from './harness/programs.mjs'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const folder = await scratch('docs')
const found = await programs('keyserver', 'chromium')
let keyserver
let browser

before(async () => {
  ;[keyserver, browser] = await Promise.all([
    startKeyServer({
      program: found.keyserver,
      folder: await folder.folder('keyserver'),
      registries: [{ name: 'any', url: 'http://127.0.0.1:9' }],
    }),
    launch(found.chromium),
  ])
})

after(async () => {
  await browser?.close()
  await stopAll()
  await folder.remove()
})

it('every link leads to a page and to a heading that there are', async () => {
  const pages = new Map()
  const missing = []
  const queue = [[`${keyserver.url}/docs/`, 'the start']]
  for (const [address, from] of queue) {
    const { href, hash } = new URL(address)
    const page = href.slice(0, href.length - hash.length)
    if (!pages.has(page)) {
      const response = await fetch(page)
      const text = await response.text()
      const isPage = response.ok && /^text\/html/.test(response.headers.get('content-type'))
      pages.set(page, isPage ? text : null)
      if (isPage) {
        assert.match(response.headers.get('content-security-policy'), /default-src 'none'/)
        assert.doesNotMatch(text, /<script|style=/, page)
        for (const [, target] of text.matchAll(/<a[^>]* href="([^"]+)"/g)) {
          const url = new URL(target, page)
          if (url.origin === keyserver.url) queue.push([url.href, page])
        }
      }
    }
    const text = pages.get(page)
    const id = decodeURIComponent(hash.slice(1))
    if (text === null || (id !== '' && !text.includes(`id="${id}"`))) missing.push(`${from} → ${address}`)
  }
  assert.deepEqual([...new Set(missing)], [])
  assert.ok(pages.size > 80, `${pages.size} pages`)
})

it('is readable in light and dark, and on a narrow screen', async () => {
  for (const [path, width, colorScheme] of /** @type {const} */ ([
    ['', 1280, 'light'],
    ['api/index/classes/RegistryClient.html', 1280, 'dark'],
    ['guides/errors.html', 390, 'light'],
  ])) {
    const tab = await visit(browser, `${keyserver.url}/docs/${path}`, {
      viewport: { width, height: 800 },
      colorScheme,
    })
    await tab.page.evaluate(AXE)
    const found = await tab.page.evaluate(async () => {
      const { violations } = await /** @type {any} */ (window).axe.run()
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
    })
    assert.deepEqual(found, [], path)
    const overflow = await tab.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    assert.ok(overflow <= 0, `${path} is ${overflow} pixels too wide`)
    assert.deepEqual(tab.problems(), [])
    await tab.shot(`docs-${path.replaceAll(/\W+/g, '-')}${width}-${colorScheme}`)
    await tab.close()
  }
})
