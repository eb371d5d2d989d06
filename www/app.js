// dockpass's page: a registry explorer on the npm package's published surface, and the example to copy from.
//
// It follows four steps: load the library, ask the key server which registries it serves, connect a client to one of
// them, and show what the client finds. Passwords go from the form to `client.login` and are kept nowhere.
//
// Stable hooks for tests (data-testid; the columns have the ids repositories, tags and manifest):
//   registry-select  login-form  username  password  login-submit  browse-anonymous
//   who  login-open  login-again  logout  theme  notice
//   error (data-code; buttons error-login, error-retry, error-browse; request-id)  progress  cancel
//   repo-filter  repo-row (data-name)  repositories-count  repositories-more  repositories-empty  no-catalog
//   open-by-name (the input)  open-by-name-form  open-by-name-submit
//   tag-filter  tag-row (data-name)  tags-count  tags-more  tags-order  tags-empty
//   ask-rights  rights (dd: data-action, data-answer)
//   manifest-view (data-kind, data-digest)  platform-row (data-platform)  add-up  attestation-row  layer-row
//   pull-command  pull-tool-docker|podman|crane|skopeo|oras|helm  pull-by-tag|digest  copy  copy-digest
//   flow-toggle  step-row (data-tone, data-decision-code)  step-mark  flow-copy  flow-clear

import { el, button, fill, mono, announce } from './ui/dom.js'
import { createExplorer } from './ui/explorer.js'
import { createFlowPanel } from './ui/flow.js'
import { createLoginView } from './ui/login.js'
import { createProgress } from './ui/progress.js'
import { errorBox } from './ui/errors.js'
import { hrefFor, parseRoute, splitName } from './ui/route.js'
import { moment } from './ui/format.js'
import { setUpTheme } from './ui/theme.js'

const KEY_SERVER = new URL('.', location.href).href

const main = document.getElementById('main')
const placeSlot = document.getElementById('place')
const whoSlot = document.getElementById('who')
const noticeBar = document.getElementById('notice')

// The library, the key server's registries, and what is open now.
let dockpass = null
let registries = []
let open = { info: null, client: null, explorer: null, login: null, browsing: false, view: null }

const flow = createFlowPanel(document.getElementById('flow'), async (steps) =>
  (await import('./dockpass/doctor.js')).diagnose(steps),
)
setUpTheme(document.getElementById('theme'))
boot()

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

function withCode(code) {
  return Object.assign(new Error(code), { code })
}

// Shows what the address names.
async function route() {
  const place = parseRoute(location.hash)
  const name = place.registry ?? open.info?.registry ?? registries[0].registry
  const info = registries.find((one) => one.registry === name)
  if (!info) {
    setOpen({ info: null, client: null })
    showFailure(withCode('registry_not_allowed'), null, registryLinks())
    return
  }
  if (open.info !== info || !open.client) {
    try {
      if (!(await connect(info))) return
    } catch (error) {
      showFailure(error, route, registries.length > 1 && registryLinks())
      return
    }
  }
  show(place)
}

let connecting = 0

// Makes a client for a registry. False when another registry was chosen meanwhile.
async function connect(info) {
  connecting += 1
  const mine = connecting
  setOpen({ info, client: null })
  const progress = createProgress()
  fill(main, el('div', { class: 'boot' }, progress.node))
  progress.start('Asking the key server who you are …')
  try {
    const client = await dockpass.RegistryClient.connect({
      keyServer: KEY_SERVER,
      registry: info.registry,
      carrier: 'cookie',
    })
    if (mine !== connecting) return false
    client.addEventListener('step', (event) => flow.step(event.detail))
    client.addEventListener('expiring', () => open.client === client && sayExpiring())
    client.addEventListener(
      'signedout',
      ({ detail }) =>
        open.client === client &&
        detail.reason !== 'logout' &&
        signedOut('Your session has ended. Log in again to continue where you were.'),
    )
    setOpen({ info, client })
    return true
  } finally {
    progress.stop()
  }
}

function setOpen({ info, client }) {
  open.explorer?.close()
  open.login?.cancel()
  open = { info, client, explorer: null, login: null, browsing: false, view: null }
  notice(null)
  drawBar()
}

// The explorer for whoever is logged in, browses, or follows a link to a repository; else the login.
function show(place) {
  if (!open.client.session && !open.browsing && !place.repository) {
    showLogin()
    return
  }
  if (!open.explorer) {
    open.explorer = createExplorer({
      client: open.client,
      info: open.info,
      resolve: (text) => resolve(text, open.info.registry),
      go: (target) => {
        location.hash = hrefFor(target)
      },
      mark: flow.mark,
      onLogin: () => showLogin('Log in to continue where you were.'),
    })
    open.explorer.loadRepositories()
  }
  if (open.view !== 'explorer') {
    open.login?.cancel()
    open.view = 'explorer'
    open.login = null
    fill(main, open.explorer.node)
    drawBar()
  }
  open.explorer.show(place)
  document.title = [place.reference, place.repository, open.info.registry, 'dockpass']
    .filter(Boolean)
    .join(' · ')
  if (matchMedia('(max-width: 719px)').matches || document.activeElement === document.body)
    open.explorer.focus()
}

function showLogin(text) {
  open.view = 'login'
  document.title = `Log in · ${open.info.registry} · dockpass`
  const { client, info } = open
  open.login = createLoginView({
    registries,
    registry: info.registry,
    notice: text,
    onRegistry: (registry) => {
      open.view = null
      location.hash = hrefFor({ registry })
    },
    onLogin: async ({ username, password, signal }) => {
      flow.mark(`Log in to ${info.registry}`)
      await client.login({ username, password }, { signal })
      if (open.client === client) enter()
    },
    onBrowse: () => enter(true),
  })
  fill(main, open.login.node)
  drawBar()
  open.login.focus()
}

// Into the explorer, as whoever one is now; what was seen as somebody else is forgotten.
function enter(browsing = false) {
  open.explorer?.close()
  Object.assign(open, { explorer: null, view: null, browsing })
  notice(null)
  announce(open.client.session ? `Logged in as ${open.client.session.username}` : 'Browsing without a login')
  const place = parseRoute(location.hash)
  show(place.registry === open.info.registry ? place : { ...place, repository: null, reference: null })
  open.explorer.focus()
}

async function logOut() {
  const { client, info } = open
  flow.mark('Log out')
  try {
    await client.logout()
  } catch (error) {
    notice(errorBox(error, { retry: logOut }))
    return
  }
  flow.clear()
  history.replaceState(null, '', hrefFor({ registry: info.registry }))
  signedOut('You are logged out.')
}

function signedOut(text) {
  open.explorer?.close()
  Object.assign(open, { explorer: null, browsing: false })
  notice(null)
  showLogin(text)
}

function sayExpiring() {
  const until = open.client.session?.expiresAt
  notice(
    el(
      'span',
      {},
      `Your session ends at ${moment(until)}. `,
      button('Log in again', () => showLogin('Log in to continue where you were.'), {
        class: 'link',
        testid: 'login-again',
      }),
    ),
  )
}

// What a person typed as a repository of `registry`, as docker would read it.
function resolve(text, registry) {
  const bare = text.replace(/^(?:docker|oci|https?):\/\//, '').replace(/^\/?v2\//, '')
  const read = readReference(bare)
  if (
    read &&
    registries.some((one) => one.registry === read.registry) &&
    (read.registry === registry || bare.startsWith(`${read.registry}/`))
  ) {
    if (read.registry !== registry)
      throw Object.assign(new Error('elsewhere'), {
        forPerson: `That is at ${read.registry}; choose that registry first.`,
      })
    return { repository: read.repository, reference: read.digest ?? read.tag ?? null }
  }
  const own = splitName(bare.startsWith(`${registry}/`) ? bare.slice(registry.length + 1) : bare)
  if (!own) throw withCode('invalid_reference')
  return own
}

function readReference(text) {
  try {
    return dockpass.parseReference(text)
  } catch {
    return null
  }
}

// The header: which registry, and who one is.
function drawBar() {
  const { info, client, view } = open
  const inLogin = view === 'login' || !info
  if (inLogin) placeSlot.replaceChildren()
  else if (registries.length === 1) fill(placeSlot, mono(info.registry))
  else {
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
  const session = client?.session
  if (session) {
    fill(
      whoSlot,
      el(
        'span',
        { testid: 'who', class: 'who' },
        el('b', {}, session.username),
        el('span', { class: 'until' }, ` until ${moment(session.expiresAt)}`),
      ),
      button('Log out', logOut, { class: 'quiet', testid: 'logout' }),
    )
  } else if (!inLogin && client) {
    fill(
      whoSlot,
      el('span', { testid: 'who', class: 'who until' }, 'Not logged in'),
      button('Log in', () => showLogin(), { class: 'quiet', testid: 'login-open' }),
    )
  } else {
    whoSlot.replaceChildren()
  }
}

function showFailure(error, retry, ...also) {
  open.view = null
  document.title = 'dockpass'
  fill(main, el('div', { class: 'boot' }, errorBox(error, { retry, login: retry }, null, also)))
}

function registryLinks() {
  return el(
    'div',
    {},
    el('p', {}, 'It serves:'),
    el(
      'ul',
      { class: 'registry-links' },
      registries.map((one) =>
        el(
          'li',
          {},
          el('a', { href: hrefFor(one) }, one.name || one.registry),
          ' ',
          mono(one.registry, { class: 'faint' }),
        ),
      ),
    ),
  )
}

function notice(content) {
  noticeBar.hidden = !content
  noticeBar.dataset.testid = 'notice'
  fill(noticeBar, content)
}

addEventListener('offline', () =>
  notice(el('span', {}, 'You are offline. What is on the page stays; nothing new can be loaded.')),
)
addEventListener('online', () => notice(null))

document.getElementById('skip').addEventListener('click', (event) => {
  // The part after # is the page's own address, so the jump is made by hand.
  event.preventDefault()
  main.focus()
})

document.addEventListener('keydown', (event) => {
  const typing = event.target.closest?.('input, textarea, select')
  if (
    event.key === '/' &&
    !typing &&
    !event.ctrlKey &&
    !event.metaKey &&
    !event.altKey &&
    open.view === 'explorer'
  ) {
    event.preventDefault()
    open.explorer.focusFilter()
  }
})
