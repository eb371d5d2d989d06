// The same in Chromium, and in Firefox where it is installed: the packed package and the packages beside it in one page,
// bundled as a page is built. `cargo xtask bench`.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const here = fileURLToPath(new URL('.', import.meta.url))
const published = join(here, '../dist/package')
const folder = await mkdtemp(join(tmpdir(), 'dockpass-bench-'))
/** The bundler of the package; `cargo xtask bench` says where it is. */
const esbuild = process.env.DOCKPASS_ESBUILD ?? 'esbuild'

const page = `
import init, * as dockpass from ${JSON.stringify(join(published, 'inline.js'))}
import initSyntax, * as syntax from ${JSON.stringify(join(published, 'syntax.js'))}
import { groups, measure, table } from ${JSON.stringify(join(here, 'contenders.js'))}

const bytes = async (name) => (await fetch(name)).arrayBuffer()
await Promise.all([init(), initSyntax(bytes('/syntax_bg.wasm'))])
const tables = groups({ dockpass, 'dockpass/syntax': syntax }).map((group) =>
  table(group, measure(group.contenders, { rounds: 40, milliseconds: 25 })),
)
await fetch('/result', { method: 'POST', body: tables.join('\\n') })
`
const built = spawnSync(
  esbuild,
  [
    '--bundle',
    '--format=esm',
    '--minify',
    '--loader=js',
    '--external:./dist/*',
    `--outfile=${folder}/page.js`,
  ],
  { input: page, cwd: here, encoding: 'utf8', stdio: ['pipe', 'inherit', 'inherit'] },
)
if (built.status !== 0) throw new Error(`The page was not built: ${built.error ?? built.status}`)

/** @type {(text: string) => void} */
let report = () => {}
const TYPES = { '.js': 'text/javascript', '.wasm': 'application/wasm' }
const server = createServer(async (request, response) => {
  if (request.method === 'POST') {
    let text = ''
    for await (const piece of request) text += piece
    response.end()
    return report(text)
  }
  const path = request.url ?? '/'
  if (path === '/') {
    response.setHeader('content-type', 'text/html')
    return response.end(
      '<!doctype html><title>Benchmark</title><script type="module" src="/page.js"></script>',
    )
  }
  const file = path === '/page.js' ? join(folder, path) : join(published, 'dist', path)
  const content = await readFile(file).catch(() => undefined)
  response.writeHead(content === undefined ? 404 : 200, {
    'content-type': TYPES[extname(path)] ?? 'text/plain',
  })
  response.end(content)
})
await new Promise((resolve) => server.listen(0, 'localhost', () => resolve(undefined)))
const address = server.address()
if (address === null || typeof address === 'string') throw new Error('The server has no port.')
const url = `http://localhost:${address.port}/`

/** What the page reports in a browser that `open` starts. */
async function measuredIn(name, open) {
  const result = new Promise((resolve, reject) => {
    report = resolve
    setTimeout(() => reject(new Error(`${name} reported nothing in two minutes.`)), 120_000).unref()
  })
  const close = await open()
  try {
    console.log(`\n${name}${await result}`)
  } finally {
    await close()
  }
}

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
await measuredIn('Chromium', async () => {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  await (await browser.newPage()).goto(url)
  return () => browser.close()
})
const firefox = ['/usr/bin/firefox-esr', '/usr/bin/firefox'].find((path) => existsSync(path))
if (firefox === undefined) console.log('\nFirefox is not installed: apt-get install firefox-esr')
else
  await measuredIn('Firefox', async () => {
    const child = spawn(firefox, ['--headless', '--no-remote', '--profile', folder, url], {
      env: { ...process.env, HOME: folder },
      stdio: 'ignore',
      detached: true,
    })
    return async () => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    }
  })
server.close()
await rm(folder, { recursive: true, force: true, maxRetries: 5 })
