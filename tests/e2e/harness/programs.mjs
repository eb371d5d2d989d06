// Paths and versions of the programs that the tests run. If programs are missing, the run fails with a list of all of them:
// no test is skipped.

import { access, constants, readFile } from 'node:fs/promises'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './process.mjs'

const repository = fileURLToPath(new URL('../../..', import.meta.url))

/** Where screenshots and logs of a run go. */
export const outputFolder = process.env.DOCKPASS_E2E_OUT ?? join(repository, 'target', 'e2e')

// Some programs are started in a folder of their own.
const peers = process.env.DOCKPASS_PEERS_DIR && resolve(process.env.DOCKPASS_PEERS_DIR)
const peer = (name) => (peers ? [join(peers, name)] : [])
const candidates = {
  keyserver: [process.env.DOCKPASS_KEYSERVER ?? join(repository, 'target/debug/dockpass-keyserver')],
  demo: [process.env.DOCKPASS_DEMO ?? join(repository, 'target/debug/dockpass-demo')],
  registry2: ['docker-registry'],
  registry3: peer('registry'),
  docker_auth: peer('docker_auth'),
  olareg: peer('olareg'),
  crane: peer('crane'),
  oras: peer('oras'),
  regctl: peer('regctl'),
  conformance: peer('conformance'),
  gitea: peer('gitea'),
  helm: peer('helm'),
  systemd: ['systemd-analyze'],
  strace: ['strace'],
  buildah: ['buildah'],
  compose: ['docker-compose'],
  caddy: ['caddy'],
  traefik: peer('traefik'),
  redis: ['redis-server'],
  schemathesis: process.env.DOCKPASS_SCHEMATHESIS ? [process.env.DOCKPASS_SCHEMATHESIS] : [],
  keycloak: process.env.DOCKPASS_KEYCLOAK ? [process.env.DOCKPASS_KEYCLOAK] : [],
  skopeo: ['skopeo'],
  htpasswd: ['htpasswd'],
  openssl: ['openssl'],
  curl: ['curl'],
  jq: ['jq'],
  // Debian's is in a folder that only root has in its PATH.
  nginx: ['nginx', '/usr/sbin/nginx'],
  firefox: ['firefox-esr', 'firefox'],
  chromium: process.env.CHROMIUM ? [process.env.CHROMIUM] : ['chromium', 'chromium-browser', 'google-chrome'],
}

const wanted = {
  keyserver: 'DOCKPASS_KEYSERVER (cargo build -p dockpass-keyserver)',
  demo: 'DOCKPASS_DEMO (cargo build -p dockpass-tests)',
  registry2: "Debian's docker-registry",
  registry3: 'DOCKPASS_PEERS_DIR/registry (tests/peers/registry)',
  docker_auth: 'DOCKPASS_PEERS_DIR/docker_auth (tests/peers/docker_auth)',
  ...Object.fromEntries(
    ['olareg', 'crane', 'oras', 'regctl', 'conformance'].map((name) => [
      name,
      `DOCKPASS_PEERS_DIR/${name} (tests/peers/${name})`,
    ]),
  ),
  gitea: 'DOCKPASS_PEERS_DIR/gitea (tests/registries/peers/gitea)',
  schemathesis: 'DOCKPASS_SCHEMATHESIS (tests/openapi/requirements.txt)',
  helm: 'DOCKPASS_PEERS_DIR/helm (tests/deploy/peers/helm)',
  traefik: 'DOCKPASS_PEERS_DIR/traefik (tests/deploy/peers/traefik)',
  keycloak: 'DOCKPASS_KEYCLOAK (the folder of Keycloak)',
  chromium: 'Chromium (CHROMIUM)',
  firefox: "Firefox (Debian's firefox-esr)",
}

async function locate(name) {
  for (const candidate of candidates[name]) {
    const paths = candidate.includes('/')
      ? [candidate]
      : (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, candidate))
    for (const path of paths) {
      if (
        await access(path, constants.X_OK).then(
          () => true,
          () => false,
        )
      )
        return path
    }
  }
  return null
}

/** Paths of the named programs; throws one error that lists every one that is missing. */
export async function programs(...names) {
  const found = {}
  const missing = []
  for (const name of names) {
    const path = await locate(name)
    if (path) found[name] = path
    else missing.push(wanted[name] ?? name)
  }
  if (missing.length > 0) throw new Error(`missing for the end-to-end tests: ${missing.join('; ')}`)
  return found
}

const versionOf = {
  keyserver: async (path) => (await run(path, ['--version'])).stdout,
  registry2: async (path) => (await run(path, ['--version'])).stdout,
  registry3: async (path) => (await run(path, ['--version'])).stdout,
  docker_auth: async (path) => (await run(path, ['--version'])).stdout,
  olareg: async (path) => (await run(path, ['--version'])).stdout,
  crane: async (path) => (await run(path, ['--version'])).stdout,
  oras: async (path) => (await run(path, ['version'])).stdout.split('\n')[0],
  regctl: async (path) => (await run(path, ['version', '--format', '{{.VCSTag}}'])).stdout,
  gitea: async (path) => (await run(path, ['--version'])).stdout,
  keycloak: async (path) => (await readFile(join(path, 'version.txt'), 'utf8')).trim(),
  skopeo: async (path) => (await run(path, ['--version'])).stdout,
  openssl: async (path) => (await run(path, ['version'])).stdout,
  nginx: async (path) => (await run(path, ['-v'])).stderr,
  curl: async (path) => (await run(path, ['--version'])).stdout.split('\n')[0],
  chromium: async (path) => (await run(path, ['--version'])).stdout,
}

/** One line per program with the version that it prints. */
export async function versions(found) {
  const lines = []
  for (const [name, path] of Object.entries(found)) {
    if (!versionOf[name]) continue
    lines.push(`${name}: ${(await versionOf[name](path)).trim()} (${dirname(path)})`)
  }
  return lines
}
