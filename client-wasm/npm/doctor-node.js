// The doctor's entry for Node.js. The module is read from the package's folder.

import { doctor } from './lib/doctor.js'

export const diagnose = doctor(
  () => new URL('./dist/doctor_bg.wasm', import.meta.url),
  async (address) => {
    const { readFile } = await import('node:fs/promises')
    return readFile(address)
  },
)
