// docs/registries.md has a row for each fixture and nothing else: the table and the quirks are made from the fixtures.
// `UPDATE=1` writes both. A row's title is written by hand, for a new fixture as `| Title | `name` |`.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { it } from 'node:test'
import { heavyRecordings } from '../../registries/recordings.mjs'
import { changedRepository, fixtureNames, readFixture, userOf } from '../harness/fixtures.mjs'
import { recordings } from './recordings.mjs'

const file = new URL('../../../docs/registries.md', import.meta.url)

const HEAD = [
  ...[
    'registry',
    'fixture',
    'version',
    'shown by',
    'anonymous',
    'right password',
    'wrong password',
    'catalog',
  ],
  ...['tags', 'manifest', 'limited user', 'password changed', 'server stopped', 'logout'],
]
const NONE = '–'

/** A list as `yes`, an error as its code. */
const shown = (result) => (result === undefined ? NONE : Array.isArray(result) ? 'yes' : `\`${result}\``)

/** Of several results: whether all, some or none are lists. */
function reading(results) {
  const lists = results.filter((result) => Array.isArray(result)).length
  return lists === results.length ? 'yes' : lists > 0 ? 'public only' : `\`${results[0]}\``
}

function row(title, name, fixture) {
  const { version, how, expect, exchanges } = fixture
  const user = userOf(fixture)
  const nobody = expect.find(({ as }) => as === 'nobody')
  const wrong = expect.find(({ as }) => as.endsWith(':wrong'))
  const limited = expect.find(({ as, login }) => as === 'bob' && login === 'ok')
  const who = user ?? nobody
  const isPaged = exchanges.some(
    ({ request, response }) => request.path.includes('/tags/list') && response.headers?.link !== undefined,
  )
  const denied = Object.values(limited?.tags ?? {}).find((result) => !Array.isArray(result))
  // Where it cannot be replayed, the running server shows it.
  const isChanged =
    changedRepository(fixture) !== undefined ||
    { ...recordings, ...heavyRecordings }[name]?.setPassword !== undefined
  return [
    ...[title, `\`${name}\``, version, how],
    reading(Object.values(nobody.tags)),
    user === undefined ? 'no login' : user.as === 'ada' ? 'yes' : `yes, as \`${user.as}\``,
    shown(wrong?.login),
    shown(who.catalog),
    reading(Object.values(who.tags)) + (isPaged ? ', paged' : ''),
    expect.some(({ manifests }) => manifests !== undefined) ? 'yes' : NONE,
    limited === undefined ? NONE : denied === undefined ? 'may read all' : shown(denied),
    user === undefined || !isChanged ? NONE : '`bad_credentials`',
    '`upstream_unreachable`',
    user === undefined ? NONE : 'yes',
  ]
}

it('the page on registries agrees with the fixtures', async () => {
  const page = await readFile(file, 'utf8')
  const titles = new Map(
    [...page.matchAll(/^\| ([^|]+) \| `([a-z_-]+)` \|/gm)].map(([, title, name]) => [name, title]),
  )
  const names = await fixtureNames()
  assert.deepEqual([...titles.keys()].toSorted(), names, 'a row for each fixture, and none besides')
  const fixtures = new Map(
    await Promise.all(names.map(async (name) => /** @type {const} */ ([name, await readFixture(name)]))),
  )
  // In the order of the page.
  const lines = [...titles].map(([name, title]) => row(title, name, fixtures.get(name)))
  const table = [HEAD, HEAD.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |\n`).join('')
  const quirks = [...titles].map(
    ([name, title]) => `- **${title}**: ${fixtures.get(name).quirks.join(' ')}\n`,
  )
  const wanted = page
    .replace(/(^\|.*\n)+/m, () => table)
    .replace(/(\n## Quirks\n\n)(- .*\n)+/, (_, heading) => heading + quirks.join(''))
  if (process.env.UPDATE === '1') await writeFile(file, wanted)
  else assert.equal(page, wanted)
})
