// <dockpass-status>: who is logged in, and a button that changes it.

import { adoptStyle, button, el, errorContent } from './dom.js'
import { WORDS } from './words.js'

/** @import { Words, DockpassLogin } from '../../elements.js' */

/**
 * The class of the element.
 * @param {typeof HTMLElement} Base
 */
export function statusElement(Base) {
  return class DockpassStatus extends Base {
    static observedAttributes = ['for']

    /** @type {Partial<Words>} */
    #words = {}
    /** @type {Document | ShadowRoot | null} */
    #root = null

    get words() {
      return { ...WORDS, ...this.#words }
    }

    set words(words) {
      this.#words = words
      this.#draw()
    }

    get login() {
      const id = this.getAttribute('for')
      const selector = id === null ? 'dockpass-login' : `dockpass-login#${CSS.escape(id)}`
      return /** @type {DockpassLogin | null} */ (this.#root?.querySelector(selector) ?? null)
    }

    connectedCallback() {
      adoptStyle(this)
      this.#root = /** @type {Document | ShadowRoot} */ (this.getRootNode())
      this.#root.addEventListener('statechange', this.#changed)
      this.#draw()
    }

    disconnectedCallback() {
      this.#root?.removeEventListener('statechange', this.#changed)
      this.#root = null
    }

    attributeChangedCallback() {
      this.#draw()
    }

    #changed = (/** @type {Event} */ event) => {
      if (event.target === this.login) this.#draw()
    }

    #draw() {
      const login = this.login
      // It may come later in the document, or not be defined yet.
      if (login?.client === undefined || login.registry === null) return this.replaceChildren()
      const { words, client } = { words: this.words, client: login.client }
      const session = client?.session ?? null
      const problem = el('span', 'error', { role: 'alert' })
      const change = session === null ? () => login.showForm() : () => login.logout()
      const press = button('secondary', session === null ? words.login : words.logout, async () => {
        problem.replaceChildren()
        press.disabled = true
        try {
          await change()
        } catch (error) {
          problem.replaceChildren(...errorContent(error, words, {}))
        } finally {
          press.disabled = false
        }
      })
      const who = el('span', 'who')
      if (session === null) who.append(words.anonymous)
      else {
        const time = new Date(session.expiresAt)
        const shown = time.toLocaleTimeString([], { timeStyle: 'short' })
        const until = el('time', 'until', { datetime: time.toISOString() }, words.until(shown))
        who.append(
          el('bdi', 'username', {}, session.username),
          ' ',
          el('bdi', 'registry', {}, session.registry),
        )
        who.append(' ', until)
      }
      // While the form is shown, it is the way to log in.
      const isForm = client === null
      this.replaceChildren(el('span', 'status', {}, who, ...(isForm ? [] : [press]), problem))
    }
  }
}
