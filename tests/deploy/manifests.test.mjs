// The compose file, the Helm chart and the proxies' configurations are valid, and what they tell the key server is valid too.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { programs } from '../e2e/harness/programs.mjs'
import { run, scratch } from '../e2e/harness/process.mjs'

const folder = await scratch('manifests')
const found = await programs('keyserver', 'compose', 'helm', 'caddy')
const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url))
const chart = join(deploy, 'helm/dockpass-keyserver')

after(() => folder.remove())

/** Whether the key server takes this configuration; key files that it names are made first. */
async function check(name, text) {
  const file = join(folder.path, name)
  for (const key of ['session.pem', 'other.pem']) {
    await run(found.keyserver, ['keygen', '--out', join(folder.path, key)], { expect: null })
  }
  await writeFile(join(folder.path, 'text'), 'text')
  const here = text
    .replaceAll(/\/etc\/dockpass\/secrets\/(session|other)\.pem/g, join(folder.path, '$1.pem'))
    .replaceAll(/\/etc\/dockpass\/secrets\/store-(username|password)/g, join(folder.path, 'text'))
  await writeFile(file, here)
  return run(found.keyserver, ['check-config', file])
}

it('compose', async () => {
  const file = join(deploy, 'compose/compose.yaml')
  const { stdout } = await run(found.compose, ['--file', file, 'config'])
  assert.match(stdout, /replicas: 2/)
  const { stdout: checked } = await check(
    'compose.yaml',
    await readFile(join(deploy, 'compose/config.yaml'), 'utf8'),
  )
  assert.match(checked, /is valid/)
})

it('Caddy', async () => {
  const file = join(deploy, 'proxy/Caddyfile')
  const env = { HOME: folder.path, XDG_DATA_HOME: folder.path, XDG_CONFIG_HOME: folder.path }
  const { stderr, stdout } = await run(
    found.caddy,
    ['validate', '--adapter', 'caddyfile', '--config', file],
    { env },
  )
  assert.match(`${stdout}${stderr}`, /Valid configuration/)
})

describe('Helm', () => {
  const values = {
    image: { repository: 'registry.example.com/dockpass-keyserver' },
    config: { public_origin: 'https://registry.example.com', store: { url: 'redis://store:6379' } },
    secret: { name: 'dockpass', store: true },
    ingress: { enabled: true, host: 'registry.example.com', tlsSecret: 'tls' },
  }
  const helm = async (command, given, expect = 0) => {
    const file = join(folder.path, 'values.json')
    await writeFile(file, JSON.stringify(given))
    const env = { HOME: folder.path }
    const version = ['--kube-version', '1.30.0']
    const args = command === 'lint' ? ['lint', '--strict', chart] : ['template', 'test', chart]
    return run(found.helm, [...args, ...version, '--values', file], { env, expect })
  }

  it('lint finds nothing', async () => {
    const { stdout } = await helm('lint', values)
    assert.match(stdout, /0 chart\(s\) failed/)
  })

  it('makes a configuration that the key server takes', async () => {
    const { stdout } = await helm('template', values)
    for (const kind of ['ConfigMap', 'Deployment', 'Ingress', 'PodDisruptionBudget', 'Service']) {
      assert.match(stdout, new RegExp(`^kind: ${kind}$`, 'm'))
    }
    const text = /^ {2}config\.yaml: \|\n((?: {4}.*\n|\n)+)/m.exec(stdout)?.[1] ?? ''
    const { stdout: checked } = await check('helm.yaml', text.replaceAll(/^ {4}/gm, ''))
    assert.match(checked, /is valid/)
  })

  /** @type {Record<string, { change: any, says: RegExp }>} */
  const wrong = {
    'several instances without a store': {
      change: { config: { public_origin: 'https://a.example' } },
      says: /store/,
    },
    'no public origin': { change: { config: {} }, says: /public_origin/ },
    'a public origin without TLS': {
      change: { config: { public_origin: 'http://a.example' } },
      says: /public_origin|pattern/,
    },
    'no secret': { change: { secret: { name: '' } }, says: /secret/ },
    'an unknown value': { change: { replica: 3 }, says: /replica/ },
  }
  for (const [what, { change, says }] of Object.entries(wrong)) {
    it(`refuses ${what}`, async () => {
      const given = { ...values, ...change, secret: { ...values.secret, store: false, ...change.secret } }
      const { code, stdout, stderr } = await helm('template', given, null)
      assert.notEqual(code, 0)
      assert.match(`${stdout}${stderr}`, says)
    })
  }
})
