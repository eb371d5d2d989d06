// What is recorded of the registries that can be started here: which set-up, and which requests in which order. The
// answers are in tests/fixtures/registries; recorded.test.mjs compares them with those of the running servers.

import { clients } from '../harness/clients.mjs'
import { startDockerAuth } from '../harness/docker_auth.mjs'
import { startGgcr } from '../harness/ggcr.mjs'
import { startOlareg } from '../harness/olareg.mjs'
import { startRegistry } from '../harness/registry.mjs'
import { acl, fill } from '../harness/setups.mjs'

const INDEX_TYPES =
  'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, ' +
  'application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json'

/** The people of `harness/setups.mjs` that a recording knows, with passwords of its own. */
export const people = { ada: "ada's password", bob: "bob's password" }

/** olareg's rights for the same people as docker_auth's list in `harness/setups.mjs`. */
const olaregAcls = [
  { repo: '', access: ['read'], members: ['ada', 'bob'] },
  { repo: '*', access: ['read', 'write', 'delete'], members: ['ada'] },
  { repo: 'team-b/*', access: ['read', 'write', 'delete'], members: ['ada'] },
  { repo: 'team-b/*', access: ['read'], members: ['bob'] },
  { repo: 'public/*', access: ['read', 'write', 'delete'], members: ['ada'] },
  { repo: 'public/*', access: ['read'], members: ['bob'], anonymous: true },
]

/** What a token is asked for, by the name that it is kept under. */
const SCOPES = {
  public: 'repository:public/base:pull',
  private: 'repository:team-a/secret-plans:pull',
  team: 'repository:team-b/tools:pull',
  catalog: 'registry:catalog:*',
}

const ada = { user: 'ada', password: people.ada }

/** Changes one password in a file of users. */
const setPassword = ({ server }, user, password) => server.setUsers({ ...people, [user]: password })

/**
 * Each starts its servers in `folder` and fills them; resolves with `{origins, server, tokens?}`: what a Recorder needs, the
 * registry and its token service. `setPassword` is there where a password can be changed while they run.
 */
export const recordings = {
  'olareg-basic': {
    registry: 'olareg',
    program: 'olareg',
    setup: 'users and rights in a file, Basic',
    async start({ programs, folder, images }) {
      const server = await startOlareg({
        ...programs,
        program: programs.olareg,
        folder,
        kind: 'basic',
        users: people,
        acls: olaregAcls,
      })
      await fill({ programs, folder, host: server.host, images, login: ada })
      return { server, origins: { registry: server.url } }
    },
    setPassword,
    requests: standard(),
  },
  'olareg-opaque': {
    registry: 'olareg',
    program: 'olareg',
    setup: "users and rights in a file, opaque tokens, olareg's own realm",
    async start({ programs, folder, images }) {
      const server = await startOlareg({
        ...programs,
        program: programs.olareg,
        folder,
        kind: 'opaque',
        users: people,
        acls: olaregAcls,
      })
      // skopeo and crane refuse the relative realm.
      const client = await clients({ ...programs, folder: `${folder}/client`, host: server.host, ...ada })
      for (const [image, repository, tag] of [
        [images.base, 'public/base', '1.0'],
        [images.plans, 'team-a/secret-plans', '1.0'],
        [images.plans, 'team-a/secret-plans', 'latest'],
        [images.tools, 'team-b/tools', '2.1'],
        [images.tools, 'team-b/tools', 'latest'],
      ]) {
        await client.regctlPush(image, repository, tag)
      }
      return { server, origins: { registry: server.url } }
    },
    setPassword,
    requests: standard({ tokens: { path: '/token', service: 'olareg registry' } }),
  },
  ggcr: {
    registry: 'go-containerregistry',
    program: 'crane',
    setup: '`crane registry serve`, open',
    // The order of its catalog differs from one answer to the next, so what a page of it holds is no fact.
    async start({ programs, folder, images }) {
      const server = await startGgcr({ program: programs.crane, folder })
      await fill({ programs, folder, host: server.host, images, login: {} })
      return { server, origins: { registry: server.url } }
    },
    requests: [
      ...open().map((request) =>
        request.path === '/v2/_catalog?n=1' ? { ...request, varies: true } : request,
      ),
      // Behind the last tag its list begins again.
      { path: '/v2/team-a/secret-plans/tags/list?n=1&last=1.0' },
      { path: '/v2/team-a/secret-plans/tags/list?n=1&last=latest' },
      { path: '/v2/team-a/secret-plans/tags/list' },
    ],
  },
  'distribution-htpasswd': {
    registry: 'CNCF distribution',
    program: 'registry3',
    setup: 'htpasswd',
    async start({ programs, folder, images }) {
      const server = await startRegistry({
        ...programs,
        name: 'htpasswd',
        program: programs.registry3,
        folder,
        auth: { kind: 'htpasswd', users: people },
      })
      await fill({ programs, folder, host: server.host, images, login: ada })
      return { server, origins: { registry: server.url } }
    },
    setPassword,
    requests: standard(),
  },
  'distribution-proxy': {
    registry: 'CNCF distribution',
    program: 'registry3',
    setup: 'pull-through cache of an open distribution 3',
    async start({ programs, folder, images }) {
      const upstream = await startRegistry({
        ...programs,
        name: 'upstream',
        program: programs.registry3,
        folder: `${folder}/upstream`,
        auth: { kind: 'open' },
      })
      await fill({ programs, folder, host: upstream.host, images, login: {} })
      const server = await startRegistry({
        ...programs,
        name: 'cache',
        program: programs.registry3,
        folder: `${folder}/cache`,
        auth: { kind: 'open' },
        proxy: upstream.url,
      })
      return { server, origins: { registry: server.url } }
    },
    requests: open(),
  },
  docker_auth: {
    registry: 'docker_auth with CNCF distribution',
    program: 'docker_auth',
    setup: 'docker_auth in front of distribution 3',
    async start({ programs, folder, images }) {
      const tokens = await startDockerAuth({
        ...programs,
        name: 'recorded',
        program: programs.docker_auth,
        folder,
        users: { ...people, '': null },
        acl,
        thumbprintKeyId: true,
      })
      const { realm, service, issuer, certificate } = tokens
      const server = await startRegistry({
        ...programs,
        name: 'registry',
        program: programs.registry3,
        folder,
        auth: { kind: 'token', realm, service, issuer, certificate },
      })
      await fill({ programs, folder, host: server.host, images, login: ada })
      return { server, tokens, origins: { registry: server.url, tokens: new URL(realm).origin } }
    },
    requests: standard({ tokens: { to: 'tokens', path: '/auth', service: 'registry recorded' } }),
  },
}

/** Requests to a registry without authorization. */
function open() {
  return [
    { path: '/v2/' },
    { path: '/v2/', as: 'ada' },
    { path: '/v2/_catalog' },
    { path: '/v2/_catalog?n=1' },
    { path: '/v2/public/base/tags/list' },
    { path: '/v2/team-a/secret-plans/tags/list?n=1' },
    { path: '/v2/team-a/secret-plans/manifests/latest', accept: INDEX_TYPES },
    { path: '/v2/team-a/secret-plans/manifests/none', accept: INDEX_TYPES },
    { path: '/v2/no/such/tags/list' },
    // What the key server requests before it treats a registry as open.
    { path: '/v2/dockpass-probe/tags/list' },
  ]
}

/**
 * Requests that say how a registry authenticates and lists. `tokens` is the endpoint of bearer tokens.
 * @param {{ tokens?: Record<string, any>, catalog?: boolean }} [options]
 */
export function standard({ tokens, catalog = true } = {}) {
  const path = (query) => {
    const service = tokens.service === undefined ? [] : [`service=${encodeURIComponent(tokens.service)}`]
    return `${tokens.path}?${[...service, ...(query === '' ? [] : [query])].join('&')}`
  }
  const to = tokens?.to ?? 'registry'
  const scope = (text) => `scope=${encodeURIComponent(text)}`
  const probes = [
    { path: '/v2/' },
    ...(catalog ? [{ path: '/v2/_catalog' }] : []),
    { path: '/v2/public/base/tags/list' },
    { path: '/v2/team-a/secret-plans/tags/list' },
    { path: '/v2/no/such/tags/list' },
  ]
  const withCredentials = [
    { path: '/v2/', as: 'ada' },
    { path: '/v2/', as: 'ada:wrong' },
    ...(catalog
      ? [
          { path: '/v2/_catalog', as: 'ada' },
          { path: '/v2/_catalog?n=1', as: 'ada' },
        ]
      : []),
    { path: '/v2/team-a/secret-plans/tags/list', as: 'ada' },
    { path: '/v2/team-a/secret-plans/tags/list?n=1', as: 'ada' },
    { path: '/v2/team-a/secret-plans/manifests/latest', as: 'ada', accept: INDEX_TYPES },
    { path: '/v2/team-a/secret-plans/manifests/none', as: 'ada', accept: INDEX_TYPES },
    { path: '/v2/', as: 'bob' },
    ...(catalog ? [{ path: '/v2/_catalog', as: 'bob' }] : []),
    { path: '/v2/team-b/tools/tags/list', as: 'bob' },
    { path: '/v2/team-a/secret-plans/tags/list', as: 'bob' },
  ]
  if (tokens === undefined) return [...probes, ...withCredentials]
  const asked = { '': '' }
  for (const [name, text] of Object.entries(SCOPES)) asked[` ${name}`] = scope(text)
  const tokenRequests = ['nobody', 'ada', 'bob'].flatMap((as) =>
    Object.entries(asked).map(([name, query]) => ({ to, path: path(query), as, keep: `${as}${name}` })),
  )
  const requests = [
    ...probes,
    ...tokenRequests,
    ...Object.values(asked).map((query) => ({ to, path: path(query), as: 'ada:wrong' })),
    { path: '/v2/', as: 'token:ada' },
    { path: '/v2/public/base/tags/list', as: 'token:nobody public' },
    { path: '/v2/team-a/secret-plans/tags/list', as: 'token:nobody private' },
    ...(catalog
      ? ['nobody', 'ada', 'bob'].map((as) => ({ path: '/v2/_catalog', as: `token:${as} catalog` }))
      : []),
    ...(catalog ? [{ path: '/v2/_catalog?n=1', as: 'token:ada catalog' }] : []),
    { path: '/v2/team-a/secret-plans/tags/list', as: 'token:ada private' },
    { path: '/v2/team-a/secret-plans/tags/list?n=1', as: 'token:ada private' },
    { path: '/v2/team-a/secret-plans/manifests/latest', as: 'token:ada private', accept: INDEX_TYPES },
    { path: '/v2/team-a/secret-plans/manifests/none', as: 'token:ada private', accept: INDEX_TYPES },
    { path: '/v2/team-a/secret-plans/tags/list', as: 'token:bob private' },
    { path: '/v2/team-b/tools/tags/list', as: 'token:bob team' },
  ]
  // There is nothing to use if the token service issues no anonymous tokens.
  return tokens.anonymous === false
    ? requests.filter(({ as = '' }) => !as.startsWith('token:nobody'))
    : requests
}

/**
 * An exchange with its lists sorted, because some registries list in an order that differs from one answer to the next,
 * and without the body of an answer that varies.
 */
export function ordered({ request, response }) {
  if (request.varies) return { request, response: { ...response, body: undefined } }
  const body = { ...response.body }
  for (const list of ['repositories', 'tags'])
    if (Array.isArray(body[list])) body[list] = body[list].toSorted()
  return { request, response: response.body === undefined ? response : { ...response, body } }
}
