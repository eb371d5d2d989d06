// docs/registries.md has a row for each fixture, with its version, and the quirks as the fixture says them.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { it } from 'node:test'
import { fixtureNames, readFixture } from '../harness/fixtures.mjs'

it('the page on registries agrees with the fixtures', async () => {
  const page = await readFile(new URL('../../../docs/registries.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| ([^|]+) \| `([a-z_-]+)` \| ([^|]+) \| ([^|]+) \|/gm)]
  const shown = rows.map(([, , name, version, how]) => [name, version, how])
  const names = await fixtureNames()
  const fixtures = await Promise.all(names.map((name) => readFixture(name)))
  assert.deepEqual(
    shown.toSorted(),
    fixtures.map(({ version, how }, at) => [names[at], version, how]).toSorted(),
  )
  for (const [at, { quirks }] of fixtures.entries()) {
    const [, title] = rows.find(([, , name]) => name === names[at])
    assert.ok(page.includes(`- **${title}**: ${quirks.join(' ')}\n`), `the quirks of ${title}`)
  }
})
