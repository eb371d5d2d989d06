// The table of set-ups: both versions of distribution, each open, behind htpasswd and behind a token service, each
// holding the same images, pushed by real clients with the credentials of a person.

import { join } from 'node:path'
import { clients } from './clients.mjs'
import { startDockerAuth } from './docker_auth.mjs'
import { writeImage } from './images.mjs'
import { startRegistry } from './registry.mjs'
import { uniquePassword } from './secrets.mjs'

/**
 * The users. ada sees everything; bob only pulls below team-b/ and may not list the catalog; carol is bob with the
 * catalog. An anonymous user pulls below public/.
 */
export const people = Object.fromEntries(['ada', 'bob', 'carol'].map((name) => [name, uniquePassword()]))

/** docker_auth's list of their rights. */
export const acl = [
  { match: { account: 'ada' }, actions: ['*'] },
  { match: { account: 'carol', type: 'registry', name: 'catalog' }, actions: ['*'] },
  { match: { account: '/^(bob|carol)$/', type: 'repository', name: 'team-b/*' }, actions: ['pull'] },
  { match: { account: '/^(bob|carol)?$/', type: 'repository', name: 'public/*' }, actions: ['pull'] },
]

/** What every registry holds: repository → tags. Which tag is which image is in `images`. */
export const contents = {
  'public/base': ['1.0'],
  'team-a/secret-plans': ['1.0', 'latest'],
  'team-b/tools': ['2.1', 'latest'],
}

export const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7']

/** Writes the images once; every registry gets the same. */
export async function makeImages(folder) {
  return {
    base: await writeImage(join(folder, 'base'), { name: 'base' }),
    plans: await writeImage(join(folder, 'plans'), {
      name: 'secret-plans',
      files: { 'app/plan': 'to take over the world\n' },
    }),
    tools: await writeImage(join(folder, 'tools'), { name: 'tools', platforms }),
  }
}

/** Pushes the images with real clients; resolves with a client that may see everything. */
export async function fill({ programs, folder, host, images, login }) {
  const client = await clients({ ...programs, folder: join(folder, 'client'), host, ...login })
  await client.skopeoPush(images.base, 'public/base', '1.0', { format: 'v2s2' })
  await client.skopeoPush(images.plans, 'team-a/secret-plans', '1.0')
  await client.craneTag('team-a/secret-plans', '1.0', 'latest')
  await client.cranePush(images.tools, 'team-b/tools', '2.1')
  await client.craneTag('team-b/tools', '2.1', 'latest')
  return client
}

const ada = () => ({ user: 'ada', password: people.ada })

/**
 * Starts all six and fills them. Resolves with a list of `{name, kind, version, registry, tokenService?, client}`:
 * `kind` is open, htpasswd or token; `client` is a real client that may see everything; `afterFilling` marks the token
 * service's log where the pushes end.
 */
export async function startSetups({
  programs,
  scratch,
  images,
  versions = ['2.8', '3'],
  kinds = ['open', 'htpasswd', 'token'],
}) {
  const starts = versions.flatMap((version) =>
    kinds.map(async (kind) => {
      const name = `distribution-${version}-${kind}`
      const folder = await scratch.folder(name)
      const common = { ...programs, folder }
      let auth = { kind }
      let tokenService
      if (kind === 'htpasswd') auth = { kind, users: people }
      if (kind === 'token') {
        tokenService = await startDockerAuth({
          ...common,
          name: `docker_auth-${version}`,
          program: programs.docker_auth,
          users: { ...people, '': null },
          acl,
          thumbprintKeyId: version === '3',
        })
        auth = { kind, ...pick(tokenService, 'realm', 'service', 'issuer', 'certificate') }
      }
      const registry = await startRegistry({
        ...common,
        name,
        program: version === '3' ? programs.registry3 : programs.registry2,
        auth,
      })
      const client = await fill({
        programs,
        folder,
        host: registry.host,
        images,
        login: kind === 'open' ? {} : ada(),
      })
      return { name, kind, version, registry, tokenService, client, afterFilling: tokenService?.mark() }
    }),
  )
  return Promise.all(starts)
}

function pick(object, ...names) {
  return Object.fromEntries(names.map((name) => [name, object[name]]))
}
