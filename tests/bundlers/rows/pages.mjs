// Pages that load the package as it is, without a build.

import assert from 'node:assert/strict'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { firefox, inChromium, inFirefox } from '../support/browsers.mjs'
import { WORKS, check, checkInline, html, pageScript } from '../support/sources.mjs'
import { app, serve, tool } from '../support/workplace.mjs'

const unbundled = (text) =>
  text.replace("'dockpass'", "'/dockpass/index.js'").replace(/'dockpass\/(\w+)'/g, "'/dockpass/$1.js'")
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; base-uri 'none'"

const manifest = JSON.parse(readFileSync(join(tool('types', 'dockpass'), 'package.json'), 'utf8'))

/** A folder with the package below `dockpass/`. */
function site(name, files) {
  const folder = app('types', `page ${name}`, {
    'index.html': html('/page.js'),
    'page.js': pageScript(),
    'check.js': unbundled(check),
    ...files,
  })
  cpSync(tool('types', 'dockpass'), join(folder, 'dockpass'), { recursive: true })
  return folder
}

const row = (name, files = {}, { headers, is404, after } = {}) => ({
  name: `page: ${name}, Chromium`,
  async run(t) {
    const server = await serve(t, site(name, files), headers, is404)
    const result = await inChromium(server.origin)
    after?.(server.requests)
    return result
  },
})

const inWorker = (start) => `const channel = ${start}
channel.then((text) => { document.title = 'result: ' + text }, (error) => { document.title = 'result: ' + error })\n`

export const rows = [
  row('module'),
  ...['index', 'client'].map((entry) =>
    row(
      `at most 4 requests for ${entry}.js`,
      {
        'check.js': `import init, { version } from '/dockpass/${entry}.js'
import { WORKS } from '/works.js'
export async function check() {
  await init()
  return version === '${manifest.version}' ? WORKS : version
}\n`,
        'works.js': `export const WORKS = '${WORKS}'\n`,
      },
      {
        after: (requests) => {
          const ours = requests.filter((path) => path.startsWith('/dockpass/'))
          assert.ok(ours.length <= 4 && ours.some((path) => path.endsWith('.wasm')), ours.join(' '))
        },
      },
    ),
  ),
  row('import map', {
    'index.html': `<!doctype html><title>none</title><script type="importmap">{"imports":{"dockpass":"/dockpass/index.js","dockpass/client":"/dockpass/client.js","dockpass/doctor":"/dockpass/doctor.js","dockpass/syntax":"/dockpass/syntax.js"}}</script><script type="module" src="/page.js"></script>`,
    'check.js': check,
  }),
  row('strict policy', {}, { headers: { 'content-security-policy': POLICY } }),
  row(
    'Trusted Types',
    {},
    {
      headers: {
        'content-security-policy': `${POLICY}; require-trusted-types-for 'script'; trusted-types 'none'`,
      },
    },
  ),
  row('no .wasm on the server', {}, { is404: (path) => path.endsWith('.wasm') }),
  row(
    'dockpass/inline',
    { 'check.js': unbundled(checkInline) },
    {
      after: (requests) => assert.ok(!requests.some((path) => path.endsWith('.wasm'))),
    },
  ),
  row('module worker', {
    'page.js': inWorker(`new Promise((resolve, reject) => {
  const worker = new Worker('/worker.js', { type: 'module' })
  worker.onmessage = ({ data }) => resolve(data)
  worker.onerror = (event) => reject(event.message)
})`),
    'worker.js':
      "import { check } from '/check.js'\ncheck().then(postMessage, (error) => postMessage(error + ' ' + error.cause))\n",
  }),
  row('service worker', {
    'page.js': inWorker(`navigator.serviceWorker.register('/sw.js', { type: 'module' })
  .then(() => navigator.serviceWorker.ready)
  .then(({ active }) => new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = ({ data }) => resolve(data)
    active.postMessage('check', [port2])
  }))`),
    'sw.js':
      "import { check } from '/check.js'\naddEventListener('message', ({ ports: [port] }) => check().then((text) => port.postMessage(text), (error) => port.postMessage(error + ' ' + error.cause)))\n",
  }),
  ...['module', 'strict policy'].map((name) => ({
    name: `page: ${name}, Firefox`,
    missing: firefox ? undefined : 'Firefox is not installed (Debian: firefox-esr)',
    async run(t) {
      const headers = name === 'module' ? {} : { 'content-security-policy': POLICY }
      return inFirefox(t, await serve(t, site(`${name} Firefox`, {}), headers))
    },
  })),
]
