// An indication that something takes long: nothing for the first 300 ms, so that quick loads do not flicker.

import { el, button } from './dom.js'

const PATIENCE_MS = 300

/**
 * A progress line. `start(text, cancel?)` arms it, `say(text)` changes the words, `stop()` hides it. `cancel`, when
 * given, is offered as a button.
 */
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
  let timer = 0
  return {
    node,
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
    say(text) {
      if (!node.hidden) words.textContent = text
    },
    stop() {
      clearTimeout(timer)
      node.hidden = true
    },
  }
}
