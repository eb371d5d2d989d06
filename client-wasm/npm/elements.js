// The entry `dockpass/elements`: defines <dockpass-login> and <dockpass-status>.

import init, { RegistryClient } from './client.js'
import { loginElement } from './lib/elements/login.js'
import { statusElement } from './lib/elements/status.js'

export { keepLineBreaks } from './lib/elements/multiline.js'

// A server that renders pages imports this module as well, and has no elements.
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {})

/** @type {typeof import('./elements.js').DockpassLogin} */
export const DockpassLogin = loginElement(Base, { init, RegistryClient })
/** @type {typeof import('./elements.js').DockpassStatus} */
export const DockpassStatus = statusElement(Base)

/** @param {string} name @param {CustomElementConstructor} element */
function define(name, element) {
  // Another copy of this module may have defined it.
  if (globalThis.customElements?.get(name) === undefined) globalThis.customElements?.define(name, element)
}

define('dockpass-login', DockpassLogin)
define('dockpass-status', DockpassStatus)
