// Runtimes outside of browsers, and runners of tests.

import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { check, checkCommonJs, checkInline, program, WORKS } from '../support/sources.mjs'
import { app, freePort, node, run, start, tool, version } from '../support/workplace.mjs'

const deno = tool('runtimes', '@deno/linux-x64-glibc/deno')
const bun = tool('bundlers', '@oven/bun-linux-x64/bin/bun')
const workerd = tool('runtimes', '@cloudflare/workerd-linux-64/bin/workerd')
const missing = (path) =>
  existsSync(path) ? undefined : `${path} is not in the npm package for this machine`

const files = {
  'check.js': check,
  'main.mjs': program,
  'check.cjs': checkCommonJs,
  'main.cjs': "require('./check.cjs').check().then((result) => console.log(result))\n",
  // require() of an ES module, where the runtime has it.
  'esm.cjs': "require('./check.js').check().then((result) => console.log(result))\n",
  'inline.mjs': `${checkInline}check().then((result) => console.log(result))\n`,
}

const nodes = [
  [process.version, process.execPath],
  ...[22, 24].map((major) => [
    `v${version('runtimes', `node${major}`)}`,
    tool('runtimes', `node${major}/bin/node`),
  ]),
].flatMap(([name, path]) => {
  const script = (what, file) => ({
    name: `Node.js ${name.slice(1)}: ${what}`,
    missing: missing(path),
    run: () => run(app('runtimes', `node ${name} ${file}`, files), path, ['--no-warnings', file]),
  })
  const modern = Number(/\d+/.exec(name)[0]) >= 22
  return [
    script('import', 'main.mjs'),
    script('require', 'main.cjs'),
    script('dockpass/inline', 'inline.mjs'),
    ...(modern ? [script('require(esm)', 'esm.cjs')] : []),
  ]
})

const tester = (name, run) => ({ name, run })
const jestCase = `test('it loads', async () => { expect(await check()).toBe('${WORKS}') })\n`
const jest = ['node', 'jsdom'].flatMap((environment) => [
  tester(`Jest ${version('testers', 'jest')}, ${environment}: require`, async () => {
    const folder = app('testers', `jest ${environment} cjs`, {
      'package.json': '{}',
      'a.test.js': `${checkCommonJs}${jestCase}`,
    })
    await node(folder, [tool('testers', 'jest/bin/jest.js'), '--ci', `--env=${environment}`])
    return WORKS
  }),
  tester(`Jest ${version('testers', 'jest')}, ${environment}: import`, async () => {
    const folder = app('testers', `jest ${environment} esm`, {
      'check.js': check,
      'a.test.js': `import { check } from './check.js'\n${jestCase}`,
    })
    const args = [
      '--experimental-vm-modules',
      tool('testers', 'jest/bin/jest.js'),
      '--ci',
      `--env=${environment}`,
    ]
    await node(folder, args)
    return WORKS
  }),
])

export const rows = [
  ...nodes,
  {
    name: `Deno ${version('runtimes', '@deno/linux-x64-glibc')}`,
    missing: missing(deno),
    run: () =>
      run(app('runtimes', 'deno', files), deno, [
        'run',
        '--no-remote',
        '--allow-read',
        '--node-modules-dir=manual',
        'main.mjs',
      ]),
  },
  {
    name: `Bun ${version('bundlers', '@oven/bun-linux-x64')}`,
    missing: missing(bun),
    run: () => run(app('bundlers', 'bun', files), bun, ['main.mjs']),
  },
  {
    name: `workerd ${version('runtimes', '@cloudflare/workerd-linux-64')}`,
    missing: missing(workerd),
    async run(t) {
      const folder = app('bundlers', 'workerd', {
        'check.js': check,
        'worker.js': `import { check } from './check.js'
export default { fetch: () => check().then((result) => new Response(result), (error) => new Response(error + ' ' + error.cause)) }\n`,
      })
      const options =
        '--bundle --format=esm --conditions=workerd,worker,browser --external:*.wasm --outfile=out/worker.js'
      await node(folder, [tool('bundlers', 'esbuild/bin/esbuild'), 'worker.js', ...options.split(' ')])
      const port = await freePort()
      const wasm = ['dockpass', 'doctor', 'digest', 'syntax'].map(
        (name) =>
          `(name = "dist/${name}_bg.wasm", wasm = embed "../node_modules/dockpass/dist/${name}_bg.wasm")`,
      )
      const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (compatibilityDate = "2026-01-01", modules = [(name = "worker.js", esModule = embed "out/worker.js"), ${wasm}]))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);`
      writeFileSync(join(folder, 'config.capnp'), config)
      const origin = await start(t, folder, workerd, ['serve', 'config.capnp'], port)
      return (await fetch(origin)).text()
    },
  },
  {
    name: `Vitest ${version('testers', 'vitest')}`,
    async run() {
      const folder = app('testers', 'vitest', {
        'check.js': check,
        'a.test.js': `import { expect, test } from 'vitest'\nimport { check } from './check.js'\n${jestCase}`,
      })
      await node(folder, [tool('testers', 'vitest/vitest.mjs'), 'run', '--root', '.'])
      return WORKS
    },
  },
  ...jest,
]
