// Small parts of the page.

import { el, mono } from './dom.js'
import { hrefFor } from './route.js'

/** @import { RegistryInfo, SignedOutReason } from '../dockpass/index.js' */

/** @param {RegistryInfo[]} registries */
export function registryLinks(registries) {
  return el(
    'div',
    {},
    el('p', {}, 'Configured registries:'),
    el(
      'ul',
      { class: 'registry-links' },
      registries.map((one) =>
        el(
          'li',
          {},
          el('a', { href: hrefFor(one) }, one.name || one.registry),
          ' ',
          mono(one.registry, { class: 'faint' }),
        ),
      ),
    ),
  )
}

/** Why a session has ended, other than by a logout in this tab. @param {SignedOutReason} reason */
export function whyEnded(reason) {
  if (reason === 'bad_credentials')
    return 'The registry no longer accepts the password of this session. Log in again to continue.'
  if (reason === 'elsewhere') return 'You have logged out in another tab.'
  return 'Your session has expired. Log in again to continue.'
}
