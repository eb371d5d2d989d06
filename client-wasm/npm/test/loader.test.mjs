// What can happen between importing the package and its first call.

import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { pathToFileURL } from 'node:url'
import { test } from 'node:test'
import * as dockpass from 'dockpass'
import { copy } from './support/load.mjs'

const wasm = readFileSync(new URL('../dist/dockpass_bg.wasm', import.meta.url))

const works = ({ parseReference }) => assert.equal(parseReference('alpine').repository, 'library/alpine')

test('before init every other call throws ERR_NOT_INITIALIZED', async (t) => {
  const { default: init, DockpassError, RegistryClient, version, ...pure } = await copy(t).load()
  const calls = { ...pure, connect: RegistryClient.connect, registries: RegistryClient.registries }
  assert.deepEqual(Object.keys(pure).sort(), [
    'grants',
    'inspectToken',
    'normalizeScopes',
    'parseChallenges',
    'parseReference',
    'parseScopes',
    'parseTokenResponse',
    'scopesFor',
  ])
  for (const [name, call] of Object.entries(calls)) {
    const error = await (async () => call('x', 'y'))().catch((error) => error)
    assert.ok(error instanceof DockpassError, name)
    assert.equal(error.code, 'ERR_NOT_INITIALIZED', name)
  }
  assert.match(version, /^\d+\.\d+\.\d+$/)
})

test('importing touches no global', async (t) => {
  const before = Reflect.ownKeys(globalThis)
  await copy(t).load()
  await copy(t).load('index.js')
  assert.deepEqual(Reflect.ownKeys(globalThis), before)
})

test('init twice is one load', async (t) => {
  const module = await copy(t).load()
  const [one, two] = [module.default(), module.default()]
  assert.equal(one, two)
  await one
  await assert.rejects(module.default('http://127.0.0.1:1/never-asked.wasm'), {
    code: 'ERR_INVALID_ARGUMENT',
  })
  works(module)
})

test('the modules ask nothing of JavaScript but to throw', () => {
  for (const name of ['dockpass', 'client', 'syntax']) {
    const bytes = readFileSync(new URL(`../dist/${name}_bg.wasm`, import.meta.url))
    const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes)).map(({ name }) => name)
    const known = /^(__wbindgen_init_externref_table|__wbg___wbindgen_throw_[0-9a-f]+)$/
    const others = imports.filter((name) => !known.test(name))
    assert.deepEqual(others, [], name)
  }
})

const sources = {
  bytes: () => wasm,
  'an ArrayBuffer': () => wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.length),
  'a module': () => new WebAssembly.Module(wasm),
  'a Response': () => new Response(wasm, { headers: { 'content-type': 'application/wasm' } }),
  'a promise of a Response': async () =>
    new Response(wasm, { headers: { 'content-type': 'application/wasm' } }),
  'a Response of another type': () => new Response(wasm),
  'a file: URL': () => new URL('../dist/dockpass_bg.wasm', import.meta.url),
  'a file: address': () => new URL('../dist/dockpass_bg.wasm', import.meta.url).href,
}
for (const [name, source] of Object.entries(sources)) {
  test(`init with ${name}`, async (t) => {
    const module = await copy(t).load()
    assert.equal(await module.default(source()), undefined)
    works(module)
  })
}

test('init with an http address, in both entries', async (t) => {
  const server = createServer((_, response) =>
    response.writeHead(200, { 'content-type': 'application/wasm' }).end(wasm),
  )
  await new Promise((/** @type {(value?: unknown) => void} */ resolve) =>
    server.listen(0, '127.0.0.1', resolve),
  )
  t.after(() => (server.closeAllConnections(), server.close()))
  const address = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}/x.wasm`
  for (const [entry, source] of /** @type {[string, string | URL][]} */ ([
    ['node.js', address],
    ['index.js', new URL(address)],
  ])) {
    const module = await copy(t).load(entry)
    await module.default(source)
    works(module)
  }
})

const broken = {
  'no module': () => Buffer.from('nonsense'),
  'half a module': () => wasm.subarray(0, wasm.length / 2),
  'another module': () => Buffer.from([0, 97, 115, 109, 1, 0, 0, 0]),
  'an answer of 404': () => new Response('', { status: 404 }),
  'a file that is not there': () => new URL('./none.wasm', import.meta.url),
  'an address of nobody': () => 'http://127.0.0.1:1/',
  'no address': () => 'nowhere',
  'a promise that fails': () => Promise.reject(new Error('no')),
  'a number': () => 7,
}
for (const [name, source] of Object.entries(broken)) {
  test(`init with ${name} fails, and the next one may work`, async (t) => {
    const module = await copy(t).load()
    await assert.rejects(
      module.default(source()),
      (/** @type {any} */ error) => error instanceof module.DockpassError && error.code === 'ERR_WASM_LOAD',
    )
    assert.throws(() => module.parseScopes(''), { code: 'ERR_NOT_INITIALIZED' })
    await module.default()
    works(module)
  })
}

test('an error of loading names the address that was tried', async (t) => {
  const { default: init } = await copy(t).load()
  for (const source of ['http://127.0.0.1:1/x.wasm', { dockpass: new URL('http://127.0.0.1:1/x.wasm') }]) {
    const error = await init(source).catch((error) => error)
    assert.equal(error.url, 'http://127.0.0.1:1/x.wasm')
    assert.equal(
      error.message,
      'The WebAssembly module of dockpass could not be loaded from http://127.0.0.1:1/x.wasm.',
    )
  }
})

const missing = {
  'the file is not there': (path) => rmSync(path),
  'the file is a page': (path) => writeFileSync(path, '<!doctype html>'),
  'the file is another module': (path) => writeFileSync(path, Buffer.from([0, 97, 115, 109, 1, 0, 0, 0])),
}
for (const [name, change] of Object.entries(missing)) {
  for (const entry of ['node.js', 'index.js']) {
    test(`${entry} takes the copy in the package where ${name}`, async (t) => {
      const fresh = copy(t)
      change(fresh.path('dist/dockpass_bg.wasm'))
      const module = await fresh.load(entry)
      await module.default()
      works(module)
    })
  }
}

test('without the file and without the copy, the error says both', async (t) => {
  const fresh = copy(t)
  for (const name of ['dist/dockpass_bg.wasm', 'dist/dockpass_inline.js']) rmSync(fresh.path(name))
  const { default: init } = await fresh.load()
  const error = await init().catch((error) => error)
  assert.equal(error.url, pathToFileURL(fresh.path('dist/dockpass_bg.wasm')).href)
  assert.match(error.message, /dockpass_bg\.wasm\. The copy in the package could not be loaded either\.$/)
  assert.equal(error.cause.code, 'ENOENT')
})

test('the copies in the package are the files', async () => {
  for (const name of ['dockpass', 'doctor']) {
    const file = readFileSync(new URL(`../dist/${name}_bg.wasm`, import.meta.url))
    const { default: base64 } = await import(`../dist/${name}_inline.js`)
    assert.ok(file.equals(Buffer.from(base64, 'base64')), name)
  }
})

test('one init serves the doctor, which can be loaded ahead', async (t) => {
  const fresh = copy(t)
  const [module, doctor] = [await fresh.load(), await fresh.load('doctor-node.js')]
  await module.default({ doctor: 'http://127.0.0.1:1/doctor.wasm' })
  works(module)
  await assert.rejects(doctor.preload(), { code: 'ERR_WASM_LOAD', url: 'http://127.0.0.1:1/doctor.wasm' })
  await doctor.preload(readFileSync(fresh.path('dist/doctor_bg.wasm')))
  rmSync(fresh.path('dist'), { recursive: true })
  assert.equal((await doctor.diagnose([])).code, 'nothing_recorded')
})

// Threats: WEB-03.
test('a module of another version is refused', async (t) => {
  const fresh = copy(t)
  writeFileSync(fresh.path('lib/version.js'), "export const version = '9.9.9'")
  const module = await fresh.load()
  const error = await module.default().catch((error) => error)
  assert.equal(error.code, 'ERR_WASM_LOAD')
  assert.match(error.cause.message, /another version/)
})

test('versions of package, JavaScript, module and crate are one', async () => {
  await dockpass.default()
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  const workspace = readFileSync(new URL('../../../Cargo.toml', import.meta.url), 'utf8')
  assert.equal(manifest.version, dockpass.version)
  assert.equal(/^version = "(.*)"$/m.exec(workspace)[1], dockpass.version)
})

test('what is no argument is refused by name, not by a trap', async () => {
  await dockpass.default()
  const {
    parseChallenges,
    parseScopes,
    normalizeScopes,
    scopesFor,
    parseReference,
    inspectToken,
    grants,
    parseTokenResponse,
  } = /** @type {any} */ (dockpass)
  const wrong = [
    () => parseChallenges(),
    () => parseChallenges([1]),
    () => parseChallenges(Array(1001).fill('')),
    () => parseScopes(7),
    () => parseScopes('x'.repeat(2_000_000)),
    () => normalizeScopes('x'),
    () => normalizeScopes([1]),
    () => scopesFor(),
    () => scopesFor('GET'),
    () => scopesFor('GET', {}),
    () => parseReference({}),
    () => inspectToken(undefined),
    () => grants('x'),
    () => grants(null, 'repository:a:pull'),
    () => grants(5, 'repository:a:pull'),
    () => parseTokenResponse('{}'),
    () => parseTokenResponse('{}', NaN),
    () => parseTokenResponse({}, 1),
  ]
  for (const call of wrong)
    assert.throws(call, { code: 'ERR_INVALID_ARGUMENT', name: 'DockpassError' }, String(call))
})

// Threats: WEB-07.
test('large and hostile input is an error, not a trap, and the next call works', async () => {
  await dockpass.default()
  const { parseChallenges, parseScopes, inspectToken, parseReference, scopesFor, parseTokenResponse } =
    dockpass
  const ten = 10 * 1024 * 1024
  assert.throws(() => parseChallenges('x'.repeat(ten)), { code: 'ERR_CHALLENGE_SYNTAX', position: 8192 })
  assert.throws(() => parseChallenges(['Basic realm="a"', 'é'.repeat(ten)]), {
    code: 'ERR_CHALLENGE_SYNTAX',
    line: 1,
  })
  assert.throws(() => parseReference('a'.repeat(ten)), { code: 'ERR_REFERENCE_SYNTAX' })
  assert.throws(() => scopesFor('GET', `/v2/${'a'.repeat(5000)}/tags/list`), {
    code: 'ERR_INVALID_ARGUMENT',
  })
  assert.throws(() => parseTokenResponse('['.repeat(ten), 1), { code: 'ERR_TOKEN_RESPONSE' })
  assert.throws(() => parseScopes('\ud800:\udfff:x'), { code: 'ERR_SCOPE_SYNTAX' })
  assert.equal(inspectToken('.'.repeat(ten)).kind, 'opaque')
  const deep = Buffer.from(`{"alg":"x","a":${'['.repeat(20_000)}`).toString('base64url')
  assert.equal(inspectToken(`${deep}.e30.c2ln`).kind, 'opaque')
  let random = 1
  const next = () => (random = (random * 48271) % 2147483647)
  for (let round = 0; round < 3000; round++) {
    const text = String.fromCharCode(
      ...Array.from({ length: next() % 80 }, () => (next() % 4 ? 32 + (next() % 95) : next() % 65536)),
    )
    for (const call of [parseChallenges, parseScopes, inspectToken, parseReference]) {
      try {
        call(text)
      } catch (error) {
        assert.ok(error instanceof dockpass.DockpassError, error)
      }
    }
  }
  works(dockpass)
})

// Threats: WEB-06.
test('__proto__ is a name like any other', async () => {
  await dockpass.default()
  for (const header of ['Bearer __proto__="x",realm="y"', 'Bearer __proto__="é",realm="y"']) {
    const [{ params }] = dockpass.parseChallenges(header)
    assert.deepEqual(Object.keys(params), ['__proto__', 'realm'])
    assert.equal(Object.getPrototypeOf(params), Object.prototype)
  }
  assert.equal({}.realm, undefined)
})

test('an import by file address and one by name are the same', async () => {
  const byFile = await import(pathToFileURL(new URL('../node.js', import.meta.url).pathname).href)
  assert.equal(byFile.parseScopes, dockpass.parseScopes)
})
