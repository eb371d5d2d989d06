// The doctor's entry for Cloudflare's workers, which compile the file when they are deployed.

import compiled from './dist/doctor_bg.wasm'
import { doctor } from './lib/doctor.js'

export const { diagnose, preload } = doctor({ copy: () => compiled }, () => import('./syntax-worker.js'))
