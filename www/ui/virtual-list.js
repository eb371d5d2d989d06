// A list of links that stays quick with a hundred thousand rows: only what is in view exists in the document.

import { el, visible } from './dom.js'

const OVERSCAN = 12
// Up to here all rows are drawn, so that the browser's own search finds them.
const SMALL = 400

/**
 * Builds the list. `row` has `testid`, `label` (of the list), `href(name)`. Returns
 * `{node, show(names, words), select(name), focus(), onEdge}`; `onEdge(side)` is called on ArrowLeft and ArrowRight,
 * `onNearEnd()` when the end comes into view.
 */
export function createVirtualList({ testid, label, href, onEdge, onNearEnd }) {
  const items = el('ol', { class: 'rows', 'aria-label': label })
  const node = el('div', { class: 'viewport', tabindex: '-1' }, items)
  const shown = new Map()
  let names = []
  let words = []
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
      // The row that can be tabbed to stays, wherever it is, or focus would be lost by scrolling.
      if ((index < first || index >= last) && index !== active) {
        item.remove()
        shown.delete(index)
      }
    }
    for (let index = first; index < last; index += 1) draw(index)
    if (active < names.length) draw(active)
    if (bottom + OVERSCAN >= names.length && names.length > 0) onNearEnd?.()
  }

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
    // In the order of the list, so that reading order is right whatever was drawn first.
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

  function activate(index, focus) {
    const next = Math.max(0, Math.min(names.length - 1, index))
    shown.get(active)?.firstElementChild.setAttribute('tabindex', '-1')
    active = next
    const top = next * rowHeight
    if (top < node.scrollTop) node.scrollTop = top
    else if (top + rowHeight > node.scrollTop + node.clientHeight)
      node.scrollTop = top + rowHeight - node.clientHeight
    render()
    const link = shown.get(next)?.firstElementChild
    link?.setAttribute('tabindex', '0')
    if (focus) link?.focus({ preventScroll: true })
  }

  items.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const page = Math.max(1, Math.floor(node.clientHeight / rowHeight) - 1)
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
    const index = Number(event.target.closest('li')?.getAttribute('aria-posinset')) - 1
    if (index >= 0 && index !== active) activate(index, false)
  })
  node.addEventListener('scroll', schedule, { passive: true })
  new ResizeObserver(schedule).observe(node)

  return {
    node,
    /** Shows these names, with `highlight` (lower-case words) marked in them; keeps the place when the list only grew. */
    show(next, highlight) {
      const grew =
        next.length >= names.length &&
        highlight.join(' ') === words.join(' ') &&
        names.every((name, i) => name === next[i])
      names = next
      words = highlight
      if (!grew) {
        active = Math.max(0, names.indexOf(selected))
        node.scrollTop = 0
        redraw()
      } else {
        for (const item of shown.values()) item.setAttribute('aria-setsize', names.length)
        render()
      }
    },
    /** Marks the current one and brings it into view once. */
    select(name) {
      if (selected === name) return
      selected = name
      for (const item of shown.values()) {
        const link = item.firstElementChild
        if (link.dataset.name === name) link.setAttribute('aria-current', 'true')
        else link.removeAttribute('aria-current')
      }
      const index = names.indexOf(name)
      if (index >= 0) activate(index, items.contains(document.activeElement))
    },
    /** Moves focus to the row that is current, else the first; false when there is none. */
    focus() {
      if (names.length === 0) return false
      activate(active, true)
      return true
    },
  }
}

// The text with the parts that match a word of the filter marked.
function marked(text, words) {
  const lower = text.toLowerCase()
  const hits = []
  for (const word of words) {
    const at = word ? lower.indexOf(word) : -1
    if (at >= 0) hits.push([at, at + word.length])
  }
  hits.sort((a, b) => a[0] - b[0])
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
