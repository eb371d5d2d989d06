// Compiled, never run: what callers write, and what the compiler must refuse.

import init, {
  type Challenge,
  DockpassError,
  type ErrorCode,
  type Manifest,
  RegistryClient,
  type Scope,
  type Session,
  type Step,
  type TokenInfo,
  grants,
  inspectToken,
  normalizeScopes,
  parseChallenges,
  parseReference,
  parseScopes,
  parseTokenResponse,
  scopesFor,
  version,
} from 'dockpass'
import initClient, { type Page as ClientPage, RegistryClient as ClientAlone } from 'dockpass/client'
import { type Diagnosis, diagnose, preload } from 'dockpass/doctor'
import initSyntax, { type Challenge as SyntaxChallenge, parseChallenges as parseAlone } from 'dockpass/syntax'
import initInline, { diagnose as diagnoseInline } from 'dockpass/inline'
import { DockpassLogin, DockpassStatus, keepLineBreaks } from 'dockpass/elements'
import { authorize, handler } from 'dockpass/sw'
import { type Explanation, explain } from 'dockpass/errors'

const login: DockpassLogin = document.createElement('dockpass-login')
login.words = { login: 'Anmelden', until: (time) => `bis ${time}` }
const label: string = login.words.password
login.addEventListener('connected', ({ detail: { client, session } }) => [client.registry, session?.username])
login.addEventListener('signedout', ({ detail: { reason } }) => reason === 'logout')
login.addEventListener('click', (event) => event.clientX)
// @ts-expect-error the client is read, not written
login.client = null
const owner: DockpassLogin | null = document.createElement('dockpass-status').login
const { title, fault, action }: Explanation = explain(new Error('x'))
void [label, owner, title, fault === 'user', action === 'retry', DockpassStatus.name]
keepLineBreaks(document.createElement('input')).clear()
authorize({ registries: ['docker.io', { registry: 'registry.test', url: 'http://localhost:5000' }] })
const handled: boolean = handler({ keyServer: '/', registries: [] })({
  request: new Request('/v2/'),
  respondWith: (response) => void response,
})
void handled

await init()
await init('/dockpass_bg.wasm')
await init(fetch('/dockpass_bg.wasm'))
await init({ dockpass: '/dockpass_bg.wasm', doctor: fetch('/doctor_bg.wasm') })
await preload()
await initInline()
await diagnoseInline([])
await init(new Uint8Array())
await init(new WebAssembly.Module(new Uint8Array()))

const challenges: Challenge[] = parseChallenges(['Bearer realm="x"'])
const realm: string | undefined = challenges[0]?.params.realm
parseChallenges(new Headers().get('www-authenticate'))
// @ts-expect-error a number is no header
parseChallenges(7)

const scopes: Scope[] = parseScopes('repository:a:pull')
const texts: string[] = normalizeScopes(scopesFor('GET', new URL('https://registry.test/v2/')))
const { registry, tag } = parseReference('alpine')
// @ts-expect-error a tag may be absent
const length: number = tag.length
const info: TokenInfo = inspectToken('x')
const answer: 'granted' | 'denied' | 'unknown' = grants(info, 'repository:a:pull')
// @ts-expect-error `access` may be null
info.access.length
const { token, expiresAt, refreshToken } = parseTokenResponse('{}', Date.now())

// @ts-expect-error only connect constructs
new RegistryClient()
const client = await RegistryClient.connect({
  keyServer: new URL('https://dockpass.test'),
  registry,
  carrier: 'cookie',
  transport: 'gateway',
  fetch: (request) => fetch(request),
  signal: AbortSignal.timeout(1),
})
// @ts-expect-error no such carrier
await RegistryClient.connect({ keyServer: 'https://dockpass.test', registry, carrier: 'pigeon' })
const session: Session = await client.login({ username: 'a', password: 'b' })
await client.login({ identityToken: 'c' }, { signal: null })
// @ts-expect-error half a login
await client.login({ username: 'a' })
// @ts-expect-error a session is read, not written
session.username = 'b'
const response: Response = await client.fetch('/v2/', { method: 'HEAD' })
for (const { scope, grant } of await client.authorize(texts)) scope.concat(grant)
for await (const name of client.catalog({ n: 10 })) name.toUpperCase()
for await (const { names, hasNext } of client.tags('a').pages()) names.length.toFixed(Number(hasNext))
const manifest: Manifest = await client.manifest('a', 'latest', {
  platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
})
const bytes: Uint8Array = (await client.blob('a', manifest.digest)).raw
client.addEventListener('step', ({ detail: { hop, decision, reason, at } }) => [hop, decision, reason, at])
client.addEventListener('expiring', ({ detail }) => detail.expiresAt.toFixed())
client.addEventListener('signedout', ({ detail: { reason } }) => reason === 'logout')
// @ts-expect-error the detail has no such member
client.addEventListener('expiring', ({ detail }) => detail.reason)
const told: Step[] = []
client.addEventListener('step', ({ detail }) => told.push(detail))
const {
  code: what,
  hop: where,
  evidence,
  fix,
}: Diagnosis = await diagnose(told, { now: Date.now(), browser: 'network' })
void [what, where, evidence[0]?.value, fix]
// @ts-expect-error no such fact
await diagnose(told, { password: 'a' })
await client.logout()
for (const { registry, url } of await RegistryClient.registries({ keyServer: '/' })) registry.concat(url)

try {
  await client.login({ username: 'a', password: 'b' })
} catch (error) {
  if (!(error instanceof DockpassError)) throw error
  const code: ErrorCode = error.code
  switch (error.code) {
    case 'bad_credentials':
    case 'ERR_NOT_INITIALIZED':
      break
    case 'rate_limited': {
      const wait: number | undefined = error.retryAfter
      void [wait, error.step, error.requestId]
      break
    }
    case 'ERR_CHALLENGE_SYNTAX': {
      const position: number = error.position
      void [position, error.parsed[0]?.scheme]
      // @ts-expect-error no request was sent
      void error.step
      break
    }
    // @ts-expect-error no such code
    case 'nonsense':
      break
  }
  void code
}
void [realm, length, answer, token, expiresAt, refreshToken, response, bytes, version]

const clientReady: Promise<void> = initClient({ doctor: new Uint8Array() })
const sameClass: typeof RegistryClient = ClientAlone
const clientPage: ClientPage = { names: [], hasNext: false }
void [clientReady, sameClass, clientPage]

const ready: Promise<void> = initSyntax(new URL('https://cdn.example/syntax_bg.wasm'))
const alone: SyntaxChallenge[] = parseAlone('Basic realm="a"')
void ready.then(() => alone)
