// <dockpass-login>: connects a client to a registry, and shows a form while nobody is logged in.

import { adoptStyle, button, el, errorContent } from './dom.js'
import { loginForm } from './form.js'
import { WORDS } from './words.js'

/**
 * @import { RegistryClient, RegistryInfo } from '../../index.js'
 * @import { Words } from '../../elements.js'
 */

/** Progress is shown after this time, so that what is quick does not flicker. */
const PATIENCE_MS = 300

/**
 * The class of the element.
 * @param {typeof HTMLElement} Base
 * @param {Pick<typeof import('../../index.js'), 'RegistryClient'> & { init: () => Promise<void> }} dockpass
 */
export function loginElement(Base, { init, RegistryClient }) {
  return class DockpassLogin extends Base {
    static observedAttributes = ['key-server', 'registry', 'carrier']

    /** @type {RegistryClient | null} */
    #client = null
    #browsing = false
    /** @type {Partial<Words>} */
    #words = {}
    /** The registry that the user chose. @type {string | undefined} */
    #chosen
    /** Ends what is under way. */
    #running = new AbortController()
    /** @type {ReturnType<typeof loginForm> | null} */
    #form = null

    get client() {
      const client = this.#client
      return client !== null && (client.session !== null || this.#browsing) ? client : null
    }

    get registry() {
      return this.#client?.registry ?? this.getAttribute('registry') ?? this.#chosen ?? null
    }

    get words() {
      return { ...WORDS, ...this.#words }
    }

    set words(words) {
      this.#words = words
    }

    connectedCallback() {
      adoptStyle(this)
      // Moving the element in the document removes and inserts it; the client outlives that.
      if (this.#client === null) this.#restart()
    }

    disconnectedCallback() {
      queueMicrotask(() => {
        if (!this.isConnected) this.#close()
      })
    }

    /** @param {string} _name @param {string | null} old @param {string | null} value */
    attributeChangedCallback(_name, old, value) {
      if (old === value || !this.isConnected) return
      this.#chosen = undefined
      this.#restart()
    }

    showForm() {
      if (this.#client === null || this.#client.session !== null) return
      this.#browsing = false
      this.#showForm()
      this.#form?.focus()
    }

    async logout() {
      const client = this.#client
      if (client === null) return
      await client.logout()
      this.#form?.focus()
    }

    #close() {
      this.#running.abort()
      this.#client?.close()
      this.#client = null
      this.#form = null
      this.#browsing = false
    }

    #restart() {
      this.#close()
      this.#running = new AbortController()
      void this.#start(this.#running.signal)
    }

    /** @param {AbortSignal} signal */
    async #start(signal) {
      const progress = el('div', 'progress', { role: 'status' })
      this.replaceChildren(progress)
      const timer = setTimeout(() => progress.append(el('progress', ''), this.words.loading), PATIENCE_MS)
      try {
        await init()
        const keyServer = this.getAttribute('key-server') ?? '/'
        const fixed = this.getAttribute('registry')
        const registries = fixed === null ? await RegistryClient.registries({ keyServer, signal }) : []
        const registry = fixed ?? this.#chosen ?? registries[0]?.registry
        if (registry === undefined) {
          throw Object.assign(new Error('The key server has no registries.'), { code: 'no_registries' })
        }
        const carrier = /** @type {'cookie' | 'bearer' | undefined} */ (
          this.getAttribute('carrier') ?? undefined
        )
        const client = await RegistryClient.connect({ keyServer, registry, carrier, signal })
        if (signal.aborted) return client.close()
        this.#use(client, registries)
      } catch (error) {
        if (!signal.aborted) this.#failed(error)
      } finally {
        clearTimeout(timer)
      }
    }

    /** @param {RegistryClient} client @param {readonly RegistryInfo[]} registries */
    #use(client, registries) {
      this.#client = client
      client.addEventListener('signedout', ({ detail: { reason } }) => {
        if (this.#client !== client) return
        const { loggedOut, refused, expired } = this.words
        const isLogout = reason === 'logout' || reason === 'elsewhere'
        const notice = isLogout ? loggedOut : reason === 'bad_credentials' ? refused : expired
        this.#browsing = false
        this.#showForm(notice)
        this.#tell('signedout', { reason })
      })
      // Somebody may have logged in in another tab.
      client.addEventListener('session', () => {
        if (this.#client === client && client.session !== null) this.#connected()
      })
      this.#form = loginForm({
        registries,
        registry: client.registry,
        words: () => this.words,
        canBrowse: () => !this.hasAttribute('required'),
        choose: (registry) => {
          this.#chosen = registry
          this.#restart()
        },
        browse: () => {
          this.#browsing = true
          this.#connected()
        },
        login: async (credentials, signal) => {
          await client.login(credentials, { signal })
          if (this.#client === client) this.#connected()
        },
        failed: (error) => this.#tell('failed', { error }),
      })
      if (client.session !== null) this.#connected()
      else {
        this.#showForm()
        if (this.hasAttribute('autofocus')) this.#form.focus()
      }
    }

    /** @param {string} [notice] */
    #showForm(notice) {
      this.#form?.reset(notice)
      if (this.#form) this.replaceChildren(this.#form.node)
      this.#tell('statechange')
    }

    /** What was told last, so that each session is told once. @type {unknown} */
    #told = null

    #connected() {
      const client = this.#client
      if (client === null) return
      this.#form?.cancel()
      this.replaceChildren()
      const what = client.session ?? client
      if (this.#told === what) return
      this.#told = what
      this.#tell('connected', { client, session: client.session })
      this.#tell('statechange')
    }

    /** @param {unknown} error */
    #failed(error) {
      const retry = () => this.#restart()
      const box = el('div', 'error', { role: 'alert' })
      const content = errorContent(error, this.words, {})
      // Whatever failed, connecting again is all that can be done here.
      box.append(...content, button('secondary', this.words.retry, retry))
      this.replaceChildren(box)
      this.#tell('failed', { error })
      this.#tell('statechange')
    }

    /** @param {string} type @param {unknown} [detail] */
    #tell(type, detail = null) {
      if (type === 'signedout') this.#told = null
      this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }))
    }
  }
}
