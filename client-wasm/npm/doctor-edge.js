// The doctor's entry for edge functions, where only a module that was compiled at build time may run.

import compiled from './dist/doctor_bg.wasm?module'
import { doctor } from './lib/doctor.js'

export const { diagnose, preload } = doctor({ copy: () => compiled }, () => import('./syntax-edge.js'))
