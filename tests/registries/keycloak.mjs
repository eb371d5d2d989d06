// Keycloak as the token service of a registry: its docker-v2 protocol.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Server, freePort } from '../e2e/harness/process.mjs'
import { uniquePassword } from '../e2e/harness/secrets.mjs'

const REALM = 'dockpass'
const CLIENT = 'registry'

/**
 * Starts Keycloak with `people` in a realm whose client for a registry grants everybody what is asked for.
 *
 * `folder` holds its log and its certificate. The server returned also has `realm`, `service`, `issuer`, `certificate` and
 * `setPassword(user, password)`.
 */
export async function startKeycloak({ home, folder, people }) {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const admin = uniquePassword()
  const server = new Server(
    'keycloak',
    'sh',
    [
      join(home, 'bin/kc.sh'),
      ...['start', '--optimized', '--http-enabled=true', '--http-host=127.0.0.1', `--http-port=${port}`],
      ...[`--hostname=${url}`, '--cache=local'],
    ],
    {
      cwd: folder,
      logs: folder,
      env: { KC_BOOTSTRAP_ADMIN_USERNAME: 'admin', KC_BOOTSTRAP_ADMIN_PASSWORD: admin },
    },
  )
  await server.says(/Listening on/, { seconds: 300 })
  const api = apiOf(url, admin)
  await api('POST', '/admin/realms', realmOf(people))
  const [key] = (await api('GET', `/admin/realms/${REALM}/keys`)).keys.filter(
    ({ use, algorithm }) => use === 'SIG' && algorithm === 'RS256',
  )
  const certificate = join(folder, 'keycloak.pem')
  await writeFile(
    certificate,
    `-----BEGIN CERTIFICATE-----\n${key.certificate.match(/.{1,64}/g).join('\n')}\n-----END CERTIFICATE-----\n`,
  )
  return Object.assign(server, {
    origin: url,
    realm: `${url}/realms/${REALM}/protocol/docker-v2/auth`,
    service: CLIENT,
    issuer: `${url}/realms/${REALM}`,
    certificate,

    async setPassword(user, password) {
      const [{ id }] = await api('GET', `/admin/realms/${REALM}/users?exact=true&username=${user}`)
      const body = { type: 'password', value: password, temporary: false }
      await api('PUT', `/admin/realms/${REALM}/users/${id}/reset-password`, body)
    },
  })
}

function realmOf(people) {
  return {
    realm: REALM,
    enabled: true,
    sslRequired: 'none',
    clients: [
      {
        clientId: CLIENT,
        protocol: 'docker-v2',
        enabled: true,
        protocolMappers: [
          {
            name: 'allow all',
            protocol: 'docker-v2',
            protocolMapper: 'docker-v2-allow-all-mapper',
            config: {},
          },
        ],
      },
    ],
    users: Object.entries(people).map(([username, value]) => ({
      username,
      enabled: true,
      email: `${username}@example.test`,
      emailVerified: true,
      firstName: username,
      lastName: 'Test',
      credentials: [{ type: 'password', value, temporary: false }],
    })),
  }
}

/** Keycloak's administration as its first administrator. */
function apiOf(url, password) {
  return async (method, path, body) => {
    const login = await fetch(`${url}/realms/master/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'password',
        client_id: 'admin-cli',
        username: 'admin',
        password,
      }),
    })
    const { access_token: token } = await login.json()
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`Keycloak: ${method} ${path}: ${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
}
