// One column of names that come page by page: heading, filter, list, and how far the loading is.

import { el, button, fill, announce } from './dom.js'
import { createProgress } from './progress.js'
import { createVirtualList } from './virtual-list.js'
import { errorBox, isAbort } from './errors.js'
import { count, newestFirst, plural } from './format.js'

// Names that are fetched before the pane waits to be asked for more.
const BATCH = 1000

// A filter looks at the names to the end, but a registry without an end is not followed without being asked.
const MOST_AT_ONCE = 100_000

const REFRESH_MS = 250

/**
 * Builds the pane. `noun` is `[one, many]`, `href(name)` gives a row's address. `sortable` offers the order by version,
 * newest first. Returns `{node, heading, load(pages, actions), clear(hint), add(name), select, focus, focusFilter}`.
 */
export function createListPane({ id, noun, rowTestid, filterTestid, href, sortable, onEdge }) {
  const [one, many] = noun
  const title = many[0].toUpperCase() + many.slice(1)
  const progress = createProgress()
  const state = {
    names: [],
    seen: new Set(),
    iterator: null,
    abort: null,
    more: false,
    busy: false,
    failed: false,
    wanted: 0,
    byVersion: false,
    actions: {},
  }

  let drawnAt = 0

  const heading = el('h2', { id: `${id}-heading`, tabindex: '-1' }, title)
  const tally = el('span', { class: 'tally', testid: `${id}-count` })
  const filter = el('input', {
    type: 'search',
    class: 'filter',
    testid: filterTestid,
    placeholder: `Filter ${many}`,
    'aria-label': `Filter ${many}`,
    autocomplete: 'off',
    autocapitalize: 'none',
    spellcheck: 'false',
    enterkeyhint: 'search',
  })
  const order =
    sortable &&
    button(
      'As listed',
      () => {
        state.byVersion = !state.byVersion
        order.textContent = state.byVersion ? 'Newest first' : 'As listed'
        refresh()
      },
      {
        class: 'quiet',
        title: 'Order: as listed by the registry, or highest version first',
        testid: `${id}-order`,
      },
    )
  const list = createVirtualList({
    testid: rowTestid,
    label: title,
    href,
    onEdge,
    onNearEnd: () => more(state.names.length + BATCH, true),
  })
  const said = el('div', { class: 'pane-said' })
  const moreButton = button('Load more', () => more(state.names.length + BATCH), {
    class: 'second',
    testid: `${id}-more`,
    hidden: true,
  })
  const foot = el('div', { class: 'pane-foot' }, moreButton)
  const node = el(
    'section',
    { class: 'pane', id, 'aria-labelledby': `${id}-heading` },
    el('header', { class: 'pane-head' }, heading, tally, order),
    el('div', { class: 'pane-tools' }, filter),
    progress.node,
    said,
    list.node,
    foot,
  )

  filter.addEventListener('input', () => {
    refresh()
    // A filter that looks at half of the names would say "none" of things that exist.
    if (filter.value.trim()) more(Infinity)
  })
  filter.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown' && list.focus()) event.preventDefault()
    if (event.key === 'Escape' && filter.value) {
      event.preventDefault()
      filter.value = ''
      refresh()
    }
  })

  // While pages pour in, the first is shown at once and the others a few times a second.
  function refreshSoon() {
    if (performance.now() - drawnAt > REFRESH_MS) refresh()
  }

  function refresh() {
    drawnAt = performance.now()
    const words = filter.value.trim().toLowerCase().split(/\s+/).filter(Boolean)
    let names =
      words.length === 0
        ? state.names
        : state.names.filter((name) => {
            const lower = name.toLowerCase()
            return words.every((word) => lower.includes(word))
          })
    if (state.byVersion) names = [...names].sort(newestFirst)
    list.show(names, words)
    const total = `${count(state.names.length)}${state.more ? '+' : ''}`
    tally.textContent = state.failed
      ? ''
      : words.length > 0
        ? `${count(names.length)} of ${total}`
        : state.names.length > 0 || (state.iterator && !state.busy)
          ? total
          : ''
    moreButton.hidden = !state.more || state.busy
    const none = words.length > 0 && names.length === 0 && !state.busy && state.names.length > 0
    node.classList.toggle('none', none)
    if (none) fill(said, el('p', { class: 'hint' }, `No ${one} matches.`))
    else if (said.firstElementChild?.className === 'hint' && state.names.length > 0) said.replaceChildren()
    announce(words.length > 0 ? `${plural(names.length, one, many)} match` : plural(names.length, one, many))
  }

  /** Fetches pages until `wanted` names are there, or the end. */
  async function more(wanted, byScrolling = false) {
    if (byScrolling && (state.busy || state.names.length < BATCH)) return
    state.wanted = Math.max(state.wanted, Math.min(wanted, state.names.length + MOST_AT_ONCE))
    if (state.busy || !state.more) return
    const { iterator, abort } = state
    state.busy = true
    progress.start(`Loading ${many} …`, () => {
      abort.abort()
      state.more = false
    })
    let failure = null
    try {
      while (state.names.length < state.wanted && !abort.signal.aborted) {
        const { value, done } = await iterator.next()
        if (state.iterator !== iterator) return
        if (done) {
          state.more = false
          break
        }
        for (const name of value.names) include(name)
        refreshSoon()
        progress.say(`Loading ${many} … ${count(state.names.length)} so far`)
      }
    } catch (error) {
      failure = error
    }
    if (state.iterator !== iterator) return
    state.busy = false
    state.wanted = 0
    progress.stop()
    if (failure || abort.signal.aborted) stopped(failure)
    else if (state.names.length === 0)
      fill(said, el('p', { class: 'hint', testid: `${id}-empty` }, `No ${many} here.`))
    refresh()
  }

  function include(name) {
    if (typeof name !== 'string' || state.seen.has(name)) return
    state.seen.add(name)
    state.names.push(name)
  }

  function stopped(error) {
    state.more = false
    if (!error || isAbort(error)) {
      fill(
        said,
        el('p', { class: 'hint' }, 'Stopped. ', button('Load again', state.actions.retry, { class: 'link' })),
      )
      return
    }
    for (const name of state.actions.instead?.(error) ?? []) include(name)
    state.failed = state.names.length === 0
    fill(said, errorBox(error, state.actions, state.actions.words?.(error), state.actions.also?.(error)))
  }

  function reset() {
    state.abort?.abort()
    Object.assign(state, {
      names: [],
      seen: new Set(),
      iterator: null,
      abort: null,
      more: false,
      busy: false,
      failed: false,
      wanted: 0,
    })
    filter.value = ''
    said.replaceChildren()
    progress.stop()
    node.classList.remove('none')
  }

  return {
    node,
    heading,
    foot,
    /** Starts over with `open(signal)`, an async iterator of pages `{names}`. `actions` are for its failures: `retry`, `login`, and
     * functions of the error: `words` and `also` for the box, `instead` for names to show all the same. */
    load(open, actions) {
      reset()
      node.classList.remove('idle')
      state.actions = actions
      state.abort = new AbortController()
      state.more = true
      try {
        state.iterator = open(state.abort.signal)[Symbol.asyncIterator]()
      } catch (error) {
        stopped(error)
        return
      }
      more(BATCH)
      refresh()
    },
    /** Empties the pane and says why. */
    clear(hint) {
      reset()
      node.classList.add('idle')
      refresh()
      if (hint) fill(said, el('p', { class: 'hint' }, hint))
    },
    /** Puts a name into the list that the registry did not list. */
    add(name) {
      if (state.seen.has(name)) return
      state.seen.add(name)
      state.failed = false
      state.names = [name, ...state.names]
      refresh()
    },
    has: (name) => state.seen.has(name),
    isEmpty: () => state.names.length === 0,
    select: list.select,
    focus: () => list.focus(),
    focusFilter: () => filter.focus(),
  }
}
