// The first thing one sees: which registry, and as whom.

import { el, button, fill, mono } from './dom.js'
import { createProgress } from './progress.js'
import { errorBox, isAbort } from './errors.js'

/**
 * Builds the login view. `registries` are the key server's, `registry` the chosen one; `onRegistry(name)`,
 * `onLogin({username, password, signal})` (may throw) and `onBrowse()` are called as the person acts.
 */
export function createLoginView({ registries, registry, notice, onRegistry, onLogin, onBrowse }) {
  const progress = createProgress()
  const said = el('div', {})
  const chosen = registries.find((one) => one.registry === registry)
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
  const submit = el('button', { type: 'submit', class: 'first', testid: 'login-submit' }, 'Log in')
  const browse = button('Browse without logging in', onBrowse, {
    class: 'second',
    testid: 'browse-anonymous',
  })
  const actions = el('div', { class: 'login-actions' }, submit, browse)
  let running = null

  async function run(event) {
    event.preventDefault()
    if (running) return
    said.replaceChildren()
    for (const field of [username, password]) field.removeAttribute('aria-invalid')
    if (!username.value || !password.value) {
      const missing = username.value ? password : username
      missing.setAttribute('aria-invalid', 'true')
      missing.focus()
      return
    }
    running = new AbortController()
    submit.setAttribute('aria-disabled', 'true')
    progress.start('Asking the registry …', () => running?.abort())
    try {
      await onLogin({ username: username.value, password: password.value, signal: running.signal })
      password.value = ''
    } catch (error) {
      if (!isAbort(error)) refused(error)
    } finally {
      running = null
      submit.removeAttribute('aria-disabled')
      progress.stop()
    }
  }

  function refused(error) {
    fill(said, errorBox(error, { retry: () => form.requestSubmit(), browse: onBrowse }))
    actions.scrollIntoView({ block: 'nearest' })
    if (error?.code !== 'bad_credentials') return
    password.setAttribute('aria-invalid', 'true')
    password.focus({ preventScroll: true })
    password.select()
  }

  // method=post, so that a page whose script failed could never put the password into an address.
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
    said,
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

function optionText(one) {
  return one.name && one.name !== one.registry ? `${one.name} (${one.registry})` : one.registry
}

function explanation() {
  const parts = [
    [
      'It is checked once.',
      'The key server asks the registry whether it is right, and goes on only if it is.',
    ],
    [
      'It is sealed, not stored.',
      'It is encrypted under the key server’s key into a cookie that scripts cannot read. Nothing is written down.',
    ],
    [
      'It is exchanged for tokens.',
      'For each repository you open, the token service gives a pass for just that, for a few minutes.',
    ],
    [
      'It is gone when you log out.',
      'Logging out ends the session at the key server, and the page forgets it.',
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
