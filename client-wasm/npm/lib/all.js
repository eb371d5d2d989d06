// What a client rarely needs, for entries that are one file.

import * as authorize from './authorize.js'
import * as claims from './claims.js'

/** @type {import('./types.js').PackagedModules['later']} */
export const later = { authorize: async () => authorize, claims: async () => claims }
