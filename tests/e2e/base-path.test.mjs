// Key servers below paths of a host that another application shares, behind nginx: one whose path the proxy removes, and
// one whose path it passes on.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { expectRows, launch, logIn, nothingStored, visit } from './harness/browser.mjs'
import { startDemo } from './harness/demo.mjs'
import { call, startKeyServer } from './harness/keyserver.mjs'
import { freePort, startNginx } from './harness/nginx.mjs'
import { scratch, stopAll } from './harness/process.mjs'
import { programs } from './harness/programs.mjs'

const folder = await scratch('base-path')
const found = await programs('keyserver', 'demo', 'nginx', 'chromium')

const PATHS = { removed: '/registry-login', kept: '/tools/registry' }
/** A repository of the demo that ada sees. */
const REPOSITORY = 'team-a/api'

let origin
let demo
let browser
/** Requests to the other application of the host. @type {{ url: string, cookie: string }[]} */
const elsewhere = []
let neighbour
/** @type {Record<string, any>} */
const servers = {}

const proxied = (address, path = '') => `proxy_pass ${address}${path};
  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_set_header Connection "";
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_request_buffering off;
  proxy_buffering off;`

before(async () => {
  ;[demo, browser] = await Promise.all([
    startDemo({ program: found.demo, folder: await folder.folder('demo') }),
    launch(found.chromium),
  ])
  neighbour = createServer((request, response) => {
    elsewhere.push({ url: request.url ?? '', cookie: request.headers.cookie ?? '' })
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Neighbour</title>')
  })
  await new Promise((resolve) => {
    neighbour.listen(0, '127.0.0.1', () => resolve(undefined))
  })
  const port = await freePort()
  origin = `http://127.0.0.1:${port}`
  for (const [name, path] of Object.entries(PATHS)) {
    servers[name] = await startKeyServer({
      name,
      program: found.keyserver,
      folder: await folder.folder(name),
      registries: Object.values(demo.registries).map(({ name: title, url, realms }) => ({
        name: title,
        url,
        realms,
      })),
      settings: {
        public_origin: origin + path,
        trusted_proxies: ['127.0.0.1'],
        admin: { listen: null },
      },
    })
  }
  const { port: other } = /** @type {import("node:net").AddressInfo} */ (neighbour.address())
  await startNginx({
    program: found.nginx,
    folder: await folder.folder('nginx'),
    port,
    probe: `${PATHS.kept}/healthz`,
    locations: `
      location ${PATHS.removed}/ { ${proxied(servers.removed.url, '/')} }
      location ${PATHS.kept} { ${proxied(servers.kept.url)} }
      location / { ${proxied(`http://127.0.0.1:${other}`)} }`,
  })
})

after(async () => {
  await browser?.close()
  neighbour?.close()
  await stopAll()
  await folder.remove()
})

for (const [name, path] of Object.entries(PATHS)) {
  describe(`a key server whose path is ${name} by the proxy`, () => {
    const registry = () => servers[name].registries.token

    it('serves the page, and keeps its cookie to its path', async () => {
      // Without the slash: nginx or the key server redirects.
      const tab = await visit(browser, `${origin}${path}#/${registry()}`)
      try {
        await logIn(tab.page, 'ada', demo.password('ada'))
        await tab.page.getByTestId('logout').waitFor()
        assert.ok(new URL(tab.page.url()).pathname === `${path}/`, tab.page.url())
        const [cookie, ...more] = await tab.context.cookies()
        assert.deepEqual(more, [])
        assert.match(cookie.name, /^__Secure-dockpass-[0-9a-f]{16}$/)
        assert.deepEqual(
          [cookie.path, cookie.httpOnly, cookie.secure, cookie.sameSite],
          [`${path}/`, true, true, 'Strict'],
        )
        await tab.page.locator(`[data-testid=repo-row][data-name="${REPOSITORY}"]`).click()
        await expectRows(tab.page, 'tag-row', ['2.1.0', 'latest'])
        await tab.page.reload()
        await expectRows(tab.page, 'tag-row', ['2.1.0', 'latest'])
        assert.deepEqual(await tab.stored(), nothingStored)

        const before_ = elsewhere.length
        await tab.page.evaluate(() => fetch('/another/application'))
        assert.deepEqual(elsewhere.slice(before_), [{ url: '/another/application', cookie: '' }])

        await tab.page.getByTestId('logout').click()
        await tab.page.getByTestId('login-form').waitFor()
        assert.deepEqual(await tab.context.cookies(), [])
        assert.deepEqual(tab.problems({ expected: [] }), [])
        const own = tab.requests.filter(({ path: at }) => !at.startsWith(`${path}/`) && at !== path)
        assert.deepEqual(
          own.map(({ path: at }) => at).filter((at) => at !== '/another/application'),
          [],
        )
      } finally {
        await tab.close()
      }
    })

    it('serves programs: logins, and pages of lists', async () => {
      const server = { url: origin }
      const login = { registry: registry(), username: 'ada', password: demo.password('ada') }
      const { body } = await call(server, 'POST', `${path}/v1/sessions`, { body: login })
      const { session } = body
      const gateway = `${path}/r/${registry()}/v2/`
      const seen = []
      let next = `${gateway}_catalog?n=1`
      for (let page = 0; page < 20 && next; page++) {
        const response = await call(server, 'GET', next, { session })
        assert.equal(response.status, 200, next)
        seen.push(...response.body.repositories)
        const link = /^<([^>]*)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1]
        next = link === undefined ? '' : new URL(link, origin + next).href.slice(origin.length)
      }
      assert.ok(seen.length > 1 && new Set(seen).size === seen.length, String(seen))
      const random = randomBytes(8).toString('hex')
      assert.equal((await call(server, 'GET', `${path}/${random}`)).body.code, 'not_found')
    })
  })
}
