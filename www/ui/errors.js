// Errors as the page shows them. The texts depend on the stable code only: text of the registry or its token service is
// never shown.

import { el, button, mono } from './dom.js'
import { TEXTS, UNKNOWN } from './error-texts.js'

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
 * @param {any} error
 * @returns {string}
 */
export function codeOf(error) {
  if (error?.name === 'AbortError') return 'aborted'
  return typeof error?.code === 'string' && /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(error.code)
    ? error.code
    : 'internal_page'
}

/**
 * Whether the error only says that somebody cancelled.
 * @param {unknown} error
 */
export const isAbort = (error) => codeOf(error) === 'aborted'

/**
 * Whether there is a text for the code.
 * @param {string} code
 */
export const isKnown = (code) => Object.hasOwn(TEXTS, code)

/**
 * What a code means.
 * @param {string} code
 * @returns {ErrorWords}
 */
export function explain(code) {
  const [title, whose, what, action] = isKnown(code) ? TEXTS[code] : UNKNOWN
  return { title, whose, what, action }
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
  const { title, whose, what, action, mild } = { ...explain(code), ...words }
  const run = action && actions[action]
  const wait =
    Number.isFinite(error?.retryAfter) && error.retryAfter > 0
      ? ` Wait ${Math.ceil(error.retryAfter / 1000)} s.`
      : ''
  const request =
    typeof error?.requestId === 'string' && /^[\w-]{1,64}$/.test(error.requestId) ? error.requestId : null
  return el(
    'div',
    { class: mild ? 'error mild' : 'error', role: 'alert', testid: 'error', 'data-code': code },
    el('p', { class: 'error-title' }, title),
    el('p', {}, what + wait),
    also,
    el(
      'p',
      { class: 'error-foot' },
      `${whose} · `,
      mono(code),
      request && [' · request ', mono(request, { testid: 'request-id' })],
    ),
    action &&
      run &&
      button((action === 'login' && actions.loginLabel) || ACTION_LABELS[action], () => run(), {
        class: 'second',
        testid: `error-${action}`,
      }),
  )
}
