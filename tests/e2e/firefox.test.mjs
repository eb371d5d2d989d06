// The elements and the service worker in Firefox: a page at one origin with the key server logs in by the form, lists the
// catalog, fetches through the service worker, and logs out. It does this by itself and reports what it saw.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { startDemo } from './harness/demo.mjs'
import { reportedByFirefox } from './harness/firefox.mjs'
import { startKeyServer } from './harness/keyserver.mjs'
import { scratch, stopAll } from './harness/process.mjs'
import { programs } from './harness/programs.mjs'
import { startSite } from './harness/site.mjs'

const HTML = `<!doctype html>
<meta charset="utf-8">
<title>Firefox</title>
<dockpass-status></dockpass-status>
<dockpass-login></dockpass-login>
<script type="module" src="/drive.js"></script>`

/** Runs in the page. */
const drive = (registry, password) => `
import '/dockpass/elements.js'

const login = document.querySelector('dockpass-login')
const status = document.querySelector('dockpass-status')
const report = new URLSearchParams(location.search).get('report')
const steps = []
const saw = (what) => steps.push(what)
const until = async (find) => {
  for (;;) {
    const found = find()
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
const connected = new Promise((resolve) =>
  login.addEventListener('connected', ({ detail }) => resolve(detail), { once: true }),
)

// The form is another one after a choice of the registry.
async function submit(password) {
  const [name, secret] = await until(() => {
    const fields = login.querySelectorAll('input')
    return login.registry === ${JSON.stringify(registry)} && fields.length === 2 && fields
  })
  name.value = 'ada'
  secret.value = password
  name.form.requestSubmit()
}

async function everything() {
  const choice = await until(() => login.querySelector('select'))
  choice.value = ${JSON.stringify(registry)}
  choice.dispatchEvent(new Event('change', { bubbles: true }))
  await submit('wrong')
  saw((await until(() => login.querySelector('[part~="error-title"]'))).textContent)
  await submit(${JSON.stringify(password)})
  const { client, session } = await connected
  saw(session.username)
  const names = []
  for await (const each of client.catalog()) names.push(each)
  saw(names.includes('team-a/api'))
  saw((await until(() => status.textContent.includes('ada') && status)).textContent.includes('ada'))

  await navigator.serviceWorker.register('/sw.js', { type: 'module' })
  await until(() => navigator.serviceWorker.controller)
  const tags = await fetch('/v2/team-a/api/tags/list')
  saw((await tags.json()).tags.includes('2.1.0'))
  const { manifest } = await client.manifest('team-a/api', '2.1.0', { platform: 'linux/amd64' })
  const blob = await fetch('/v2/team-a/api/blobs/' + manifest.config.digest)
  saw([blob.status, (await blob.arrayBuffer()).byteLength === manifest.config.size].join(' '))

  status.querySelector('button').click()
  await until(() => login.querySelector('input'))
  saw('logged out')
  saw((await fetch('/v2/team-a/api/tags/list')).status)
}

everything()
  .catch((error) => saw(String(error) + ' ' + String(error.cause ?? '')))
  .then(() => fetch(report, { method: 'POST', mode: 'no-cors', body: JSON.stringify(steps) }))
setTimeout(() => fetch(report, { method: 'POST', mode: 'no-cors', body: JSON.stringify([...steps, 'no further', login.outerHTML]) }), 40000)
`

const worker = (registry, url) => `import { authorize } from '/dockpass/sw.js'
self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))
authorize({ registries: [${JSON.stringify({ registry, url })}] })
`

const folder = await scratch('firefox')
const found = await programs('keyserver', 'demo', 'firefox')
let site

after(async () => {
  await site?.stop()
  await stopAll()
  await folder.remove()
})

it('a page logs in, lists, fetches through the service worker, and logs out', async () => {
  const source = await folder.folder('site')
  const demo = await startDemo({ program: found.demo, folder: await folder.folder('demo') })
  site = await startSite({ folder: source })
  const { name, url, realms } = demo.registries.token
  const keyserver = await startKeyServer({
    program: found.keyserver,
    folder: await folder.folder('keyserver'),
    registries: Object.values(demo.registries).map(({ name, url, realms }) => ({ name, url, realms })),
    settings: { public_origin: site.url },
  })
  site.forward(keyserver.url)
  const registry = keyserver.registries[name]
  assert.ok(realms)
  await writeFile(join(source, 'index.html'), HTML)
  await writeFile(join(source, 'drive.js'), drive(registry, demo.password('ada')))
  await writeFile(join(source, 'sw.js'), worker(registry, url))
  const steps = await reportedByFirefox({
    program: found.firefox,
    folder: await folder.folder('profile'),
    open: (report) => `${site.url}/?report=${encodeURIComponent(report)}`,
  })
  assert.deepEqual(steps, [
    'Wrong user name or password',
    'ada',
    true,
    true,
    true,
    '200 true',
    'logged out',
    401,
  ])
  assert.deepEqual(await demo.violations(), [])
})
