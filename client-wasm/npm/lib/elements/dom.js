// Creates the content of the elements, and gives the page their style sheet. Text always becomes a text node.

import { explain } from '../../errors.js'
import { STYLE } from './style.js'

/** @import { Words } from '../../elements.js' */

/**
 * Creates an element.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} part Its name for style sheets, as the attribute `part`.
 * @param {Record<string, string | boolean | undefined>} [attributes] True is an empty attribute; false and undefined are none.
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, part, attributes = {}, ...children) {
  const node = document.createElement(tag)
  if (part !== '') node.setAttribute('part', part)
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) node.setAttribute(name, value === true ? '' : value)
  }
  node.append(...children)
  return node
}

/**
 * Creates a button.
 * @param {string} part
 * @param {string} label
 * @param {() => unknown} press
 */
export function button(part, label, press) {
  const node = el('button', `button ${part}`, { type: 'button' }, label)
  node.addEventListener('click', () => void press())
  return node
}

/**
 * The content of a box with an error in words.
 * @param {any} error
 * @param {Words} words
 * @param {Partial<Record<string, () => unknown>>} actions What to do for the action of the error: `retry`, `browse`.
 * @returns {Node[]}
 */
export function errorContent(error, words, actions) {
  const { code, title, text, action, requestId } = explain(error)
  const foot = requestId === undefined ? code : `${code} · ${words.request(requestId)}`
  const content = [
    el('strong', 'error-title', {}, title),
    el('p', 'error-text', {}, text),
    el('small', 'error-code', {}, foot),
  ]
  const run = action && actions[action]
  if (action === 'retry' || action === 'browse') {
    if (run) content.push(button('secondary', words[action], run))
  }
  return content
}

/** @type {CSSStyleSheet | undefined} */
let sheet

/**
 * Applies the style sheet to the document or shadow tree of a node. A constructed sheet needs no permission of a content
 * security policy. Browsers without them show the elements unstyled.
 * @param {Node} node
 */
export function adoptStyle(node) {
  const root = /** @type {Document | ShadowRoot} */ (node.getRootNode())
  if (root.adoptedStyleSheets === undefined) return
  if (sheet === undefined) {
    sheet = new CSSStyleSheet()
    sheet.replaceSync(STYLE)
  }
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet]
}
