// The package as somebody gets it: packed, installed into a fresh folder, imported by its name, compiled against.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { after, before, test } from 'node:test'

const run = promisify(execFile)
const packageFolder = fileURLToPath(new URL('..', import.meta.url))
const tools = join(packageFolder, '../../node_modules')
const types = readFileSync(new URL('../index.d.ts', import.meta.url), 'utf8')
let folder, files

/** The text of all scripts that the package is made of. */
const scripts = () =>
  readdirSync(join(packageFolder, 'lib'))
    .filter((file) => file.endsWith('.js'))
    .map((file) => readFileSync(join(packageFolder, 'lib', file), 'utf8'))
    .join()

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dockpass-pack-'))
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: join(packageFolder, 'dist/package'),
  })
  const report = JSON.parse(stdout)
  const packed = Array.isArray(report) ? report[0] : Object.values(report)[0]
  const names = packed.files.map(({ path }) => path.replace(/-[A-Z0-9]{8}\.js$/, '-HASH.js'))
  files = [...new Set(names)].sort()
  // Unpacked by hand: what npm would do, without asking anybody on a network.
  const target = join(folder, 'app/node_modules/dockpass')
  mkdirSync(target, { recursive: true })
  await run('tar', ['-xzf', join(folder, packed.filename), '-C', target, '--strip-components=1'])
  writeFileSync(join(folder, 'app/package.json'), '{"type":"module"}')
})
after(() => rmSync(folder, { recursive: true, force: true }))

// Threats: SUP-01.
test('what is in it', () => {
  assert.deepEqual(files, [
    'LICENSE',
    'README.md',
    'client.cjs',
    'client.d.cts',
    'client.d.ts',
    'client.js',
    'codes.d.cts',
    'codes.d.ts',
    'dist/client_bg.wasm',
    'dist/client_inline.js',
    'dist/digest_bg.wasm',
    'dist/digest_inline.js',
    'dist/dockpass_bg.wasm',
    'dist/dockpass_inline.js',
    'dist/doctor_bg.wasm',
    'dist/doctor_inline.js',
    'dist/syntax_bg.wasm',
    'dist/syntax_inline.js',
    'doctor-edge.js',
    'doctor-node.js',
    'doctor-worker.js',
    'doctor.cjs',
    'doctor.d.cts',
    'doctor.d.ts',
    'doctor.js',
    'edge.js',
    'elements.cjs',
    'elements.d.cts',
    'elements.d.ts',
    'elements.js',
    'environment.d.cts',
    'environment.d.ts',
    'errors.cjs',
    'errors.d.cts',
    'errors.d.ts',
    'errors.js',
    'index.cjs',
    'index.d.cts',
    'index.d.ts',
    'index.js',
    'inline.cjs',
    'inline.d.cts',
    'inline.d.ts',
    'inline.js',
    'lib/base.js',
    'lib/common.cjs',
    'lib/content.js',
    'lib/edge-HASH.js',
    'lib/more.js',
    'lib/node-HASH.js',
    'lib/page.js',
    'lib/reading.js',
    'lib/ui-HASH.js',
    'lib/worker-HASH.js',
    'node.js',
    'package.json',
    'sw.cjs',
    'sw.d.cts',
    'sw.d.ts',
    'sw.js',
    'syntax-edge.js',
    'syntax-node.js',
    'syntax-worker.js',
    'syntax.cjs',
    'syntax.d.cts',
    'syntax.d.ts',
    'syntax.js',
    'worker.js',
  ])
  const manifest = JSON.parse(readFileSync(join(folder, 'app/node_modules/dockpass/package.json'), 'utf8'))
  for (const name of [
    'dependencies',
    'devDependencies',
    'peerDependencies',
    'optionalDependencies',
    'scripts',
  ])
    assert.equal(manifest[name], undefined, name)
})

test('imported by its name it works', async () => {
  writeFileSync(
    join(folder, 'app/main.mjs'),
    `
    import init, { parseReference } from 'dockpass'
    import { diagnose } from 'dockpass/doctor'
    import manifest from 'dockpass/package.json' with { type: 'json' }
    await init()
    const { code } = await diagnose([])
    console.log(JSON.stringify([parseReference('alpine').registry, code, manifest.name, import.meta.resolve('dockpass/dockpass_bg.wasm').endsWith('dist/dockpass_bg.wasm')]))`,
  )
  const { stdout } = await run(process.execPath, ['--no-warnings', 'main.mjs'], {
    cwd: join(folder, 'app'),
  })
  assert.deepEqual(JSON.parse(stdout), ['docker.io', 'nothing_recorded', 'dockpass', true])
})

test('required by its name it works, with one state for both entries', async () => {
  writeFileSync(
    join(folder, 'app/main.cjs'),
    `
    const { default: init, DockpassError, parseReference } = require('dockpass')
    const { diagnose } = require('dockpass/doctor')
    async function main() {
      await init({ doctor: 'http://127.0.0.1:1/' })
      const error = await diagnose([]).catch((error) => error)
      console.log(parseReference('alpine').registry, error instanceof DockpassError, error.url)
    }
    main()`,
  )
  const { stdout } = await run(process.execPath, ['main.cjs'], { cwd: join(folder, 'app') })
  assert.equal(stdout, 'docker.io true http://127.0.0.1:1/\n')
})

test('dockpass/inline has both modules inside', async () => {
  writeFileSync(
    join(folder, 'app/inline.mjs'),
    `
    import { writeFileSync, readFileSync } from 'node:fs'
    import { fileURLToPath } from 'node:url'
    writeFileSync('alone.mjs', readFileSync(fileURLToPath(import.meta.resolve('dockpass/inline'))))
    const { default: init, parseReference, diagnose } = await import('./alone.mjs')
    await init()
    console.log(parseReference('alpine').registry, (await diagnose([])).code)`,
  )
  const { stdout } = await run(process.execPath, ['inline.mjs'], { cwd: join(folder, 'app') })
  assert.equal(stdout, 'docker.io nothing_recorded\n')
})

test('dockpass/syntax parses as dockpass does, and both work side by side', async () => {
  writeFileSync(
    join(folder, 'app/syntax.mjs'),
    `
    import assert from 'node:assert/strict'
    import init, * as all from 'dockpass'
    import initSyntax, * as syntax from 'dockpass/syntax'
    assert.throws(() => syntax.parseChallenges('Basic'), { code: 'ERR_NOT_INITIALIZED' })
    await Promise.all([init(), initSyntax()])
    const token = ['{"alg":"none"}', '{"sub":"ada","exp":9}', 's'].map((part) => btoa(part).replace(/=+$/, '')).join('.')
    for (const text of ['Basic realm="a"', 'Bearer realm="https://a.test/t",service="é"'])
      assert.deepEqual(syntax.parseChallenges(text), all.parseChallenges(text))
    for (const text of [token, 'opaque', 'e.e.e']) assert.deepEqual(syntax.inspectToken(text), all.inspectToken(text))
    assert.throws(() => syntax.parseChallenges('Basic realm="'), { code: 'ERR_CHALLENGE_SYNTAX' })
    assert.equal(syntax.version, all.version)
    console.log(all.parseReference('alpine').registry, Object.keys(syntax).sort().join())`,
  )
  const { stdout } = await run(process.execPath, ['syntax.mjs'], { cwd: join(folder, 'app') })
  assert.equal(stdout, 'docker.io DockpassError,default,inspectToken,parseChallenges,version\n')
})

test('dockpass/syntax in CommonJS', async () => {
  writeFileSync(
    join(folder, 'app/syntax.cjs'),
    `
    const { default: init, parseChallenges } = require('dockpass/syntax')
    init().then(() => console.log(parseChallenges('Basic realm="a"')[0].params.realm))`,
  )
  const { stdout } = await run(process.execPath, ['syntax.cjs'], { cwd: join(folder, 'app') })
  assert.equal(stdout, 'a\n')
})

test('npm would publish it, with the fields that people look for', async () => {
  const manifest = JSON.parse(readFileSync(join(folder, 'app/node_modules/dockpass/package.json'), 'utf8'))
  assert.match(manifest.repository.url, /^git\+https:\/\/.*\.git$/)
  assert.equal(manifest.repository.directory, 'client-wasm/npm')
  assert.ok(URL.canParse(manifest.homepage) && URL.canParse(manifest.bugs.url))
  assert.ok(manifest.keywords.length >= 8 && new Set(manifest.keywords).size === manifest.keywords.length)
  // As far as it goes without an account: npm corrects nothing in the manifest. Only a hosted workflow can sign the provenance.
  const tarball = join(folder, `dockpass-${manifest.version}.tgz`)
  const offline = [
    '--provenance',
    '--offline',
    '--ignore-scripts',
    '--registry',
    'http://127.0.0.1:9/',
    '--tag',
    'test',
  ]
  const { stdout, stderr } = await run('npm', ['publish', '--dry-run', '--json', ...offline, tarball], {
    cwd: folder,
  })
  assert.match(stdout, /"name": "dockpass"/)
  assert.doesNotMatch(stderr, /auto-corrected|npm error/)
})

test('every file that `exports` names is in it, and every entry can be imported and required', async () => {
  const app = join(folder, 'app')
  const manifest = JSON.parse(readFileSync(join(app, 'node_modules/dockpass/package.json'), 'utf8'))
  const named = (value) => (typeof value === 'string' ? [value] : Object.values(value).flatMap(named))
  for (const path of [...named(manifest.exports), manifest.main, manifest.module, manifest.types])
    assert.ok(existsSync(join(app, 'node_modules/dockpass', path)), path)
  const entries = Object.keys(manifest.exports).filter((name) => !/\.\w+$/.test(name))
  assert.ok(entries.length >= 5, `${entries}`)
  const names = entries.map((entry) => `dockpass${entry.slice(1)}`)
  const script = names
    .map((name) => `console.log(Object.keys(await import('${name}')).length > 0)`)
    .join('\n')
  writeFileSync(join(app, 'entries.mjs'), script)
  writeFileSync(
    join(app, 'entries.cjs'),
    names.map((name) => `console.log(Object.keys(require('${name}')).length > 0)`).join('\n'),
  )
  for (const file of ['entries.mjs', 'entries.cjs']) {
    const { stdout } = await run(process.execPath, [file], { cwd: app })
    assert.equal(stdout, 'true\n'.repeat(names.length), file)
  }
})

test('init in Node.js does not look at Response, whose first use takes longer than all else', async () => {
  writeFileSync(
    join(folder, 'app/response.mjs'),
    `
    import init from 'dockpass'
    for (const name of ['Response', 'Request', 'fetch'])
      Object.defineProperty(globalThis, name, { get() { throw new Error(name) } })
    await init()`,
  )
  await run(process.execPath, ['response.mjs'], { cwd: join(folder, 'app') })
})

test('it works where there is no TextEncoder and no TextDecoder', async () => {
  writeFileSync(
    join(folder, 'app/text.mjs'),
    `
    delete globalThis.TextEncoder
    delete globalThis.TextDecoder
    const { default: init, inspectToken, parseChallenges } = await import('dockpass')
    await init()
    const text = 'aé€😀' + String.fromCharCode(0xd800)
    const [{ params }] = parseChallenges('Bearer realm="' + text + '"')
    const base64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const token = inspectToken([base64({ alg: 'none' }), base64({ sub: 'é€😀' }), 'c2ln'].join('.'))
    console.log(params.realm === 'aé€😀' + String.fromCharCode(0xfffd), token.kind, token.claims?.sub)`,
  )
  const { stdout } = await run(process.execPath, ['text.mjs'], { cwd: join(folder, 'app') })
  assert.equal(stdout, 'true jwt é€😀\n')
})

test('the types compile what callers write, and refuse what they must not', async () => {
  const app = join(folder, 'app')
  cpSync(join(packageFolder, 'test/types.ts'), join(app, 'types.ts'))
  for (const moduleResolution of ['bundler', 'nodenext']) {
    const module = moduleResolution === 'bundler' ? 'esnext' : 'nodenext'
    writeFileSync(
      join(app, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          strict: true,
          noEmit: true,
          target: 'es2023',
          lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
          module,
          moduleResolution,
          types: [],
          exactOptionalPropertyTypes: false,
          noUncheckedIndexedAccess: true,
          skipLibCheck: false,
        },
        files: ['types.ts'],
      }),
    )
    await run(join(tools, '.bin/tsc'), ['-p', 'tsconfig.json'], { cwd: app }).catch(({ stdout, stderr }) =>
      assert.fail(`${moduleResolution}: ${stdout}${stderr}`),
    )
  }
})

test('every export is typed, every type of a value is exported', async () => {
  const module = await import('dockpass')
  for (const entry of ['elements', 'errors', 'sw']) {
    const declared = readFileSync(new URL(`../${entry}.d.ts`, import.meta.url), 'utf8')
    const names = [...declared.matchAll(/^export (?:class|function|const) (\w+)/gm)].map(([, name]) => name)
    assert.deepEqual(names.sort(), Object.keys(await import(`dockpass/${entry}`)).sort(), entry)
  }
  const typed = [...types.matchAll(/^export (?:class|function|const) (\w+)/gm)].map(([, name]) => name)
  assert.match(types, /^export default function init/m)
  assert.deepEqual(['default', ...typed].sort(), Object.keys(module).sort())
})

test('the types list exactly the codes of invalid input that there are', () => {
  const [, union] = /type InputErrorCode =([^]*?)\n\n/.exec(types)
  const listed = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code)
  const sources = scripts()
  const rust = ['boundary', 'challenge', 'client', 'jwt', 'reference', 'scope', 'token']
    .map((name) => readFileSync(new URL(`../../src/${name}.rs`, import.meta.url), 'utf8'))
    .join()
  assert.deepEqual(listed.sort(), [...new Set((sources + rust).match(/ERR_[A-Z_]+/g))].sort())
})

test('every code is explained in words', async () => {
  const { explain, isExplained } = await import('dockpass/errors')
  const [, union] = /type InputErrorCode =([^]*?)\n\n/.exec(types)
  const generated = readFileSync(join(packageFolder, 'codes.d.ts'), 'utf8')
  const [, operations] = /type OperationErrorCode =([^]*?)(?:\n\n|$)/.exec(generated)
  const codes = [...`${union}${operations}`.matchAll(/'(\w+)'/g)].map(([, code]) => code)
  assert.ok(codes.length > 50, `${codes.length}`)
  assert.deepEqual(
    codes.filter((code) => !isExplained(code)),
    [],
  )
  for (const odd of [null, undefined, 'text', { code: '<b>' }, { code: 7 }, new TypeError('secret')]) {
    assert.equal(explain(odd).code, 'unknown')
    assert.doesNotMatch(JSON.stringify(explain(odd)), /secret/)
  }
  const waiting = explain({ code: 'rate_limited', retryAfter: 1500, requestId: 'a b' })
  assert.match(waiting.text, / Wait 2 s\.$/)
  assert.equal(waiting.requestId, undefined)
})

test('paths and headers are those of the key server', () => {
  const api = readFileSync(new URL('../../../protocol/src/api.rs', import.meta.url), 'utf8')
  const said = new Set([...api.matchAll(/^pub const \w+: &str = "([^"]+)";/gm)].map(([, text]) => text))
  const sources = scripts()
  const spelled = sources.match(/\/v1\/[a-z]+|\bx-dockpass[a-z-]*|\bregistry-challenge\b/g)
  assert.ok(spelled.length >= 6)
  assert.deepEqual(
    spelled.filter((text) => !said.has(text)),
    [],
  )
})

test("the README's example for Node says what it gives", async () => {
  const code = /```js\n(import init, \{ grants[^]*?)```/.exec(
    readFileSync(join(packageFolder, 'README.md'), 'utf8'),
  )[1]
  const lines = code.replace(
    /^(parseChallenges\(.*|grants\(.*?\)|info\.access)( +\/\/.*)?$/gm,
    'console.log(JSON.stringify($1))',
  )
  writeFileSync(join(folder, 'app/readme.mjs'), lines)
  const { stdout } = await run(process.execPath, ['readme.mjs'], { cwd: join(folder, 'app') })
  const [challenges, access, answer] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(challenges, [
    { scheme: 'bearer', params: { realm: 'https://auth.docker.io/token', service: 'registry.docker.io' } },
  ])
  assert.deepEqual(access, [{ type: 'repository', name: 'app', actions: ['pull'] }])
  assert.equal(answer, 'denied')
})

test('publint finds nothing', async () => {
  const require = createRequire(join(tools, 'x.js'))
  const { publint } = await import(require.resolve('publint'))
  const { messages } = await publint({
    pkgDir: join(folder, 'app/node_modules/dockpass'),
    strict: true,
    pack: false,
  })
  assert.deepEqual(messages, [])
})

test('the licence is that of the workspace', () => {
  assert.ok(existsSync(join(packageFolder, 'LICENSE')))
  assert.equal(
    readFileSync(join(packageFolder, 'LICENSE'), 'utf8'),
    readFileSync(new URL('../../../LICENSE', import.meta.url), 'utf8'),
  )
})
