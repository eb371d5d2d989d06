/**
 * dockpass: use any Docker/OCI registry from a web page.
 *
 * Call {@link init} once before any other function. Importing this module has no side effects.
 *
 * @packageDocumentation
 */

import type { Decision, Hop, OperationErrorCode } from './codes.js'
import type {
  AbortSignal,
  Blob,
  ByteStream,
  DetailEvent,
  EventTargetClass,
  ListenerOptions,
  Request,
  RequestInit,
  Response,
  URL,
  WasmModule,
} from './environment.js'

export type { Decision, DiagnosisCode, Hop, OperationErrorCode } from './codes.js'

// ---------------------------------------------------------------------------------------------------------------------
// Loading
// ---------------------------------------------------------------------------------------------------------------------

/** Where the WebAssembly module comes from: a URL, a `Response`, the bytes, or a compiled module. */
export type InitSource = string | URL | Response | ArrayBuffer | ArrayBufferView | WasmModule

/** Where the WebAssembly modules come from. What is absent comes from this package. */
export interface InitSources {
  /** Used by the entry: `dockpass_bg.wasm`, or `client_bg.wasm` by `dockpass/client`. */
  dockpass?: InitSource | PromiseLike<InitSource>
  /** Used by `dockpass/doctor` when it is first needed. */
  doctor?: InitSource | PromiseLike<InitSource>
}

/**
 * Loads the WebAssembly module once. Later calls return the promise of the first load, and reject with
 * `ERR_INVALID_ARGUMENT` for another source; after a failed load, the next call tries again. Until it has resolved, every other call throws a {@link DockpassError} with `ERR_NOT_INITIALIZED`.
 *
 * No argument is needed. The module is `dockpass_bg.wasm` in this package's `dist` folder, fetched or, in Node.js, read.
 * Where a bundler or a server does not deliver that file, a copy inside a script of the package is imported.
 *
 * @param source Another place, for which there is no replacement. Sources by name include the doctor's module.
 * @throws {DockpassError} `ERR_WASM_LOAD` when the module cannot be loaded or belongs to another version of dockpass.
 *   `url` is the address that was tried, `cause` the reason.
 *
 * @example
 * ```js
 * import init, { parseChallenges } from 'dockpass'
 * await init()
 * parseChallenges('Bearer realm="https://auth.example/token",service="registry.example"')
 * ```
 * @example A URL of your own, for instance with a hash in the file name
 * ```js
 * await init(new URL('/assets/dockpass_bg.4f2a.wasm', location.href))
 * ```
 * @example Both modules from your own server
 * ```js
 * await init({ dockpass: '/assets/dockpass_bg.wasm', doctor: '/assets/doctor_bg.wasm' })
 * ```
 */
export default function init(source?: InitSource | PromiseLike<InitSource> | InitSources): Promise<void>

/** The version of this package, `major.minor.patch`. Available before {@link init}. */
export const version: string

// ---------------------------------------------------------------------------------------------------------------------
// Challenges
// ---------------------------------------------------------------------------------------------------------------------

/** One challenge of a `WWW-Authenticate` field (RFC 9110 §11.6.1). */
export interface Challenge {
  /** Authentication scheme in lower case: `bearer`, `basic`, … */
  scheme: string
  /** The token68 value, for schemes that use one instead of parameters, such as `Negotiate`. */
  token68?: string
  /** Parameters. Names are in lower case; values are unquoted and otherwise unchanged. */
  params: Record<string, string>
}

/**
 * Parses all challenges of all `WWW-Authenticate` header lines, in order.
 *
 * @param header One header value, or a list of them. `null`, for an absent header, has no challenges.
 * @throws {DockpassError} `ERR_CHALLENGE_SYNTAX` with `position` (index into the line, as for `String.slice`), `line`
 *   (index into the list) and `parsed` (the challenges before the error).
 *
 * @example
 * ```js
 * const [challenge] = parseChallenges('Bearer realm="https://auth.docker.io/token",service="registry.docker.io"')
 * challenge.scheme         // 'bearer'
 * challenge.params.service // 'registry.docker.io'
 * ```
 */
export function parseChallenges(header: string | readonly string[] | null): Challenge[]

// ---------------------------------------------------------------------------------------------------------------------
// Scopes
// ---------------------------------------------------------------------------------------------------------------------

/** A resource and the actions on it: `type[(class)]:name:action[,action…]`. */
export interface Scope {
  /** `repository`, `registry`, or a type that the registry defines. */
  type: string
  /** The class in `repository(plugin)`. Deprecated: registries ignore it. */
  class?: string
  /** Name of the resource. It may contain a host and a port. */
  name: string
  /** `pull`, `push`, `delete`, `*`, or an action that the registry defines. */
  actions: string[]
}

/** Whether a token grants a scope. `unknown`: the token is opaque or does not list its grants. */
export type Grant = 'granted' | 'denied' | 'unknown'

/**
 * Parses a space-separated list of scopes. The order is kept and nothing is merged.
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
 * Returns the canonical form of a list of scopes: scopes of the same type and name are merged, actions and scopes are
 * sorted and deduplicated, and `*` replaces all other actions. Two lists request the same access exactly when their
 * canonical forms are equal. Strings that are not scopes, such as `aws`, are kept once and unchanged, because some
 * registries use them. Scopes without actions are removed.
 *
 * @example
 * ```js
 * normalizeScopes(['repository:app:push', 'repository:app:pull']) // ['repository:app:pull,push']
 * ```
 */
export function normalizeScopes(scopes: readonly string[]): string[]

/**
 * Returns the scopes that a request of the distribution specification needs; an empty list for `/v2/`, which needs none.
 *
 * @param method HTTP method.
 * @param url A path that starts with `/v2/`, with or without a query, or a full URL.
 * @throws {DockpassError} `ERR_INVALID_ARGUMENT` when this is not a request of the registry API.
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

/** A parsed image reference. */
export interface Reference {
  /** Host, with the port unless it is the default. All names of Docker Hub become `docker.io`. */
  registry: string
  /** Repository. Docker Hub's official images start with `library/`. */
  repository: string
  /** Only if the text contains a tag. `latest` is not added. */
  tag?: string
  /** `algorithm:hex`, only if the text contains a digest. */
  digest?: string
}

/**
 * Parses an image reference as docker does.
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

/** A registry token that is a JWT. Its signature is **not** verified. */
export interface JwtInfo {
  kind: 'jwt'
  /** Always `false`. This library decodes tokens and never verifies them; it cannot detect a forged token. */
  verified: false
  /** JOSE header. */
  header: Record<string, unknown>
  /** All claims, unchanged. */
  claims: Record<string, unknown>
  /** What the token grants. `[]`: it grants nothing. `null`: it has no usable `access` claim. */
  access: Scope[] | null
  /** `iat`, in milliseconds since the epoch. */
  issuedAt?: number
  /** `nbf`, in milliseconds since the epoch. */
  notBefore?: number
  /** `exp`, in milliseconds since the epoch. */
  expiresAt?: number
  /** `sub`. Absent when it is empty, as in tokens of anonymous users. */
  subject?: string
  /** `aud`, always as a list. */
  audience?: string[]
  /** `jwt_access` when a part of the `access` claim is malformed. That part grants nothing; the other parts are used. */
  problem?: string
}

/** A registry token that is not a readable JWT. */
export interface OpaqueTokenInfo {
  kind: 'opaque'
  /** Always `false`, as for a JWT. */
  verified: false
  /** Always `null`: an opaque token does not list its grants. */
  access: null
  /** Why a token that looks like a JWT cannot be read, as a stable code such as `jwt_base64`. */
  problem?: string
}

/** What {@link inspectToken} returns. Nothing in it is verified. */
export type TokenInfo = JwtInfo | OpaqueTokenInfo

/**
 * Decodes a registry token. It **never verifies** a signature and never throws for a string: a token that is not a JWT
 * is opaque, and a JWT that cannot be read is opaque with a `problem`.
 *
 * @example
 * ```js
 * const info = inspectToken(token)
 * if (info.kind === 'jwt' && info.expiresAt !== undefined && info.expiresAt < Date.now()) console.log('expired')
 * ```
 */
export function inspectToken(token: string): TokenInfo

/**
 * Returns whether a token grants a scope, by the rules of the CNCF registry: entries of the same type and name are
 * combined, `*` grants every action, and the class is ignored. An `access` that is not a list of entries, or has more than
 * 1,024 of them, grants nothing.
 *
 * @param token A token, or the result of {@link inspectToken}.
 * @throws {DockpassError} `ERR_SCOPE_SYNTAX`.
 *
 * @example
 * ```js
 * grants(token, 'repository:library/alpine:pull') // 'granted', 'denied' or 'unknown'
 * ```
 */
export function grants(token: string | TokenInfo, scope: string): Grant

/** The response of a token service. */
export interface TokenResponse {
  /** The registry token. A secret. */
  token: string
  /** Milliseconds since the epoch: the earlier of the JWT's `exp` and `expires_in`; 60 s after receipt if both are missing. */
  expiresAt: number
  /** Only if the token service returned one. A secret. */
  refreshToken?: string
  /**
   * A violation of the specification that was tolerated: `token_response_conflict` when `token` and `access_token` differ
   * (`access_token` is used), `token_response_lifetime` when `expires_in` exceeds 32 bits (it is capped).
   */
  notes?: string[]
}

/**
 * Parses the body of a token service's 200 response.
 *
 * @param body The JSON body.
 * @param receivedAt When the response arrived, in milliseconds since the epoch (`Date.now()`).
 * @throws {DockpassError} `ERR_TOKEN_RESPONSE` when the body is not a token response.
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

/** Options of every method of the client. */
export interface CallOptions {
  /**
   * Cancels the call, which then rejects with code `aborted`. Its name is `AbortError`, or `TimeoutError` when the signal is
   * one of `AbortSignal.timeout`, as with `fetch`.
   */
  signal?: AbortSignal | null
}

/** Options of {@link RegistryClient.connect} that concern every request. */
export interface TransportOptions {
  /** Used instead of `globalThis.fetch`. It is called with one `Request`. */
  fetch?: (request: Request) => Promise<Response>
  /**
   * How often a request is sent again: after a 429 or 503, and when a server that has responded before does not respond to
   * a `GET` or `HEAD`. `Retry-After` decides how long to wait; where it asks for more than 5 seconds, the call fails at once
   * and the error's `retryAfter` says how long. Logins and requests with a body are not sent again. Default: 2.
   */
  retry?: number
  /** How many milliseconds a server has until its response begins. Then the call rejects as with a signal. Default: no limit. */
  timeout?: number
  /** How many requests of this client wait for a response at the same time. Default: no limit. */
  concurrency?: number
}

/** Options of {@link RegistryClient.connect}, with and without a key server. */
export interface ConnectOptions extends CallOptions, TransportOptions {
  /** The registry: `docker.io`, `registry.example:5000`. */
  registry: string
  /**
   * URL of the key server. A relative URL is resolved against the page's URL. Without a key server, see
   * {@link RegistryClient.connect}.
   */
  keyServer?: string | URL
  /**
   * How the session is sent. `cookie`: the browser stores it and scripts cannot read it; the page must be on the key
   * server's origin. All its tabs and clients of a registry share the session. `bearer`: this object keeps it in memory.
   * Default: `cookie` on the same origin, else `bearer`.
   */
  carrier?: 'cookie' | 'bearer'
  /**
   * How requests reach the registry. `gateway` (the default) sends them through the key server and works with every
   * registry. `direct` sends them to the registry itself, without cookies, and only tokens come from the key server. The
   * registry must allow the page's origin by CORS, with the header `Authorization`, and expose `WWW-Authenticate`, `Link` and
   * `Docker-Content-Digest`. Registries with Basic authentication need the gateway.
   */
  transport?: 'gateway' | 'direct'
  /**
   * Is called when a call needs a login: nobody is logged in, or the session has ended. With the credentials that it returns,
   * the client logs in and the call goes on; with `null`, the call fails. Calls at the same time share one login. A session
   * that is replaced in this way is not announced as `signedout`.
   *
   * @example
   * ```js
   * const client = await RegistryClient.connect({
   *   keyServer: 'https://dockpass.example',
   *   registry: 'registry.example',
   *   reauthenticate: async () => ({ username, password }),
   * })
   * for await (const tag of client.tags('team/app')) console.log(tag) // logs in
   * ```
   */
  reauthenticate?: (
    login: LoginNeed,
  ) => Credentials | null | undefined | Promise<Credentials | null | undefined>
  /** Without a key server: a registry token, or a function that returns one. */
  token?: string | ((need: OwnTokenNeed) => OwnToken | Promise<OwnToken>)
  /** Without a key server: the URL of the registry's API, without `/v2/`. Default: `https://` and its name. */
  url?: string | URL
}

/** Why {@link ConnectOptions.reauthenticate} is called. */
export interface LoginNeed {
  /** Canonical name of the registry. */
  registry: string
  /** `login_required`, or why the session has ended. */
  reason: ErrorCode
}

/** What a token of the page has to grant, for {@link ConnectOptions.token}. */
export interface OwnTokenNeed {
  /** The scopes. */
  scopes: readonly string[]
  /** The token service that the registry named, if it did and the page may read it. */
  realm?: string
  /** The registry's name at its token service. */
  service?: string
  /** Whether the registry has just refused a token for these scopes, so that the same one will not do. */
  fresh: boolean
}

/** A token of the page: the token, or with its lifetime in seconds (60 by default), or `null` where the page has none. */
export type OwnToken = string | { token: string; expiresIn?: number } | null | undefined

/** Options of {@link RegistryClient.fetch}: those of `fetch`, and scopes. */
export type FetchInit = RequestInit & {
  /** Scopes that the token has as well, so that later requests need no other one. */
  scopes?: readonly string[]
}

/** How a registry authenticates: not at all, with tokens, or with Basic. */
export type RegistryAuth = 'open' | 'bearer' | 'basic'

/** A session. Contains no secret. */
export interface Session {
  /** Canonical name of the registry. */
  readonly registry: string
  /** The user name. */
  readonly username: string
  /** When the session ends, in milliseconds since the epoch. */
  readonly expiresAt: number
  /** How the registry authenticates. */
  readonly auth: RegistryAuth
}

/** A registry in the key server's configuration. */
export interface RegistryInfo {
  /** Canonical name, for {@link ConnectOptions.registry}. */
  readonly registry: string
  /** Display name. */
  readonly name: string
  /** URL of the registry. */
  readonly url: string
  /** The gateway's path to it, relative to the key server. */
  readonly gateway: string
  /** Repositories from the configuration, for registries that do not list theirs. Often empty. */
  readonly catalog: readonly string[]
}

/** What to log in with. The client does not keep it. */
export type Credentials = { username: string; password: string } | { identityToken: string }

/** One page of a listing. */
export interface Page {
  /** Names in the registry's order. */
  readonly names: string[]
  /** Whether there is a next page. With `n`, it may turn out to have no names: not every registry says where a list ends. */
  readonly hasNext: boolean
}

/** A listing. Iterating it yields names and requests each page when it is needed. */
export interface Names extends AsyncIterable<string> {
  /** The same, page by page. No request is sent before the first `next()`. */
  pages(): AsyncIterableIterator<Page>
}

/** Options of {@link RegistryClient.catalog} and {@link RegistryClient.tags}. */
export interface ListOptions extends CallOptions {
  /** Names per page, from 1 to 1000. The registry may return fewer. Default: chosen by the registry. */
  n?: number
  /** Begin after this name, which need not exist. A registry that ignores it begins with the first. */
  last?: string
}

/** A platform in an index. */
export interface Platform {
  os: string
  architecture: string
  variant?: string
}

/** Options of {@link RegistryClient.manifest}. */
export interface ManifestOptions extends CallOptions {
  /** If the reference is an index, return the manifest of this platform, for example `linux/arm64` or `linux/arm/v7`. */
  platform?: string | Platform
}

/** Bytes whose digest was verified. */
export interface Verified {
  /** `algorithm:hex`, computed from `raw`. */
  readonly digest: string
  /** Number of bytes. */
  readonly size: number
  /** The exact bytes. */
  readonly raw: Uint8Array
}

/** A manifest or index. */
export interface Manifest extends Verified {
  /** Media type. `Content-Type` and the `mediaType` in the content never differ. */
  readonly mediaType: string
  /** The parsed JSON. It is untrusted data: show it as text, never as HTML. */
  readonly manifest: any
}

/** What describes content in a manifest (image-spec, "Content Descriptors"). All of it is untrusted data. */
export interface Descriptor {
  /** Media type. */
  readonly mediaType: string
  /** `algorithm:hex`. */
  readonly digest: string
  /** Number of bytes. */
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
  /** The type of an artifact, in a list of referrers. */
  readonly artifactType?: string
  /** Where the content is, if not in the registry. */
  readonly urls?: readonly string[]
  readonly platform?: Platform
}

/** The configuration of an image. */
export interface ImageConfig extends Verified {
  /** Media type. */
  readonly mediaType: string
  /** The parsed JSON; undefined when it is none, as some artifacts have. It is untrusted data: show it as text. */
  readonly config: any
  /** The digest of the manifest that it belongs to. */
  readonly manifestDigest: string
}

/** Options of {@link RegistryClient.referrers}. */
export interface ReferrersOptions extends CallOptions {
  /** Only those of this type, such as `application/vnd.dev.cosign.artifact.sig.v1+json`. */
  artifactType?: string
}

/**
 * What refers to a manifest. `known: false`: the registry does not say it. This is not the same as none.
 *
 * `source`: the registry's own list, or the tag that clients maintain at registries without one, which contains what those
 * clients have added.
 */
export type Referrers =
  | { readonly known: true; readonly source: 'api' | 'tag'; readonly referrers: readonly Descriptor[] }
  | { readonly known: false }

/** How far a transfer is. */
export interface Progress {
  /** How many bytes have arrived, or been sent. */
  readonly loaded: number
  /** How many there are, if known. */
  readonly total?: number
}

/** Options of {@link RegistryClient.download}. */
export interface DownloadOptions extends CallOptions {
  /** The first bytes, of a download that was not completed. The stream goes on after them; they are verified as well. */
  have?: Blob
  /** Is called after each piece. */
  onProgress?: (progress: Progress) => void
}

/** A blob that is being downloaded. */
export interface Download {
  /** The requested digest. */
  readonly digest: string
  /** Number of bytes, if the registry says it. */
  readonly size?: number
  /**
   * The bytes. The stream ends only if they are what the digest says, and else fails with `digest_mismatch`: do not use them
   * before its end.
   */
  readonly body: ByteStream
}

/** Options of {@link RegistryClient.push}. */
export interface PushOptions extends CallOptions {
  /** The digest, if it is known. It is verified. */
  digest?: string
  /** Another repository that has the blob, from which the registry can take it. */
  mount?: string
  /** How many bytes are sent at a time. Default: 8 MiB, or more if the registry requires it. */
  chunkSize?: number
  /** Is called after each chunk. */
  onProgress?: (progress: Progress) => void
}

/** A blob that is in the registry now. */
export interface Pushed {
  readonly digest: string
  readonly size: number
  /** What was necessary for it. */
  readonly how: 'existed' | 'mounted' | 'uploaded'
}

/** Options of {@link RegistryClient.putManifest}. */
export interface PutManifestOptions extends CallOptions {
  /** Default: the `mediaType` in the manifest. */
  mediaType?: string
}

/** A manifest in a registry. */
export interface ImageName {
  repository: string
  /** Tag or digest. */
  reference: string
}

/** Options of {@link RegistryClient.copy}. */
export interface CopyOptions extends CallOptions {
  /** Is called after each blob. */
  onBlob?: (blob: { descriptor: Descriptor; how: Pushed['how'] }) => void
}

/** Options of {@link RegistryClient.delete}. */
export interface DeleteOptions extends CallOptions {
  /** Delete the manifest even if other tags go with it. */
  allTags?: boolean
  /** Delete nothing; only find out which tags the manifest has. */
  dryRun?: boolean
}

/**
 * What {@link RegistryClient.delete} did. `shared`: the registry deletes manifests only, and this one has other tags.
 */
export type Deleted =
  | {
      readonly deleted: true
      /** The digest of the manifest. */
      readonly digest: string
      /** The tags that are gone. */
      readonly tags: readonly string[]
    }
  | {
      readonly deleted: false
      readonly reason: 'shared' | 'dry_run'
      readonly digest: string
      /** The tags of the manifest. All would be gone. */
      readonly tags: readonly string[]
    }

/** One step of the authorization flow: the detail of a `step` event. Contains no secret and no query string. */
export interface Step {
  /** Milliseconds since the epoch. */
  at: number
  /** What took the step: this page, or the key server on its behalf. */
  kind: 'page' | 'key_server'
  /** The server that the request was sent to. */
  hop: Hop
  /** HTTP method. */
  method: string
  /** Where it was sent, without the query: a path at the registry or key server, a URL at a token service. */
  url: string
  /** HTTP status of the response, if there was one. */
  status?: number
  /** The `Authorization` scheme that was sent, if any. */
  sent?: 'Bearer' | 'Basic'
  /** What was decided. */
  decision: Decision
  /** Why, in one sentence. */
  reason: string
  /** The error code, when the flow ended with an error here. */
  code?: OperationErrorCode
  /** The requested scopes, if any. */
  scopes?: string[]
  /** What was wrong with the response, as a stable code such as `token_response_expires_in`. */
  problem?: string
  /** A URL in the response that was not followed: a realm, or the target of a redirect, without its query. */
  place?: string
  /** The number of the client call that the step belongs to. It separates the steps of concurrent calls. */
  call?: number
  /** On the last step of a failed call: more facts for `diagnose` of `dockpass/doctor`. */
  context?: Record<string, unknown>
}

/**
 * Why a session ended. `bad_credentials`: the registry no longer accepts the credentials, for example after a change of
 * password. `elsewhere`: a logout in another tab or client of this origin.
 */
export type SignedOutReason =
  'logout' | 'session_expired' | 'invalid_session' | 'bad_credentials' | 'elsewhere'

/** The session is another one than before. */
export interface SessionChange {
  /** The session now, as in {@link RegistryClient.session}. */
  session: Session | null
  /** The session before. */
  previous: Session | null
  /** `login`, `elsewhere` (in another tab or client), or why it has ended. */
  reason: 'login' | SignedOutReason
}

/** The events of a {@link RegistryClient}. */
export interface RegistryClientEventMap {
  /**
   * A step was taken, by this page or by the key server on its behalf. Steps are recorded whether somebody listens or not,
   * because the error of a call has them; without a listener nothing is dispatched and nothing is kept after the call.
   */
  step: DetailEvent<Step>
  /** The session is another one: after a login, a logout, its end, or any of these in another tab or client. */
  session: DetailEvent<SessionChange>
  /** The session ends in one minute. */
  expiring: DetailEvent<{ expiresAt: number }>
  /** The session has ended, and there is no other one. */
  signedout: DetailEvent<{ reason: SignedOutReason }>
}

/** What clients are based on: the class `EventTarget`. */
declare const Events: EventTargetClass

/**
 * A client for one registry and for one user at a time. Several clients, for the same or for other registries, do not
 * disturb each other.
 *
 * With the `cookie` carrier, all clients and tabs of an origin share the session: after a login or logout in one of them, the
 * others emit `session` and act accordingly. No request of a client is done as another user than its {@link session} says:
 * the key server refuses it.
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
export class RegistryClient extends Events {
  private constructor()

  /**
   * Creates a client. With the `cookie` carrier it asks the key server for an existing session.
   *
   * Without `keyServer`, the page talks to the registry itself, and nobody can log in. This works with registries that allow
   * the page's origin by CORS and are open, or for which the page has a `token`. A token service is never asked; a challenge
   * only tells the `token` function what is needed. Registries with Basic authentication cannot be used.
   *
   * @throws {DockpassError} `ERR_INVALID_ARGUMENT`, `key_server_unreachable`, `origin_not_allowed`, `registry_not_allowed`, …
   *
   * @example Without a key server, with a token that the page has
   * ```js
   * const client = await RegistryClient.connect({ registry: 'registry.example', token })
   * client.session // null
   * ```
   */
  static connect(options: ConnectOptions): Promise<RegistryClient>

  /** The registries that a key server is configured for, in the order of its configuration. */
  static registries(
    options: Pick<ConnectOptions, 'keyServer' | 'signal'> & TransportOptions,
  ): Promise<RegistryInfo[]>

  /** The session, or `null` without a login. */
  readonly session: Session | null

  /** Canonical name of the registry that this client is for. */
  readonly registry: string

  /**
   * Logs in. The key server verifies the credentials at the registry before it returns a session.
   *
   * @throws {DockpassError} `bad_credentials`, `invalid_username`, `rate_limited` (with `retryAfter`), `registry_open`, …
   */
  login(credentials: Credentials, options?: CallOptions): Promise<Session>

  /** Ends the session on the key server and discards all tokens. Without a session it does nothing. */
  logout(options?: CallOptions): Promise<void>

  /**
   * Discards tokens and, with the `bearer` carrier, the session, stops timers, and leaves the other tabs. The session is not
   * ended. Every later call rejects with `ERR_CLOSED`.
   */
  close(): void

  /**
   * A client that shares everything with this one, and whose tokens have these scopes as well. One token then serves a row of
   * requests that would need one each.
   *
   * @example
   * ```js
   * const both = client.with({ scopes: ['repository:team/app:pull,push'] })
   * await both.manifest('team/app', 'latest') // later requests for this repository need no other token
   * ```
   */
  with(options: { scopes: readonly string[] }): RegistryClient

  /**
   * `fetch` with authorization. It takes the arguments of `fetch` and returns the `Response`, whose body still streams.
   * Tokens are sent to this registry only.
   *
   * @param input A path that starts with `/v2/`, or a full URL at the registry or its gateway.
   * @throws {DockpassError} `ERR_OTHER_ORIGIN` for a URL elsewhere; `login_required`, `scope_denied`, `aborted`, …
   *   Other error responses of the registry, such as 404, are returned: check `response.status`.
   *
   * @example
   * ```js
   * const response = await client.fetch('/v2/app/manifests/1.0', { method: 'HEAD' })
   * response.headers.get('docker-content-digest')
   * ```
   */
  fetch(input: string | URL | Request, init?: FetchInit): Promise<Response>

  /**
   * Requests one token for all these scopes and returns for each whether the token grants it. At a registry without
   * tokens every grant is `unknown`. Without scopes, no request is sent. If the token mentions only one of several resources,
   * the others are requested alone, because some token services read only one scope of a request (Keycloak); the first denial
   * ends this.
   *
   * @example
   * ```js
   * await client.authorize(['repository:app:pull', 'repository:app:delete'])
   * // [{ scope: 'repository:app:pull', grant: 'granted' }, { scope: 'repository:app:delete', grant: 'denied' }]
   * ```
   */
  authorize(scopes: readonly string[], options?: CallOptions): Promise<{ scope: string; grant: Grant }[]>

  /**
   * The repositories of the registry.
   *
   * @throws {DockpassError} While iterating: `list_incomplete`, after the names so far, when there is a next page but it
   *   cannot be requested or read. `cause` is the error of that page, if there was a response.
   */
  catalog(options?: ListOptions): Names

  /** The tags of a repository. Throws as {@link RegistryClient.catalog} does. */
  tags(repository: string, options?: ListOptions): Names

  /**
   * Returns a manifest or index whose digest was verified.
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
   * Returns a small blob, such as an image's configuration, whose digest was verified. For large blobs use
   * {@link RegistryClient.fetch}.
   *
   * @throws {DockpassError} `digest_mismatch`, `missing`, `payload_too_large` above 4 MiB.
   */
  blob(repository: string, digest: string, options?: CallOptions): Promise<Verified>

  /**
   * The configuration of an image: its command, environment and history, among others. The digest was verified.
   *
   * @param reference Tag or digest. Of an index, `platform` chooses the image.
   * @throws {DockpassError} `missing`, with `platforms` for an index without the option `platform`.
   *
   * @example
   * ```js
   * const { config } = await client.config('team/app', 'latest', { platform: 'linux/arm64' })
   * console.log(config.architecture)
   * ```
   */
  config(repository: string, reference: string, options?: ManifestOptions): Promise<ImageConfig>

  /** The layers of an image, the lowest first. Throws as {@link RegistryClient.config} does. */
  layers(repository: string, reference: string, options?: ManifestOptions): Promise<readonly Descriptor[]>

  /**
   * Signatures, attestations and other artifacts that refer to a manifest. A registry without the referrers API is asked for
   * the tag that stands in for it.
   *
   * @throws {DockpassError} `login_required`, `scope_denied`, … Where the registry gives no answer, the result says so.
   *
   * @example
   * ```js
   * const { digest } = await client.manifest('team/app', 'latest')
   * const found = await client.referrers('team/app', digest)
   * console.log(found.known ? found.referrers.length : 'unknown')
   * ```
   */
  referrers(repository: string, digest: string, options?: ReferrersOptions): Promise<Referrers>

  /**
   * Downloads a blob of any size. Its digest is computed on the way; when the connection is lost, the download goes on where
   * it was.
   *
   * @throws {DockpassError} `missing`, … The stream fails with `digest_mismatch`, `aborted`, or `upstream_failed` when the
   *   connection cannot be made again.
   *
   * @example
   * ```js
   * const { manifest } = await client.manifest('team/app', 'latest', { platform: 'linux/arm64' })
   * const { body } = await client.download('team/app', manifest.config.digest, {
   *   onProgress: ({ loaded, total }) => console.log(loaded, total),
   * })
   * const file = await new Response(body).blob()
   * ```
   */
  download(repository: string, digest: string, options?: DownloadOptions): Promise<Download>

  /**
   * Uploads a blob in chunks, unless the registry has it. When the connection is lost, the upload goes on where it was. The key
   * server must allow writes: `gateway.read_only: false`.
   *
   * @param content A `Blob` or bytes, which are read twice, or a stream, which is read once.
   * @throws {DockpassError} `method_not_allowed` where writes are not allowed, `scope_denied`, …
   *
   * @example
   * ```js
   * const { digest } = await client.push('team/app', new Blob(['hello']), {
   *   onProgress: ({ loaded, total }) => console.log(loaded, total),
   * })
   * ```
   */
  push(
    repository: string,
    content: Blob | ArrayBuffer | ArrayBufferView | ByteStream,
    options?: PushOptions,
  ): Promise<Pushed>

  /**
   * Writes a manifest or index. What it refers to has to be there before. At a registry without the referrers API, a manifest
   * with a `subject` is added to the tag that stands in for it.
   *
   * @param reference Tag, or the digest of the manifest.
   * @param manifest The exact text or bytes, or an object.
   *
   * @example
   * ```js
   * const { manifest, digest } = await client.manifest('team/app', 'latest')
   * await client.putManifest('team/app', '1.0', manifest)
   * ```
   */
  putManifest(
    repository: string,
    reference: string,
    manifest: string | object,
    options?: PutManifestOptions,
  ): Promise<Descriptor>

  /**
   * Gives an image another tag, or copies it to another repository of this registry, with everything that belongs to it. Blobs
   * are shared where the registry allows it, and else pass through this page.
   *
   * @param target What is absent is as in `source`.
   *
   * @example
   * ```js
   * await client.copy({ repository: 'team/app', reference: 'latest' }, { reference: 'stable' })
   * ```
   */
  copy(source: ImageName, target: Partial<ImageName>, options?: CopyOptions): Promise<Descriptor>

  /**
   * Deletes a tag or a manifest. A registry that deletes no tags deletes the manifest with all of its tags: then nothing is
   * deleted if it has others, unless `allTags` is set. The result names the tags.
   *
   * @throws {DockpassError} `missing`, `method_not_allowed` where the registry or the key server does not allow it, …
   *
   * @example
   * ```js
   * const result = await client.delete('team/app', 'latest', { dryRun: true })
   * console.log(result.tags) // the tags that the manifest has
   * ```
   */
  delete(repository: string, reference: string, options?: DeleteOptions): Promise<Deleted>

  addEventListener<K extends keyof RegistryClientEventMap>(
    type: K,
    listener: ((event: RegistryClientEventMap[K]) => void) | null,
    options?: ListenerOptions,
  ): void
  addEventListener(type: string, listener: EventListener | null, options?: ListenerOptions): void
  removeEventListener<K extends keyof RegistryClientEventMap>(
    type: K,
    listener: ((event: RegistryClientEventMap[K]) => void) | null,
    options?: ListenerOptions,
  ): void
  removeEventListener(type: string, listener: EventListener | null, options?: ListenerOptions): void
}

/** A listener of any event. */
type EventListener = ((event: any) => void) | { handleEvent(event: any): void }

// ---------------------------------------------------------------------------------------------------------------------
// Errors
// ---------------------------------------------------------------------------------------------------------------------

/** Error codes of invalid input and of loading. No request was sent. */
export type InputErrorCode =
  | 'ERR_CHALLENGE_SYNTAX'
  | 'ERR_CLOSED'
  | 'ERR_INVALID_ARGUMENT'
  | 'ERR_NOT_INITIALIZED'
  | 'ERR_NO_WEBCRYPTO'
  | 'ERR_OTHER_ORIGIN'
  | 'ERR_REFERENCE_SYNTAX'
  | 'ERR_SCOPE_SYNTAX'
  | 'ERR_TOKEN_RESPONSE'
  | 'ERR_WASM_LOAD'

/** All error codes. */
export type ErrorCode = InputErrorCode | OperationErrorCode

interface BaseError extends Error {
  /** `DockpassError`; with the code `aborted`, `TimeoutError` after `AbortSignal.timeout` or {@link TransportOptions.timeout}, else `AbortError`. */
  readonly name: 'DockpassError' | 'AbortError' | 'TimeoutError'
}

/** {@link parseChallenges} found a syntax error. */
export interface ChallengeSyntaxError extends BaseError {
  readonly code: 'ERR_CHALLENGE_SYNTAX'
  /** Index into the line, as for `String.slice`. */
  readonly position: number
  /** Index of the line, when the input was a list. */
  readonly line?: number
  /** The challenges before the error. */
  readonly parsed: Challenge[]
}

/** A scope has a syntax error. */
export interface ScopeSyntaxError extends BaseError {
  readonly code: 'ERR_SCOPE_SYNTAX'
  /** Index into the text, as for `String.slice`. */
  readonly position: number
}

/** A WebAssembly module could not be loaded. */
export interface LoadError extends BaseError {
  readonly code: 'ERR_WASM_LOAD'
  /** The address that was tried, if the module was to come from one. */
  readonly url?: string
  /** The reason: an HTTP status, an error of `fetch`, of reading the file, or of the WebAssembly compiler. */
  readonly cause: unknown
}

/** Other invalid input. */
export interface InputError extends BaseError {
  readonly code: Exclude<InputErrorCode, 'ERR_CHALLENGE_SYNTAX' | 'ERR_SCOPE_SYNTAX' | 'ERR_WASM_LOAD'>
}

/** A login or a request failed. */
export interface OperationError extends BaseError {
  readonly code: OperationErrorCode
  /** The server at which it failed, if a request was sent. */
  readonly step?: Hop
  /** HTTP status of the response that caused the error. */
  readonly status?: number
  /** Milliseconds to wait before the next attempt, mostly with `rate_limited`. */
  readonly retryAfter?: number
  /** The key server's request id. Its log contains the same id. */
  readonly requestId?: string
  /** The steps of the call, oldest first. The last one failed. */
  readonly steps?: readonly Step[]
  /** More facts about the failure. Pass it to `diagnose` of `dockpass/doctor` together with the steps. */
  readonly context?: Record<string, unknown>
  /** With `missing` for a platform: the available platforms, as `os/architecture[/variant]`. */
  readonly platforms?: readonly string[]
}

/**
 * Every error of this package. Compare `code`, which never changes; it also narrows the type. No field contains a secret.
 *
 * `structuredClone`, `postMessage` and `JSON.stringify` keep all fields but `cause` and `stack`. The copy is a plain object.
 *
 * @example
 * ```js
 * try {
 *   await client.login({ username, password })
 * } catch (error) {
 *   if (error instanceof DockpassError && error.code === 'bad_credentials') console.log('Wrong password')
 *   else throw error
 * }
 * ```
 */
export type DockpassError = ChallengeSyntaxError | ScopeSyntaxError | LoadError | InputError | OperationError

/** The class of all errors of this package, for `instanceof`. */
export const DockpassError: {
  readonly prototype: DockpassError
  new (...fields: never): DockpassError
}
