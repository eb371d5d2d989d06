// A progress indicator. It appears after 300 ms, so that quick loads do not flicker.

import { el, button } from './dom.js'

const PATIENCE_MS = 300

/** Creates a progress line. */
export function createProgress() {
  const words = el('span', {})
  const slot = el('span', {})
  const node = el(
    'div',
    { class: 'progress', role: 'status', testid: 'progress', hidden: true },
    el('i', { class: 'run', 'aria-hidden': 'true' }),
    words,
    slot,
  )
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  return {
    node,
    /**
     * Shows it after a moment, with a button if `cancel` is given.
     * @param {string} text
     * @param {() => void} [cancel]
     */
    start(text, cancel) {
      clearTimeout(timer)
      node.hidden = true
      slot.replaceChildren()
      if (cancel) slot.append(button('Cancel', cancel, { class: 'quiet', testid: 'cancel' }))
      timer = setTimeout(() => {
        node.hidden = false
        words.textContent = text
      }, PATIENCE_MS)
    },
    /** @param {string} text Replaces the text. */
    say(text) {
      if (!node.hidden) words.textContent = text
    },
    stop() {
      clearTimeout(timer)
      node.hidden = true
    },
  }
}
