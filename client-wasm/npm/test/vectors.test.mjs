// The vectors that Rust runs, through the package.

import { readFileSync } from 'node:fs'
import { before, describe, test } from 'node:test'
import init, * as dockpass from 'dockpass'
import { FILES, run } from './support/vectors.mjs'

before(() => init())

for (const file of FILES) {
  const vectors = JSON.parse(readFileSync(new URL(`../../../protocol/testdata/${file}.json`, import.meta.url)))
  describe(file, () => {
    for (const vector of vectors) {
      // What is seen by Rust alone is no test here.
      if (file === 'references' && vector.op !== 'reference') continue
      test(vector.name, () => run(dockpass, file, vector))
    }
  })
}
