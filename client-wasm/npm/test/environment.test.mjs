// The types compile in every environment: without the browser's types as well, for programs that only use the parsers.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { after, before, test } from 'node:test'
import ts from 'typescript'

const packageFolder = fileURLToPath(new URL('..', import.meta.url))
let folder
before(() => (folder = mkdtempSync(join(packageFolder, 'test/.examples-'))))
after(() => rmSync(folder, { recursive: true, force: true }))

/** What the compiler says of a program in an environment. */
function problems(text, { lib, types }) {
  const file = join(folder, `${lib.join('-')}${types.join('-')}.ts`)
  writeFileSync(file, text)
  const program = ts.createProgram([file], {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    target: ts.ScriptTarget.ES2022,
    lib: lib.map((name) => `lib.${name}.d.ts`),
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types,
    typeRoots: [join(packageFolder, '../../node_modules/@types')],
  })
  const all = ts.getPreEmitDiagnostics(program)
  // Not what @types/node itself lacks without a browser.
  const ours = all.filter(({ file }) => file === undefined || !file.fileName.includes('/@types/'))
  return ours.map(
    ({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
  )
}

const PURE = `
import init, { type Challenge, type TokenInfo, DockpassError, grants, inspectToken, parseChallenges } from 'dockpass'
await init(new Uint8Array())
const [challenge]: Challenge[] = parseChallenges(['Bearer realm="x"'])
const realm: string | undefined = challenge?.params.realm
const info: TokenInfo = inspectToken('x')
const grant: 'granted' | 'denied' | 'unknown' = grants(info, 'repository:a:pull')
try {
  parseChallenges('')
} catch (error) {
  if (error instanceof DockpassError && error.code === 'ERR_CHALLENGE_SYNTAX') error.position.toFixed()
}
// @ts-expect-error no such grant
const wrong: 'maybe' = grant
export { realm, wrong }
`

const CLIENT = `
import { RegistryClient } from 'dockpass'
const client = await RegistryClient.connect({ keyServer: 'https://ks.test', registry: 'registry.test' })
const response: Response = await client.fetch('/v2/', { method: 'HEAD', scopes: ['repository:a:pull'] })
client.addEventListener('session', ({ detail: { session, reason } }) => [session?.username, reason === 'elsewhere'])
client.addEventListener('step', (event) => event.detail.hop === 'registry')
// @ts-expect-error the detail has no such member
client.addEventListener('signedout', ({ detail }) => detail.username)
const found = await client.referrers('a', 'sha256:0')
if (found.known) found.referrers.map(({ digest }) => digest)
// @ts-expect-error unknown is not none
found.referrers.length
const result = await client.delete('a', 'latest')
if (!result.deleted) result.reason === 'shared'
const { body } = await client.download('a', 'sha256:0')
const reader = body.getReader()
const part = await reader.read()
if (!part.done) part.value.length.toFixed()
// @ts-expect-error half a login
await client.login({ username: 'a' })
export { response }
`

test('the parsers need no types of a browser', () => {
  assert.deepEqual(problems(PURE, { lib: ['es2022'], types: [] }), [])
})

test('the client with the types of a browser', () => {
  const lib = ['es2022', 'dom', 'dom.iterable', 'dom.asynciterable']
  assert.deepEqual(problems(PURE + CLIENT, { lib, types: [] }), [])
})

test('the client with the types of Node.js alone', () => {
  const text =
    PURE + CLIENT.replace("client.addEventListener('step', (event) => event.detail.hop === 'registry')", '')
  assert.deepEqual(problems(text, { lib: ['es2022'], types: ['node'] }), [])
})
