// A deployment as deploy/README.md describes it: two instances that share a key and a store, behind nginx with
// deploy/proxy/nginx.conf, below a path of a shared host. Only addresses and paths are replaced in that file.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import https from 'node:https'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startDemo } from './harness/demo.mjs'
import { call, writeConfig } from './harness/keyserver.mjs'
import { Server, freePort, run, scratch, stopAll } from './harness/process.mjs'
import { programs } from './harness/programs.mjs'

const folder = await scratch('deploy')
const found = await programs('keyserver', 'demo', 'nginx', 'openssl', 'redis')
const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url))
const HOST = 'registry.example.com'
/** Where the proxy serves the key server. */
const BASE = '/registry-login'
const REPOSITORY = 'vault/keys'

let demo
let registry
let certificate
let port
const instances = []
const path = await folder.folder('etc')
const file = (name) => join(path, name)

/**
 * A request through the proxy, by the name in its certificate.
 * @param {string} method
 * @param {string} target
 * @param {{ session?: string, body?: unknown, headers?: Record<string, string> }} [options]
 * @returns {Promise<{ status: number, headers: Record<string, string>, body: any }>}
 */
function through(method, target, { session, body, headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const request = https.request(
      {
        host: '127.0.0.1',
        port,
        servername: HOST,
        ca: certificate,
        method,
        path: `${BASE}${target}`,
        headers: {
          host: `${HOST}:${port}`,
          ...(session && { authorization: `Bearer ${session}` }),
          ...(body && { 'content-type': 'application/json' }),
          ...headers,
        },
      },
      (response) => {
        const parts = []
        response.on('data', (part) => parts.push(part))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(parts)
          const isJson = /[/+]json/.test(response.headers['content-type'] ?? '')
          resolve({
            status: response.statusCode,
            headers: /** @type {Record<string, string>} */ (response.headers),
            body: isJson ? JSON.parse(text.toString()) : text,
          })
        })
      },
    )
    request.on('error', reject)
    request.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** The store, with the users of deploy/README.md, of which config.example.yaml describes the one of dockpass. */
async function startStore(password) {
  const guide = await readFile(join(deploy, 'README.md'), 'utf8')
  const [, users] = /^# \/etc\/redis\/users\.acl.*\n(user default off\nuser .*\n)/m.exec(guide) ?? []
  assert.ok(users, 'deploy/README.md has the lines of users.acl')
  const example = await readFile(fileURLToPath(new URL('../../config.example.yaml', import.meta.url)), 'utf8')
  const [, described] = /ACL SETUSER ([\s\S]+?)\nstore:/.exec(example) ?? []
  assert.equal(users.split('\nuser ')[1].trim(), described?.replaceAll(/\n#\s*/g, ' ').trim())
  await writeFile(file('users.acl'), users.replace('>PASSWORD', `>${password}`))
  const storePort = await freePort()
  const args = ['--port', storePort, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const memory = [
    '--maxmemory',
    '256mb',
    '--maxmemory-policy',
    'volatile-ttl',
    '--aclfile',
    file('users.acl'),
  ]
  const store = new Server('store', found.redis, [...args, ...memory].map(String), { cwd: path, logs: path })
  await store.says(/Ready to accept connections/, { stream: 'stdout' })
  return storePort
}

async function startInstance(name, listen, config) {
  const server = new Server(name, found.keyserver, ['serve', '--config', config, '--listen', listen], {
    cwd: path,
    logs: path,
  })
  await server.says(/listening on/, { stream: 'stdout' })
  return Object.assign(server, { url: `http://${listen}`, listen })
}

async function startNginx() {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${path}/${kind};`,
  )
  const text = await readFile(join(deploy, 'proxy/nginx.conf'), 'utf8')
  const replaced = text
    .replace('events {}', `daemon off; master_process off; pid ${path}/pid; events {}`)
    .replace('http {', `http { ${temporary.join(' ')}`)
    .replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
    .replace('127.0.0.1:8780', instances[0].listen)
    .replace('127.0.0.1:8790', instances[1].listen)
    .replace('location / {', `location ${BASE}/ {`)
    .replaceAll('/etc/nginx/tls', file('tls'))
  await writeFile(file('nginx.conf'), replaced)
  const server = new Server('nginx', found.nginx, ['-p', path, '-c', file('nginx.conf'), '-e', 'stderr'], {
    cwd: path,
    logs: path,
  })
  await server.until(async () => (await through('GET', '/healthz')).status === 200, 'answer')
}

before(async () => {
  demo = await startDemo({ program: found.demo, folder: await folder.folder('demo') })
  port = await freePort()
  const subject = ['-subj', `/CN=${HOST}`, '-addext', `subjectAltName=DNS:${HOST}`]
  const key = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-keyout', file('tls.key')]
  await run(found.openssl, [...key, '-out', file('tls.crt'), ...subject])
  certificate = await readFile(file('tls.crt'))
  const password = randomBytes(18).toString('hex')
  await writeFile(file('store-username'), 'dockpass\n')
  await writeFile(file('store-password'), `${password}\n`)
  for (const name of ['session.pem', 'other.pem']) await run(found.keyserver, ['keygen', '--out', file(name)])
  const { url, realms } = demo.registries.token
  const settings = {
    public_origin: `https://${HOST}:${port}${BASE}`,
    trusted_proxies: ['127.0.0.1'],
    session: { key_files: [file('session.pem'), file('other.pem')] },
    store: {
      url: `redis://127.0.0.1:${await startStore(password)}`,
      username_file: file('store-username'),
      password_file: file('store-password'),
    },
    limits: { login_burst: 5, login_per_minute: 5, account_per_minute: 1000 },
  }
  const config = await writeConfig(path, 'config.yaml', [{ url, realms }], settings)
  await run(found.keyserver, ['check-config', config])
  registry = new URL(url).host
  for (const name of ['first', 'second']) {
    instances.push(await startInstance(name, `127.0.0.1:${await freePort()}`, config))
  }
  await startNginx()
})

after(async () => {
  await stopAll()
  await folder.remove()
})

const login = (password, headers = {}) =>
  through('POST', '/v1/sessions', { body: { registry, username: 'ada', password }, headers })
const own = (index) => ({ url: instances[index].url })
const whoAmI = (index, session) => call(own(index), 'GET', '/v1/session', { session })

async function loggedIn() {
  const { status, body } = await login(demo.password('ada'))
  assert.equal(status, 200, JSON.stringify(body))
  return body.session
}

it('a session of the proxy is good at both instances, and a logout counts at both', async () => {
  const session = await loggedIn()
  for (const index of [0, 1]) assert.equal((await whoAmI(index, session)).status, 200)
  const tags = await through('GET', `/r/${registry}/v2/${REPOSITORY}/tags/list`, { session })
  assert.equal(tags.status, 200)
  assert.equal(tags.body.name, REPOSITORY)
  assert.equal((await through('DELETE', '/v1/session', { session })).status, 204)
  const begun = Date.now()
  for (const index of [0, 1]) {
    while ((await whoAmI(index, session)).status !== 401) {
      assert.ok(Date.now() - begun < 1_000, 'refused everywhere within a second')
      await sleep(20)
    }
  }
})

it('the page is served over TLS by the name of public_origin only', async () => {
  const page = await through('GET', '/')
  assert.equal(page.status, 200)
  assert.match(page.headers['content-security-policy'], /default-src 'none'/)
  const other = await through('GET', '/v1/registries', { headers: { host: 'rebind.example' } })
  assert.equal(other.status, 400)
})

it('a session of 16 KiB passes, and so does a blob', async () => {
  const long = await through('GET', '/v1/session', { session: `e${'y'.repeat(16_000)}` })
  assert.equal(long.status, 401, 'the key server answers, and not nginx')
  const session = await loggedIn()
  const base = `/r/${registry}/v2/${REPOSITORY}`
  const [tag] = (await through('GET', `${base}/tags/list`, { session })).body.tags
  const accept = [
    'application/vnd.oci.image.index.v1+json',
    'application/vnd.oci.image.manifest.v1+json',
    'application/vnd.docker.distribution.manifest.list.v2+json',
    'application/vnd.docker.distribution.manifest.v2+json',
  ]
  const headers = { accept: accept.join(', ') }
  const manifest = async (reference) =>
    (await through('GET', `${base}/manifests/${reference}`, { session, headers })).body
  const first = await manifest(tag)
  const { layers } = first.manifests ? await manifest(first.manifests[0].digest) : first
  const [layer] = layers
  const blob = await through('GET', `${base}/blobs/${layer.digest}`, { session })
  assert.equal(blob.status, 200)
  assert.equal(Buffer.byteLength(blob.body), layer.size)
})

/** Has an instance read the key files again. */
async function reload(index) {
  const instance = instances[index]
  const before = instance.stderr.split('key files reloaded').length
  instance.signal('SIGHUP')
  await instance.until(() => instance.stderr.split('key files reloaded').length > before, 'reload')
}

// Threats: KEY-05.
it('a key is rotated in two steps, without a session that an instance refuses', async () => {
  const sealedBy = async (index) => (await call(own(index), 'GET', '/v1/keys')).body.keys[0].kid
  const session = await loggedIn()
  const former = await sealedBy(0)
  // The new key opens at every instance …
  await run(found.keyserver, ['keygen', '--out', file('new.pem')])
  await rename(file('new.pem'), file('other.pem'))
  for (const index of [0, 1]) await reload(index)
  assert.equal(await sealedBy(0), former)
  // … before it seals at the first one.
  await rename(file('session.pem'), file('former.pem'))
  await rename(file('other.pem'), file('session.pem'))
  await rename(file('former.pem'), file('other.pem'))
  await reload(0)
  assert.notEqual(await sealedBy(0), former)
  const body = { registry, username: 'ada', password: demo.password('ada') }
  const { body: made } = await call(own(0), 'POST', '/v1/sessions', { body })
  for (const each of [session, made.session]) assert.equal((await whoAmI(1, each)).status, 200)
  await reload(1)
  for (const index of [0, 1]) assert.equal((await whoAmI(index, session)).status, 200)
})

// Threats: SHD-01, SHD-02.
it('an instance that stops or dies is not noticed', async () => {
  const statuses = new Set()
  let stopping = false
  const asking = (async () => {
    while (!stopping) statuses.add((await through('GET', '/v1/registries')).status)
  })()
  instances[0].signal('SIGTERM')
  await instances[0].ended()
  const again = await startInstance('again', instances[0].listen, file('config.yaml'))
  // As deploy/README.md says, until the proxy notices that the first one is back. nginx counts whole seconds, so that its two
  // seconds may be almost three.
  await sleep(3_500)
  instances[1].signal('SIGKILL')
  await instances[1].ended()
  await sleep(300)
  stopping = true
  await asking
  assert.deepEqual([...statuses], [200])
  assert.ok(again.alive)
})

// Threats: BRU-03.
it('clients are told apart by the address that nginx saw, and not by what they claim', async () => {
  const codes = []
  for (let attempt = 0; attempt < 8; attempt += 1) {
    const { body } = await login('wrong', { 'x-forwarded-for': `198.51.100.${attempt}` })
    codes.push(body.code)
  }
  assert.ok(codes.includes('rate_limited'), codes.join(' '))
})
