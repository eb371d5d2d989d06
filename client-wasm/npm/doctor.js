// The doctor in the browser: its module is fetched from beside this file when it is first asked.

import { doctor } from './lib/doctor.js'

// The address is written out, so that bundlers see it and take the file along.
export const diagnose = doctor(() => new URL('./dist/doctor_bg.wasm', import.meta.url))
