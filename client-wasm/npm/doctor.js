// The doctor's entry for browsers. Its module is fetched from the `dist` folder at the first call.

import { doctor } from './lib/doctor.js'

// A literal URL, so that bundlers find the file and include it.
export const diagnose = doctor(() => new URL('./dist/doctor_bg.wasm', import.meta.url))
