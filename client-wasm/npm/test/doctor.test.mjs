// The doctor's own loading, and what it refuses. What it says is in the vectors.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
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
  for (const facts of [null, { password: 'x' }, { now: 'today' }, { browser: 'moon' }, { token: 7 }]) {
    await assert.rejects(diagnose([STEP], facts), refused('ERR_INVALID_ARGUMENT'), JSON.stringify(facts))
  }
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
