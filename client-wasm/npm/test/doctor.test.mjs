// The doctor's own loading, and what it refuses. What it says is in the vectors.

import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { DockpassError } from 'dockpass'
import * as doctor from 'dockpass/doctor'
import { copy } from './support/load.mjs'

/** Untyped: these tests also pass what the types forbid. @type {any} */
const untyped = doctor
const { diagnose } = untyped

const STEP = {
  at: 0,
  kind: 'page',
  hop: 'registry',
  method: 'GET',
  url: '/v2/',
  status: 401,
  decision: 'gave_up',
  reason: 'It was refused.',
  code: 'bad_credentials',
}

const refused = (code) => (error) => error instanceof DockpassError && error.code === code

test('what is not as documented is refused', async () => {
  for (const steps of [
    null,
    'steps',
    [null],
    [{}],
    [{ ...STEP, hop: 'moon' }],
    [{ ...STEP, decision: 'dance' }],
    [{ ...STEP, code: 'nonsense' }],
    [{ ...STEP, status: 99999 }],
  ]) {
    await assert.rejects(diagnose(steps), refused('ERR_INVALID_ARGUMENT'), JSON.stringify(steps))
  }
  for (const facts of [
    null,
    { password: 'x' },
    { code: 'internal' },
    { 'now\0code': 'internal' },
    { now: 'today' },
    { browser: 'moon' },
    { token: 7 },
  ]) {
    await assert.rejects(diagnose([STEP], facts), refused('ERR_INVALID_ARGUMENT'), JSON.stringify(facts))
  }
})

test('what is in a text is no other field', async () => {
  const plain = await diagnose([STEP])
  const reason = 'It was refused.\0code\0internal'
  assert.deepEqual(await diagnose([{ ...STEP, reason, place: null, scopes: undefined }]), plain)
  const { evidence } = await diagnose([{ ...STEP, scopes: ['a\0code\0internal'] }])
  assert.deepEqual(evidence.slice(-2), [
    { what: 'scope', value: 'a code internal' },
    { what: 'target', value: '/v2/' },
  ])
})

test('the claims of an error, and of a token, say the same', async () => {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = `${part({ alg: 'RS256', kid: 'k' })}.${part({ aud: ['a', 'b'], iss: 'i' })}.c2ln`
  const rejected = [{ ...STEP, code: 'token_rejected' }]
  const claims = {
    is_jwt: true,
    audience: ['a', 'b'],
    issuer: 'i',
    key_id: 'k',
    algorithm: 'RS256',
    problem: null,
  }
  const said = await diagnose(rejected, { claims, service: 's', now: 1.5 })
  assert.equal(said.code, 'wrong_audience')
  assert.deepEqual(await diagnose(rejected, { token, service: 's' }), said)
  for (const wrong of [
    {},
    { is_jwt: 1 },
    { is_jwt: true, audience: 'a' },
    { is_jwt: true, audience: [null] },
  ])
    await assert.rejects(diagnose(rejected, { claims: wrong }), refused('ERR_INVALID_ARGUMENT'))
})

test('a token whose reader cannot be loaded is an error of that call', async (t) => {
  const { load, path } = copy(t)
  for (const name of ['syntax_bg.wasm', 'syntax_inline.js']) rmSync(path(`dist/${name}`))
  const { diagnose: ask } = await load('doctor-node.js')
  await assert.rejects(ask([STEP], { token: 'a.b.c' }), { code: 'ERR_WASM_LOAD' })
  assert.equal((await ask([STEP])).code, 'wrong_password')
})

test('fields that a record has not, such as what a page adds, are no obstacle', async () => {
  const { code, hop } = await diagnose([{ ...STEP, note: 'mine' }])
  assert.deepEqual([code, hop], ['wrong_password', 'registry'])
})

test('a module that cannot be loaded, or is another, is an error, and the next call tries again', async (t) => {
  const { load, path } = copy(t)
  const { diagnose: ask, preload } = await load('doctor-node.js')
  for (const wrong of ['no module', readFileSync(path('dist/dockpass_bg.wasm'))])
    await assert.rejects(preload(Buffer.from(wrong)), { code: 'ERR_WASM_LOAD' })
  assert.equal((await ask([STEP])).code, 'wrong_password')
})

test('a module of another version is refused', async (t) => {
  const { load, path } = copy(t)
  writeFileSync(path('lib/version.js'), "export const version = '0.0.0'\n")
  await assert.rejects((await load('doctor-node.js')).diagnose([STEP]), { code: 'ERR_WASM_LOAD' })
})
