// dockpass's page: a registry explorer built on the public API of the npm package, and the example to copy from.
//
// It loads the library, lists the registries of the key server, connects a client to one of them, and shows what the
// client returns. Passwords go from the form to `client.login` and are not kept.
//
// Stable hooks for tests (data-testid; the columns have the ids repositories, tags and manifest):
//   registry-select  login-form  username  password  login-submit  browse-anonymous
//   who  login-open  login-again  logout  theme  notice
//   error (data-code; buttons error-login, error-retry, error-browse; request-id)  progress  cancel
//   repo-filter  repo-row (data-name)  repositories-count  repositories-more  repositories-empty  no-catalog
//   open-by-name (the input)  open-by-name-form  open-by-name-submit
//   tag-filter  tag-row (data-name)  tags-count  tags-more  tags-order  tags-empty
//   ask-rights  rights (dd: data-action, data-grant)
//   manifest-view (data-kind, data-digest)  platform-row (data-platform)  add-up  attestation-row  layer-row
//   pull-command  pull-tool-docker|podman|crane|skopeo|oras|helm  pull-by-tag|digest  copy  copy-digest
//   flow-toggle  step-row (data-tone, data-decision-code)  step-mark  flow-copy  flow-clear

import { el, button, byId, fill, mono, announce } from './ui/dom.js'
import { createExplorer } from './ui/explorer.js'
import { createFlowPanel } from './ui/flow.js'
import { createLoginView } from './ui/login.js'
import { createProgress } from './ui/progress.js'
import { errorBox } from './ui/errors.js'
import { resolveName } from './ui/resolve.js'
import { hrefFor, parseRoute } from './ui/route.js'
import { registryLinks, whyEnded } from './ui/parts.js'
import { moment } from './ui/format.js'
import { setUpTheme } from './ui/theme.js'

const KEY_SERVER = new URL('.', location.href).href

/**
 * @import { RegistryClient, RegistryInfo, Session } from './dockpass/index.js'
 * @import { Child } from './ui/types.js'
 * @import { Place } from './ui/route.js'
 */

/**
 * A registry that the page is connected to.
 * @typedef {{
 *   info: RegistryInfo,
 *   client: RegistryClient,
 *   explorer: ReturnType<typeof createExplorer> | null,
 *   login: ReturnType<typeof createLoginView> | null,
 *   browsing: boolean,
 *   view: 'explorer' | 'login' | null,
 * }} Open `browsing`: the user chose to browse without a login.
 */

const main = byId('main')
const placeSlot = byId('place')
const whoSlot = byId('who')
const noticeBar = byId('notice')

/** The library. @type {typeof import('./dockpass/index.js')} */
let dockpass
/** The key server's registries. @type {RegistryInfo[]} */
let registries = []
/** The chosen registry. @type {RegistryInfo | null} */
let chosen = null
/** Null while there is no client for the chosen registry. @type {Open | null} */
let open = null

const flow = createFlowPanel(byId('flow'), async (steps) =>
  (await import('./dockpass/doctor.js')).diagnose(steps),
)
setUpTheme(byId('theme'))
void boot()

async function boot() {
  const progress = createProgress()
  fill(main, el('div', { class: 'boot' }, progress.node))
  progress.start('Starting …')
  try {
    dockpass = await loadLibrary()
    registries = await dockpass.RegistryClient.registries({ keyServer: KEY_SERVER })
    if (registries.length === 0) throw withCode('no_registries')
    progress.stop()
  } catch (error) {
    progress.stop()
    showFailure(error, boot)
    return
  }
  addEventListener('hashchange', route)
  await route()
}

async function loadLibrary() {
  try {
    const library = await import('./dockpass/index.js')
    await library.default()
    return library
  } catch {
    throw withCode('wasm_unavailable')
  }
}

/**
 * An error of the page itself.
 * @param {string} code
 */
function withCode(code) {
  return Object.assign(new Error(code), { code })
}

// Shows what the URL's fragment names.
async function route() {
  const place = parseRoute(location.hash)
  const name = place.registry ?? chosen?.registry ?? registries[0].registry
  const info = registries.find((one) => one.registry === name)
  if (!info) {
    choose(null)
    showFailure(withCode('registry_not_allowed'), null, registryLinks(registries))
    return
  }
  if (open?.info !== info) {
    try {
      const client = await connect(info)
      // Another registry was chosen meanwhile.
      if (client === null) return
      open = { info, client, explorer: null, login: null, browsing: false, view: null }
      drawBar()
    } catch (error) {
      showFailure(error, route, registries.length > 1 && registryLinks(registries))
      return
    }
  }
  if (open) show(open, place)
}

let connecting = 0

/**
 * Creates a client for a registry. Null when another registry was chosen meanwhile.
 * @param {RegistryInfo} info
 */
async function connect(info) {
  connecting += 1
  const mine = connecting
  choose(info)
  const progress = createProgress()
  fill(main, el('div', { class: 'boot' }, progress.node))
  progress.start('Connecting to the key server …')
  try {
    const client = await dockpass.RegistryClient.connect({
      keyServer: KEY_SERVER,
      registry: info.registry,
      carrier: 'cookie',
    })
    if (mine !== connecting) {
      client.close()
      return null
    }
    client.addEventListener('step', (event) => flow.step(event.detail))
    client.addEventListener('expiring', ({ detail }) => {
      if (open?.client === client) showExpiring(open, detail.expiresAt)
    })
    client.addEventListener('session', ({ detail: { session, previous, reason } }) => {
      if (open?.client === client && reason === 'elsewhere' && session) followTab(open, session, previous)
    })
    client.addEventListener('signedout', ({ detail: { reason } }) => {
      if (open?.client === client && reason !== 'logout') signedOut(open, whyEnded(reason))
    })
    return client
  } finally {
    progress.stop()
  }
}

/**
 * Closes what is open.
 * @param {RegistryInfo | null} info The registry to open next.
 */
function choose(info) {
  open?.explorer?.close()
  open?.login?.cancel()
  open?.client.close()
  chosen = info
  open = null
  notice(null)
  drawBar()
}

/**
 * The explorer, with a session, for anonymous browsing, or for a link to a repository; else the login.
 * @param {Open} now
 * @param {Place} place
 */
function show(now, place) {
  const { client, info } = now
  if (!client.session && !now.browsing && !place.repository) {
    showLogin(now)
    return
  }
  if (!now.explorer) {
    now.explorer = createExplorer({
      client,
      info,
      resolve: (text) => resolveName(text, info.registry, registries, dockpass.parseReference),
      go: (target) => {
        location.hash = hrefFor(target)
      },
      mark: flow.mark,
      onLogin: () => showLogin(now, 'Log in to continue.'),
    })
    now.explorer.loadRepositories()
  }
  if (now.view !== 'explorer') {
    now.login?.cancel()
    now.view = 'explorer'
    now.login = null
    fill(main, now.explorer.node)
    drawBar()
  }
  now.explorer.show(place)
  document.title = [place.reference, place.repository, info.registry, 'dockpass'].filter(Boolean).join(' · ')
  if (matchMedia('(max-width: 719px)').matches || document.activeElement === document.body) {
    now.explorer.focus()
  }
}

/** @param {Open} now @param {string} [text] Why the login is shown. */
function showLogin(now, text) {
  const { client, info } = now
  now.view = 'login'
  document.title = `Log in · ${info.registry} · dockpass`
  now.login = createLoginView({
    registries,
    registry: info.registry,
    notice: text,
    onRegistry: (registry) => {
      now.view = null
      location.hash = hrefFor({ registry })
    },
    onLogin: async ({ username, password, signal }) => {
      flow.mark(`Log in to ${info.registry}`)
      await client.login({ username, password }, { signal })
      if (open === now) enter(now)
    },
    onBrowse: () => enter(now, true),
  })
  fill(main, now.login.node)
  drawBar()
  now.login.focus()
}

/**
 * Shows a new explorer after a login, or for anonymous browsing. What another user saw is discarded.
 * @param {Open} now
 * @param {boolean} [browsing]
 */
function enter(now, browsing = false) {
  now.explorer?.close()
  Object.assign(now, { explorer: null, view: null, browsing })
  notice(null)
  const { session } = now.client
  announce(session ? `Logged in as ${session.username}` : 'Browsing without a login')
  const place = parseRoute(location.hash)
  const sameRegistry = place.registry === now.info.registry
  show(now, sameRegistry ? place : { ...place, repository: null, reference: null })
  now.explorer?.focus()
}

/**
 * Follows a login in another tab, which shares the session. What the user before saw is discarded.
 * @param {Open} now
 * @param {Session} session
 * @param {Session | null} previous
 */
function followTab(now, session, previous) {
  if (session.username === previous?.username) {
    drawBar()
    return
  }
  now.login?.cancel()
  enter(now)
  notice(el('span', {}, `You are now logged in as ${session.username}, by a login in another tab.`))
}

/** @param {Open} now */
async function logOut(now) {
  flow.mark('Log out')
  try {
    await now.client.logout()
  } catch (error) {
    notice(errorBox(error, { retry: () => logOut(now) }))
    return
  }
  flow.clear()
  history.replaceState(null, '', hrefFor({ registry: now.info.registry }))
  signedOut(now, 'You have logged out.')
}

/** @param {Open} now @param {string} text */
function signedOut(now, text) {
  now.explorer?.close()
  Object.assign(now, { explorer: null, browsing: false })
  notice(null)
  showLogin(now, text)
}

/** @param {Open} now @param {number} expiresAt */
function showExpiring(now, expiresAt) {
  const again = button('Log in again', () => showLogin(now, 'Log in to continue.'), {
    class: 'link',
    testid: 'login-again',
  })
  notice(el('span', {}, `Your session expires at ${moment(expiresAt)}. `, again))
}

// The header: the registry and the session.
function drawBar() {
  const info = chosen
  const now = open
  const inLogin = now?.view === 'login' || !info
  if (inLogin) placeSlot.replaceChildren()
  else if (registries.length === 1) fill(placeSlot, mono(info.registry))
  else {
    /** @type {HTMLSelectElement} */
    const picker = el(
      'select',
      {
        testid: 'registry-select',
        'aria-label': 'Registry',
        on: {
          change: () => {
            location.hash = hrefFor({ registry: picker.value })
          },
        },
      },
      registries.map((one) =>
        el(
          'option',
          { value: one.registry, selected: one.registry === info.registry },
          one.name || one.registry,
        ),
      ),
    )
    fill(placeSlot, picker)
  }
  const session = now?.client.session
  if (now && session) {
    fill(
      whoSlot,
      el(
        'span',
        { testid: 'who', class: 'who' },
        el('b', {}, session.username),
        el('span', { class: 'until' }, ` until ${moment(session.expiresAt)}`),
      ),
      button('Log out', () => logOut(now), { class: 'quiet', testid: 'logout' }),
    )
  } else if (now && !inLogin) {
    fill(
      whoSlot,
      el('span', { testid: 'who', class: 'who until' }, 'Not logged in'),
      button('Log in', () => showLogin(now), { class: 'quiet', testid: 'login-open' }),
    )
  } else {
    whoSlot.replaceChildren()
  }
}

/** @param {unknown} error @param {(() => void) | null} retry @param {Child[]} also */
function showFailure(error, retry, ...also) {
  if (open) open.view = null
  document.title = 'dockpass'
  fill(main, el('div', { class: 'boot' }, errorBox(error, { retry, login: retry }, null, also)))
}

/** @param {Child} content */
function notice(content) {
  noticeBar.hidden = !content
  noticeBar.dataset.testid = 'notice'
  fill(noticeBar, content)
}

addEventListener('offline', () => notice(el('span', {}, 'You are offline. Nothing new can be loaded.')))
addEventListener('online', () => notice(null))

byId('skip').addEventListener('click', (event) => {
  // The fragment contains the route, so the link must not change it.
  event.preventDefault()
  main.focus()
})

document.addEventListener('keydown', (event) => {
  const typing = event.target instanceof Element && event.target.closest('input, textarea, select')
  const combined = event.ctrlKey || event.metaKey || event.altKey
  if (event.key === '/' && !typing && !combined && open?.view === 'explorer') {
    event.preventDefault()
    open.explorer?.focusFilter()
  }
})
