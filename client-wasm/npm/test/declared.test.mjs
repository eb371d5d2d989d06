// index.d.ts and doctor.d.ts against the code: every export, every member of every class, every field of every result,
// both ways. The results are those of the vectors and of a client at the fake key server.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import init, * as dockpass from 'dockpass'
import * as doctor from 'dockpass/doctor'
import { declarations } from './support/declared.mjs'
import { USER, config, sha256, start } from './support/key-server.mjs'
import { FILES, run, runDiagnosis } from './support/vectors.mjs'

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))
const [main, second, codes] = ['index.d.ts', 'doctor.d.ts', 'codes.d.ts'].map(path)
const types = declarations([main, second, codes])
const exported = types.exportsOf(main)
const exportedByDoctor = types.exportsOf(second)
const vectors = (file) =>
  JSON.parse(readFileSync(new URL(`../../../protocol/testdata/${file}.json`, import.meta.url), 'utf8'))

/** Checks a value against a named type. */
const is = (value, name, from = exported) => types.check(value, types.typeNamed(from.get(name)), name)

/** Runs some work and checks its error, if any. */
async function checked(work) {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof dockpass.DockpassError)) throw error
    is(error, 'DockpassError')
    return error
  }
}

/** @type {Record<string, (request: any) => unknown>} */
const hooks = {}
let server, client
before(async () => {
  await init()
  server = await start({ hooks })
  client = await dockpass.RegistryClient.connect({ keyServer: server.url, registry: 'registry.test' })
})
after(() => server.stop())

describe('names', () => {
  for (const [file, module, symbols] of /** @type {[string, object, Map<string, any>][]} */ ([
    ['index.d.ts', dockpass, exported],
    ['doctor.d.ts', doctor, exportedByDoctor],
  ])) {
    test(`${file} exports the values that the code exports`, () => {
      const declared = [...symbols].filter(([, symbol]) => types.isValue(symbol)).map(([name]) => name)
      assert.deepEqual(declared.sort(), Object.keys(module).sort())
    })
  }

  test('RegistryClient has the declared members and no others', () => {
    const symbol = exported.get('RegistryClient')
    const { prototype } = dockpass.RegistryClient
    const declared = [...types.members(symbol).keys()]
    const own = Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor')
    assert.deepEqual(
      declared.filter((name) => !(name in prototype)),
      [],
      'declared, and not there',
    )
    assert.deepEqual(
      own.filter((name) => !declared.includes(name)),
      [],
      'there, and not declared',
    )
    assert.deepEqual(Object.keys(client), [], 'fields of an instance')
    const statics = Object.getOwnPropertyNames(dockpass.RegistryClient)
    assert.deepEqual(
      statics.filter((name) => !['length', 'name', 'prototype'].includes(name)).sort(),
      [...types.statics(symbol).keys()].sort(),
    )
  })
})

describe('results', () => {
  test('of the pure functions, and their errors', () => {
    const counts = {}
    const recorded = Object.fromEntries(
      Object.entries(dockpass)
        .filter(([name]) => /^[a-z]/.test(name) && typeof dockpass[name] === 'function' && name !== 'default')
        .map(([name, work]) => [
          name,
          (...given) => {
            counts[name] = (counts[name] ?? 0) + 1
            try {
              const value = /** @type {any} */ (work)(...given)
              types.check(value, types.returnType(exported.get(name)), name)
              return value
            } catch (error) {
              if (error instanceof dockpass.DockpassError) is(error, 'DockpassError')
              throw error
            }
          },
        ]),
    )
    for (const file of FILES) for (const vector of vectors(file)) run(recorded, file, vector)
    for (const name of Object.keys(recorded)) assert.ok(counts[name] > 10, `${name}: ${counts[name]}`)
    assert.throws(() => recorded.parseChallenges(['Basic', 'a b c']), {
      code: 'ERR_CHALLENGE_SYNTAX',
      line: 1,
    })
  })

  test('of the doctor', async () => {
    const diagnose = async (steps, facts) => {
      const diagnosis = await doctor.diagnose(steps, facts)
      is(diagnosis, 'Diagnosis', exportedByDoctor)
      return diagnosis
    }
    for (const vector of vectors('diagnoses')) await runDiagnosis(diagnose, vector)
  })

  test('of the client, its events and its errors', async () => {
    const { RegistryClient } = dockpass
    const members = types.members(exported.get('RegistryClient'))
    const statics = types.statics(exported.get('RegistryClient'))
    const heard = []
    for (const type of ['step', 'signedout']) {
      client.addEventListener(type, ({ detail }) => heard.push([type, detail]))
    }
    const result = async (name, ...given) =>
      types.check(await client[name](...given), types.returnType(members.get(name)), name)
    types.check(
      await RegistryClient.registries({ keyServer: server.url }),
      types.returnType(statics.get('registries')),
      'registries',
    )
    assert.equal(client.session, null)
    const wrong = await checked(() => client.login({ ...USER, password: 'wrong' }))
    assert.equal(wrong.code, 'bad_credentials')
    await result('login', USER)
    is(client.session, 'Session')
    await result('authorize', ['repository:app:pull', 'repository:app:delete'])
    await result('manifest', 'app', 'latest')
    await result('blob', 'app', sha256(config))
    await result('config', 'app', 'latest', { platform: 'linux/arm64' })
    await result('layers', 'app', 'latest', { platform: 'linux/arm64' })
    await result('referrers', 'app', sha256(config))
    await result('push', 'app', new Blob(['a']))
    await result('putManifest', 'app', 'latest', { mediaType: 'application/json' })
    await result('copy', { repository: 'app', reference: 'latest' }, { reference: 'stable' })
    await result('delete', 'app', 'latest', { dryRun: true })
    for await (const page of client.tags('app', { n: 2 }).pages()) is(page, 'Page')
    for (const work of [
      () => client.fetch('https://elsewhere.test/v2/'),
      () => client.manifest('app', 'none'),
      () => client.manifest('app', 'latest', { platform: 'plan9/arm' }),
      () => client.fetch('/v2/app/tags/list', { signal: AbortSignal.abort() }),
      () => client.authorize(['nonsense']),
    ]) {
      assert.ok((await checked(work)) instanceof dockpass.DockpassError)
    }
    hooks['POST /v1/sessions'] = ({ problem }) => problem('rate_limited', 429, { retry_after: 30 })
    assert.equal((await checked(() => client.login(USER))).retryAfter, 30_000)
    // What only some token services cause.
    const steps = [
      { ...heard[0][1], target: '/token', problem: 'token_response_json', place: 'https://auth.test/token' },
    ]
    hooks['POST /v1/sessions'] = ({ problem }) =>
      problem('upstream_invalid', 502, {
        step: 'token_service',
        steps,
        context: { service: 'registry.test' },
      })
    const failed = await checked(() => client.login(USER))
    assert.equal(failed.context.service, 'registry.test')
    await client.logout()
    for (const [type, detail] of heard) {
      if (type === 'step') is(detail, 'Step')
      else is(detail.reason, 'SignedOutReason')
    }
    assert.equal(heard.at(-1)[0], 'signedout')
  })

  test('have every declared field', () => {
    const names = [
      ...['Challenge', 'Scope', 'Reference', 'JwtInfo', 'OpaqueTokenInfo', 'TokenResponse', 'Session'],
      ...['RegistryInfo', 'Page', 'Verified', 'Manifest', 'Step', 'ImageConfig', 'Pushed'],
      ...['ChallengeSyntaxError', 'ScopeSyntaxError', 'InputError', 'OperationError'],
    ]
    assert.deepEqual(types.unseen(exported, names), [])
    assert.deepEqual(types.unseen(exportedByDoctor, ['Diagnosis']), [])
  })

  test('a field too many, one that is missing and one of another type are found', () => {
    const reference = { registry: 'docker.io', repository: 'library/alpine' }
    is(reference, 'Reference')
    assert.throws(() => is({ ...reference, more: 1 }, 'Reference'), /more is not declared/)
    assert.throws(() => is({ registry: 'docker.io' }, 'Reference'), /repository is missing/)
    assert.throws(() => is({ ...reference, tag: 7 }, 'Reference'), /tag is 7/)
    const opaque = { kind: 'opaque', verified: false, access: null }
    is(opaque, 'TokenInfo')
    assert.throws(() => is({ ...opaque, claims: {} }, 'TokenInfo'), /claims is not declared/)
    assert.throws(() => is({ ...opaque, kind: 'jwt' }, 'TokenInfo'), /header is missing/)
  })
})
