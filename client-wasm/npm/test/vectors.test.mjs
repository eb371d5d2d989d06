// The vectors that Rust runs, through the package.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import init, * as dockpass from 'dockpass'
import { diagnose } from 'dockpass/doctor'
import { retryAfter } from '../lib/transport.js'
import { isOurs, runFlow } from './support/flows.mjs'
import { FILES, run, runDiagnosis } from './support/vectors.mjs'

await init()

const read = (file) =>
  JSON.parse(readFileSync(new URL(`../../../protocol/testdata/${file}.json`, import.meta.url), 'utf8'))

describe('flows', () => {
  for (const vector of read('flows').filter(isOurs)) test(vector.name, () => runFlow(vector))
})

describe('diagnoses', () => {
  for (const vector of read('diagnoses')) test(vector.name, () => runDiagnosis(diagnose, vector))
})

// The page's own function, with the cases of the key server's.
describe('waits', () => {
  for (const { name, input, expect } of read('waits'))
    test(name, () => {
      const headers = new Headers({ 'retry-after': input.retryAfter })
      if (input.date !== undefined) headers.set('date', input.date)
      assert.equal(retryAfter(headers, 1790000000000) ?? null, expect.wait)
    })
})

for (const file of FILES) {
  const vectors = read(file)
  describe(file, () => {
    for (const vector of vectors) {
      // What is seen by Rust alone is no test here.
      if (file === 'references' && vector.op !== 'reference') continue
      test(vector.name, () => run(dockpass, file, vector))
    }
  })
}
