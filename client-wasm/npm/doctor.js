// The doctor's entry for browsers.

import { fromBase64 } from './lib/compile.js'
import { doctor } from './lib/doctor.js'

export const { diagnose, preload } = doctor(
  {
    url: () => new URL('./dist/doctor_bg.wasm', import.meta.url),
    copy: async () => fromBase64((await import('./dist/doctor_inline.js')).default),
  },
  () => import('./syntax.js'),
)
