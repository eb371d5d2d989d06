// The theme: as the system, until the user chooses light or dark. This choice is the only thing that the page stores.

import { announce } from './dom.js'

const KEY = 'dockpass.theme'
/** @typedef {'auto' | 'light' | 'dark'} Theme */
/** @type {Record<Theme, Theme>} */
const NEXT = { auto: 'light', light: 'dark', dark: 'auto' }
const LABEL = { auto: 'System', light: 'Light', dark: 'Dark' }
const SIGN = { auto: '◐', light: '○', dark: '●' }

/** @returns {Theme} */
function stored() {
  try {
    const value = localStorage.getItem(KEY)
    return value === 'light' || value === 'dark' ? value : 'auto'
  } catch {
    return 'auto'
  }
}

/** @param {Theme} theme */
function store(theme) {
  try {
    if (theme === 'auto') localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, theme)
  } catch {
    // Storage may be disabled. The choice then lasts until the page is closed.
  }
}

/**
 * Applies the stored theme. A click on `toggle` switches between system, light and dark.
 * @param {HTMLElement} toggle
 */
export function setUpTheme(toggle) {
  let theme = stored()
  const apply = () => {
    if (theme === 'auto') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = theme
    toggle.textContent = `${SIGN[theme]} ${LABEL[theme]}`
    toggle.setAttribute('aria-label', `Theme: ${LABEL[theme]}`)
    toggle.title = 'Theme: system, light or dark'
  }
  toggle.dataset.testid = 'theme'
  toggle.addEventListener('click', () => {
    theme = NEXT[theme]
    store(theme)
    apply()
    announce(`Theme: ${LABEL[theme]}`)
  })
  apply()
}
