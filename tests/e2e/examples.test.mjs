// The folders of `examples`, copied and run: built by Vite where they are, with the package as it is published, at an origin of
// their own. The service worker's has tests of its own.

import assert from 'node:assert/strict'
import { cp, mkdir, readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, beforeEach, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { launch, visit } from './harness/browser.mjs'
import { startDemo } from './harness/demo.mjs'
import { startKeyServer } from './harness/keyserver.mjs'
import { run, scratch, stopAll } from './harness/process.mjs'
import { programs } from './harness/programs.mjs'
import { startSite } from './harness/site.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Where `cargo xtask test` installs what `tools` pins. */
const place = process.env.DOCKPASS_EXAMPLES ?? join(root, 'target/examples')
const copies = join(place, 'copies')

const folder = await scratch('examples')
const found = await programs('keyserver', 'demo', 'chromium')
let demo
let keyserver
let site
let browser
let tab

before(async () => {
  await Promise.all(
    [copies, join(place, 'node_modules/dockpass')].map((path) => rm(path, { recursive: true, force: true })),
  )
  await cp(join(root, 'client-wasm/npm/dist/package'), join(place, 'node_modules/dockpass'), {
    recursive: true,
  })
  await cp(join(root, 'examples'), copies, { recursive: true })
  await mkdir(join(copies, 'site'))
  site = await startSite({
    folder: join(copies, 'site'),
    change: (text) => text.replaceAll('http://127.0.0.1:8780', keyserver.url),
  })
  ;[demo, browser] = await Promise.all([
    startDemo({ program: found.demo, folder: await folder.folder('demo') }),
    launch(found.chromium),
  ])
  const { name, url, realms } = demo.registries.token
  keyserver = await startKeyServer({
    program: found.keyserver,
    folder: await folder.folder('keyserver'),
    registries: [{ name, url, realms }],
    settings: { cors: { allowed_origins: [site.url] } },
  })
})

after(async () => {
  await tab?.close()
  await browser?.close()
  await site?.stop()
  await stopAll()
  await folder.remove()
})

beforeEach(async () => {
  await tab?.close()
  tab = undefined
  await demo.reset()
})

/** Runs a program of the installed packages in the copy of an example. */
const tool = (example, script, ...args) =>
  run(process.execPath, [join(place, 'node_modules', script), ...args], {
    cwd: join(copies, example),
    env: { VITE_KEY_SERVER: `${keyserver.url}/`, NODE_ENV: undefined },
    seconds: 240,
  })

/** Serves an example as it is, or what Vite builds of it, and opens it. */
async function open(example, { isBuilt = false } = {}) {
  const from = isBuilt ? join(copies, example, 'dist') : join(copies, example)
  if (isBuilt) await tool(example, 'vite/bin/vite.js', 'build', `--base=/${example}/`)
  await cp(from, join(copies, 'site', example), { recursive: true })
  tab = await visit(browser, `${site.url}/${example}/index.html`)
  return tab.page
}

/** Fills in the form of an example and sends it. */
async function logIn(page, { password = demo.password('ada'), button = 'Log in' } = {}) {
  await page.getByLabel('User name').fill('ada')
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: button }).click()
}

/** Nothing that the page or the registries complain of. Refused logins are logged by the browser. */
async function assertClean() {
  assert.deepEqual(tab.problems({ expected: [401, 403, 404] }), [])
  assert.deepEqual(await demo.violations(), [])
}

it('every example has a test, and a row in the list', async () => {
  const folders = (await readdir(join(root, 'examples'), { withFileTypes: true })).filter((entry) =>
    entry.isDirectory(),
  )
  const list = await readFile(join(root, 'examples/README.md'), 'utf8')
  const tests = await Promise.all(
    ['examples', 'service-worker'].map((name) => readFile(join(root, `tests/e2e/${name}.test.mjs`), 'utf8')),
  )
  for (const { name } of folders) {
    assert.ok(list.includes(`[${name}](${name})`), `${name} is not in examples/README.md`)
    assert.ok(
      tests.some((text) => text.includes(`it('${name}: `)),
      `${name} has no test`,
    )
  }
})

it('plain-html: shows tags after a login, and errors in words', async () => {
  const page = await open('plain-html')
  await page.locator('option').waitFor({ state: 'attached' })
  await logIn(page, { password: 'wrong', button: 'Show tags' })
  await page.getByText('Wrong user name or password').waitFor()
  await logIn(page, { button: 'Show tags' })
  await page.getByText('2.1.0', { exact: true }).waitFor()
  await assertClean()
})

it('elements: lists what the user sees, and nothing after the logout', async () => {
  const page = await open('elements')
  await logIn(page)
  await page.getByText('team-a/api', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByLabel('Password').waitFor()
  assert.equal(await page.locator('main > ul > li').count(), 0)
  await assertClean()
})

it('vite-typescript: compiles under strict, builds, and shows the platforms of an image', async () => {
  await tool('vite-typescript', 'typescript/bin/tsc')
  const page = await open('vite-typescript', { isBuilt: true })
  await logIn(page)
  await page.getByRole('button', { name: 'Log out' }).waitFor()
  await page.getByRole('button', { name: 'Show platforms' }).click()
  await page.locator('pre').getByText('linux/amd64').waitFor()
  await assertClean()
})

it('a page of an origin that is not allowed says what to configure', async () => {
  const other = await startSite({
    folder: join(copies, 'site'),
    change: (text) => text.replaceAll('http://127.0.0.1:8780', keyserver.url),
  })
  try {
    await (await open('vite-typescript', { isBuilt: true })).close()
    tab = await visit(browser, `${other.url}/vite-typescript/index.html`)
    await tab.page.getByText('This page may not use this key server').waitFor()
    await tab.page.getByText('cors.allowed_origins').waitFor()
  } finally {
    await other.stop()
  }
})

it('react: browses repositories, tags and a manifest after a login', async () => {
  const page = await open('react', { isBuilt: true })
  await logIn(page, { password: 'wrong' })
  await page.getByRole('alert').getByText('Wrong user name or password').waitFor()
  await logIn(page)
  await page.getByText('Logged in as ada').waitFor()
  await page.getByRole('button', { name: 'team-a/api', exact: true }).click()
  await page.getByRole('button', { name: '2.1.0', exact: true }).click()
  await page
    .getByText(/^sha256:[0-9a-f]{64}$/)
    .first()
    .waitFor()
  await page.locator('pre').getByText('schemaVersion').waitFor()
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByLabel('Password').waitFor()
  assert.equal(await page.getByText('team-a/api').count(), 0)
  await assertClean()
})

it('svelte: browses repositories and tags with the elements', async () => {
  const page = await open('svelte', { isBuilt: true })
  await logIn(page)
  await page.getByRole('button', { name: 'team-a/api', exact: true }).click()
  await page.getByText('2.1.0', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByLabel('Password').waitFor()
  assert.equal(await page.getByText('team-a/api').count(), 0)
  await assertClean()
})

it('node-script: prints tags and rights, and errors in words', async () => {
  const script = (password) =>
    run(process.execPath, ['tags.js', 'team-a/api'], {
      cwd: join(copies, 'node-script'),
      env: {
        KEYSERVER: `${keyserver.url}/`,
        REGISTRY: keyserver.registries.token,
        USERNAME: 'ada',
        PASSWORD: password,
      },
      expect: null,
    })
  const good = await script(demo.password('ada'))
  assert.deepEqual(good.stdout.trim().split('\n').sort(), ['2.1.0', 'latest'])
  assert.match(good.stderr, /repository:team-a\/api:pull: granted/)
  const wrong = await script('wrong')
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /Wrong user name or password \(bad_credentials\)/)
})
