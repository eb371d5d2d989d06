// The conformance tests of the OCI distribution specification, at a registry and through the gateway in write mode: the
// verdicts are the same.

import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import { startFront } from './harness/front.mjs'
import { startKeyServer } from './harness/keyserver.mjs'
import { startOlareg } from './harness/olareg.mjs'
import { run, scratch, stopAll } from './harness/process.mjs'
import { programs, versions } from './harness/programs.mjs'

const folder = await scratch('conformance')
const found = await programs('keyserver', 'olareg', 'conformance', 'htpasswd')
for (const line of await versions(found)) console.log(`peer ${line}`)

after(async () => {
  await stopAll()
  await folder.remove()
})

it('has the same results through the gateway', async (t) => {
  const start = async (name) =>
    startOlareg({ ...found, name, program: found.olareg, folder: await folder.folder(name), kind: 'open' })
  const [direct, behind] = [await start('direct'), await start('behind')]
  const keyserver = await startKeyServer({
    program: found.keyserver,
    folder: await folder.folder('keyserver'),
    registries: [{ name: 'olareg', url: behind.url }],
    settings: { gateway: { read_only: false }, log: { filter: 'info', format: 'json' } },
  })
  const front = await startFront(keyserver, keyserver.registries.olareg)
  try {
    const expected = await verdicts(direct.host, await folder.folder('direct-results'))
    const got = await verdicts(front.host, await folder.folder('gateway-results'))
    const count = (verdict) => expected.filter((line) => line.startsWith(`${verdict} `)).length
    assert.ok(count('Pass') > 600, `only ${count('Pass')} tests passed at the registry itself`)
    assert.deepEqual([count('FAIL'), count('Error')], [0, 0])
    assert.deepEqual(got, expected)
    t.diagnostic(`${expected.length} verdicts, ${count('Pass')} of them passes`)
  } finally {
    await front.stop()
  }
})

/** `VERDICT NAME` of each conformance test, sorted: their order differs from one run to the next. */
async function verdicts(host, place) {
  const env = { OCI_REGISTRY: host, OCI_TLS: 'disabled', OCI_RESULTS_DIR: place, OCI_LOG: 'error' }
  // It exits with 1 when a test of the registry fails.
  const { stdout } = await run(found.conformance, [], { cwd: place, env, expect: null, seconds: 120 })
  const lines = stdout.matchAll(/^ *(OCI Conformance Test\b.*): (Pass|FAIL|Skip|Disabled|Error)$/gm)
  return [...lines].map(([, title, verdict]) => `${verdict} ${title}`).sort()
}
