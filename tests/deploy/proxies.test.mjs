// Caddy and Traefik in front of two instances below a path of a shared host, with the files of `deploy/proxy`. What is replaced in
// them is the host, the addresses and the path, as docs/operations.md says, and TLS is left out. nginx has a test of its own:
// tests/e2e/deploy.test.mjs.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startDemo } from '../e2e/harness/demo.mjs'
import { writeConfig } from '../e2e/harness/keyserver.mjs'
import { Server, freePort, run, scratch, stopAll } from '../e2e/harness/process.mjs'
import { programs } from '../e2e/harness/programs.mjs'

const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url))
const BASE = '/registry-login'
const folder = await scratch('proxies')
const found = await programs('keyserver', 'demo', 'caddy', 'traefik')
const file = (name) => join(folder.path, name)
const source = (name) => readFile(join(deploy, 'proxy', name), 'utf8')
let demo

/** Replaces each text, which must be there. */
function replaced(text, changes) {
  return Object.entries(changes).reduce((text, [from, to]) => {
    assert.ok(text.includes(from), from)
    return text.replaceAll(from, to)
  }, text)
}

/**
 * How each proxy starts on a port, in front of these addresses.
 * @type {Record<string, (port: number, addresses: string[]) => Promise<Server>>}
 */
const PROXIES = {
  async caddy(port, [first, second]) {
    const text = replaced(await source('Caddyfile'), {
      'registry.example.com {': `http://localhost:${port} {\n\tredir ${BASE} ${BASE}/\n\thandle ${BASE}/* {`,
      '127.0.0.1:8780': first,
      '127.0.0.1:8790': second,
    })
    await writeFile(file('Caddyfile'), `{\n\tadmin off\n}\n${text}\n}\n`)
    const args = ['run', '--adapter', 'caddyfile', '--config', file('Caddyfile')]
    const env = { HOME: folder.path, XDG_DATA_HOME: folder.path, XDG_CONFIG_HOME: folder.path }
    return new Server('caddy', found.caddy, args, { cwd: folder.path, logs: folder.path, env })
  },
  async traefik(port, [first, second]) {
    const text = replaced(await source('traefik.yaml'), {
      'Host(`registry.example.com`)': `Host(\`localhost\`) && PathPrefix(\`${BASE}\`)`,
      '      tls:\n        certResolver: ours\n': '',
      '127.0.0.1:8780': first,
      '127.0.0.1:8790': second,
    })
    await writeFile(file('dynamic.yaml'), text)
    const settings = {
      entryPoints: { websecure: { address: `127.0.0.1:${port}` } },
      providers: { file: { filename: file('dynamic.yaml') } },
    }
    await writeFile(file('traefik.yaml'), JSON.stringify(settings))
    const args = [`--configfile=${file('traefik.yaml')}`]
    return new Server('traefik', found.traefik, args, { cwd: folder.path, logs: folder.path })
  },
}

before(async () => {
  demo = await startDemo({ program: found.demo, folder: await folder.folder('demo') })
  await run(found.keyserver, ['keygen', '--out', file('session.pem')])
})

after(async () => {
  await stopAll()
  await folder.remove()
})

for (const [name, start] of Object.entries(PROXIES)) {
  describe(name, () => {
    let url
    let registry
    let session
    const instances = []

    before(async () => {
      const port = await freePort()
      url = `http://localhost:${port}${BASE}`
      const { url: address, realms } = demo.registries.token
      registry = new URL(address).host
      const config = await writeConfig(folder.path, `${name}.yaml`, [{ url: address, realms }], {
        public_origin: url,
        trusted_proxies: ['127.0.0.1'],
        session: { key_files: [file('session.pem')] },
        admin: { listen: null },
        limits: { login_burst: 5, login_per_minute: 5, account_per_minute: 1000 },
      })
      const addresses = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`]
      for (const address of addresses) {
        const args = ['serve', '--config', config, '--listen', address]
        const instance = new Server(`${name}-${address}`, found.keyserver, args, {
          cwd: folder.path,
          logs: folder.path,
        })
        await instance.says(/listening on/, { stream: 'stdout' })
        instances.push(instance)
      }
      const proxy = await start(port, addresses)
      await proxy.until(async () => (await ask('/healthz').catch(() => undefined))?.ok, 'answer')
    })

    const ask = (path, options = {}) => fetch(`${url}${path}`, { redirect: 'manual', ...options })
    const login = (password, headers = {}) =>
      ask('/v1/sessions', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ registry, username: 'ada', password }),
      })

    it('serves the page below the path, with and without a slash', async () => {
      const page = await ask('/')
      assert.equal(page.status, 200)
      assert.match(await page.text(), /<title>/)
      const moved = await ask('')
      assert.ok([301, 302, 308].includes(moved.status), `${moved.status}`)
      assert.equal(new URL(moved.headers.get('location') ?? '', url).pathname, `${BASE}/`)
    })

    it('passes sessions, tokens and relayed requests on', async () => {
      const response = await login(demo.password('ada'))
      assert.equal(response.status, 200)
      ;({ session } = await response.json())
      const headers = { authorization: `Bearer ${session}` }
      const tags = await ask(`/r/${registry}/v2/team-a/api/tags/list`, { headers })
      assert.deepEqual([tags.status, (await tags.json()).name], [200, 'team-a/api'])
      const padded = { ...headers, 'x-padding': 'x'.repeat(15 * 1024) }
      assert.equal((await ask('/v1/session', { headers: padded })).status, 200, 'headers of 16 KiB')
    })

    it('counts clients by their address, whatever they say it is', async () => {
      const statuses = []
      for (let host = 1; host <= 14; host += 1) {
        const response = await login('wrong', { 'x-forwarded-for': `192.0.2.${host}` })
        statuses.push(response.status)
      }
      assert.equal(statuses[0], 401)
      assert.ok(statuses.includes(429), statuses.join(' '))
    })

    it('leaves out an instance that dies', async () => {
      instances[0].signal('SIGKILL')
      const headers = { authorization: `Bearer ${session}` }
      for (let good = 0, tries = 0; good < 20; tries += 1) {
        assert.ok(tries < 200, 'requests fail')
        const { status } = await ask('/v1/session', { headers }).catch(() => ({ status: 0 }))
        good = status === 200 ? good + 1 : 0
        if (good === 0) await new Promise((resolve) => setTimeout(resolve, 100))
      }
    })
  })
}
