// Three columns: the registry's repositories, a repository's tags, a reference's manifest.

import { el, announce, button, fill, mono } from './dom.js'
import { createListPane } from './list-pane.js'
import { createManifestView } from './manifest.js'
import { codeOf, errorBox } from './errors.js'
import { hrefFor, qualified } from './route.js'

// Failures that mean “you cannot have the list”, after which a repository can still be opened by its name.
const NO_CATALOG = new Set([
  'scope_denied',
  'login_required',
  'missing',
  'method_not_allowed',
  'token_request_refused',
  'upstream_invalid',
])

// Registries that count manifests against a small allowance.
const COUNTS_PULLS = new Set(['docker.io'])

const ACTIONS = ['pull', 'push', 'delete']

const CATALOG_KEPT = {
  title: 'No list from this registry',
  whose: 'The registry’s choice',
  mild: true,
  what: 'Many show it to administrators only, and Docker Hub to nobody.',
}

const CATALOG_LOGIN = {
  title: 'The list needs a login',
  what: 'This registry does not list its repositories to everyone.',
}

/**
 * Builds the explorer of one client. `info` is the registry's entry, `resolve(text)` turns what a person typed into
 * `{repository, reference}` or throws, `go(place)` navigates, `mark(text)` titles the flow, `onLogin()` asks to log in.
 */
export function createExplorer({ client, info, resolve, go, mark, onLogin }) {
  const { registry } = info
  const plainHttp = /^http:/i.test(info.url ?? '')
  const login = () => ({ login: onLogin, loginLabel: client.session ? 'Log in as someone else' : null })
  let place = { repository: null, reference: null }

  const byName = el('input', {
    id: 'by-name',
    testid: 'open-by-name',
    placeholder: 'team/app or team/app:tag',
    autocomplete: 'off',
    autocapitalize: 'none',
    spellcheck: 'false',
    enterkeyhint: 'go',
    'aria-describedby': 'by-name-said',
  })
  const byNameSaid = el('p', { id: 'by-name-said', class: 'field-error', role: 'alert', hidden: true })
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
    byNameSaid,
  )

  const repositories = createListPane({
    id: 'repositories',
    noun: ['repository', 'repositories'],
    rowTestid: 'repo-row',
    filterTestid: 'repo-filter',
    href: (repository) => hrefFor({ registry, repository }),
    onEdge: (side) => side === 'right' && tags.focus(),
  })
  repositories.node.append(byNameForm)
  const tags = createListPane({
    id: 'tags',
    noun: ['tag', 'tags'],
    rowTestid: 'tag-row',
    filterTestid: 'tag-filter',
    sortable: true,
    href: (reference) => hrefFor({ registry, repository: place.repository, reference }),
    onEdge: (side) => (side === 'left' ? repositories.focus() : manifest.heading.focus()),
  })
  const rightsButton = button('What may I do here?', askRights, { class: 'link', testid: 'ask-rights' })
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
  manifest.clear('Choose a tag to see what is behind it.')

  manifest.heading.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowLeft' && tags.focus()) event.preventDefault()
  })

  function openByName(event) {
    event.preventDefault()
    byNameSaid.hidden = true
    byName.removeAttribute('aria-invalid')
    try {
      const { repository, reference } = resolve(byName.value.trim())
      byName.value = ''
      if (!repositories.has(repository)) repositories.add(repository)
      go({ registry, repository, reference })
    } catch (error) {
      byNameSaid.textContent = error.forPerson ?? 'Write it as team/app, team/app:tag or team/app@sha256:…'
      byNameSaid.hidden = false
      byName.setAttribute('aria-invalid', 'true')
      byName.focus()
    }
  }

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
            ? 'These come from the key server’s configuration. You can also '
            : 'You can still ',
          button('open one by its name', () => byName.focus(), { class: 'link' }),
          '.',
        ),
    })
  }

  function loadTags() {
    const { repository } = place
    mark(`List the tags of ${repository}`)
    tags.load((signal) => client.tags(repository, { signal }).pages(), { retry: loadTags, ...login() })
  }

  // One token request for the three actions people ask about; the token says what it grants, the registry decides.
  async function askRights() {
    const { repository } = place
    mark(`Ask for rights on ${repository}`)
    rightsButton.disabled = true
    try {
      const answers = await client.authorize(ACTIONS.map((action) => `repository:${repository}:${action}`))
      if (place.repository !== repository) return
      fill(
        rights,
        el(
          'dl',
          { class: 'rights', testid: 'rights' },
          answers.map(({ answer }, i) =>
            el(
              'div',
              {},
              el('dt', {}, ACTIONS[i]),
              el(
                'dd',
                { 'data-action': ACTIONS[i], 'data-answer': answer },
                answer === 'unknown' ? 'not said' : answer,
              ),
            ),
          ),
        ),
      )
      announce(answers.map(({ answer }, i) => `${ACTIONS[i]} ${answer}`).join(', '))
    } catch (error) {
      if (place.repository === repository) fill(rights, errorBox(error, { ...login(), retry: askRights }))
    } finally {
      rightsButton.disabled = false
    }
  }

  function drawTrail() {
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
    /** Goes to a place within the registry; loads only what is not there yet. */
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
        if (place.repository) loadTags()
        else tags.clear('Choose a repository to see its tags.')
      }
      tags.select(place.reference)
      if (sameReference) return
      if (place.reference) {
        mark(`Open ${qualified(place.repository, place.reference)}`)
        manifest.load({ registry, plainHttp, counted: COUNTS_PULLS.has(registry), ...place }, client)
      } else {
        manifest.clear(
          place.repository ? 'Choose a tag to see what is behind it.' : 'Choose a repository, then a tag.',
        )
      }
    },
    loadRepositories,
    /** Puts focus on the heading of the deepest column, after a change that took the focused element away. */
    focus() {
      const pane = place.reference ? manifest : place.repository ? tags : repositories
      pane.heading.focus({ preventScroll: true })
    },
    focusFilter: () =>
      (place.repository && node.dataset.depth !== 'repositories' ? tags : repositories).focusFilter(),
    /** Stops what is loading. */
    close() {
      repositories.clear()
      tags.clear()
      manifest.clear()
    },
  }
}
