// One column of names that are loaded page by page: heading, filter, list and progress.

import { el, button, fill, announce } from './dom.js'
import { createProgress } from './progress.js'
import { createVirtualList } from './virtual-list.js'
import { codeOf, errorBox, isAbort } from './errors.js'
import { count, newestFirst, plural } from './format.js'

/**
 * @import { Page } from '../dockpass/index.js'
 * @import { Child } from './types.js'
 * @import { ErrorActions, ErrorWords } from './errors.js'
 */

/**
 * What the pane does when loading fails.
 * @typedef {ErrorActions & {
 *   retry: () => void,
 *   words?: (error: unknown) => Partial<ErrorWords> | null,
 *   also?: (error: unknown) => Child,
 *   instead?: (error: unknown) => readonly string[],
 * }} LoadActions `words` and `also` are for the error box, `instead` are names to show nevertheless.
 */

// Names that are loaded before the user has to ask for more.
const BATCH = 1000

// A filter loads all names, but no more than this, in case the registry's list never ends.
const MOST_AT_ONCE = 100_000

const REFRESH_MS = 250

/**
 * Creates the pane.
 * @param {{
 *   id: string,
 *   noun: [one: string, many: string],
 *   rowTestid: string,
 *   filterTestid: string,
 *   href: (name: string) => string,
 *   onEdge: (side: 'left' | 'right') => void,
 *   sortable?: boolean,
 * }} options `sortable` offers the order by version, newest first. `onEdge` is called on ArrowLeft and ArrowRight.
 */
export function createListPane({ id, noun, rowTestid, filterTestid, href, sortable, onEdge }) {
  const [one, many] = noun
  const title = many[0].toUpperCase() + many.slice(1)
  const progress = createProgress()
  const empty = () => ({
    /** @type {string[]} */
    names: [],
    /** @type {Set<string>} */
    seen: new Set(),
    /** @type {AsyncIterator<Page> | null} */
    iterator: null,
    /** @type {AbortController | null} */
    abort: null,
    more: false,
    busy: false,
    failed: false,
    wanted: 0,
  })
  const state = empty()
  let byVersion = false
  /** @type {LoadActions} */
  let actions = { retry() {} }

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
  /** @type {HTMLButtonElement | undefined} */
  let order
  if (sortable) {
    order = button(
      'As listed',
      () => {
        byVersion = !byVersion
        if (order) order.textContent = byVersion ? 'Newest first' : 'As listed'
        refresh()
      },
      {
        class: 'quiet',
        title: 'Order: as listed by the registry, or highest version first',
        testid: `${id}-order`,
      },
    )
  }
  const list = createVirtualList({
    testid: rowTestid,
    label: title,
    href,
    onEdge,
    onNearEnd: () => more(state.names.length + BATCH, true),
  })
  const message = el('div', { class: 'pane-said' })
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
    message,
    list.node,
    foot,
  )

  filter.addEventListener('input', () => {
    refresh()
    // With only some of the names loaded, a filter would miss names that exist.
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

  // While pages arrive, the list is drawn at most four times a second.
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
    if (byVersion) names = [...names].sort(newestFirst)
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
    // Other messages stay: that the list is not complete, or why it could not be loaded.
    const isPassing = message.firstElementChild?.classList.contains('passing') ?? true
    if (none && isPassing) fill(message, el('p', { class: 'hint passing' }, `No ${one} matches.`))
    else if (isPassing && state.names.length > 0) message.replaceChildren()
    announce(words.length > 0 ? `${plural(names.length, one, many)} match` : plural(names.length, one, many))
  }

  /**
   * Loads pages until there are `wanted` names, or all.
   * @param {number} wanted
   * @param {boolean} [byScrolling]
   */
  async function more(wanted, byScrolling = false) {
    if (byScrolling && (state.busy || state.names.length < BATCH)) return
    state.wanted = Math.max(state.wanted, Math.min(wanted, state.names.length + MOST_AT_ONCE))
    const { iterator, abort } = state
    if (state.busy || !state.more || !iterator || !abort) return
    state.busy = true
    progress.start(`Loading ${many} …`, () => {
      abort.abort()
      state.more = false
    })
    /** @type {unknown} */
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
      fill(message, el('p', { class: 'hint passing', testid: `${id}-empty` }, `No ${many}.`))
    refresh()
  }

  /** @param {string} name */
  function include(name) {
    if (state.seen.has(name)) return
    state.seen.add(name)
    state.names.push(name)
  }

  /** @param {unknown} error */
  function stopped(error) {
    state.more = false
    if (!error || isAbort(error)) {
      fill(
        message,
        el('p', { class: 'hint' }, 'Stopped. ', button('Load again', actions.retry, { class: 'link' })),
      )
      return
    }
    const isIncomplete = codeOf(error) === 'list_incomplete'
    if (isIncomplete && state.names.length > 0) {
      const again = button('Load again', actions.retry, { class: 'link' })
      const line = { class: 'hint', role: 'alert', testid: `${id}-incomplete` }
      fill(message, el('p', line, `The list may go on: ${whyIncomplete(error)} `, again))
      return
    }
    // Without a single name it is the response that matters, not the end of the list.
    if (isIncomplete) error = causeOf(error) ?? error
    for (const name of actions.instead?.(error) ?? []) include(name)
    state.failed = state.names.length === 0
    fill(message, errorBox(error, actions, actions.words?.(error), actions.also?.(error)))
  }

  function reset() {
    state.abort?.abort()
    Object.assign(state, empty())
    filter.value = ''
    message.replaceChildren()
    progress.stop()
    node.classList.remove('none')
  }

  return {
    node,
    heading,
    foot,
    /**
     * Starts over.
     * @param {(signal: AbortSignal) => AsyncIterable<Page>} open Starts the listing.
     * @param {LoadActions} onFailure
     */
    load(open, onFailure) {
      reset()
      node.classList.remove('idle')
      actions = onFailure
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
    /**
     * Empties the pane and shows a hint.
     * @param {string} [hint]
     */
    clear(hint) {
      reset()
      node.classList.add('idle')
      refresh()
      if (hint) fill(message, el('p', { class: 'hint' }, hint))
    },
    /**
     * Adds a name that the registry did not list.
     * @param {string} name
     */
    add(name) {
      if (state.seen.has(name)) return
      state.seen.add(name)
      state.failed = false
      state.names = [name, ...state.names]
      refresh()
    },
    /** @param {string} name */
    has: (name) => state.seen.has(name),
    isEmpty: () => state.names.length === 0,
    select: list.select,
    focus: () => list.focus(),
    focusFilter: () => filter.focus(),
  }
}

/** @param {unknown} error */
const causeOf = (error) => (error instanceof Error ? error.cause : undefined)

/**
 * Why a list may be longer than what is shown.
 * @param {unknown} error
 */
function whyIncomplete(error) {
  switch (codeOf(causeOf(error))) {
    case 'upstream_failed':
      return 'the connection was closed in the middle of a page.'
    case 'upstream_invalid':
      return 'the next page is not a list.'
    default:
      return 'the registry names a next page that cannot be followed.'
  }
}
