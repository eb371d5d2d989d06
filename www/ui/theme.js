// Light or dark: what the system asks for, until the person chooses. The choice is the only thing the page ever
// stores, and "as the system" stores nothing.

import { announce } from './dom.js'

const KEY = 'dockpass.theme'
const NEXT = { auto: 'light', light: 'dark', dark: 'auto' }
const LABEL = { auto: 'System', light: 'Light', dark: 'Dark' }
const SIGN = { auto: '◐', light: '○', dark: '●' }

function stored() {
  try {
    const value = localStorage.getItem(KEY)
    return value === 'light' || value === 'dark' ? value : 'auto'
  } catch {
    return 'auto'
  }
}

function store(theme) {
  try {
    if (theme === 'auto') localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, theme)
  } catch {
    // Storage may be switched off; the choice then lasts as long as the page.
  }
}

/** Applies the stored theme and makes `toggle` walk through system, light and dark. */
export function setUpTheme(toggle) {
  let theme = stored()
  const apply = () => {
    if (theme === 'auto') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = theme
    toggle.textContent = `${SIGN[theme]} ${LABEL[theme]}`
    toggle.setAttribute('aria-label', `Theme: ${LABEL[theme]}`)
    toggle.title = 'Theme: as the system, light or dark'
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
