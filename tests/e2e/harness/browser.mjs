// The installed Chromium, with a new profile for each page.

import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { outputFolder } from './programs.mjs'

// Long, because machines that run tests are busy. Nothing waits longer than necessary.
const PATIENCE_MS = 20_000

/** Starts the browser, with the back/forward cache if that is wanted, which Playwright disables. */
export function launch(executablePath, { backForwardCache = false } = {}) {
  return chromium.launch({
    executablePath,
    ignoreDefaultArgs: backForwardCache ? ['--disable-back-forward-cache'] : [],
    args: [
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  })
}

/**
 * Opens a page in a profile of its own and records its requests and console messages.
 *
 * Beside Playwright's `page` and `context` there are `requests` (what went out, in order), `mark()`, `since(mark)`,
 * `problems({expected})`, `stored()` and `shot(name)`.
 */
export async function visit(
  browser,
  url,
  { viewport = { width: 1280, height: 800 }, colorScheme = 'light' } = {},
) {
  const context = await browser.newContext({
    viewport,
    colorScheme,
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  const requests = []
  const complaints = []
  page.on('request', (request) => {
    const { pathname, search } = new URL(request.url())
    requests.push({ method: request.method(), path: pathname + search, kind: request.resourceType() })
  })
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return
    const { url } = message.location()
    complaints.push({
      kind: message.type(),
      text: message.text(),
      path: URL.canParse(url) ? new URL(url).pathname : url,
    })
  })
  page.on('pageerror', (error) => complaints.push({ kind: 'exception', text: String(error) }))
  await context.exposeBinding('reportViolation', (_, text) => {
    complaints.push({ kind: 'csp', text })
  })
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      globalThis.reportViolation(
        `${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`,
      )
    })
  })
  await page.goto(url)

  return {
    context,
    page,
    requests,

    /** Where the list of requests is now. */
    mark: () => requests.length,

    /** Requests of scripts since `mark`, as `METHOD /path`; without the page's own files, such as its icon. */
    since: (mark) =>
      requests
        .slice(mark)
        .filter(({ kind }) => kind === 'fetch')
        .map(({ method, path }) => `${method} ${path}`),

    /**
     * Complaints of browser and page so far: errors and warnings on the console, exceptions, violations of the
     * content security policy. Chromium logs every response that is an error; the statuses in `expected` are left out.
     */
    problems({ expected = [] } = {}) {
      return complaints.filter(({ text }) => {
        const failed = text.match(/Failed to load resource: the server responded with a status of (\d+)/)
        const status = failed && Number(failed[1])
        return !(status && expected.includes(status))
      })
    },

    /** Everything that a script of the page could have stored. */
    stored: () =>
      page.evaluate(async () => ({
        cookie: document.cookie,
        localStorage: { ...localStorage },
        sessionStorage: { ...sessionStorage },
        databases: (await indexedDB.databases()).map(({ name }) => name),
        caches: await caches.keys(),
        windowName: window.name,
        historyState: history.state,
      })),

    /** Writes a screenshot into the output folder. */
    async shot(name) {
      await mkdir(outputFolder, { recursive: true })
      await page.screenshot({ path: join(outputFolder, `${name}.png`) })
    },

    close: () => context.close(),
  }
}

/** The result of `stored()` if nothing was stored. */
export const nothingStored = {
  cookie: '',
  localStorage: {},
  sessionStorage: {},
  databases: [],
  caches: [],
  windowName: '',
  historyState: null,
}

/** Waits until the rows of a list are exactly these. */
export async function expectRows(page, testid, names) {
  const wanted = names.toSorted().join('\n')
  let seen = ''
  const deadline = Date.now() + PATIENCE_MS
  while (Date.now() < deadline) {
    const rows = await page.getByTestId(testid).evaluateAll((nodes) => nodes.map((node) => node.dataset.name))
    seen = rows.toSorted().join('\n')
    if (seen === wanted) return
    // Checked once, without waiting: the box of the previous view may be disappearing.
    const [failed] = await page
      .getByTestId('error')
      .evaluateAll((nodes) => nodes.map((node) => node.dataset.code))
    if (failed !== undefined) seen = `error ${failed}`
    await page.waitForTimeout(50)
  }
  assert.fail(`${testid}: wanted\n${wanted}\nbut saw\n${seen}`)
}

/** Waits for an error box within `scope` and returns its stable code. The box must also have a message. */
export async function errorCode(scope) {
  const box = scope.getByTestId('error').first()
  await box.waitFor()
  const code = await box.getAttribute('data-code')
  const words = (await box.innerText()).replaceAll(code, '').trim()
  assert.ok(words.length > 20, `an error box for ${code} with nothing in it: ${words}`)
  assert.ok(!/undefined|null|\[object/.test(words), words)
  return code
}

/** Fills the form and sends it. */
export async function logIn(page, user, password) {
  await page.getByTestId('username').fill(user)
  await page.getByTestId('password').fill(password)
  await page.getByTestId('login-submit').click()
}
