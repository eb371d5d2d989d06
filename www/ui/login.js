// The login view: the registry, user name and password.

import { el, button, fill, mono } from './dom.js'
import { createProgress } from './progress.js'
import { errorBox, isAbort } from './errors.js'
import { keepLineBreaks } from '../dockpass/elements.js'

/** @import { RegistryInfo } from '../dockpass/index.js' */

/**
 * Creates the login view.
 * @param {{
 *   registries: readonly RegistryInfo[],
 *   registry: string,
 *   notice?: string,
 *   onRegistry: (registry: string) => void,
 *   onLogin: (login: { username: string, password: string, signal: AbortSignal }) => Promise<void>,
 *   onBrowse: () => void,
 * }} options `registry` is the chosen one. `onLogin` may throw.
 */
export function createLoginView({ registries, registry, notice, onRegistry, onLogin, onBrowse }) {
  const progress = createProgress()
  const message = el('div', {})
  const chosen = registries.find((one) => one.registry === registry)
  /** @type {HTMLSelectElement} */
  const picker = el(
    'select',
    { id: 'registry', testid: 'registry-select', on: { change: () => onRegistry(picker.value) } },
    registries.map((one) =>
      el('option', { value: one.registry, selected: one.registry === registry }, optionText(one)),
    ),
  )
  const username = el('input', {
    id: 'username',
    name: 'username',
    testid: 'username',
    autocomplete: 'username',
    autocapitalize: 'none',
    spellcheck: 'false',
    required: true,
  })
  const password = el('input', {
    id: 'password',
    name: 'password',
    testid: 'password',
    type: 'password',
    autocomplete: 'current-password',
    required: true,
  })
  const secret = keepLineBreaks(password)
  const submit = el('button', { type: 'submit', class: 'first', testid: 'login-submit' }, 'Log in')
  const browse = button('Browse without logging in', onBrowse, {
    class: 'second',
    testid: 'browse-anonymous',
  })
  const actions = el('div', { class: 'login-actions' }, submit, browse)
  /** @type {AbortController | null} */
  let running = null

  /** @param {SubmitEvent} event */
  async function run(event) {
    event.preventDefault()
    if (running) return
    message.replaceChildren()
    for (const field of [username, password]) field.removeAttribute('aria-invalid')
    if (!username.value || !password.value) {
      const missing = username.value ? password : username
      missing.setAttribute('aria-invalid', 'true')
      missing.focus()
      return
    }
    running = new AbortController()
    submit.setAttribute('aria-disabled', 'true')
    progress.start('Logging in …', () => running?.abort())
    try {
      await onLogin({ username: username.value, password: secret.value(), signal: running.signal })
      secret.clear()
    } catch (error) {
      if (!isAbort(error)) refused(error)
    } finally {
      running = null
      submit.removeAttribute('aria-disabled')
      progress.stop()
    }
  }

  /** @param {any} error */
  function refused(error) {
    fill(message, errorBox(error, { retry: () => form.requestSubmit(), browse: onBrowse }))
    actions.scrollIntoView({ block: 'nearest' })
    if (error?.code !== 'bad_credentials') return
    password.setAttribute('aria-invalid', 'true')
    password.focus({ preventScroll: true })
    password.select()
  }

  // method=post, so that the password never ends up in a URL, even if the script fails.
  /** @type {HTMLFormElement} */
  const form = el(
    'form',
    { class: 'login-form', method: 'post', testid: 'login-form', novalidate: true, on: { submit: run } },
    el('h2', { id: 'login-heading', tabindex: '-1' }, 'Log in to a registry'),
    notice && el('p', { class: 'login-notice', role: 'status' }, notice),
    el('label', { for: 'registry' }, 'Registry'),
    picker,
    chosen?.url && el('p', { class: 'field-hint' }, mono(chosen.url)),
    el('label', { for: 'username' }, 'User name'),
    username,
    el('label', { for: 'password' }, 'Password or access token'),
    password,
    message,
    actions,
    progress.node,
  )
  const node = el('section', { class: 'login', 'aria-labelledby': 'login-heading' }, form, explanation())
  return {
    node,
    focus: () => (username.value ? password : username).focus(),
    cancel: () => running?.abort(),
  }
}

/** @param {RegistryInfo} one */
function optionText(one) {
  return one.name && one.name !== one.registry ? `${one.name} (${one.registry})` : one.registry
}

function explanation() {
  const parts = [
    ['It is verified once.', 'The key server verifies it at the registry. If it is wrong, nothing is kept.'],
    [
      'It is sealed, not stored.',
      'It is encrypted with the key server’s key into a cookie that scripts cannot read. The key server does not store it.',
    ],
    [
      'It is exchanged for tokens.',
      'For each repository that you open, the token service issues a token for that repository only, valid for a few minutes.',
    ],
    [
      'It is deleted when you log out.',
      'Logging out deletes the cookie and ends the session on the key server.',
    ],
  ]
  return el(
    'div',
    { class: 'login-why' },
    el('h3', {}, 'What happens to your password'),
    el(
      'ol',
      {},
      parts.map(([head, text]) => el('li', {}, el('b', {}, head), ' ', text)),
    ),
  )
}
