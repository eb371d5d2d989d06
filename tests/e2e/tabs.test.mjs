// Two tabs of one browser, which share the cookie of a session: each shows whom it acts as.

import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { launch, logIn, visit } from './harness/browser.mjs'
import { startDemo } from './harness/demo.mjs'
import { startKeyServer } from './harness/keyserver.mjs'
import { scratch, stopAll } from './harness/process.mjs'
import { programs } from './harness/programs.mjs'

const folder = await scratch('tabs')
const found = await programs('keyserver', 'demo', 'chromium')
let demo
let keyserver
let browser

before(async () => {
  ;[demo, browser] = await Promise.all([
    startDemo({ program: found.demo, folder: await folder.folder('demo') }),
    launch(found.chromium),
  ])
  keyserver = await startKeyServer({
    program: found.keyserver,
    folder: await folder.folder('keyserver'),
    registries: Object.values(demo.registries).map(({ name, url, realms }) => ({ name, url, realms })),
  })
})

after(async () => {
  await browser?.close()
  await stopAll()
  await folder.remove()
})

/** Two tabs of a registry. */
async function twoTabs() {
  const address = `${keyserver.url}/#/${keyserver.registries.token}`
  const tab = await visit(browser, address)
  const other = await tab.context.newPage()
  other.setDefaultTimeout(20_000)
  await other.goto(address)
  await other.getByTestId('login-form').waitFor()
  return { tab, page: tab.page, other }
}

/** Waits until a tab shows a user. */
const shows = (page, user) => page.getByTestId('who').filter({ hasText: user }).waitFor()
const submit = (page, user) => logIn(page, user, demo.password(user))

// Threats: WEB-11.
it('a login, another user and a logout in one tab reach the other within a second', async () => {
  const { tab, page, other } = await twoTabs()
  await page.getByTestId('login-form').waitFor()
  await submit(page, 'ada')
  await shows(page, 'ada')
  const began = Date.now()
  await shows(other, 'ada')
  console.log(`the other tab followed ${Date.now() - began} ms after the first one`)

  await page.getByTestId('logout').click()
  await other.getByTestId('login-form').waitFor()
  await other.getByText('You have logged out in another tab.').waitFor()

  await submit(other, 'bob')
  await shows(other, 'bob')
  await shows(page, 'bob')
  await page.getByText('You are now logged in as bob, by a login in another tab.').waitFor()
  assert.deepEqual(tab.problems(), [])
  assert.deepEqual(await demo.violations(), [])
  await tab.close()
})

// Threats: WEB-11.
it('a tab that hears nothing is refused, and then shows who is logged in', async () => {
  const { tab, page, other } = await twoTabs()
  await submit(other, 'ada')
  await shows(page, 'ada')
  // As a frozen tab: the messages of the others do not arrive.
  await other.evaluate(() => {
    BroadcastChannel.prototype.postMessage = () => {}
  })
  await other.getByTestId('logout').click()
  await other.getByTestId('login-form').waitFor()
  await submit(other, 'bob')
  await shows(other, 'bob')
  assert.match(await page.getByTestId('who').innerText(), /ada/)

  const refused = page.waitForResponse((response) => response.url() === `${keyserver.url}/v1/token`)
  await page.getByTestId('open-by-name').fill('team-a/api')
  await page.getByTestId('open-by-name-submit').click()
  const response = await refused
  assert.deepEqual([response.status(), (await response.json()).code], [409, 'session_changed'])
  await shows(page, 'bob')
  await tab.close()
})

// Threats: WEB-11.
it('a page that comes back from the back/forward cache does not show a user whose session ended meanwhile', async () => {
  const cached = await launch(found.chromium, { backForwardCache: true })
  try {
    const { page, context } = await visit(cached, `${keyserver.url}/#/${keyserver.registries.token}`)
    await page.getByTestId('login-form').waitFor()
    await submit(page, 'ada')
    await shows(page, 'ada')
    await page.evaluate(() => {
      globalThis.addEventListener('pageshow', ({ persisted }) => {
        document.documentElement.dataset.persisted = String(persisted)
      })
    })
    await page.goto(`${keyserver.url}/docs/`)
    // Without a message to the page, which would remove it from the cache.
    await context.clearCookies()
    await page.goBack({ waitUntil: 'commit' })
    await page.locator('html[data-persisted="true"]').waitFor()
    await page.getByTestId('login-form').waitFor()
    assert.equal(await page.getByTestId('who').count(), 0)
  } finally {
    await cached.close()
  }
})
