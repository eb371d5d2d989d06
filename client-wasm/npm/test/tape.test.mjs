// How values cross from the module: base64url by blocks, and objects by the tape.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import init, * as dockpass from 'dockpass'
import { memory } from '../lib/wasm.js'
import { copy } from './support/load.mjs'

/** Untyped: these tests also pass what the types forbid. @type {any} */
const untyped = dockpass
const { grants, inspectToken, parseChallenges } = untyped

await init()

const encode = (text) => Buffer.from(text).toString('base64url')
const header = encode('{"alg":"RS256"}')
const token = (claims) => `${header}.${encode(claims)}.c2ln`

test('a challenge with names that have no statement, as the first call', async (t) => {
  const { default: start, parseChallenges: first } = await copy(t).load()
  await start()
  const [{ params }] = first('Digest realm="a", nonce="n1", qop="auth", opaque=o')
  assert.deepEqual(params, { realm: 'a', nonce: 'n1', qop: 'auth', opaque: 'o' })
})

test('every octet at every place of a block is judged as Node judges it', () => {
  const good = encode(JSON.stringify({ x: 'a'.repeat(40) }))
  for (let place = 0; place < good.length; place++) {
    for (let octet = 0; octet < 128; octet++) {
      const part = good.slice(0, place) + String.fromCharCode(octet) + good.slice(place + 1)
      const { kind, problem, claims } = inspectToken(`${header}.${part}.c2ln`)
      if (!/^[\w-]+$/.test(part)) {
        assert.equal(problem, octet === 0x2e ? 'jwt_part_count' : 'jwt_base64', part)
        assert.equal(kind, 'opaque')
        continue
      }
      let expected
      try {
        const bytes = Buffer.from(part, 'base64url')
        // Bits behind the last octet have to be zero, as everywhere in RFC 7515.
        if (bytes.toString('base64url') === part)
          expected = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
      } catch {
        expected = undefined
      }
      assert.deepEqual(claims, expected !== null && typeof expected === 'object' ? expected : undefined, part)
    }
  }
})

test('parts of every length are decoded', () => {
  for (let length = 0; length < 100; length++) {
    const text = 'Zoë! '.repeat(20).slice(0, length)
    assert.equal(inspectToken(token(JSON.stringify({ x: text }))).claims.x, text)
    const signature = 'aZ09-_'.repeat(20).slice(0, length)
    const valid =
      length > 0 &&
      length % 4 !== 1 &&
      Buffer.from(signature, 'base64url').toString('base64url') === signature
    assert.equal(
      inspectToken(`${header}.${encode('{}')}.${signature}`).kind,
      valid ? 'jwt' : 'opaque',
      signature,
    )
    if (length > 0)
      assert.equal(inspectToken(`${header}.${encode('{}')}.${signature.slice(0, -1)}=`).kind, 'opaque')
  }
})

test('objects are what JSON.parse makes of the same text', () => {
  const module = memory()
  const words = module.result(memory().wasm.tape_words())
  assert.ok(words.length > 20)
  // Each word as a name, in this order and in the other; then names and values of all kinds.
  const each = (list) =>
    Object.fromEntries(list.map((word, index) => [word, [index, 'e'.repeat(index % 3), { [word]: word }]]))
  const texts = [
    JSON.stringify({
      ...each(words),
      alg: 'x',
      iss: 'i',
      sub: 's',
      aud: 'a',
      exp: 1,
      nbf: 2,
      iat: 3,
      jti: 'j',
      access: [],
    }),
    JSON.stringify({
      ...each(words.toReversed()),
      alg: 'x',
      iss: 'i',
      sub: 's',
      aud: ['a'],
      exp: 1,
      nbf: 2,
      iat: 3,
      jti: 'j',
      access: [],
    }),
    '{"a":[],"b":[1],"c":[1,2],"d":{},"e":{"f":{"g":null}},"h":[true,false,null],"i":""}',
    '{"a":0,"b":-0,"c":1.5,"d":-1e3,"e":4294967295,"f":4294967296,"g":18446744073709551616,"h":1e400,"i":0.1}',
    String.raw`{"a\n":"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t","\u0061lg":1,"b":"x"}`,
    '{"a":1,"a":2,"constructor":1,"toString":2,"hasOwnProperty":3,"1":4,"0":5}',
    '{"__proto__":{"polluted":true},"a":{"__proto__":1},"\\u005f_proto__":2}',
  ]
  for (const text of texts) {
    const { claims, header } = inspectToken(
      `${encode('{"typ":"JWT","x":[1,{"x5c":null}],"alg":"x"}')}.${encode(text)}.c2ln`,
    )
    const expected = JSON.parse(text)
    assert.deepEqual(header, { typ: 'JWT', x: [1, { x5c: null }], alg: 'x' })
    assert.deepEqual(claims, expected, text)
    assert.deepEqual(Object.keys(claims), Object.keys(expected))
    assert.equal(Object.getPrototypeOf(claims), Object.prototype)
  }
  assert.equal({}.polluted, undefined)
})

// Threats: WEB-06.
test('what objects inherit is no obstacle', () => {
  Object.defineProperty(Object.prototype, 'hardened', { value: 1, writable: false, configurable: true })
  try {
    const { claims } = inspectToken(token('{"hardened":"x","sub":"ada"}'))
    assert.deepEqual(Object.entries(claims), [
      ['hardened', 'x'],
      ['sub', 'ada'],
    ])
  } finally {
    delete (/** @type {any} */ (Object.prototype).hardened)
  }
})

test('grants takes of an object what counts', () => {
  const entry = { type: 'repository', name: 'a', actions: ['pull'] }
  /** @type {Record<string, unknown>} */
  const loop = { ...entry }
  loop.self = loop
  assert.equal(grants({ access: [{ ...entry, size: 1n }, loop] }, 'repository:a:pull'), 'granted')
  assert.equal(
    grants({ access: [{ ...entry, type: 'repository(plugin)' }] }, 'repository(plugin):a:pull'),
    'granted',
  )
  // An entry that is not one grants nothing, and does not invalidate the others.
  assert.equal(grants({ access: [entry, { ...entry, name: 5 }] }, 'repository:a:pull'), 'granted')
  assert.equal(grants({ access: [{ ...entry, name: 5 }] }, 'repository:a:pull'), 'denied')
})

test('what one answer is changed to does not happen to another', () => {
  const given = token('{"aud":["a","b"],"access":[{"type":"repository","name":"a","actions":["pull"]}]}')
  const info = inspectToken(given)
  info.access[0].actions.push('push')
  info.audience.push('c')
  assert.deepEqual(info.claims.access[0].actions, ['pull'])
  assert.deepEqual(info.claims.aud, ['a', 'b'])
  assert.deepEqual(inspectToken(given).access[0].actions, ['pull'])
  assert.equal(grants(info, 'repository:a:push'), 'granted')
  assert.equal(grants(given, 'repository:a:push'), 'denied')
})

test('answers stay what they are when the memory grows', () => {
  const small = token('{"sub":"ada"}')
  assert.equal(inspectToken(small).subject, 'ada')
  const before = memory().table.buffer
  // As large as tokens may be, until there is no room for it.
  for (let count = 0; count < 200 && memory().table.buffer === before; count++) {
    inspectToken(token(JSON.stringify({ x: Array(5000 + count).fill([0]) })))
    memory().wasm.input(2 ** 16 + 2 ** 10 * count)
  }
  assert.equal(inspectToken(small).subject, 'ada')
  assert.equal(parseChallenges('Bearer realm="https://h/t"')[0].params.realm, 'https://h/t')
})
