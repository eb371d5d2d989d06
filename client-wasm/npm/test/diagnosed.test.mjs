// What the doctor says of each kind of failed call, by the steps that the page hears. No failed call is called healthy.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import init, { RegistryClient } from 'dockpass'
import { diagnose } from 'dockpass/doctor'
import { USER, image, sha256, start } from './support/key-server.mjs'

before(() => init())

const servers = []
after(() => Promise.all(servers.map((server) => server.stop())))

const MANIFEST = 'GET /r/registry.test/v2/app/manifests/latest'
const CATALOG = 'GET /r/registry.test/v2/_catalog'
const TOKEN = 'POST /v1/token'

const read = async (names) => {
  for await (const name of names) void name
}
const manifest = (client) => client.manifest('app', 'latest')
const catalog = (client) => read(client.catalog())

/** A response that is not a registry's own: this status and body. */
const gives =
  (status, body, headers) =>
  ({ send }) =>
    send(status, body, headers)
const fails =
  (code, status, more) =>
  ({ problem }) =>
    problem(code, status, more)
/** A refused token: the key server's steps, and what it knows besides. */
const rejected = (context) =>
  fails('token_rejected', 502, {
    step: 'registry',
    steps: [
      {
        ...{ hop: 'registry', method: 'GET', target: '/v2/app/manifests/latest', status: 401 },
        ...{ decision: 'gave_up', reason: 'Rejected.', code: 'token_rejected' },
      },
    ],
    context,
  })
const JWT = { is_jwt: true, audience: ['registry.test'], issuer: 'issuer' }
const NOW = 1_790_000_000_000

/**
 * By name: the call, the hooks of the key server, the code of the error and that of the diagnosis.
 * @type {Record<string, [call: (client: any) => Promise<any>, hooks: Record<string, any>, code: string, diagnosis: string]>}
 */
const cases = {
  'content of another digest': [
    manifest,
    { [MANIFEST]: gives(200, Buffer.from(image), { 'docker-content-digest': sha256('x') }) },
    'digest_mismatch',
    'digest_mismatch',
  ],
  'content of another type': [
    manifest,
    { [MANIFEST]: gives(200, '<html>log in</html>', { 'content-type': 'text/html' }) },
    'upstream_invalid',
    'content_invalid',
  ],
  'content that ends early': [
    manifest,
    {
      [MANIFEST]: ({ response }) => {
        response.writeHead(200, { 'content-length': '1000' })
        response.write('{"schemaVersion":2')
        setTimeout(() => response.destroy(), 20)
      },
    },
    'upstream_invalid',
    'registry_invalid',
  ],
  'content that is too large': [
    manifest,
    { [MANIFEST]: gives(200, Buffer.alloc(4 * 1024 * 1024 + 1)) },
    'payload_too_large',
    'content_too_large',
  ],
  'a platform that there is not': [
    (client) => client.manifest('app', 'latest', { platform: 'plan9/mips' }),
    {},
    'missing',
    'missing',
  ],
  'a list that is none': [
    catalog,
    { [CATALOG]: gives(200, { errors: [] }) },
    'list_incomplete',
    'list_incomplete',
  ],
  'a list with a link elsewhere': [
    catalog,
    { [CATALOG]: gives(200, { repositories: ['a'] }, { link: '<https://evil.test/v2/>; rel="next"' }) },
    'list_incomplete',
    'list_incomplete',
  ],
  'no catalog': [catalog, { [CATALOG]: gives(405, {}) }, 'missing', 'missing'],
  'a registry with an error of its own': [
    catalog,
    { [CATALOG]: gives(500, {}) },
    'upstream_failed',
    'upstream_failed',
  ],
  'a problem of the gateway': [
    manifest,
    { [MANIFEST]: fails('upstream_timeout', 504, { step: 'registry' }) },
    'upstream_timeout',
    'timeout',
  ],
  'a problem of the key server': [
    manifest,
    { [MANIFEST]: fails('internal', 500) },
    'internal',
    'key_server_failed',
  ],
  'a registry that is not configured': [
    manifest,
    { [TOKEN]: fails('registry_not_allowed', 403) },
    'registry_not_allowed',
    'registry_not_configured',
  ],
  'a key server that is none': [
    manifest,
    { [TOKEN]: gives(500, 'oops') },
    'key_server_invalid',
    'key_server_failed',
  ],
  'a permission that is missing': [
    (client) => client.manifest('secret', 'latest'),
    {},
    'scope_denied',
    'scope_denied',
  ],
  'a token for another service': [
    manifest,
    {
      [MANIFEST]: rejected({ service: 'registry.test', token: { ...JWT, audience: ['other'] }, now_ms: NOW }),
    },
    'token_rejected',
    'wrong_audience',
  ],
  'clocks that differ': [
    manifest,
    {
      [MANIFEST]: rejected({
        ...{ service: 'registry.test', now_ms: NOW, skew_ms: 3_600_000 },
        token: { ...JWT, expires_at: NOW + 300_000 },
      }),
    },
    'token_rejected',
    'clock_skew',
  ],
  'an issuer that is not trusted': [
    manifest,
    { [MANIFEST]: rejected({ service: 'registry.test', token: JWT, now_ms: NOW, skew_ms: 0 }) },
    'token_rejected',
    'untrusted_issuer',
  ],
}

async function loggedIn(hooks = {}, options = {}) {
  const server = await start({ hooks })
  servers.push(server)
  const client = await RegistryClient.connect({
    keyServer: server.url,
    registry: 'registry.test',
    ...options,
  })
  await client.login(USER)
  const heard = []
  client.addEventListener('step', ({ detail }) => heard.push(detail))
  return { server, client, heard }
}

for (const [name, [call, hooks, code, expected]] of Object.entries(cases)) {
  test(`the doctor says what is wrong: ${name}`, async () => {
    const { client, heard } = await loggedIn(hooks)
    const error = await call(client).then(
      () => assert.fail('the call fails'),
      (failure) => failure,
    )
    assert.equal(error.code, code)
    assert.equal(error.steps.at(-1).code, code)
    // From the events of the page and from the error: the same, and without any facts besides.
    const diagnoses = await Promise.all([diagnose(heard), diagnose(error.steps)])
    assert.deepEqual(diagnoses[0], diagnoses[1])
    assert.equal(diagnoses[0].code, expected)
    assert.ok(diagnoses[0].fix.length > 20 && diagnoses[0].hop !== undefined)
  })
}

test('the doctor says that the key server cannot be reached', async () => {
  const { server, client, heard } = await loggedIn()
  await server.stop()
  const error = await manifest(client).catch((failure) => failure)
  assert.equal(error.code, 'key_server_unreachable')
  assert.equal((await diagnose(heard)).code, 'key_server_unreachable')
})

test('the doctor says that a call was cancelled', async () => {
  const { client } = await loggedIn({
    [MANIFEST]: ({ response }) => (response.writeHead(200), response.write('{')),
  })
  const signal = AbortSignal.timeout(40)
  const error = await client.manifest('app', 'latest', { signal }).catch((failure) => failure)
  assert.equal(error.code, 'aborted')
  assert.equal((await diagnose(error.steps)).code, 'cancelled')
})

test('the doctor says why a browser blocked a request', async () => {
  const page = new URL('https://page.test/')
  /** The registry is there, and lets no page in. */
  const blocked = async (request) => {
    if (request.mode === 'no-cors' || !new URL(request.url).pathname.startsWith('/direct/'))
      return fetch(request)
    throw new TypeError('Failed to fetch')
  }
  const { client, heard } = await loggedIn({}, { transport: 'direct', fetch: blocked })
  const before = Object.getOwnPropertyDescriptor(globalThis, 'location')
  Object.defineProperty(globalThis, 'location', { value: page, configurable: true })
  try {
    const error = await manifest(client).catch((failure) => failure)
    assert.equal(error.code, 'upstream_unreachable')
    assert.equal((await diagnose(heard)).code, 'preflight_blocked')
    assert.equal((await diagnose(error.steps)).code, 'preflight_blocked')
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis, 'location')
    else Object.defineProperty(globalThis, 'location', before)
  }
})

test('of several calls at once, the one that failed is diagnosed', async () => {
  const slow = async ({ send }) => {
    await new Promise((resolve) => setTimeout(resolve, 60))
    send(200, { repositories: ['a'] })
  }
  const [call, hooks, code, expected] = cases['content of another digest']
  const { client, heard } = await loggedIn({ ...hooks, [CATALOG]: slow })
  const [, failed] = await Promise.all([catalog(client), call(client).catch((error) => error)])
  assert.equal(failed.code, code)
  assert.equal(heard.at(-1).code, undefined, 'the call that succeeded ended last')
  assert.equal((await diagnose(heard)).code, expected)
  const own = failed.steps.map(({ call: id }) => id)
  assert.equal(new Set(own).size, 1)
  assert.ok(heard.some(({ call: id }) => id !== own[0]))
})

test('the doctor calls a call healthy that succeeded', async () => {
  const { client, heard } = await loggedIn()
  await client.fetch('/v2/app/tags/list')
  assert.equal((await diagnose(heard)).code, 'healthy')
})
