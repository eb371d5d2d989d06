// The form of <dockpass-login>. It is in the page's own tree and not in a shadow tree, so that password managers find it
// (docs/decisions/0060-login-form-in-the-document.md).

import { button, el, errorContent } from './dom.js'
import { keepLineBreaks } from './multiline.js'

/**
 * @import { RegistryInfo } from '../../index.js'
 * @import { Words } from '../../elements.js'
 */

const PATIENCE_MS = 300
let forms = 0

/**
 * Creates the form.
 * @param {{
 *   registries: readonly RegistryInfo[],
 *   registry: string,
 *   words: () => Words,
 *   canBrowse: () => boolean,
 *   choose: (registry: string) => void,
 *   browse: () => void,
 *   login: (credentials: { username: string, password: string }, signal: AbortSignal) => Promise<void>,
 *   failed: (error: unknown) => void,
 * }} options With more than one of `registries` there is a choice.
 */
export function loginForm({ registries, registry, words, canBrowse, choose, browse, login, failed }) {
  const text = words()
  const username = el('input', 'input', {
    name: 'username',
    autocomplete: 'username',
    autocapitalize: 'none',
    spellcheck: 'false',
    required: true,
  })
  const password = el('input', 'input', {
    name: 'password',
    type: 'password',
    autocomplete: 'current-password',
    required: true,
  })
  const secret = keepLineBreaks(password)
  const notice = el('p', 'notice', { role: 'status' })
  const problem = el('div', 'error', { role: 'alert', id: `dockpass-error-${(forms += 1)}` })
  const submit = el('button', 'button primary', { type: 'submit' }, text.login)
  const actions = el('div', 'actions', {}, submit)
  const progress = el('div', 'progress', { role: 'status' })
  // With method=post, the password is in no URL even if the page's own scripts submit the form.
  const node = el('form', 'form', { method: 'post', novalidate: true })
  node.append(notice)
  if (registries.length > 1) node.append(field(text.registry, picker(registries, registry, choose)))
  node.append(field(text.username, username), field(text.password, password), problem, actions, progress)
  if (canBrowse()) actions.append(button('secondary', text.browse, browse))
  /** @type {AbortController | null} */
  let running = null

  function clear() {
    problem.replaceChildren()
    for (const input of [username, password]) {
      input.removeAttribute('aria-invalid')
      input.removeAttribute('aria-describedby')
    }
  }

  /** @param {HTMLInputElement} input */
  function reject(input) {
    input.setAttribute('aria-invalid', 'true')
    if (problem.hasChildNodes()) input.setAttribute('aria-describedby', problem.id)
    input.focus()
  }

  node.addEventListener('submit', async (event) => {
    event.preventDefault()
    if (running !== null) return
    clear()
    notice.replaceChildren()
    const missing = [username, password].find(({ value }) => value === '')
    if (missing !== undefined) return reject(missing)
    const controller = (running = new AbortController())
    submit.setAttribute('aria-disabled', 'true')
    const timer = setTimeout(() => {
      const cancel = button('secondary', text.cancel, () => controller.abort())
      progress.append(el('progress', ''), text.loggingIn, cancel)
    }, PATIENCE_MS)
    try {
      await login({ username: username.value, password: secret.value() }, controller.signal)
      secret.clear()
    } catch (error) {
      if (!controller.signal.aborted) refuse(error)
    } finally {
      clearTimeout(timer)
      progress.replaceChildren()
      submit.removeAttribute('aria-disabled')
      running = null
    }
  })

  /** @param {any} error */
  function refuse(error) {
    const retry = () => node.requestSubmit()
    problem.replaceChildren(...errorContent(error, text, { retry, browse: canBrowse() ? browse : undefined }))
    if (error?.code === 'bad_credentials') {
      reject(password)
      password.select()
    }
    failed(error)
  }

  return {
    node,
    focus: () => (username.value === '' ? username : password).focus(),
    cancel: () => running?.abort(),
    /** @param {string} [why] Is shown above the fields. */
    reset(why = '') {
      clear()
      secret.clear()
      notice.textContent = why
      notice.hidden = why === ''
    },
  }
}

/** @param {string} label @param {HTMLElement} control */
function field(label, control) {
  return el('label', 'field', {}, el('span', 'label', {}, label), control)
}

/**
 * @param {readonly RegistryInfo[]} registries
 * @param {string} registry
 * @param {(registry: string) => void} choose
 */
function picker(registries, registry, choose) {
  const select = el('select', 'input', { name: 'registry' })
  for (const { registry: value, name } of registries) {
    const label = name !== '' && name !== value ? `${name} (${value})` : value
    select.append(el('option', '', { value, selected: value === registry }, label))
  }
  select.addEventListener('change', () => choose(select.value))
  return select
}
