/**
 * dockpass: talk to any Docker/OCI registry from a web page.
 *
 * Call {@link init} once, then everything else. Importing this module loads nothing and touches no global.
 *
 * @packageDocumentation
 */

// ---------------------------------------------------------------------------------------------------------------------
// Loading
// ---------------------------------------------------------------------------------------------------------------------

/** Where the WebAssembly module comes from: its address, an answer with it, its bytes, or the compiled module. */
export type InitSource = string | URL | Response | ArrayBuffer | ArrayBufferView | WebAssembly.Module

/**
 * Loads the WebAssembly module, once. Calling it again gives the promise of the first load; after a load that failed
 * it tries again. Until it has resolved, every other call throws a {@link DockpassError} with `ERR_NOT_INITIALIZED`.
 *
 * @param source Default: `dockpass_bg.wasm` beside this module (in Node, read from the package's folder).
 * @throws {DockpassError} `ERR_WASM_LOAD` when there is no module there, or not that of this version.
 *
 * @example
 * ```js
 * import init, { parseChallenges } from 'dockpass'
 * await init()
 * parseChallenges('Bearer realm="https://auth.example/token",service="registry.example"')
 * ```
 * @example Your own address, for instance with a hash in its name
 * ```js
 * await init(new URL('/assets/dockpass_bg.4f2a.wasm', location.href))
 * ```
 */
export default function init(source?: InitSource | PromiseLike<InitSource>): Promise<void>

/** The version of this package, `major.minor.patch`. May be read before {@link init}. */
export const version: string

// ---------------------------------------------------------------------------------------------------------------------
// Challenges
// ---------------------------------------------------------------------------------------------------------------------

/** One challenge of a `WWW-Authenticate` field (RFC 9110 §11.6.1). */
export interface Challenge {
  /** Authentication scheme in lower case: `bearer`, `basic`, … */
  scheme: string
  /** The token68, when the scheme is followed by one instead of parameters (as `Negotiate` does). */
  token68?: string
  /** Parameters; names in lower case, values unquoted and as sent. */
  params: Record<string, string>
}

/**
 * Reads every challenge of every `WWW-Authenticate` line, in order.
 *
 * @param header One field value, or several lines of it.
 * @throws {DockpassError} `ERR_CHALLENGE_SYNTAX` with `position` (index into the line, as in `String.slice`), `line`
 *   (index into the array) and `parsed`, the challenges before it.
 *
 * @example
 * ```js
 * const [challenge] = parseChallenges('Bearer realm="https://auth.docker.io/token",service="registry.docker.io"')
 * challenge.scheme         // 'bearer'
 * challenge.params.service // 'registry.docker.io'
 * ```
 */
export function parseChallenges(header: string | readonly string[]): Challenge[]

// ---------------------------------------------------------------------------------------------------------------------
// Scopes
// ---------------------------------------------------------------------------------------------------------------------

/** One resource and what is to be done with it: `type[(class)]:name:action[,action…]`. */
export interface Scope {
  /** `repository`, `registry`, or a registry's own. */
  type: string
  /** The class in `repository(plugin)`; no registry decides by it any more. */
  class?: string
  /** Name of the resource; may hold a host and a port. */
  name: string
  /** `pull`, `push`, `delete`, `*`, or a registry's own. */
  actions: string[]
}

/** What a token says about a scope. Only the registry decides. */
export type Answer = 'granted' | 'denied' | 'unknown'

/**
 * Reads a space-separated scope list, in its order and without merging.
 *
 * @throws {DockpassError} `ERR_SCOPE_SYNTAX` with `position`.
 *
 * @example
 * ```js
 * parseScopes('repository:localhost:5000/app:pull,push')
 * // [{ type: 'repository', name: 'localhost:5000/app', actions: ['pull', 'push'] }]
 * ```
 */
export function parseScopes(text: string): Scope[]

/**
 * One canonical list: merged by type and name, actions and list sorted and without repetition, `*` absorbs the others.
 * Two lists ask for the same exactly when their canonical forms are equal. What is no scope stays as it is, once, as
 * registries ask for such, too (`aws`); scopes without actions ask for nothing and are left out.
 *
 * @example
 * ```js
 * normalizeScopes(['repository:app:push', 'repository:app:pull']) // ['repository:app:pull,push']
 * ```
 */
export function normalizeScopes(scopes: readonly string[]): string[]

/**
 * The scopes that a request of the distribution specification needs. Empty when it needs none, as `/v2/`.
 *
 * @param method HTTP method.
 * @param url Path from `/v2/` on, with or without a query, or a full URL.
 * @throws {DockpassError} `ERR_INVALID_ARGUMENT` when it is no request of the registry API.
 *
 * @example
 * ```js
 * scopesFor('GET', '/v2/_catalog')                        // ['registry:catalog:*']
 * scopesFor('GET', '/v2/library/alpine/tags/list')        // ['repository:library/alpine:pull']
 * scopesFor('POST', '/v2/b/blobs/uploads/?mount=sha256:…&from=a')
 * // ['repository:a:pull', 'repository:b:pull,push']
 * ```
 */
export function scopesFor(method: string, url: string | URL): string[]

// ---------------------------------------------------------------------------------------------------------------------
// References
// ---------------------------------------------------------------------------------------------------------------------

/** An image reference in full. */
export interface Reference {
  /** Host, with its port if not the default. Docker Hub under any of its names is `docker.io`. */
  registry: string
  /** Repository; Docker Hub's official images begin with `library/`. */
  repository: string
  /** Present only when the text names one; no `latest` is made up. */
  tag?: string
  /** `algorithm:hex`. */
  digest?: string
}

/**
 * Reads an image reference as docker does.
 *
 * @throws {DockpassError} `ERR_REFERENCE_SYNTAX`.
 *
 * @example
 * ```js
 * parseReference('alpine')               // { registry: 'docker.io', repository: 'library/alpine' }
 * parseReference('localhost:5000/a/b:1') // { registry: 'localhost:5000', repository: 'a/b', tag: '1' }
 * ```
 */
export function parseReference(text: string): Reference

// ---------------------------------------------------------------------------------------------------------------------
// Tokens
// ---------------------------------------------------------------------------------------------------------------------

/** What can be read in a registry token. Nothing of it is verified. */
export interface TokenInfo {
  /** `jwt` when header and claims could be read, else `opaque`. */
  kind: 'jwt' | 'opaque'
  /** Always `false`: this library decodes and never verifies; a forged token looks the same. */
  verified: false
  /** JOSE header. Only with `kind: 'jwt'`. */
  header?: Record<string, unknown>
  /** Every claim, as sent. Only with `kind: 'jwt'`. */
  claims?: Record<string, unknown>
  /** What the token says it grants: `[]` is nothing, `null` is that it does not say. */
  access: Scope[] | null
  /** `iat`, in milliseconds since the epoch. */
  issuedAt?: number
  /** `nbf`, in milliseconds since the epoch. */
  notBefore?: number
  /** `exp`, in milliseconds since the epoch. */
  expiresAt?: number
  /** `sub`; absent when empty, as in the tokens of anonymous users. */
  subject?: string
  /** `aud`, always as a list. */
  audience?: string[]
  /** Why something that looks like a JWT is none: a stable code, as `jwt_base64`. Then `kind` is `opaque`. */
  problem?: string
}

/**
 * Decodes a registry token. It **never verifies** a signature, and never throws on a string: what is no JWT is opaque,
 * a JWT that is broken is opaque with a `problem`.
 *
 * @example
 * ```js
 * const info = inspectToken(token)
 * if (info.kind === 'jwt' && info.expiresAt < Date.now()) …
 * ```
 */
export function inspectToken(token: string): TokenInfo

/**
 * What a token says about one scope: type, name and every action must be granted by one entry. An `access` that is no list
 * of entries, or has more than 1,024, grants nothing.
 *
 * @param token A token, or what {@link inspectToken} gave.
 * @throws {DockpassError} `ERR_SCOPE_SYNTAX`.
 *
 * @example
 * ```js
 * grants(token, 'repository:library/alpine:pull') // 'granted', 'denied' or 'unknown'
 * ```
 */
export function grants(token: string | TokenInfo, scope: string): Answer

/** What a token service answered. */
export interface TokenResponse {
  /** The registry token. A secret. */
  token: string
  /** Milliseconds since the epoch: the smaller of the JWT's `exp` and `expires_in`; 60 s after receipt if neither. */
  expiresAt: number
  /** Only if the service gave one. A secret. */
  refreshToken?: string
}

/**
 * Reads the body of a token service's 200 answer.
 *
 * @param body The body, JSON.
 * @param receivedAt When it came: milliseconds since the epoch, as of `Date.now()`.
 * @throws {DockpassError} `ERR_TOKEN_RESPONSE` when it is no token response.
 *
 * @example
 * ```js
 * const { token, expiresAt } = parseTokenResponse(await response.text(), Date.now())
 * ```
 */
export function parseTokenResponse(body: string, receivedAt: number): TokenResponse

// ---------------------------------------------------------------------------------------------------------------------
// The client
// ---------------------------------------------------------------------------------------------------------------------

/** Options that every call of the client takes. */
export interface CallOptions {
  /** Cancels the call: it rejects with the code `aborted`, and with `name` `AbortError` as `fetch` does. */
  signal?: AbortSignal | null
}

/** Options of {@link RegistryClient.connect}. */
export interface ConnectOptions extends CallOptions {
  /** Address of the key server. Relative addresses are resolved against the page's. */
  keyServer: string | URL
  /** The registry, as a person writes it: `docker.io`, `registry.example:5000`. */
  registry: string
  /**
   * Where the session travels. `cookie`: the browser keeps it, no script can read it; needs the page to be on the key
   * server's origin. `bearer`: this object keeps it in memory. Default: `cookie` on the same origin, else `bearer`.
   */
  carrier?: 'cookie' | 'bearer'
  /**
   * Way to the registry. `gateway` (the default) goes through the key server and works with every registry; `direct`
   * asks the registry itself, which must be set up for CORS.
   */
  transport?: 'gateway' | 'direct'
  /** Instead of `globalThis.fetch`. It is called with one `Request`. */
  fetch?: (request: Request) => Promise<Response>
}

/** How a registry asks for authorization. */
export type RegistryAuth = 'open' | 'bearer' | 'basic'

/** A login. Holds no secret. */
export interface Session {
  /** Canonical name of the registry. */
  readonly registry: string
  /** Who is logged in. */
  readonly username: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
  /** How the registry asks for authorization. */
  readonly auth: RegistryAuth
}

/** A registry in the key server's configuration. */
export interface RegistryInfo {
  /** Canonical name, for {@link ConnectOptions.registry}. */
  readonly registry: string
  /** Name for people. */
  readonly name: string
  /** Where its API is. */
  readonly url: string
  /** The gateway's path to it, relative to the key server. */
  readonly gateway: string
  /** Repositories to show where the registry lists none itself, from the configuration. Often empty. */
  readonly catalog: readonly string[]
}

/** What to prove oneself with. Neither is kept in the page after the call. */
export type Credentials = { username: string; password: string } | { identityToken: string }

/** One page of a listing. */
export interface Page {
  /** Names in the registry's order. */
  readonly names: string[]
  /** Whether the registry says that there is more. */
  readonly hasNext: boolean
}

/** A listing. Iterating it gives names and asks for the next page when it is needed. */
export interface Names extends AsyncIterable<string> {
  /** The same page by page. Nothing is asked before the first `next()`. */
  pages(): AsyncIterableIterator<Page>
}

/** Options of {@link RegistryClient.catalog} and {@link RegistryClient.tags}. */
export interface ListOptions extends CallOptions {
  /** Names per page, 1 to 1000; the registry may give fewer. Default: the registry's own. */
  n?: number
}

/** A platform in an index. */
export interface Platform {
  os: string
  architecture: string
  variant?: string
}

/** Options of {@link RegistryClient.manifest}. */
export interface ManifestOptions extends CallOptions {
  /** When the reference is an index: the manifest of this platform instead, e.g. `linux/arm64` or `linux/arm/v7`. */
  platform?: string | Platform
}

/** Bytes that have the digest they were asked by. */
export interface Verified {
  /** `algorithm:hex`, computed here from `raw`. */
  readonly digest: string
  /** Number of bytes. */
  readonly size: number
  /** The exact bytes. */
  readonly raw: Uint8Array
}

/** A manifest or index. */
export interface Manifest extends Verified {
  /** Media type: `Content-Type`, which never contradicts the content's own `mediaType`. */
  readonly mediaType: string
  /** The content, parsed. Registry data: show it as text, never as HTML. */
  readonly manifest: any
}

/** What was done and why, as the detail of a `step` event. Holds no secret and no query string. */
export interface Step {
  /** Milliseconds since the epoch. */
  at: number
  /** Who took it: this page, or the key server on its behalf. */
  kind: 'page' | 'key_server'
  /** Who was asked. */
  hop: Hop
  method: string
  /** Where, without query: a path at the registry or key server, origin and path at a token service. */
  url: string
  /** HTTP status of the answer, if one came. */
  status?: number
  /** Which authorization was sent. */
  sent?: 'Bearer' | 'Basic'
  /** What was decided: a stable name. */
  decision: string
  /** Why, in one sentence. */
  reason: string
  /** The error code, when it ended here. */
  code?: string
  /** Scopes asked for, if any. */
  scopes?: string[]
}

/** Who was asked. */
export type Hop = 'registry' | 'token_service' | 'key_server'

/** Why a session is over. */
export type SignedOutReason = 'logout' | 'session_expired' | 'invalid_session'

/** The events of a {@link RegistryClient}. */
export interface RegistryClientEventMap {
  /** A request was answered. Once someone listens, the key server tells its own steps at the token service, too. */
  step: CustomEvent<Step>
  /** The session ends in a minute. */
  expiring: CustomEvent<{ expiresAt: number }>
  /** The session is over. */
  signedout: CustomEvent<{ reason: SignedOutReason }>
}

/**
 * One registry, through one key server, for one user at a time.
 *
 * @example
 * ```js
 * import init, { RegistryClient } from 'dockpass'
 * await init()
 * const client = await RegistryClient.connect({ keyServer: 'https://dockpass.example', registry: 'registry.example' })
 * if (!client.session) await client.login({ username, password })
 * for await (const name of client.catalog()) console.log(name)
 * ```
 */
export class RegistryClient extends EventTarget {
  private constructor()

  /**
   * Prepares a client. With the cookie carrier it asks the key server whether a session is there already.
   *
   * @throws {DockpassError} `ERR_INVALID_ARGUMENT`; `key_server_unreachable`, `registry_not_allowed`, …
   */
  static connect(options: ConnectOptions): Promise<RegistryClient>

  /** The registries that a key server knows, in the order of its configuration. */
  static registries(options: Pick<ConnectOptions, 'keyServer' | 'fetch' | 'signal'>): Promise<RegistryInfo[]>

  /** Who is logged in, or `null`. */
  readonly session: Session | null

  /** The registry this client is for: its canonical name once the key server has told it. */
  readonly registry: string

  /**
   * Logs in. The key server proves the credentials at the registry before it gives a session.
   *
   * @throws {DockpassError} `bad_credentials`, `invalid_username`, `rate_limited` (with `retryAfter`), `registry_open`, …
   */
  login(credentials: Credentials, options?: CallOptions): Promise<Session>

  /** Ends the session on the key server and forgets every token. Without a session it does nothing. */
  logout(options?: CallOptions): Promise<void>

  /**
   * `fetch` with authorization: give it what `fetch` takes, get the `Response` with its body still streaming.
   * Tokens go to this registry alone.
   *
   * @param input A path from `/v2/` on, or a full URL at the registry or its gateway.
   * @throws {DockpassError} `ERR_OTHER_ORIGIN` for an address elsewhere; `login_required`, `scope_denied`, `aborted`, …
   *   Other answers of the registry, as 404, are answers: look at `response.status`.
   *
   * @example
   * ```js
   * const response = await client.fetch('/v2/app/manifests/1.0', { method: 'HEAD' })
   * response.headers.get('docker-content-digest')
   * ```
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>

  /**
   * Asks for all these scopes in one request and says for each what the token says of it. At a registry without
   * tokens every answer is `unknown`.
   *
   * @example
   * ```js
   * await client.authorize(['repository:app:pull', 'repository:app:delete'])
   * // [{ scope: 'repository:app:pull', answer: 'granted' }, { scope: 'repository:app:delete', answer: 'denied' }]
   * ```
   */
  authorize(scopes: readonly string[], options?: CallOptions): Promise<{ scope: string; answer: Answer }[]>

  /** The repositories of the registry. */
  catalog(options?: ListOptions): Names

  /** The tags of a repository. */
  tags(repository: string, options?: ListOptions): Names

  /**
   * A manifest or index, with its digest verified.
   *
   * @param reference Tag or digest.
   * @throws {DockpassError} `digest_mismatch`, `missing`, `upstream_invalid`, …
   *
   * @example
   * ```js
   * const { manifest, digest } = await client.manifest('library/alpine', 'latest', { platform: 'linux/arm64' })
   * ```
   */
  manifest(repository: string, reference: string, options?: ManifestOptions): Promise<Manifest>

  /**
   * A small blob, as an image's configuration, with its digest verified. For large ones use {@link RegistryClient.fetch}.
   *
   * @throws {DockpassError} `digest_mismatch`, `missing`, `payload_too_large` beyond 4 MiB.
   */
  blob(repository: string, digest: string, options?: CallOptions): Promise<Verified>

  addEventListener<K extends keyof RegistryClientEventMap>(
    type: K,
    listener: ((event: RegistryClientEventMap[K]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void
  removeEventListener<K extends keyof RegistryClientEventMap>(
    type: K,
    listener: ((event: RegistryClientEventMap[K]) => void) | null,
    options?: boolean | EventListenerOptions,
  ): void
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void
}

// ---------------------------------------------------------------------------------------------------------------------
// Errors
// ---------------------------------------------------------------------------------------------------------------------

/** Codes of wrong input and of loading; found without asking anyone. */
export type InputErrorCode =
  | 'ERR_CHALLENGE_SYNTAX'
  | 'ERR_INVALID_ARGUMENT'
  | 'ERR_NOT_INITIALIZED'
  | 'ERR_NO_WEBCRYPTO'
  | 'ERR_OTHER_ORIGIN'
  | 'ERR_REFERENCE_SYNTAX'
  | 'ERR_SCOPE_SYNTAX'
  | 'ERR_TOKEN_RESPONSE'
  | 'ERR_WASM_LOAD'

/** Codes of what went wrong between page, key server, token service and registry; the key server's API has the same. */
export type OperationErrorCode =
  | 'aborted'
  | 'bad_credentials'
  | 'basic_only'
  | 'challenge_syntax'
  | 'credentials_too_large'
  | 'csrf_required'
  | 'destination_not_allowed'
  | 'digest_mismatch'
  | 'internal'
  | 'invalid_path'
  | 'invalid_registry'
  | 'invalid_request'
  | 'invalid_scope'
  | 'invalid_session'
  | 'invalid_username'
  | 'key_server_invalid'
  | 'key_server_unreachable'
  | 'login_required'
  | 'method_not_allowed'
  | 'missing'
  | 'nested_challenge'
  | 'non_ascii_host'
  | 'not_a_registry'
  | 'not_found'
  | 'origin_not_allowed'
  | 'overloaded'
  | 'page_not_built'
  | 'payload_too_large'
  | 'rate_limited'
  | 'realm_changed'
  | 'realm_not_allowed'
  | 'registry_mismatch'
  | 'registry_not_allowed'
  | 'registry_open'
  | 'registry_unverifiable'
  | 'request_timeout'
  | 'scope_denied'
  | 'session_expired'
  | 'token_rejected'
  | 'token_request_refused'
  | 'unsupported_media_type'
  | 'unsupported_scheme'
  | 'upstream_failed'
  | 'upstream_invalid'
  | 'upstream_redirect'
  | 'upstream_timeout'
  | 'upstream_tls'
  | 'upstream_unreachable'
  | 'uri_too_long'

/** Every code. */
export type ErrorCode = InputErrorCode | OperationErrorCode

/**
 * Every error of this package. Branch on `code`, which never changes; no field holds a secret.
 *
 * @example
 * ```js
 * try {
 *   await client.login({ username, password })
 * } catch (error) {
 *   if (error instanceof DockpassError && error.code === 'bad_credentials') …
 *   else throw error
 * }
 * ```
 */
export class DockpassError extends Error {
  /** `DockpassError`, or `AbortError` when the code is `aborted`. */
  readonly name: 'DockpassError' | 'AbortError'
  /** What went wrong. */
  readonly code: ErrorCode
  /** Which hop failed, when one was asked. */
  readonly step?: Hop
  /** HTTP status of the answer that led to it. */
  readonly status?: number
  /** Milliseconds to wait before trying again, with `rate_limited`. */
  readonly retryAfter?: number
  /** The key server's request id, which its log has, too. */
  readonly requestId?: string
  /** Where in the input, with the syntax errors. */
  readonly position?: number
  /** Which line of the input, when it was an array. */
  readonly line?: number
  /** The challenges before the error, with `ERR_CHALLENGE_SYNTAX`. */
  readonly parsed?: Challenge[]
}
