// The only place that makes elements. Text from outside always becomes a text node; nothing here parses markup.

/**
 * Makes an element. `options` holds attributes, plus `class`, `testid` (data-testid), `text` and `on` (listeners).
 * Attributes whose value is null, undefined or false are left out; true means an empty attribute.
 */
export function el(tag, options = {}, ...children) {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null || value === false) continue
    if (name === 'on') {
      for (const [type, listener] of Object.entries(value)) node.addEventListener(type, listener)
    } else if (name === 'class') {
      node.className = value
    } else if (name === 'testid') {
      node.dataset.testid = value
    } else if (name === 'text') {
      node.textContent = value
    } else {
      node.setAttribute(name, value === true ? '' : String(value))
    }
  }
  node.append(...present(children))
  return node
}

/** A button of type `button`; `onClick` gets the event. */
export function button(label, onClick, options = {}) {
  return el('button', { type: 'button', ...options, on: { click: onClick } }, label)
}

/** Replaces all children of `node`. */
export function fill(node, ...children) {
  node.replaceChildren(...present(children))
  return node
}

function present(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false)
}

// Characters that reorder or hide text; a name that carries them is shown with their code points instead.
const DECEPTIVE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu

/** Text of unknown origin as it may be shown: invisible and reordering characters become visible `<U+202E>`. */
export function visible(text) {
  return String(text).replace(DECEPTIVE, (char) => {
    if (char === '\n' || char === '\t') return char
    return `<U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}>`
  })
}

/** An identifier in the monospaced face, isolated from the direction of the text around it. */
export function mono(text, options = {}) {
  return el('bdi', { ...options, class: `mono ${options.class ?? ''}`.trim() }, visible(text))
}

let announceTimer = 0

/** Says `text` to screen readers, once things have been quiet for a moment. */
export function announce(text) {
  const region = document.getElementById('live')
  clearTimeout(announceTimer)
  announceTimer = setTimeout(() => {
    region.textContent = text
  }, 250)
}

/** A button that copies what `read()` gives, and says so on itself for two seconds. */
export function copyButton(label, read, options = {}) {
  const said = el('span', {}, label)
  const node = button(
    said,
    async () => {
      const done = await copy(read())
      said.textContent = done ? 'Copied' : 'Select and press Ctrl+C'
      announce(done ? 'Copied' : 'Copying is not allowed here')
      setTimeout(() => {
        said.textContent = label
      }, 2000)
    },
    { testid: 'copy', class: 'quiet', ...options },
  )
  return node
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copyBySelection(text)
  }
}

// Pages on plain http have no clipboard object; the old command still works on a selection.
function copyBySelection(text) {
  const before = document.activeElement
  const field = el('textarea', { class: 'visually-hidden', readonly: true, 'aria-hidden': 'true' })
  field.value = text
  document.body.append(field)
  field.select()
  let done = false
  try {
    done = document.execCommand('copy')
  } catch {
    done = false
  }
  field.remove()
  before?.focus?.()
  return done
}
