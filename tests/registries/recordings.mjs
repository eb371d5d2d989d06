// What is recorded of Gitea and Keycloak, as `e2e/registries/recordings.mjs` does it of the lighter ones.

import { join } from 'node:path'
import { startRegistry } from '../e2e/harness/registry.mjs'
import { fill } from '../e2e/harness/setups.mjs'
import { people, standard } from '../e2e/registries/recordings.mjs'
import { startGitea } from './gitea.mjs'
import { startKeycloak } from './keycloak.mjs'

const ada = { user: 'ada', password: people.ada }

export const heavyRecordings = {
  keycloak: {
    registry: 'Keycloak with CNCF distribution',
    program: 'keycloak',
    setup: 'docker-v2 client with the allow-all mapper, in front of distribution 2.8',
    async start({ programs, folder, images }) {
      const tokens = await startKeycloak({ home: programs.keycloak, folder, people })
      const { realm, service, issuer, certificate } = tokens
      const server = await startRegistry({
        ...programs,
        name: 'keycloak-registry',
        program: programs.registry2,
        folder: join(folder, 'registry'),
        auth: { kind: 'token', realm, service, issuer, certificate },
      })
      await fill({ programs, folder, host: server.host, images, login: ada })
      return { server, tokens, origins: { registry: server.url, tokens: tokens.origin } }
    },
    setPassword: ({ tokens }, user, password) => tokens.setPassword(user, password),
    requests: [
      ...standard({
        tokens: {
          to: 'tokens',
          path: '/realms/dockpass/protocol/docker-v2/auth',
          service: 'registry',
          anonymous: false,
        },
      }),
      // Of two scopes, the first one counts.
      {
        to: 'tokens',
        path:
          '/realms/dockpass/protocol/docker-v2/auth?service=registry' +
          '&scope=repository%3Apublic%2Fbase%3Apull&scope=repository%3Ateam-a%2Fsecret-plans%3Apull',
        as: 'ada',
        keep: 'ada both',
      },
    ],
  },
  gitea: {
    registry: 'Gitea',
    program: 'gitea',
    setup: 'SQLite; organisations public (public), team-a and team-b (private)',
    async start({ programs, folder, images }) {
      const server = await startGitea({ program: programs.gitea, folder, people })
      await fill({ programs, folder, host: server.host, images, login: ada })
      return { server, tokens: server, origins: { registry: server.url } }
    },
    setPassword: ({ tokens }, user, password) => tokens.setPassword(user, password),
    requests: [
      ...standard({ tokens: { path: '/v2/token', service: 'container_registry' } }),
      // Every page of tags has a link, the last one to a page without any.
      { path: '/v2/public/base/tags/list?last=1.0', as: 'token:nobody public' },
      { path: '/v2/team-a/secret-plans/tags/list?last=latest', as: 'token:ada private' },
      { path: '/v2/team-b/tools/tags/list?last=latest', as: 'token:bob team' },
      // A denied token is answered by a Basic challenge.
      { path: '/v2/', as: 'ada' },
      { path: '/v2/', as: 'bob' },
      { path: '/v2/', as: 'ada:wrong' },
      { path: '/v2/team-a/secret-plans/tags/list', as: 'bob' },
    ],
  },
}
