// `dockpass/client`: the client with a module of its own, and the module of `dockpass` for the calls that need it.

import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import init from 'dockpass'
import { plainNext } from '../lib/route.js'
import { nextPage } from '../lib/reading.js'
import { list } from './support/clients.mjs'
import { USER, start } from './support/key-server.mjs'
import { copy } from './support/load.mjs'

const any = (value) => /** @type {any} */ (value)
const servers = []
after(() => Promise.all(servers.map((server) => server.stop())))

/** A client of the entry in a copy of the package that nothing has loaded, and the copy's files. */
async function fresh(t, { prepare = (_path) => {}, options = {}, given = undefined, connect = {} } = {}) {
  const files = copy(t)
  prepare(files.path)
  const entry = await files.load('client.js')
  await entry.default(given?.(files.path))
  const server = await start(options)
  servers.push(server)
  const client = await entry.RegistryClient.connect({
    keyServer: server.url,
    registry: 'registry.test',
    ...connect,
  })
  return { files, entry, server, client }
}

/** Removes the module of `dockpass`. */
const without = (path) => {
  for (const name of ['dockpass_bg.wasm', 'dockpass_inline.js']) rmSync(path(`dist/${name}`))
}
const TAGS = 'GET /r/registry.test/v2/app/tags/list'

describe('the module of the client alone', () => {
  test('logs in, lists and reads', async (t) => {
    const { server, client } = await fresh(t, { prepare: without })
    await client.login(USER)
    assert.deepEqual(await list(client.tags('app', { n: 2 })), ['v1', 'v2', 'v3', 'v4', 'v5'])
    assert.match((await client.manifest('app', 'latest')).digest, /^sha256:/)
    await assert.rejects(client.fetch('/v2/secret/tags/list'), { code: 'scope_denied' })
    assert.throws(() => client.with({ scopes: ['nonsense'] }), { code: 'ERR_SCOPE_SYNTAX' })
    assert.ok(server.requests.length > 0)
  })

  test('a wider token serves by what the key server says of it', async (t) => {
    const { server, client } = await fresh(t, { prepare: without })
    await client.login(USER)
    await client.fetch('/v2/app/tags/list', { scopes: ['repository:app:push'] })
    server.take()
    await client.fetch('/v2/app/tags/list')
    assert.deepEqual(server.take(), [TAGS])
  })

  test('what it has not got is an error of that call', async (t) => {
    const { client } = await fresh(t, { prepare: without })
    await client.login(USER)
    await assert.rejects(client.authorize(['repository:app:pull']), { code: 'ERR_WASM_LOAD' })
    assert.equal((await client.fetch('/v2/app/tags/list')).status, 200)
  })

  test('a list whose link nobody can read is incomplete, and what is known is delivered', async (t) => {
    const page = ({ send }) => send(200, { tags: ['a'] }, { link: '<list?last=a>; title="x"; rel=next' })
    const { client } = await fresh(t, {
      prepare: without,
      options: { auth: 'open', hooks: { [TAGS]: page } },
    })
    const names = []
    await assert.rejects(
      async () => {
        for await (const name of client.tags('app')) names.push(name)
      },
      { code: 'list_incomplete' },
    )
    assert.deepEqual(names, ['a'])
  })

  test('the error of a refused token needs no details', async (t) => {
    const refuse = ({ send }) =>
      send(
        401,
        {},
        { 'www-authenticate': 'Bearer realm="https://auth.test/token",service="s",error="invalid_token"' },
      )
    const { client } = await fresh(t, { prepare: without, options: { hooks: { [TAGS]: refuse } } })
    await client.login(USER)
    await assert.rejects(
      client.fetch('/v2/app/tags/list'),
      (error) => any(error).code === 'token_rejected' && any(error).context?.claims === undefined,
    )
  })
})

describe('the functions, when a call needs them', () => {
  test('authorize', async (t) => {
    const { client } = await fresh(t)
    await client.login(USER)
    assert.deepEqual(await client.authorize(['repository:app:pull', 'repository:app:delete']), [
      { scope: 'repository:app:pull', grant: 'granted' },
      { scope: 'repository:app:delete', grant: 'denied' },
    ])
  })

  test('are there already when the module of `dockpass` was given', async (t) => {
    const { client } = await fresh(t, {
      given: (path) => {
        const bytes = readFileSync(path('dist/dockpass_bg.wasm'))
        without(path)
        return bytes
      },
    })
    await client.login(USER)
    assert.equal((await client.authorize(['repository:app:pull']))[0].grant, 'granted')
  })

  test('the details of a refused token', async (t) => {
    const refuse = ({ send }) =>
      send(
        401,
        {},
        { 'www-authenticate': 'Bearer realm="https://auth.test/token",service="s",error="invalid_token"' },
      )
    const { client } = await fresh(t, { options: { hooks: { [TAGS]: refuse } } })
    await client.login(USER)
    await assert.rejects(
      client.fetch('/v2/app/tags/list'),
      (error) => any(error).code === 'token_rejected' && any(error).context.claims.is_jwt === true,
    )
  })

  test('a link of another form', async (t) => {
    const pages = ({ entry, send }) =>
      entry.search.includes('last=')
        ? send(200, { tags: ['b'] })
        : send(200, { tags: ['a'] }, { link: '<list?last=a>; title="x"; rel=next' })
    const { client } = await fresh(t, { options: { auth: 'open', hooks: { [TAGS]: pages } } })
    assert.deepEqual(await list(client.tags('app')), ['a', 'b'])
  })

  test("a page's own token for several actions", async (t) => {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const access = [{ type: 'repository', name: 'app', actions: ['pull', 'push'] }]
    const needs = []
    const token = ({ scopes }) => {
      needs.push(scopes)
      return `${part({ alg: 'none' })}.${part({ access })}.c2ln`
    }
    const files = copy(t)
    const entry = await files.load('client.js')
    await entry.default()
    const server = await start({
      auth: 'open',
      hooks: { 'GET /direct/v2/app/tags/list': ({ send }) => send(200, { tags: [] }) },
    })
    servers.push(server)
    const client = await entry.RegistryClient.connect({
      registry: 'registry.test',
      url: `${server.url}/direct`,
      token,
    })
    await client.fetch('/v2/app/tags/list', { scopes: ['repository:app:push'] })
    await client.fetch('/v2/app/tags/list')
    assert.deepEqual(needs, [['repository:app:pull,push']])
  })
})

describe('with `dockpass` in one page', () => {
  test('both are one state, in either order', async (t) => {
    for (const order of [
      ['index.js', 'client.js'],
      ['client.js', 'index.js'],
    ]) {
      const files = copy(t)
      const [first, second] = await Promise.all(order.map((name) => files.load(name)))
      assert.equal(first.RegistryClient, second.RegistryClient)
      assert.equal(first.DockpassError, second.DockpassError)
      await first.default()
      await second.default()
      const { parseReference } = order[0] === 'index.js' ? first : second
      assert.equal(parseReference('alpine').repository, 'library/alpine')
      const connect = { registry: 'registry.test', url: 'http://127.0.0.1:1' }
      assert.equal((await first.RegistryClient.connect(connect)).registry, 'registry.test')
    }
  })

  test('the module of `dockpass` is enough for both', async (t) => {
    const files = copy(t)
    for (const name of ['client_bg.wasm', 'client_inline.js']) rmSync(files.path(`dist/${name}`))
    await (await files.load('index.js')).default()
    await (await files.load('client.js')).default()
  })

  test('the module of the client is not enough for `dockpass`', async (t) => {
    const files = copy(t)
    const bytes = readFileSync(files.path('dist/client_bg.wasm'))
    const { default: init, parseReference } = await files.load('index.js')
    await assert.rejects(init(bytes), { code: 'ERR_WASM_LOAD' })
    assert.throws(() => parseReference('alpine'), { code: 'ERR_NOT_INITIALIZED' })
  })
})

describe('links to the next page', () => {
  const ORIGIN = 'https://reg.example:5000'
  const PATH = '/v2/a/b/tags/list?n=2'

  test('of the plain form are read as the module reads them', async () => {
    await init()
    const targets = [
      '',
      '/v2/a/b/tags/list',
      '/v2/b/tags/list',
      'list',
      ORIGIN,
      '//evil.test',
      '/v2/a/b/tags/list/',
    ]
    const queries = [
      '?n=2&last=b',
      '?last=%C3%A9',
      '?',
      '',
      '?n=2',
      '?a?b',
      '?a#b',
      '?a\\b',
      '?a"b',
      '?é',
      '?a b',
    ]
    queries.push(
      `?last=${'x'.repeat(4100)}`,
      "?a'b`{}|^[]~!$()*+,;:@/",
      '?last=a>; rel="next',
      '?a\tb',
      '?a%',
    )
    const parts = [
      '; rel="next"',
      ';rel=next',
      '; rel=next',
      '; rel="next prev"',
      '; rel="prev"',
      ';  rel="next"',
    ]
    parts.push('; rel="next', '; rel=next"', ', </x>; rel="next"', '', '; rel="next", </v2/x?y>; rel="last"')
    let plain = 0
    for (const target of targets)
      for (const query of queries)
        for (const part of parts) {
          const link = `<${target}${query}>${part}`
          const found = plainNext(link, PATH)
          if (found === undefined) continue
          plain += 1
          assert.equal(found, nextPage(link, ORIGIN, PATH), link)
        }
    assert.ok(plain >= 20, String(plain))
  })

  const vectors = JSON.parse(
    readFileSync(new URL('../../../protocol/testdata/links.json', import.meta.url), 'utf8'),
  )
  for (const { name, input, expect } of vectors)
    test(name, async () => {
      await init()
      const link = input.lines.join(', ')
      const found = plainNext(link, input.path)
      const all = nextPage(link, input.registry, input.path)
      assert.equal(found ?? all, all)
      // Two lines are one in `Headers.get`, which cannot always be told apart.
      if (input.lines.length === 1)
        assert.equal(all, expect.next === false ? null : (expect.next ?? undefined))
    })
  test('the forms of most registries are plain', () => {
    for (const link of [
      '<?n=2&last=b>; rel="next"',
      '</v2/a/b/tags/list?n=2&last=b>; rel="next"',
      '</v2/a/b/tags/list?last=b&n=2>;rel=next',
    ])
      assert.ok(plainNext(link, PATH), link)
  })
})
