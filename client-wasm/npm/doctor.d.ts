import type { DiagnosisCode, Hop } from './codes.js'
import type { InitSource, Step } from './index.js'

/** What is wrong, where, the evidence for it, and what to do about it. */
export interface Diagnosis {
  /** What is wrong, such as `wrong_password` or `clock_skew`; `healthy` when no step failed. */
  code: DiagnosisCode
  /** The server at which it failed. Absent when nothing failed. */
  hop?: Hop
  /** The evidence, most significant first: codes, times and public names. Contains no secret. */
  evidence: { what: string; value: string }[]
  /** What to do, in one sentence. */
  fix: string
}

/** Facts that the steps do not contain. All are optional. */
export interface Facts {
  /**
   * The last token. It is inspected in this page and sent nowhere. What reads it, the module of `dockpass/syntax`, is loaded
   * with the first one. Errors of a client have the `claims` instead.
   */
  token?: string
  /** The claims of the token, from the `context` of an error. */
  claims?: object
  /** The registry's name in the key server's configuration. */
  registry?: string
  /** The service that the registry's challenge names. */
  service?: string
  /** The issuer that the registry is configured to trust. */
  trustedIssuer?: string
  /** This machine's clock when the token was used, in milliseconds since the epoch (`Date.now()`). */
  now?: number
  /** How far the registry's clock (its `Date` header) is ahead of this one, in milliseconds. */
  skewMs?: number
  /** Why the browser blocked a request, if you know it; `fetch` reports all of these alike. */
  browser?: 'preflight' | 'cors_header' | 'mixed_content' | 'key_server' | 'network'
}

/**
 * Loads the doctor's WebAssembly module ahead of its first use, so that it is there when the network is not.
 *
 * @param source Default: what `init` was given as `doctor`, else this package's own module.
 * @throws {DockpassError} `ERR_WASM_LOAD`.
 */
export function preload(source?: InitSource | PromiseLike<InitSource>): Promise<void>

/**
 * Diagnoses a failed request or login from its steps. The first call loads a WebAssembly module of its own of about 10 kB,
 * unless {@link preload} has.
 *
 * @param steps The details of a client's `step` events, oldest first, for one request or login.
 * @throws {DockpassError} `ERR_INVALID_ARGUMENT` when steps or facts have another form than documented; `ERR_WASM_LOAD`.
 * @example
 * ```ts
 * import type { Step } from 'dockpass'
 * import { diagnose } from 'dockpass/doctor'
 *
 * const steps: Step[] = []
 * client.addEventListener('step', ({ detail }) => steps.push(detail))
 * try {
 *   await client.login({ username, password })
 * } catch {
 *   const { code, fix } = await diagnose(steps)
 *   console.log(code, fix)
 * }
 * ```
 */
export function diagnose(steps: readonly Step[], facts?: Facts): Promise<Diagnosis>
