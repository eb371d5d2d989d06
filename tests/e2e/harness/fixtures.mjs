// Recorded and composed answers of registries: tests/fixtures/registries, where README.md says what a fixture holds.

import { readFile, readdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const folder = new URL('../../fixtures/registries/', import.meta.url)

/** Names of all fixtures. */
export async function fixtureNames() {
  const files = await readdir(folder)
  return files
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort()
}

/** A fixture by its name. */
export async function readFixture(name) {
  return JSON.parse(await readFile(new URL(`${name}.json`, folder), 'utf8'))
}

/** Writes the exchanges of a recording; members written by hand are kept. */
export async function writeFixture(name, { registry, setup, version, exchanges }) {
  const before = await readFixture(name).catch(() => ({}))
  const [, number = version] = version.match(/(v?\d+\.\d+\.\d+\S*)/) ?? []
  const { registry: _, version: _v, setup: _s, how: _h, exchanges: _e, ...rest } = before
  const fixture = { registry, version: number, setup, how: 'recorded', ...rest, exchanges }
  await writeFile(fileURLToPath(new URL(`${name}.json`, folder)), `${JSON.stringify(fixture, null, 2)}\n`)
}

/** What is expected for a user with the right password; undefined where there is no login. */
export const userOf = ({ expect }) => expect.find(({ login }) => login === 'ok')

/**
 * A repository of this user whose responses to a wrong password are in the fixture, so that a changed password can be
 * replayed; undefined where there is none.
 */
export function changedRepository(fixture) {
  const user = userOf(fixture)
  const refused = fixture.exchanges.filter(({ request }) => [request.as].flat().includes(`${user?.as}:wrong`))
  const paths = refused.map(({ request }) => decodeURIComponent(request.path))
  const isCovered = (name) =>
    paths.some((path) => path.includes(`repository:${name}:pull`) || path.startsWith(`/v2/${name}/tags/list`))
  return Object.keys(user?.tags ?? {}).find(isCovered)
}
