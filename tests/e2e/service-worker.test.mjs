// The service worker: the example of `examples/service-worker` at one origin with a key server, with a demo registry that
// issues tokens and with distribution behind htpasswd. `DOCKPASS_DOWNLOAD_MIB=1024` makes the download that large.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { cp, mkdir, open, readFile, readdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { deflateSync, crc32 as zlibCrc32 } from 'node:zlib'
import { launch, visit } from './harness/browser.mjs'
import { startDemo } from './harness/demo.mjs'
import { startKeyServer } from './harness/keyserver.mjs'
import { scratch, stopAll } from './harness/process.mjs'
import { programs } from './harness/programs.mjs'
import { startRegistry } from './harness/registry.mjs'
import { uniquePassword } from './harness/secrets.mjs'
import { startSite } from './harness/site.mjs'

const MIB = 1024 * 1024
const LARGE = Number(process.env.DOCKPASS_DOWNLOAD_MIB ?? 256) * MIB
/** How much memory the browser may need more during the download. What is not streamed would need all of it. */
const MORE = Math.min(LARGE / 2, 200 * MIB)

const folder = await scratch('service-worker')
const found = await programs('keyserver', 'demo', 'registry2', 'htpasswd', 'chromium')
const password = uniquePassword()
let demo
let distribution
let keyserver
let site
let browser
let tab
let picture
let large

before(async () => {
  ;[demo, distribution, browser] = await Promise.all([
    startDemo({ program: found.demo, folder: await folder.folder('demo') }),
    startRegistry({
      name: 'distribution',
      program: found.registry2,
      htpasswd: found.htpasswd,
      folder: await folder.folder('distribution'),
      auth: { kind: 'htpasswd', users: { ada: password } },
    }),
    launch(found.chromium),
  ])
  picture = await putBlob('team/pictures', png())
  large = await putBlob('team/large', LARGE)
  const source = await folder.folder('site')
  await cp(fileURLToPath(new URL('../../examples/service-worker', import.meta.url)), source, {
    recursive: true,
  })
  let registries = []
  const change = (text) =>
    text
      .replace("['registry.example']", JSON.stringify(registries))
      .replaceAll('registry.example', registries[0].registry)
  site = await startSite({ folder: source, change })
  const { name, url, realms } = demo.registries.token
  keyserver = await startKeyServer({
    program: found.keyserver,
    folder: await folder.folder('keyserver'),
    registries: [
      { name, url, realms },
      { name: 'distribution', url: distribution.url },
    ],
    settings: { public_origin: site.url },
  })
  registries = [
    { registry: keyserver.registries[name], url },
    { registry: keyserver.registries.distribution, url: distribution.url },
  ]
  site.forward(keyserver.url)
})

after(async () => {
  await browser?.close()
  await site?.stop()
  await stopAll()
  await folder.remove()
})

beforeEach(async () => {
  await tab?.close()
  await demo.reset()
  tab = await visit(browser, site.url)
  await tab.page.waitForFunction(() => navigator.serviceWorker.controller !== null)
})

/** Writes a blob into distribution's storage: these bytes, or so many zeros, which take no space. Its digest. */
async function putBlob(repository, content) {
  const hash = createHash('sha256')
  if (typeof content === 'number') {
    const zeros = Buffer.alloc(MIB)
    for (let at = 0; at < content; at += MIB) hash.update(zeros)
  } else hash.update(content)
  const hex = hash.digest('hex')
  const storage = await folder.folder('distribution/storage/docker/registry/v2')
  const data = join(storage, 'blobs/sha256', hex.slice(0, 2), hex)
  const link = join(storage, 'repositories', repository, '_layers/sha256', hex)
  await Promise.all([mkdir(data, { recursive: true }), mkdir(link, { recursive: true })])
  await writeFile(join(data, 'data'), typeof content === 'number' ? '' : content)
  if (typeof content === 'number') await truncate(join(data, 'data'), content)
  await writeFile(join(link, 'link'), `sha256:${hex}`)
  return `sha256:${hex}`
}

/** A picture of 3 × 2 pixels. */
function png() {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const length = Buffer.alloc(4)
    length.writeUInt32BE(data.length)
    const sum = Buffer.alloc(4)
    sum.writeUInt32BE(crc(body))
    return Buffer.concat([length, body, sum])
  }
  const header = Buffer.from([0, 0, 0, 3, 0, 0, 0, 2, 8, 2, 0, 0, 0])
  const rows = Buffer.alloc(2 * (1 + 3 * 3), 0x40)
  rows[0] = rows[10] = 0
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

/** CRC-32 (PNG, annex D). Node.js has it since 20.15. */
function crc(bytes) {
  if (zlibCrc32 !== undefined) return zlibCrc32(bytes)
  let sum = -1
  for (const byte of bytes) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0)
  }
  return ~sum >>> 0
}

async function digestOf(file) {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk)
  return `sha256:${hash.digest('hex')}`
}

/** Logs in with the form of the page. */
async function logIn() {
  await tab.page.getByLabel('User name').fill('ada')
  await tab.page.getByLabel('Password').fill(demo.password('ada'))
  await tab.page.getByRole('button', { name: 'Log in' }).click()
  await tab.page.getByRole('button', { name: 'Log out' }).waitFor()
}

/** Logs in at distribution, with the package. */
const logInThere = () =>
  tab.page.evaluate(
    async ([registry, password]) => {
      const { default: init, RegistryClient } = await import('/dockpass/index.js')
      await init()
      const client = await RegistryClient.connect({ keyServer: '/', registry })
      await client.login({ username: 'ada', password })
    },
    [keyserver.registries.distribution, password],
  )

/** What `fetch` of the page responds: the status and the text. */
const fetched = (url, options) =>
  tab.page.evaluate(
    async ([url, options]) => {
      const response = await fetch(url, options)
      return [response.status, await response.text()]
    },
    [url, options],
  )

describe('the example', () => {
  it('service-worker: shows the layers of an image and downloads one by a plain link', async () => {
    await logIn()
    await tab.page.getByLabel('Image').fill('team-a/api:2.1.0')
    await tab.page.getByRole('button', { name: 'Show layers' }).click()
    const link = tab.page.locator('ol a').first()
    const [, digest] = /blobs\/(sha256:.*)$/.exec(await link.getAttribute('href'))
    const [download] = await Promise.all([tab.page.waitForEvent('download'), link.click()])
    assert.match(download.suggestedFilename(), /^api-sha256-[0-9a-f]{64}$/)
    assert.equal(await digestOf(await download.path()), digest)
    assert.deepEqual(await demo.violations(), [])
  })

  it('without a login gets the code of the error, and shows it', async () => {
    await tab.page.getByRole('button', { name: 'Browse without logging in' }).click()
    const [status, text] = await fetched('/v2/team-a/api/tags/list')
    assert.equal(status, 401)
    assert.equal(JSON.parse(text).code, 'login_required')
    await tab.page.getByLabel('Image').fill('team-a/api:2.1.0')
    await tab.page.getByRole('button', { name: 'Show layers' }).click()
    await tab.page.getByText('Login required').waitFor()
  })

  it('after a logout nothing more is authorized', async () => {
    await logIn()
    const [status] = await fetched('/v2/team-a/api/tags/list')
    assert.equal(status, 200)
    await tab.page.getByRole('button', { name: 'Log out' }).click()
    await tab.page.getByLabel('Password').waitFor()
    // The worker gets the page's message a moment later.
    let after = 200
    for (const end = Date.now() + 2_000; after !== 401 && Date.now() < end; await sleep(50)) {
      ;[after] = await fetched('/v2/team-a/api/tags/list')
    }
    assert.equal(after, 401)
  })
})

describe('two registries', () => {
  it("are told apart: paths are the first one's, the other has its own address", async () => {
    await logIn()
    await logInThere()
    assert.match((await fetched('/v2/team-a/api/tags/list'))[1], /2\.1\.0/)
    const [status, text] = await fetched(`${distribution.url}/v2/_catalog`)
    assert.equal(status, 200, text)
    assert.ok('repositories' in JSON.parse(text))
    const [missing] = await fetched('/v2/team/pictures/tags/list')
    assert.ok([403, 404].includes(missing), String(missing))
  })

  it('shows a picture of a private repository', async () => {
    await logInThere()
    const width = await tab.page.evaluate(
      (url) =>
        new Promise((resolve) => {
          const image = new Image()
          image.onload = () => resolve(image.naturalWidth)
          image.onerror = () => resolve('error')
          image.src = url
          document.body.append(image)
        }),
      `${distribution.url}/v2/team/pictures/blobs/${picture}`,
    )
    assert.equal(width, 3)
  })

  it('leaves all other requests alone', async () => {
    assert.equal((await fetched('/page.js'))[0], 200)
    assert.equal((await fetched('/v1/registries', { headers: { 'x-dockpass': '1' } }))[0], 200)
  })
})

describe('content of a registry never runs', () => {
  // Threats: WEB-12.
  it('not as a script, a style sheet, a frame or a worker', async () => {
    await logIn()
    const outcome = await tab.page.evaluate(async () => {
      const url = '/v2/team-a/api/tags/list'
      const loaded = (tag, attribute) =>
        new Promise((resolve) => {
          const node = document.createElement(tag)
          node.onload = () =>
            resolve(tag === 'iframe' ? (node.contentDocument ? 'shown' : 'no document') : 'loaded')
          node.onerror = () => resolve('refused')
          if (tag === 'link') node.setAttribute('rel', 'stylesheet')
          node.setAttribute(attribute, url)
          document.body.append(node)
        })
      const worker = new Promise((resolve) => {
        const started = new Worker(url)
        started.onerror = () => resolve('refused')
      })
      return Promise.all([loaded('script', 'src'), loaded('link', 'href'), loaded('iframe', 'src'), worker])
    })
    assert.deepEqual(outcome, ['refused', 'refused', 'no document', 'refused'])
    const { length } = (await demo.journal()).filter(({ path }) => path.endsWith('/tags/list'))
    assert.equal(length, 0)
  })

  // Threats: WEB-12.
  it('a form of another site cannot write', async () => {
    await logIn()
    await demo.reset()
    await tab.page.evaluate(() => {
      const form = document.createElement('form')
      form.method = 'post'
      form.action = '/v2/team-a/api/blobs/uploads/'
      document.body.append(form)
      form.submit()
    })
    await tab.page.waitForURL(/chrome-error|uploads/).catch(() => {})
    assert.deepEqual(
      (await demo.journal()).filter(({ method }) => method === 'POST'),
      [],
    )
  })

  it('an address that is opened is saved and not shown; a failure is told as text', async () => {
    await logIn()
    const path = '/v2/team-a/api/tags/list'
    const [download] = await Promise.all([
      tab.page.waitForEvent('download'),
      tab.page.evaluate((path) => location.assign(path), path),
    ])
    assert.equal(download.suggestedFilename(), 'list.json')
    const response = await tab.page.goto(`${site.url}/v2/team-x/none/tags/list`)
    assert.ok(response.status() >= 400)
    assert.match(response.headers()['content-type'], /^text\/plain/)
  })
})

describe('a large download', () => {
  it(`of ${LARGE / MIB} MiB streams, in constant memory`, { timeout: 600_000 }, async () => {
    await logIn()
    await logInThere()
    // A small one before, so that what a first download needs is there.
    await Promise.all([
      tab.page.waitForEvent('download'),
      tab.page.evaluate(() => location.assign('/v2/team-a/api/tags/list')),
    ])
    const before = await memory()
    let most = before
    const watch = setInterval(async () => (most = Math.max(most, await memory())), 250)
    try {
      const url = `/r/${keyserver.registries.distribution}/v2/team/large/blobs/${large}`
      const [download] = await Promise.all([
        tab.page.waitForEvent('download'),
        tab.page.evaluate((url) => {
          const link = document.createElement('a')
          link.href = url
          document.body.append(link)
          link.click()
        }, url),
      ])
      assert.equal(await digestOf(await download.path()), large)
      await download.delete()
    } finally {
      clearInterval(watch)
    }
    console.log(`download of ${LARGE / MIB} MiB: ${Math.round((most - before) / MIB)} MiB more memory`)
    assert.ok(most - before < MORE, `${(most - before) / MIB} MiB more`)
  })
})

/** Bytes of memory of this process's children and theirs, shared memory counted once. */
async function memory() {
  const parents = new Map()
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
  }
  const isOurs = (id) => id === process.pid || (parents.has(id) && isOurs(parents.get(id)))
  let sum = 0
  for (const id of parents.keys()) {
    if (id === process.pid || !isOurs(id)) continue
    const file = await open(`/proc/${id}/smaps_rollup`).catch(() => undefined)
    const text = await file?.readFile('utf8').catch(() => '')
    await file?.close()
    sum += Number(/^Pss:\s+(\d+) kB/m.exec(text ?? '')?.[1] ?? 0) * 1024
  }
  return sum
}
