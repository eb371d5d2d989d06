// What a page loads that was built by Vite, in bytes that brotli makes of each file: the budget for each kind of page is in
// client-wasm/size-budget.toml.

import assert from 'node:assert/strict'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync } from 'node:zlib'
import { launch, visit } from './harness/browser.mjs'
import { run } from './harness/process.mjs'
import { programs } from './harness/programs.mjs'
import { startSite } from './harness/site.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Where `cargo xtask test` installs Vite. */
const place = process.env.DOCKPASS_EXAMPLES ?? join(root, 'target/examples')
const sources = join(place, 'built-size')

const DONE = 'document.title = '
const CONNECT = `${DONE}(await RegistryClient.connect({ keyServer: '/', registry: 'localhost:1' }).catch((error) => error)).name`

/** The pages, by the name of their budget. Each calls what it imports, so that nothing of it is left out. */
const PAGES = {
  'Vite: parseChallenges': `import init, { parseChallenges } from 'dockpass/syntax'
await init()
${DONE}parseChallenges('Basic')[0].scheme`,
  'Vite: inspectToken': `import init, { inspectToken } from 'dockpass/syntax'
await init()
${DONE}inspectToken('x').kind`,
  'Vite: parseChallenges, inspectToken': `import init, { inspectToken, parseChallenges } from 'dockpass/syntax'
await init()
${DONE}parseChallenges('Basic')[0].scheme + inspectToken('x').kind`,
  'Vite: RegistryClient': `import init, { RegistryClient } from 'dockpass/client'
await init()
${CONNECT}`,
  'Vite: RegistryClient, manifest': `import init, { RegistryClient } from 'dockpass/client'
await init()
const answers = { '/v1/session': () => new Response(null, { status: 204 }) }
const fetch = async ({ url }) => answers[new URL(url).pathname]?.() ?? new Response('{}', { status: 404 })
const client = await RegistryClient.connect({ keyServer: '/', registry: 'localhost:1', fetch })
${DONE}(await client.manifest('app', 'latest').catch((error) => error)).code`,
  'Vite: RegistryClient of dockpass': `import init, { RegistryClient } from 'dockpass'
await init()
${CONNECT}`,
  'Vite: RegistryClient, diagnose': `import init, { RegistryClient } from 'dockpass/client'
import { diagnose, preload } from 'dockpass/doctor'
await Promise.all([init(), preload()])
const client = await RegistryClient.connect({ keyServer: '/', registry: 'localhost:1' }).catch((error) => error)
${DONE}client.name + (await diagnose([])).code`,
}

const found = await programs('chromium')
const budgets = await readFile(join(root, 'client-wasm/size-budget.toml'), 'utf8')
let site
let browser

before(async () => {
  await rm(sources, { recursive: true, force: true })
  await cp(join(root, 'client-wasm/npm/dist/package'), join(sources, 'node_modules/dockpass'), {
    recursive: true,
  })
  await mkdir(join(sources, 'site'))
  site = await startSite({ folder: join(sources, 'site') })
  browser = await launch(found.chromium)
})

after(async () => {
  await browser?.close()
  await site?.stop()
})

/** By how much a module may be larger with this toolchain. */
const allowance = Number(process.env.DOCKPASS_SIZE_ALLOWANCE ?? 0)

/** The most bytes that a page may load. @param {string} name @param {number} modules */
function budget(name, modules) {
  const [, bytes] = new RegExp(`^\\["${name}"\\][^\\[]*?^brotli = (\\d+)$`, 'm').exec(budgets) ?? []
  assert.ok(bytes, `client-wasm/size-budget.toml has no budget ["${name}"]`)
  return Number(bytes) + modules * allowance
}

for (const [at, [name, script]] of Object.entries(PAGES).entries()) {
  it(name, async (test) => {
    const folder = join(sources, String(at))
    await mkdir(folder)
    await writeFile(
      join(folder, 'index.html'),
      '<!doctype html><title>Page</title><script type="module" src="./page.js"></script>',
    )
    await writeFile(join(folder, 'page.js'), script)
    await run(
      process.execPath,
      [join(place, 'node_modules/vite/bin/vite.js'), 'build', `--base=/${at}/`, `--outDir=../site/${at}`],
      { cwd: folder, env: { NODE_ENV: undefined }, seconds: 120 },
    )
    const tab = await visit(browser, `${site.url}/${at}/index.html`)
    try {
      await tab.page.waitForFunction(() => document.title !== 'Page')
      const loaded = await tab.page.evaluate(() =>
        performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname),
      )
      const own = [...new Set(loaded)].filter((path) => path.startsWith(`/${at}/`))
      const sizes = await Promise.all(
        own.map(async (path) => brotliCompressSync(await readFile(join(sources, 'site', path))).length),
      )
      const sum = sizes.reduce((sum, size) => sum + size, 0)
      const modules = own.filter((path) => path.endsWith('.wasm')).length
      assert.ok(modules > 0, 'no module was loaded')
      const most = budget(name, modules)
      test.diagnostic(`${sum} bytes of ${most}: ${own.map((path, at) => `${path} ${sizes[at]}`).join(', ')}`)
      assert.ok(sum <= most, `${sum} bytes; the budget is ${most}`)
    } finally {
      await tab.close()
    }
  })
}
