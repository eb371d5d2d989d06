// curl in a shell: a session is a bearer token for any HTTP client. The commands are read from the README, so that the
// README stays correct.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { startDemo } from './harness/demo.mjs'
import { startKeyServer } from './harness/keyserver.mjs'
import { run, scratch, stopAll } from './harness/process.mjs'
import { programs } from './harness/programs.mjs'
import { contents, makeImages, people, startSetups } from './harness/setups.mjs'

const folder = await scratch('curl')
const found = await programs(
  'keyserver',
  'demo',
  'registry2',
  'registry3',
  'docker_auth',
  'crane',
  'skopeo',
  'htpasswd',
  'openssl',
  'curl',
  'jq',
)
let demo
let setups
let keyserver

before(async () => {
  const images = await makeImages(await folder.folder('images'))
  ;[demo, setups] = await Promise.all([
    startDemo({ program: found.demo, folder: await folder.folder('demo') }),
    startSetups({ programs: found, scratch: folder, images, kinds: ['token'] }),
  ])
  keyserver = await startKeyServer({
    program: found.keyserver,
    folder: await folder.folder('keyserver'),
    registries: [
      ...Object.values(demo.registries).map(({ name, url, realms }) => ({ name, url, realms })),
      ...setups.map(({ name, registry, tokenService }) => ({
        name,
        url: registry.url,
        realms: [tokenService.realm],
      })),
    ],
  })
})

after(async () => {
  await stopAll()
  await folder.remove()
})

/** The README's commands, with the address of the key server put in. */
async function readmeCommands() {
  const text = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const section = text.split(/^## /m).find((part) => /^Call it with curl/.test(part))
  assert.ok(section, 'the README has a section on curl')
  const [, commands] = section.match(/```sh\n([\s\S]*?)```/)
  const [, set] = commands.match(/^(KEYSERVER=\S+)$/m) ?? []
  assert.ok(set, 'the README sets KEYSERVER')
  const [example] = commands.match(/^REGISTRY=.* USERNAME=.* PASSWORD=.* REPOSITORY=.*$/m) ?? []
  assert.ok(example, 'the README says which four values are yours to fill in')
  return commands.replace(set, `KEYSERVER=${keyserver.url}`).replace(example, '')
}

const shell = (commands, env, expect = 0) => run('sh', ['-eu', '-c', commands], { env, expect })

describe("the README's commands", () => {
  for (const name of ['token', 'hub', 'own-realm', 'opaque']) {
    it(`list tags at the demo's ${name} registry`, async () => {
      const { stdout } = await shell(await readmeCommands(), {
        REGISTRY: keyserver.registries[name],
        USERNAME: 'ada',
        PASSWORD: demo.password('ada'),
        REPOSITORY: 'team-a/api',
      })
      assert.deepEqual(JSON.parse(stdout), { name: 'team-a/api', tags: ['2.1.0', 'latest'] })
      assert.deepEqual(await demo.violations(), [])
    })
  }
})

describe('curl step by step', () => {
  /** @type {(path: string, options?: { body?: object, authorization?: string }) => Promise<{ status: number, body: any }>} */
  const api = async (path, { body, authorization } = {}) => {
    // Body and token are passed by file and standard input, because every user of the machine can read arguments.
    const config = [
      `url = "${keyserver.url}${path}"`,
      'silent',
      'show-error',
      'write-out = "\\n%{http_code}"',
      ...(authorization ? [`header = "Authorization: Bearer ${authorization}"`] : []),
      ...(body
        ? ['header = "Content-Type: application/json"', `data = ${JSON.stringify(JSON.stringify(body))}`]
        : []),
    ].join('\n')
    const { stdout } = await run(found.curl, ['--config', '-'], { input: config })
    const split = stdout.lastIndexOf('\n')
    return { status: Number(stdout.slice(split + 1)), body: JSON.parse(stdout.slice(0, split)) }
  }
  for (const version of ['2.8', '3']) {
    it(`log in, request a token, list tags: distribution ${version} with docker_auth`, async () => {
      const setup = setups.find((each) => each.version === version)
      const registry = keyserver.registries[setup.name]
      const login = await api('/v1/sessions', { body: { registry, username: 'bob', password: people.bob } })
      assert.equal(login.status, 200, JSON.stringify(login.body))
      assert.deepEqual([login.body.registry, login.body.username], [registry, 'bob'])
      assert.ok(login.body.expires_at > Date.now())
      const { session } = login.body
      assert.match(session, /^[\w-]+(\.[\w-]+){5}$/)
      const readable = JSON.parse(Buffer.from(session.split('.')[0], 'base64url').toString())
      assert.deepEqual(
        Object.keys(readable).filter((key) => !['alg', 'enc', 'kid', 'typ', 'cty'].includes(key)),
        [],
      )
      assert.deepEqual([readable.alg, readable.enc], ['RSA-OAEP-256', 'A256GCM'])

      const scopes = [
        'repository:team-b/tools:pull',
        'repository:team-a/secret-plans:pull',
        'registry:catalog:*',
      ]
      const mark = setup.tokenService.mark()
      const token = await api('/v1/token', { authorization: session, body: { registry, scopes } })
      assert.equal(token.status, 200, JSON.stringify(token.body))
      assert.deepEqual(
        [
          token.body.granted,
          token.body.denied.toSorted(),
          token.body.unknown,
          token.body.kind,
          token.body.token_type,
        ],
        [
          ['repository:team-b/tools:pull'],
          ['registry:catalog:*', 'repository:team-a/secret-plans:pull'],
          [],
          'jwt',
          'Bearer',
        ],
      )
      assert.ok(token.body.expires_in > 0)
      assert.ok(setup.tokenService.requests(mark) >= 1)

      const tags = await api(`/r/${registry}/v2/team-b/tools/tags/list`, {
        authorization: token.body.token,
      })
      assert.equal(tags.status, 200)
      assert.deepEqual(
        { ...tags.body, tags: tags.body.tags.toSorted() },
        { name: 'team-b/tools', tags: contents['team-b/tools'].toSorted() },
      )
      // The registry accepts the token too.
      const direct = await fetch(`${setup.registry.url}/v2/team-b/tools/tags/list`, {
        headers: { authorization: `Bearer ${token.body.token}` },
      })
      assert.equal(direct.status, 200)
      const refused = await fetch(`${setup.registry.url}/v2/team-a/secret-plans/tags/list`, {
        headers: { authorization: `Bearer ${token.body.token}` },
      })
      assert.ok([401, 403].includes(refused.status))
    })
  }

  it('a repeated request for a token is served from the cache', async () => {
    const [setup] = setups
    const registry = keyserver.registries[setup.name]
    const {
      body: { session },
    } = await api('/v1/sessions', { body: { registry, username: 'ada', password: people.ada } })
    const ask = () =>
      api('/v1/token', {
        authorization: session,
        body: { registry, scopes: ['repository:public/base:pull'] },
      })
    const first = await ask()
    const mark = setup.tokenService.mark()
    const second = await ask()
    assert.equal(second.body.token, first.body.token)
    assert.equal(setup.tokenService.requests(mark), 0)
  })

  it('a wrong password gives 401 and a problem document with its code', async () => {
    const registry = keyserver.registries[setups[0].name]
    const { status, body } = await api('/v1/sessions', {
      body: { registry, username: 'ada', password: people.bob },
    })
    assert.equal(status, 401)
    assert.equal(body.code, 'bad_credentials')
    assert.equal(body.status, 401)
    assert.ok(body.title && body.request_id)
    assert.ok(!JSON.stringify(body).includes(people.bob))
  })
})
