import type { Hop, Step } from './index.js'

/** What is wrong, where, by what evidence, and what to do about it. */
export interface Diagnosis {
  /** A stable name, as `wrong_password` or `clock_skew`; `healthy` when no step failed. A name is added, never renamed. */
  code: string
  /** Who was asked when it failed; none when nothing failed. */
  hop?: Hop
  /** What speaks for it, most telling first: codes, times and public names, never a secret. */
  evidence: { what: string; value: string }[]
  /** What to do, in one sentence. */
  fix: string
}

/** What the steps do not say. All of it is optional. */
export interface Facts {
  /** The last token. It is inspected in this page and goes nowhere. */
  token?: string
  /** The service that the registry's challenge names. */
  service?: string
  /** The issuer that the registry is set up to trust. */
  trustedIssuer?: string
  /** This machine's clock, in milliseconds since the epoch, when the token was used: as `Date.now()`. */
  now?: number
  /** How far the registry's clock (its `Date`) is ahead of it, in milliseconds. */
  skewMs?: number
  /** What is known of a request that the browser did not let through; `fetch` does not tell these apart. */
  browser?: 'preflight' | 'cors_header' | 'mixed_content' | 'key_server' | 'network'
}

/**
 * What the steps of one request or login come to. The first call loads a module of its own, of about 56 kB.
 *
 * @param steps The details of a client's `step` events, oldest first, from one beginning on.
 * @throws {DockpassError} `ERR_INVALID_ARGUMENT` for steps or facts that are not as documented, `ERR_WASM_LOAD`.
 * @example
 * ```js
 * import { diagnose } from 'dockpass/doctor'
 * const steps = []
 * client.addEventListener('step', ({ detail }) => steps.push(detail))
 * try {
 *   await client.login({ username, password })
 * } catch {
 *   const { code, fix } = await diagnose(steps)
 * }
 * ```
 */
export function diagnose(steps: readonly Step[], facts?: Facts): Promise<Diagnosis>
