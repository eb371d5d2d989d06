// A virtual list of links, fast with a hundred thousand rows: only visible rows are in the document.

import { el, visible } from './dom.js'

/** @import { Child } from './types.js' */

const OVERSCAN = 12
// Up to this length all rows are drawn, so that the browser's search finds them.
const SMALL = 400

/**
 * Creates the list.
 * @param {{
 *   testid: string,
 *   label: string,
 *   href: (name: string) => string,
 *   onEdge?: (side: 'left' | 'right') => void,
 *   onNearEnd?: () => void,
 * }} options `testid` is for the rows. `onEdge` is called on ArrowLeft and ArrowRight, `onNearEnd` near the end.
 */
export function createVirtualList({ testid, label, href, onEdge, onNearEnd }) {
  const items = el('ol', { class: 'rows', 'aria-label': label })
  const node = el('div', { class: 'viewport', tabindex: '-1' }, items)
  /** @type {Map<number, HTMLLIElement>} */
  const shown = new Map()
  /** @type {string[]} */
  let names = []
  /** @type {string[]} */
  let words = []
  /** @type {string | null} */
  let selected = null
  let active = 0
  let rowHeight = 30
  let frame = 0

  function schedule() {
    frame ||= requestAnimationFrame(() => {
      frame = 0
      render()
    })
  }

  function render() {
    rowHeight = parseFloat(getComputedStyle(node).getPropertyValue('--row')) || 30
    items.style.height = `${names.length * rowHeight}px`
    const bottom = Math.ceil((node.scrollTop + node.clientHeight) / rowHeight)
    const first = names.length <= SMALL ? 0 : Math.max(0, Math.floor(node.scrollTop / rowHeight) - OVERSCAN)
    const last = names.length <= SMALL ? names.length : Math.min(names.length, bottom + OVERSCAN)
    for (const [index, item] of shown) {
      // The focusable row stays in the document; otherwise scrolling would lose the focus.
      if ((index < first || index >= last) && index !== active) {
        item.remove()
        shown.delete(index)
      }
    }
    for (let index = first; index < last; index += 1) draw(index)
    if (active < names.length) draw(active)
    if (bottom + OVERSCAN >= names.length && names.length > 0) onNearEnd?.()
  }

  /** @param {number} index */
  function draw(index) {
    if (shown.has(index)) return
    const name = names[index]
    const link = el(
      'a',
      {
        href: href(name),
        testid,
        'data-name': name,
        tabindex: index === active ? '0' : '-1',
        'aria-current': name === selected ? 'true' : null,
        title: name.length > 28 ? visible(name) : null,
      },
      el('bdi', {}, marked(visible(name), words)),
    )
    const item = el('li', { 'aria-setsize': names.length, 'aria-posinset': index + 1 }, link)
    item.style.top = `${index * rowHeight}px`
    shown.set(index, item)
    // Inserted in the order of the list, which is the reading order for screen readers.
    let before = items.lastElementChild
    while (before && Number(before.getAttribute('aria-posinset')) > index + 1)
      before = before.previousElementSibling
    if (before) before.after(item)
    else items.prepend(item)
  }

  function redraw() {
    items.replaceChildren()
    shown.clear()
    render()
  }

  /** @param {number} index @param {boolean} focus */
  function activate(index, focus) {
    const next = Math.max(0, Math.min(names.length - 1, index))
    shown.get(active)?.querySelector('a')?.setAttribute('tabindex', '-1')
    active = next
    const top = next * rowHeight
    if (top < node.scrollTop) node.scrollTop = top
    else if (top + rowHeight > node.scrollTop + node.clientHeight)
      node.scrollTop = top + rowHeight - node.clientHeight
    render()
    const link = shown.get(next)?.querySelector('a')
    link?.setAttribute('tabindex', '0')
    if (focus) link?.focus({ preventScroll: true })
  }

  items.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const page = Math.max(1, Math.floor(node.clientHeight / rowHeight) - 1)
    /** @type {Record<string, number>} */
    const moves = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      Home: 0,
      End: names.length - 1,
      PageDown: active + page,
      PageUp: active - page,
    }
    if (event.key in moves) {
      event.preventDefault()
      activate(moves[event.key], true)
    } else if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
      event.preventDefault()
      onEdge?.(event.key === 'ArrowLeft' ? 'left' : 'right')
    }
  })
  items.addEventListener('focusin', (event) => {
    const item = event.target instanceof Element ? event.target.closest('li') : null
    const index = Number(item?.getAttribute('aria-posinset')) - 1
    if (index >= 0 && index !== active) activate(index, false)
  })
  node.addEventListener('scroll', schedule, { passive: true })
  new ResizeObserver(schedule).observe(node)

  return {
    node,
    /**
     * Shows these names. Keeps the scroll position when names were only added.
     * @param {string[]} next
     * @param {string[]} highlight Lower-case words that are marked in the names.
     */
    show(next, highlight) {
      const grew =
        next.length >= names.length &&
        highlight.join(' ') === words.join(' ') &&
        names.every((name, i) => name === next[i])
      names = next
      words = highlight
      if (!grew) {
        active = selected === null ? 0 : Math.max(0, names.indexOf(selected))
        node.scrollTop = 0
        redraw()
      } else {
        for (const item of shown.values()) item.setAttribute('aria-setsize', String(names.length))
        render()
      }
    },
    /**
     * Marks a name as the current one and scrolls to it.
     * @param {string | null} name
     */
    select(name) {
      if (selected === name) return
      selected = name
      for (const item of shown.values()) {
        const link = item.querySelector('a')
        if (link?.dataset.name === name) link?.setAttribute('aria-current', 'true')
        else link?.removeAttribute('aria-current')
      }
      const index = name === null ? -1 : names.indexOf(name)
      if (index >= 0) activate(index, items.contains(document.activeElement))
    },
    /** Moves the focus to the current row, else to the first. Returns false when the list is empty. */
    focus() {
      if (names.length === 0) return false
      activate(active, true)
      return true
    },
  }
}

/**
 * The text, with the parts that match a word marked.
 * @param {string} text
 * @param {string[]} words
 */
function marked(text, words) {
  const lower = text.toLowerCase()
  /** @type {[start: number, end: number][]} */
  const hits = []
  for (const word of words) {
    const at = word ? lower.indexOf(word) : -1
    if (at >= 0) hits.push([at, at + word.length])
  }
  hits.sort((a, b) => a[0] - b[0])
  /** @type {Child[]} */
  const parts = []
  let from = 0
  for (const [start, end] of hits) {
    if (start < from) continue
    parts.push(text.slice(from, start), el('mark', {}, text.slice(start, end)))
    from = end
  }
  parts.push(text.slice(from))
  return parts
}
