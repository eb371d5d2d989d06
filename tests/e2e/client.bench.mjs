// Requests and time per task: the client of the npm package beside one that does what is written by hand most often, which is
// `401 → token → the same request`, for each request. Both have the same key server, registry and session, and take turns.
// It asserts nothing but that both see the same.

import assert from 'node:assert/strict'
import init, { RegistryClient } from '../../client-wasm/npm/node.js'
import { startDemo } from './harness/demo.mjs'
import { call, startKeyServer } from './harness/keyserver.mjs'
import { scratch, stopAll } from './harness/process.mjs'
import { programs } from './harness/programs.mjs'

/** How often each task is done. The median is printed. */
const ROUNDS = 15
const REPOSITORY = 'team-a/api'

const folder = await scratch('client-bench')
const found = await programs('keyserver', 'demo')
const demo = await startDemo({ program: found.demo, folder: await folder.folder('demo') })
const keyserver = await startKeyServer({
  program: found.keyserver,
  folder: await folder.folder('keyserver'),
  registries: Object.values(demo.registries).map(({ name, url, realms }) => ({ name, url, realms })),
  settings: {
    log: { filter: 'warn' },
    // Everything comes from one address and from few sessions.
    limits: {
      login_burst: 1000,
      login_per_minute: 1000,
      account_per_minute: 1000,
      requests_per_minute: 0,
      anonymous_per_minute: 100000,
      session_scopes_per_minute: 1000000,
    },
  },
})
const registry = keyserver.registries.token
const credentials = { username: 'ada', password: demo.password('ada') }

let requests = 0
const counted = (request, init) => {
  requests += 1
  return fetch(request, init)
}

/** Written by hand. @returns {Promise<any>} */
async function byHand() {
  const { body } = await call(keyserver, 'POST', '/v1/sessions', { body: { registry, ...credentials } })
  const get = async (path, accept = '*/*') => {
    const url = `${keyserver.url}/r/${registry}${path}`
    const first = await counted(url, { headers: { accept } })
    if (first.status !== 401) return first
    const [, scope] = /scope="([^"]*)"/.exec(first.headers.get('www-authenticate') ?? '') ?? []
    const response = await counted(`${keyserver.url}/v1/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${body.session}` },
      body: JSON.stringify({ registry, scopes: [scope] }),
    })
    const { token } = await response.json()
    return counted(url, { headers: { accept, authorization: `Bearer ${token}` } })
  }
  const json = async (path, accept) => {
    const response = await get(path, accept)
    assert.equal(response.status, 200)
    return response.json()
  }
  const manifest = (reference) =>
    json(
      `/v2/${REPOSITORY}/manifests/${reference}`,
      'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json',
    )
  return {
    catalog: async () => (await json('/v2/_catalog')).repositories,
    tags: async (repository) => (await json(`/v2/${repository}/tags/list`)).tags,
    config: async () => {
      let image = await manifest('latest')
      if (image.manifests) image = await manifest(image.manifests[0].digest)
      return json(`/v2/${REPOSITORY}/blobs/${image.config.digest}`)
    },
  }
}

/** With the package. @param {readonly string[]} [scopes] */
async function withPackage(scopes) {
  const connected = await RegistryClient.connect({
    keyServer: keyserver.url,
    registry,
    fetch: (request) => counted(request),
  })
  await connected.login(credentials)
  const client = scopes === undefined ? connected : connected.with({ scopes })
  const list = async (names) => {
    const all = []
    for await (const name of names) all.push(name)
    return all
  }
  return {
    catalog: () => list(client.catalog()),
    tags: (repository) => list(client.tags(repository)),
    config: async () => {
      let { manifest } = await client.manifest(REPOSITORY, 'latest')
      if (manifest.manifests) ({ manifest } = await client.manifest(REPOSITORY, manifest.manifests[0].digest))
      return JSON.parse(new TextDecoder().decode((await client.blob(REPOSITORY, manifest.config.digest)).raw))
    },
  }
}

const TASKS = {
  'the tags of a repository': ({ tags }) => tags(REPOSITORY),
  'the same, ten times at once': ({ tags }) =>
    Promise.all(Array.from({ length: 10 }, () => tags(REPOSITORY))),
  'the same, ten times in turn': async ({ tags }) => {
    const all = []
    for (let time = 0; time < 10; time += 1) all.push(await tags(REPOSITORY))
    return all
  },
  'manifest and configuration of an image': ({ config }) => config(),
  'the catalog, and the tags of each repository': async ({ catalog, tags }) =>
    Promise.all((await catalog()).map(async (name) => [name, await tags(name)])),
}

/** What one client needs for a task. */
async function measured(create, task) {
  const client = await create()
  requests = 0
  const began = performance.now()
  const result = await task(client)
  return { result, requests, ms: performance.now() - began }
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]

await init()
console.log(
  `${'task'.padEnd(46)}${'requests'.padStart(9)}${'by hand'.padStart(9)}${'ms'.padStart(9)}${'by hand'.padStart(9)}`,
)
for (const [name, task] of Object.entries(TASKS)) {
  const rows = { ours: [], theirs: [] }
  for (let round = 0; round < ROUNDS; round += 1) {
    rows.ours.push(await measured(withPackage, task))
    rows.theirs.push(await measured(byHand, task))
    assert.deepEqual(rows.ours.at(-1)?.result, rows.theirs.at(-1)?.result, name)
  }
  const figure = (row, what) => median(row.map((each) => each[what]))
  const cells = ['requests', 'ms'].flatMap((what) => [figure(rows.ours, what), figure(rows.theirs, what)])
  const digits = [0, 0, 1, 1]
  console.log(name.padEnd(46) + cells.map((cell, at) => cell.toFixed(digits[at]).padStart(9)).join(''))
}
const catalog = await (await withPackage()).catalog()
const hint = catalog.map((repository) => `repository:${repository}:pull`)
const hinted = []
for (let round = 0; round < ROUNDS; round += 1) {
  const task = TASKS['the catalog, and the tags of each repository']
  hinted.push(await measured(() => withPackage([...hint, 'registry:catalog:*']), task))
}
const cells = [
  median(hinted.map(({ requests }) => requests))
    .toFixed(0)
    .padStart(9),
  ''.padStart(9),
  median(hinted.map(({ ms }) => ms))
    .toFixed(1)
    .padStart(9),
]
console.log('the same, with scopes for all of it'.padEnd(46) + cells.join(''))
await stopAll()
await folder.remove()
