// The only file that creates elements. Text always becomes a text node; nothing here parses HTML.

/** @import { Child } from './types.js' */

/**
 * Attributes, plus `class`, `testid` (data-testid), `text` and `on` (event listeners). Attributes whose value is null,
 * undefined or false are left out; true is an empty attribute.
 * @typedef {{ on?: Record<string, (event: any) => void>, [name: string]: unknown }} Options
 */

/**
 * Creates an element.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Options} [options]
 * @param {Child[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, options = {}, ...children) {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null || value === false) continue
    if (name === 'on') {
      for (const [type, listener] of Object.entries(options.on ?? {})) node.addEventListener(type, listener)
    } else if (name === 'class') {
      node.className = String(value)
    } else if (name === 'testid') {
      node.dataset.testid = String(value)
    } else if (name === 'text') {
      node.textContent = String(value)
    } else {
      node.setAttribute(name, value === true ? '' : String(value))
    }
  }
  node.append(...present(children))
  return node
}

/**
 * Creates a button of type `button`.
 * @param {Child} label
 * @param {(event: MouseEvent) => void} onClick
 * @param {Options} [options]
 */
export function button(label, onClick, options = {}) {
  return el('button', { type: 'button', ...options, on: { click: onClick } }, label)
}

/**
 * Replaces all children of `node`.
 * @template {Element} T
 * @param {T} node
 * @param {Child[]} children
 * @returns {T}
 */
export function fill(node, ...children) {
  node.replaceChildren(...present(children))
  return node
}

/**
 * @param {readonly Child[]} children
 * @returns {(Node | string)[]}
 */
function present(children) {
  return children.flatMap((child) => {
    if (child === null || child === undefined || child === false) return []
    return typeof child === 'string' || child instanceof Node ? [child] : present(child)
  })
}

// Characters that reorder or hide text. They are shown as their code points instead.
// eslint-disable-next-line no-control-regex -- control characters are what it finds.
const DECEPTIVE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu

/**
 * Makes untrusted text safe to show: invisible and reordering characters become `<U+202E>`.
 * @param {unknown} text
 */
export function visible(text) {
  return String(text).replace(DECEPTIVE, (char) => {
    if (char === '\n' || char === '\t') return char
    return `<U+${char.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}>`
  })
}

/**
 * An identifier in the monospaced font, isolated from the direction of the text around it.
 * @param {unknown} text
 * @param {Options} [options]
 */
export function mono(text, options = {}) {
  return el('bdi', { ...options, class: `mono ${options.class ?? ''}`.trim() }, visible(text))
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let announceTimer

/**
 * The element with this id, which the page has.
 * @param {string} id
 */
export function byId(id) {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`The page has no element #${id}.`)
  return element
}

/**
 * Announces `text` to screen readers, 250 ms after the last announcement.
 * @param {string} text
 */
export function announce(text) {
  const region = byId('live')
  clearTimeout(announceTimer)
  announceTimer = setTimeout(() => {
    region.textContent = text
  }, 250)
}

/**
 * A button that copies what `read()` returns, and confirms it in its label for two seconds.
 * @param {string} label
 * @param {() => string} read
 * @param {Options} [options]
 */
export function copyButton(label, read, options = {}) {
  const text = el('span', {}, label)
  return button(
    text,
    async () => {
      const done = await copy(read())
      text.textContent = done ? 'Copied' : 'Select and press Ctrl+C'
      announce(done ? 'Copied' : 'The browser does not allow copying here')
      setTimeout(() => {
        text.textContent = label
      }, 2000)
    },
    { testid: 'copy', class: 'quiet', ...options },
  )
}

/** @param {string} text */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copyBySelection(text)
  }
}

/**
 * Plain http pages have no `navigator.clipboard`; the old command still copies a selection.
 * @param {string} text
 */
function copyBySelection(text) {
  const before = document.activeElement
  const field = el('textarea', { class: 'visually-hidden', readonly: true, 'aria-hidden': 'true' })
  field.value = text
  document.body.append(field)
  field.select()
  try {
    return document.execCommand('copy')
  } catch {
    return false
  } finally {
    field.remove()
    if (before instanceof HTMLElement) before.focus()
  }
}
