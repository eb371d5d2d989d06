// The page's pure modules: addresses, names, sizes, commands, and words for every code and decision of the protocol.
// They need no browser: Node imports them from a copy whose package.json has the type `module`.

import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const copy = mkdtempSync(join(tmpdir(), 'dockpass-page-'))
cpSync(join(root, 'www/ui'), join(copy, 'ui'), { recursive: true })
for (const name of ['errors.js', 'lib/error-texts.js']) {
  cpSync(join(root, 'client-wasm/npm', name), join(copy, 'dockpass', name))
}
writeFileSync(join(copy, 'package.json'), '{"type":"module"}')
after(() => rmSync(copy, { recursive: true, force: true }))
const load = (name) => import(pathToFileURL(join(copy, 'ui', name)).href)

const { hrefFor, parseRoute, splitName } = await load('route.js')
const { asText, describeStep, isKnownDecision, redact } = await load('steps.js')
const { pullSize, readManifest, sharedSize, platformName } = await load('manifest-model.js')
const { pullCommand } = await load('pull.js')
const { codeOf, explain, isKnown } = await load('errors.js')
const { bytes, newestFirst, shortDigest } = await load('format.js')
const { visible } = await load('dom.js')

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`

test('addresses with registry, repository and reference round-trip', () => {
  for (const place of [
    { registry: 'localhost:5000', repository: null, reference: null },
    { registry: 'docker.io', repository: 'library/alpine', reference: null },
    { registry: '[::1]:5000', repository: 'a/b/c', reference: 'v1.2_x-y' },
    { registry: 'r.example', repository: 'team/app', reference: DIGEST },
  ]) {
    assert.deepEqual(parseRoute(hrefFor(place)), place)
  }
})

test('addresses may contain every host that the key server accepts', () => {
  const cases = JSON.parse(readFileSync(join(root, 'protocol/testdata/origins.json'), 'utf8'))
  const origins = cases.map(({ expect }) => expect.origin).filter((origin) => origin !== undefined)
  assert.ok(origins.length >= 10 && origins.some((origin) => origin.includes('_')), `${origins}`)
  for (const origin of origins) {
    const registry = origin.replace(/^https?:\/\//, '')
    assert.equal(parseRoute(`#/${registry}/a/b`).registry, registry)
  }
})

// Threats: WEB-05.
test('invalid parts of an address are dropped', () => {
  const nothing = { registry: null, repository: null, reference: null }
  for (const hash of [
    '',
    '#',
    '#/',
    '#//evil.test',
    '#/%E0%A4%A',
    '#/<img>/x',
    '#/javascript:alert(1)',
    '#/user@host/a',
  ]) {
    assert.deepEqual(parseRoute(hash), nothing, hash)
  }
  for (const rest of [
    'UPPER',
    'a//b',
    '../etc',
    'a:b:c',
    'a@sha256:zz',
    'a:-tag',
    'a%0Ab',
    `${'a/'.repeat(128)}a`,
  ]) {
    assert.deepEqual(parseRoute(`#/r.example/${rest}`), { ...nothing, registry: 'r.example' }, rest)
  }
})

test('a digest wins over a tag', () => {
  assert.deepEqual(splitName(`a/b:1@${DIGEST}`), { repository: 'a/b', reference: DIGEST })
})

test('no command is offered for names that a shell could read otherwise', () => {
  const base = {
    tool: 'docker',
    registry: 'r.example',
    plainHttp: false,
    repository: 'a/b',
    reference: '1',
  }
  assert.equal(pullCommand(base), 'docker pull r.example/a/b:1')
  assert.equal(pullCommand({ ...base, reference: DIGEST }), `docker pull r.example/a/b@${DIGEST}`)
  assert.equal(
    pullCommand({ ...base, tool: 'podman', plainHttp: true }),
    'podman pull --tls-verify=false r.example/a/b:1',
  )
  assert.equal(pullCommand({ ...base, tool: 'helm' }), 'helm pull oci://r.example/a/b --version 1')
  for (const bad of [
    { repository: 'a;rm -rf ~' },
    { reference: '$(id)' },
    { registry: 'r.example`id`' },
    { repository: 'a\nb' },
    { tool: 'sh' },
  ]) {
    assert.equal(pullCommand({ ...base, ...bad }), null, JSON.stringify(bad))
  }
})

test('attestations are kept apart from platforms', () => {
  const marks = {
    'vnd.docker.reference.type': 'attestation-manifest',
    'vnd.docker.reference.digest': DIGEST,
  }
  const model = readManifest('application/vnd.oci.image.index.v1+json', {
    manifests: [
      { digest: DIGEST, size: 10, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
      {
        digest: 'sha256:x',
        size: 5,
        platform: { os: 'unknown', architecture: 'unknown' },
        annotations: marks,
      },
    ],
  })
  assert.deepEqual(
    model.children.map((child) => child.platform),
    ['linux/arm64/v8'],
  )
  assert.deepEqual(
    model.attestations.map((entry) => entry.of),
    [DIGEST],
  )
})

test('malformed manifests are read without an exception', () => {
  for (const absurd of [
    null,
    [],
    'text',
    7,
    {},
    { manifests: 'no' },
    { manifests: [null, 1, { size: -1 }] },
    { layers: {} },
    { config: 5, layers: [{ size: '9' }] },
    { schemaVersion: 1, fsLayers: [null] },
    { annotations: { a: 1 } },
  ]) {
    const model = readManifest(undefined, absurd)
    assert.ok(
      ['index', 'image', 'artifact', 'schema1', 'unknown'].includes(model.kind),
      JSON.stringify(absurd),
    )
    assert.ok([...model.children, ...model.layers].every((entry) => entry.size === null || entry.size >= 0))
  }
  assert.equal(platformName({ os: 'unknown', architecture: 'unknown' }), '')
})

test('sizes are summed with shared blobs counted once, and unknown sizes are not guessed', () => {
  const image = (...sizes) => ({
    config: { digest: 'c', size: 1 },
    layers: sizes.map((size) => ({ digest: `d${size}`, size })),
  })
  assert.equal(pullSize(image(10, 20)), 31)
  assert.equal(sharedSize([image(10, 20), image(10, 30)]), 61)
  assert.equal(pullSize(image(10, null)), null)
  assert.deepEqual([0, 999, 1000, 999_999, 29_536_818].map(bytes), [
    '0 B',
    '999 B',
    '1.00 kB',
    '1.00 MB',
    '29.5 MB',
  ])
  assert.equal(bytes(Number.NaN), 'unknown')
})

test('tags are sorted by version: higher first, a release before its candidates, words last', () => {
  const tags = ['latest', '1.9.0', '2.0.0-rc.1', 'v2.0.1', '1.10.0', 'edge', '2.0.0', '2.0.0-rc.2']
  assert.deepEqual(tags.sort(newestFirst), [
    'v2.0.1',
    '2.0.0',
    '2.0.0-rc.2',
    '2.0.0-rc.1',
    '1.10.0',
    '1.9.0',
    'edge',
    'latest',
  ])
})

test('a step shows neither user information nor query values', () => {
  assert.equal(
    redact('https://bob:hunter2@auth.example/token?account=bob&scope=x#f'),
    'https://hidden@auth.example/token?account=hidden&scope=hidden',
  )
  const step = describeStep({
    at: 1,
    hop: 'token_service',
    kind: 'key_server',
    method: 'GET',
    url: 'https://u:s3cret@a.example/t?password=s3cret',
    status: 401,
    decision: 'send_credentials',
    reason: 'Because.',
  })
  const text = asText([{ mark: 'Log in', at: 1 }, step], 'dockpass')
  assert.doesNotMatch(text, /s3cret/)
  assert.match(
    text,
    /key server → token service {2}GET https:\/\/hidden@a\.example\/t\?password=hidden {2}without authorization {2}→ 401/,
  )
})

test('the copied text contains the diagnosis', () => {
  const diagnosis = {
    code: 'wrong_password',
    hop: 'registry',
    evidence: [{ what: 'status', value: '401' }],
    fix: 'Log in again.',
  }
  assert.match(
    asText(
      [
        { mark: 'Log in', at: 1 },
        { diagnosis, at: 2 },
      ],
      'dockpass',
    ),
    /# Log in\nDiagnosis: wrong_password\n {4}status: 401\n {4}Log in again\.\n$/,
  )
})

// Threats: WEB-01.
test('bidirectional and invisible characters in names are shown as escapes', () => {
  assert.equal(visible('a\u202Egnp.exe\u200B'), 'a<U+202E>gnp.exe<U+200B>')
  assert.equal(shortDigest(DIGEST), '0123456789ab')
})

test('a thrown value is shown by its code only', () => {
  assert.equal(codeOf(Object.assign(new Error('secret'), { code: 'scope_denied' })), 'scope_denied')
  assert.equal(codeOf(new DOMException('x', 'AbortError')), 'aborted')
  for (const odd of [null, undefined, 'text', { code: '<b>' }, { code: 7 }, new TypeError('secret')]) {
    assert.equal(codeOf(odd), 'unknown')
    assert.doesNotMatch(JSON.stringify(explain(odd)), /secret/)
  }
})

test('every code and every decision has a text on the page', () => {
  const names = (file, block) => {
    const text = readFileSync(join(root, file), 'utf8')
    const found = [
      ...text.slice(text.indexOf(`\n${block} {`)).matchAll(/^ {4}[A-Z]\w+ = "([a-z_]+)",/gm),
    ].map((match) => match[1])
    assert.ok(found.length > 10, `${file} lists its names otherwise now`)
    return found
  }
  assert.deepEqual(
    names('protocol/src/code.rs', 'codes!').filter((code) => !isKnown(code)),
    [],
  )
  assert.deepEqual(
    names('protocol/src/flow/record.rs', 'decisions!').filter((decision) => !isKnownDecision(decision)),
    [],
  )
})
