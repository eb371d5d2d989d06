// The whole package with both modules inside, for one file without requests. The CommonJS entries are made of it too.

import digestBase64 from './dist/digest_inline.js'
import base64 from './dist/dockpass_inline.js'
import doctorBase64 from './dist/doctor_inline.js'
import { fromBase64 } from './lib/compile.js'
import { doctor } from './lib/doctor.js'
import { initializeAll } from './lib/init.js'
import { inspectToken } from './lib/syntax.js'

export { DockpassError } from './lib/error.js'
export * from './lib/pure.js'
export { RegistryClient } from './lib/client.js'
export { version } from './lib/version.js'

/** @type {import('./lib/types.js').PackagedModule} */
const packaged = { copy: () => fromBase64(base64), digest: () => fromBase64(digestBase64) }

/** @type {typeof import('./index.js').default} */
export default function init(source) {
  return initializeAll(packaged, source)
}

export const { diagnose, preload } = /* @__PURE__ */ doctor(
  { copy: () => fromBase64(doctorBase64) },
  async () => ({ default: init, inspectToken }),
)
