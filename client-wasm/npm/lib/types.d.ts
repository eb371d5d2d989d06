// Types that the files of this folder share. They are not published.

import type {
  CallOptions,
  Credentials,
  Decision,
  Hop,
  RegistryClientEventMap,
  Session,
  Step,
} from '../index.js'
import type { Core } from './core.js'
import type { KeyServer } from './key-server.js'
import type { Route } from './route.js'
import type { Call } from './steps.js'
import type { Transport } from './transport.js'

/** What the page itself reports of a request; `at` is added when it is emitted. */
export type PageStep = Omit<Step, 'at' | 'decision' | 'reason'> & Partial<Pick<Step, 'decision' | 'reason'>>

/** One request to the key server. */
export interface KeyServerRequest {
  /** Sent as JSON. */
  body?: object
  /** The sealed session, with the bearer carrier. */
  session?: string
  /** The session that the cookie must have; any, when undefined. */
  id?: string
  /** Whether it may be sent again with its body. */
  repeatable?: boolean
  /** Whether the browser attaches the session's cookie. Default: true. */
  identified?: boolean
  signal?: AbortSignal
  /** The decision and reason of the step when the request succeeds. */
  decision: Decision
  reason: string
  /** The call that it is sent for. */
  call: Call
}

/** A token that a flow needs. */
export interface TokenNeed {
  scopes: string[]
  realm?: string
  service?: string
  /** Whether cached tokens must not be used. */
  fresh?: boolean
}

/** A token from the key server, and for how many seconds it is valid. */
export interface Token {
  token: string
  seconds: number
}

/** What the module's flow wants next; see client-wasm/src/flow.rs. */
export type FlowStep = { steps?: PageStep[] } & (
  | { do: 'send'; token?: string; session?: boolean }
  | ({ do: 'token' } & TokenNeed)
  | { do: 'done' }
  | {
      do: 'fail'
      code: string
      message: string
      step?: Hop
      status?: number
      retryAfter?: number
      context?: object
    }
)

/** The state of a client when it sends a request. */
export interface DriveContext {
  identity: Identity
  route: Route
  transport: Transport
  /** Absent where the page talks to the registry alone. */
  keyServer: KeyServer | undefined
  /** The call that the request is sent for. */
  call: Call
  /** Scopes that a token for the request has as well. */
  scopes: readonly string[]
}

/** `fetch` for a path of the registry. */
export type FetchPath = (path: string, init: RequestInit) => Promise<Response>

/** What the readers and writers of content use. */
export interface Content {
  fetch: FetchPath
  /** The path of a `Location` or link in the response to a path. */
  resolve(location: string, path: string): string
  /** The path of the next page; see `Route.next`. */
  next(headers: Headers, path: string): Promise<string | null | undefined>
  tags(repository: string, options: CallOptions): AsyncIterable<string>
}

/** The key server's description of a session; see protocol/src/api.rs. */
export interface SessionResponse {
  registry: string
  username: string
  expires_at: number
  auth: Session['auth']
  realm?: string
  service?: string
  session?: string
  id?: string
  parts?: string[]
}

/** Dispatches an event of a client. */
export type Emit = (type: keyof RegistryClientEventMap, detail: unknown) => void

/** Who a client acts as: a session of a key server (account.js), or a token that the page has (own-token.js). */
export interface Identity {
  readonly core: Core
  readonly session: Session | null
  readonly sealed: string | undefined
  readonly id: string | undefined
  /** A token that a request needs. */
  token(need: TokenNeed, call: Call): Promise<Token>
  /** Reacts to an error of the key server and returns it. */
  failed<E extends { code?: string; step?: string }>(error: E): E
  attempt<T>(call: Call, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T>
  connect(call: Call, signal?: AbortSignal): Promise<void>
  login(credentials: Credentials, call: Call, signal?: AbortSignal): Promise<Session>
  logout(call: Call, signal?: AbortSignal): Promise<void>
  close(): void
}

/** What clients of one connection share. */
export interface Connection {
  registry: string
  identity: Identity
  keyServer: KeyServer | undefined
  transport: Transport
  route: Route
  isClosed: boolean
}

/** Where an entry of the package finds its module. */
export interface PackagedModule {
  /** The address of the file, absent where there are only scripts. It may throw, after bundling for instance. */
  url?: () => URL
  /** Reads a `file:` URL. Without it they are fetched. */
  read?: (address: URL) => Uint8Array<ArrayBuffer>
  /** The module of digests, as `copy`. */
  digest?: PackagedModule['copy']
  /** The module that the package has as a script: its bytes, or compiled by the runtime. */
  copy: () => WebAssembly.Module | Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>
}

/** What is loaded. */
export interface ModuleOptions<T> {
  /** Its name in messages. */
  name: string
  /** The names of exports that it must have. */
  has: readonly string[]
  /** Starts the compiled module. */
  begin(compiled: WebAssembly.Module): Promise<T>
}
