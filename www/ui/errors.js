// Errors as the page shows them. The texts depend on the stable code only: text of the registry or its token service is
// never shown.

import { el, button, mono } from './dom.js'
import { explain as explainError, isExplained } from '../dockpass/errors.js'

/** @import { Child } from './types.js' */

/**
 * The functions behind an error's buttons. `loginLabel` replaces the label of the login button.
 * @typedef {{
 *   login?: (() => void) | null,
 *   retry?: (() => void) | null,
 *   browse?: (() => void) | null,
 *   loginLabel?: string | null,
 * }} ErrorActions
 */

/**
 * What an error box says. `mild` is for errors that are no failure.
 * @typedef {{
 *   title: string,
 *   whose: string,
 *   what: string,
 *   action?: 'login' | 'retry' | 'browse' | null,
 *   mild?: boolean,
 * }} ErrorWords
 */

/**
 * The stable code of a thrown value.
 * @param {unknown} error
 */
export const codeOf = (error) => explainError(error).code

/**
 * Whether the error only says that somebody cancelled.
 * @param {unknown} error
 */
export const isAbort = (error) => codeOf(error) === 'aborted'

/** Who can fix it. */
const WHOSE = {
  user: 'You can fix this',
  operator: 'For the key server’s operator',
  registry: 'For the registry’s operator',
  page: 'A bug in this page',
  dockpass: 'A bug in dockpass',
}

const NOT_A_NAME = {
  title: 'Not a valid repository name',
  whose: WHOSE.user,
  what: 'Write it as team/app, team/app:tag or team/app@sha256:…',
}

/**
 * Errors of the page itself, and what a code means where only a name can be wrong.
 * @type {Record<string, ErrorWords>}
 */
const OWN = {
  wasm_unavailable: {
    title: 'The library could not be loaded',
    whose: WHOSE.operator,
    what: 'This page needs WebAssembly and the files of the dockpass package. Reload the page. If it fails again, the key server was built without them.',
  },
  ERR_INVALID_ARGUMENT: NOT_A_NAME,
}

/**
 * Whether there is a text for the code.
 * @param {string} code
 */
export const isKnown = (code) => Object.hasOwn(OWN, code) || isExplained(code)

/**
 * What an error means.
 * @param {unknown} error
 * @returns {ErrorWords & { requestId?: string }}
 */
export function explain(error) {
  const { code, title, fault, text, action, requestId } = explainError(error)
  if (Object.hasOwn(OWN, code)) return OWN[code]
  return { title, whose: WHOSE[fault], what: text, action, requestId }
}

const ACTION_LABELS = { login: 'Log in', retry: 'Try again', browse: 'Browse without logging in' }

/**
 * A box that explains an error. The code decides which of the `actions` is offered.
 * @param {any} error
 * @param {ErrorActions} [actions]
 * @param {Partial<ErrorWords> | null} [words] Replaces parts of the text where the page knows more than the code says.
 * @param {Child[]} also More content.
 */
export function errorBox(error, actions = {}, words = null, ...also) {
  const code = codeOf(error)
  const { title, whose, what, action, mild, requestId } = { ...explain(error), ...words }
  const run = action && actions[action]
  return el(
    'div',
    { class: mild ? 'error mild' : 'error', role: 'alert', testid: 'error', 'data-code': code },
    el('p', { class: 'error-title' }, title),
    el('p', {}, what),
    also,
    el(
      'p',
      { class: 'error-foot' },
      `${whose} · `,
      mono(code),
      requestId && [' · request ', mono(requestId, { testid: 'request-id' })],
    ),
    action &&
      run &&
      button((action === 'login' && actions.loginLabel) || ACTION_LABELS[action], () => run(), {
        class: 'second',
        testid: `error-${action}`,
      }),
  )
}
