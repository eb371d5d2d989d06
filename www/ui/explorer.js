// Three columns: the registry's repositories, a repository's tags, a reference's manifest.

import { el, announce, button, fill, mono } from './dom.js'
import { createListPane } from './list-pane.js'
import { createManifestView } from './manifest.js'
import { codeOf, errorBox } from './errors.js'
import { hrefFor, qualified } from './route.js'

/**
 * @import { RegistryClient, RegistryInfo } from '../dockpass/index.js'
 * @import { ErrorWords } from './errors.js'
 * @import { Name, Place } from './route.js'
 */

// Errors after which the registry cannot be listed, but a repository can still be opened by its name.
const NO_CATALOG = new Set([
  'scope_denied',
  'login_required',
  'missing',
  'method_not_allowed',
  'token_request_refused',
  'upstream_invalid',
])

// Registries that count each manifest as a pull and limit pulls.
const COUNTS_PULLS = new Set(['docker.io'])

const ACTIONS = ['pull', 'push', 'delete']

const CATALOG_KEPT = {
  title: 'This registry does not list its repositories',
  whose: 'Configured by the registry',
  mild: true,
  what: 'Many registries list them to administrators only, and Docker Hub to nobody.',
}

const CATALOG_LOGIN = {
  title: 'Login required',
  what: 'This registry lists its repositories only after a login.',
}

/**
 * Creates the explorer of one client.
 * @param {{
 *   client: RegistryClient,
 *   info: RegistryInfo,
 *   resolve: (text: string) => Name,
 *   go: (place: Name & { registry: string }) => void,
 *   mark: (text: string) => void,
 *   onLogin: () => void,
 * }} options `resolve` parses what the user typed, or throws. `mark` starts a group of steps. `onLogin` shows the login.
 */
export function createExplorer({ client, info, resolve, go, mark, onLogin }) {
  const { registry } = info
  const plainHttp = /^http:/i.test(info.url ?? '')
  const login = () => ({ login: onLogin, loginLabel: client.session ? 'Log in as someone else' : null })
  /** @type {Pick<Place, 'repository' | 'reference'>} */
  let place = { repository: null, reference: null }

  const byName = el('input', {
    id: 'by-name',
    testid: 'open-by-name',
    placeholder: 'team/app or team/app:tag',
    autocomplete: 'off',
    autocapitalize: 'none',
    spellcheck: 'false',
    enterkeyhint: 'go',
    'aria-describedby': 'by-name-error',
  })
  const byNameError = el('p', { id: 'by-name-error', class: 'field-error', role: 'alert', hidden: true })
  const byNameForm = el(
    'form',
    { class: 'by-name', method: 'post', testid: 'open-by-name-form', on: { submit: openByName } },
    el('label', { for: 'by-name' }, 'Open by name'),
    el(
      'div',
      { class: 'by-name-line' },
      byName,
      el('button', { type: 'submit', class: 'second', testid: 'open-by-name-submit' }, 'Open'),
    ),
    byNameError,
  )

  const repositories = createListPane({
    id: 'repositories',
    noun: ['repository', 'repositories'],
    rowTestid: 'repo-row',
    filterTestid: 'repo-filter',
    href: (repository) => hrefFor({ registry, repository }),
    onEdge: (side) => {
      if (side === 'right') tags.focus()
    },
  })
  repositories.node.append(byNameForm)
  const tags = createListPane({
    id: 'tags',
    noun: ['tag', 'tags'],
    rowTestid: 'tag-row',
    filterTestid: 'tag-filter',
    sortable: true,
    href: (reference) => hrefFor({ registry, repository: place.repository, reference }),
    onEdge: (side) => {
      if (side === 'left') repositories.focus()
      else manifest.heading.focus()
    },
  })
  const rightsButton = button('Show my permissions', showRights, { class: 'link', testid: 'ask-rights' })
  const rights = el('div', {}, rightsButton)
  tags.foot.append(rights)
  const manifest = createManifestView(login)
  const trail = el('nav', { class: 'trail', 'aria-label': 'Where you are' })
  const node = el(
    'div',
    { class: 'explorer', 'data-depth': 'repositories' },
    trail,
    el('div', { class: 'panes' }, repositories.node, tags.node, manifest.node),
  )
  rights.hidden = true
  tags.clear('Choose a repository to see its tags.')
  manifest.clear('Choose a tag to see its manifest.')

  manifest.heading.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowLeft' && tags.focus()) event.preventDefault()
  })

  /** @param {SubmitEvent} event */
  function openByName(event) {
    event.preventDefault()
    byNameError.hidden = true
    byName.removeAttribute('aria-invalid')
    try {
      const { repository, reference } = resolve(byName.value.trim())
      byName.value = ''
      if (!repositories.has(repository)) repositories.add(repository)
      go({ registry, repository, reference })
    } catch (error) {
      byNameError.textContent = error.forPerson ?? 'Write it as team/app, team/app:tag or team/app@sha256:…'
      byNameError.hidden = false
      byName.setAttribute('aria-invalid', 'true')
      byName.focus()
    }
  }

  /**
   * @param {unknown} error
   * @returns {Partial<ErrorWords> | null}
   */
  function catalogWords(error) {
    if (codeOf(error) === 'login_required') return CATALOG_LOGIN
    return NO_CATALOG.has(codeOf(error)) ? { ...CATALOG_KEPT, action: client.session ? null : 'login' } : null
  }

  function loadRepositories() {
    mark('List the repositories')
    repositories.load((signal) => client.catalog({ signal }).pages(), {
      retry: loadRepositories,
      ...login(),
      instead: (error) => (NO_CATALOG.has(codeOf(error)) && Array.isArray(info.catalog) ? info.catalog : []),
      words: catalogWords,
      also: (error) =>
        NO_CATALOG.has(codeOf(error)) &&
        el(
          'p',
          { testid: 'no-catalog' },
          info.catalog?.length > 0
            ? 'The repositories below come from the key server’s configuration. You can also '
            : 'You can ',
          button('open a repository by its name', () => byName.focus(), { class: 'link' }),
          '.',
        ),
    })
  }

  /** @param {string} repository */
  function loadTags(repository) {
    mark(`List the tags of ${repository}`)
    const retry = () => loadTags(repository)
    tags.load((signal) => client.tags(repository, { signal }).pages(), { retry, ...login() })
  }

  // One token request for three actions. The token says what it grants; the registry decides.
  async function showRights() {
    const { repository } = place
    mark(`Show permissions for ${repository}`)
    rightsButton.disabled = true
    try {
      const grants = await client.authorize(ACTIONS.map((action) => `repository:${repository}:${action}`))
      if (place.repository !== repository) return
      fill(
        rights,
        el(
          'dl',
          { class: 'rights', testid: 'rights' },
          grants.map(({ grant }, i) =>
            el(
              'div',
              {},
              el('dt', {}, ACTIONS[i]),
              el('dd', { 'data-action': ACTIONS[i], 'data-grant': grant }, grant),
            ),
          ),
        ),
      )
      announce(grants.map(({ grant }, i) => `${ACTIONS[i]} ${grant}`).join(', '))
    } catch (error) {
      if (place.repository === repository) fill(rights, errorBox(error, { ...login(), retry: showRights }))
    } finally {
      rightsButton.disabled = false
    }
  }

  function drawTrail() {
    /** @type {HTMLElement[]} */
    const parts = [el('a', { href: hrefFor({ registry }) }, mono(registry))]
    if (place.repository)
      parts.push(
        el('a', { href: hrefFor({ registry, repository: place.repository }) }, mono(place.repository)),
      )
    if (place.reference) parts.push(el('span', { 'aria-current': 'page' }, mono(place.reference)))
    fill(
      trail,
      el(
        'ol',
        {},
        parts.map((link) => el('li', {}, link)),
      ),
    )
  }

  return {
    node,
    /**
     * Shows a place within the registry. Loads only what is not shown yet.
     * @param {Pick<Place, 'repository' | 'reference'>} next
     */
    show(next) {
      const sameRepository = next.repository === place.repository
      const sameReference = sameRepository && next.reference === place.reference
      place = { repository: next.repository, reference: next.reference }
      node.dataset.depth = place.reference ? 'manifest' : place.repository ? 'tags' : 'repositories'
      drawTrail()
      repositories.select(place.repository)
      if (!sameRepository) {
        fill(rights, rightsButton)
        rights.hidden = !place.repository
        if (place.repository) loadTags(place.repository)
        else tags.clear('Choose a repository to see its tags.')
      }
      tags.select(place.reference)
      if (sameReference) return
      const { repository, reference } = place
      if (repository && reference) {
        mark(`Open ${qualified(repository, reference)}`)
        const counted = COUNTS_PULLS.has(registry)
        void manifest.load({ registry, plainHttp, counted, repository, reference }, client)
      } else {
        manifest.clear(repository ? 'Choose a tag to see its manifest.' : 'Choose a repository, then a tag.')
      }
    },
    loadRepositories,
    /** Moves the focus to the heading of the last column, after the focused element was removed. */
    focus() {
      const pane = place.reference ? manifest : place.repository ? tags : repositories
      pane.heading.focus({ preventScroll: true })
    },
    focusFilter: () =>
      (place.repository && node.dataset.depth !== 'repositories' ? tags : repositories).focusFilter(),
    /** Cancels loading. */
    close() {
      repositories.clear()
      tags.clear()
      manifest.clear()
    },
  }
}
