// The doctor's entry for Node.js.

import { readFileSync } from 'node:fs'
import { fromBase64 } from './lib/compile.js'
import { doctor } from './lib/doctor.js'

export const { diagnose, preload } = doctor(
  {
    url: () => new URL('./dist/doctor_bg.wasm', import.meta.url),
    read: readFileSync,
    copy: async () => fromBase64((await import('./dist/doctor_inline.js')).default),
  },
  () => import('./syntax-node.js'),
)
