// The npm package where pages and programs are built: each row is a user's few lines in one tool, without configuration.
// A row that this machine cannot run says why; it counts as skipped, never as passed.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { close } from './support/browsers.mjs'
import { WORKS } from './support/sources.mjs'
import { rows as bundlers } from './rows/bundlers.mjs'
import { rows as frameworks } from './rows/frameworks.mjs'
import { rows as pages } from './rows/pages.mjs'
import { rows as programs } from './rows/programs.mjs'
import { rows as types } from './rows/types.mjs'

const table = []
const only = process.env.DOCKPASS_ROWS

for (const { name, missing, run, expect = WORKS } of [
  ...types,
  ...programs,
  ...pages,
  ...bundlers,
  ...frameworks,
]) {
  if (only && !new RegExp(only).test(name)) continue
  test(name, { timeout: 600_000 }, async (t) => {
    const row = { where: name, result: 'failed', seconds: 0 }
    table.push(row)
    if (missing) {
      row.result = `not run: ${missing}`
      return t.skip(missing)
    }
    const began = performance.now()
    try {
      assert.deepEqual(await run(t), expect)
      row.result = 'works'
    } finally {
      row.seconds = Math.round((performance.now() - began) / 100) / 10
    }
  })
}

after(async () => {
  await close()
  const width = Math.max(...table.map(({ where }) => where.length))
  console.log(table.map((row) => `${row.where.padEnd(width)}  ${row.result} (${row.seconds} s)`).join('\n'))
})
