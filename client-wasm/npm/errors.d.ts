/**
 * Errors in words: what happened, who can fix it, and what to do. The texts depend on the stable code only, so that no
 * text of a registry or its token service is shown. Needs no WebAssembly and no `init`.
 *
 * @packageDocumentation
 */

/**
 * Who can fix it: who sees it, the operator of the key server or of the registry, the developer of the page, or of dockpass.
 */
export type Fault = 'user' | 'operator' | 'registry' | 'page' | 'dockpass'

/** An error in words. */
export interface Explanation {
  /** The code of the error; `unknown` for a value that is no error of this package. */
  readonly code: string
  /** What happened, in a few words. */
  readonly title: string
  /** Who can fix it. */
  readonly fault: Fault
  /** What to do, in one to three sentences, with the time to wait if the error names one. */
  readonly text: string
  /** What to offer as a button: log in, try again, or browse without a login. */
  readonly action?: 'login' | 'retry' | 'browse'
  /** Milliseconds to wait before the next attempt. */
  readonly retryAfter?: number
  /** The request id of the key server, whose log has the same. */
  readonly requestId?: string
}

/**
 * Explains an error of this package, in English.
 *
 * @param error A thrown value. Only its `code`, `retryAfter` and `requestId` are read.
 *
 * @example
 * ```js
 * import { explain } from 'dockpass/errors'
 *
 * try {
 *   await client.login({ username, password })
 * } catch (error) {
 *   const { title, text } = explain(error)
 *   console.log(title, text) // 'Wrong user name or password', 'The registry refused them. …'
 * }
 * ```
 */
export function explain(error: unknown): Explanation

/** Whether there is a text of its own for this code. Every `ErrorCode` has one. */
export function isExplained(code: string): boolean
