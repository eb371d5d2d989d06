// Loads a page in Chromium or in Firefox and returns the title that its script sets.

import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './workplace.mjs'

const { chromium } = createRequire(join(root, 'package.json'))('playwright-core')
let browser

/** What a page comes to: the title, once it says the result. */
export async function inChromium(address) {
  browser ??= await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-background-networking', '--no-first-run'],
  })
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    const said = []
    page.on('console', (message) => said.push(message.text()))
    page.on('pageerror', (error) => said.push(error.message))
    await page.goto(address)
    for (let tries = 0; tries < 300; tries++) {
      const title = await page.title().catch(() => '')
      if (title.startsWith('result: ')) return title.slice(8)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    throw new Error(`The page has no result. Its console: ${said.join('\n')}`)
  } finally {
    await context.close()
  }
}

export const close = () => browser?.close()

export const firefox = ['/usr/bin/firefox-esr', '/usr/bin/firefox'].find((path) => existsSync(path))

/** Firefox loads the page, which posts its result: no driver is needed. */
export async function inFirefox(t, { origin, reported }) {
  const profile = mkdtempSync(join(tmpdir(), 'dockpass-firefox-'))
  const child = spawn(firefox, ['--headless', '--no-remote', '--profile', profile, `${origin}/`], {
    env: { ...process.env, HOME: profile },
    stdio: 'ignore',
    detached: true,
  })
  t.after(() => {
    process.kill(-child.pid, 'SIGKILL')
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  })
  const late = new Promise((_, reject) =>
    setTimeout(() => reject(new Error('Firefox posted no result.')), 90_000).unref(),
  )
  return Promise.race([reported, late])
}
