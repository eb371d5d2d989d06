// What tools that read the manifest and the types say.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { app, node, tool, version } from '../support/workplace.mjs'

const load = (name) => import(pathToFileURL(tool('types', name)).href)

const importer = `import init, { DockpassError, parseChallenges } from 'dockpass'
import { diagnose, preload } from 'dockpass/doctor'
import inline from 'dockpass/inline'
import initSyntax, { inspectToken } from 'dockpass/syntax'
import initClient, { RegistryClient, type Session } from 'dockpass/client'
import type { DockpassLogin } from 'dockpass/elements'
import { explain } from 'dockpass/errors'
import { authorize } from 'dockpass/sw'
export const login: DockpassLogin | string = explain(null).title
export const worker = () => authorize({ registries: ['docker.io'] })
export async function main(): Promise<string | undefined> {
  await init({ doctor: new Uint8Array() })
  await preload()
  await inline()
  await initSyntax(new Uint8Array())
  await initClient({ doctor: new Uint8Array() })
  const session: Session | null = (await RegistryClient.connect({ registry: 'docker.io' })).session
  if (session !== null) return session.username
  inspectToken('').access?.length
  const { code } = await diagnose([])
  try { return parseChallenges('x')[0]?.params.realm ?? code } catch (error) {
    if (error instanceof DockpassError && error.code === 'ERR_WASM_LOAD') return error.url
    throw error
  }
}
`

const typescript = [
  ['node16', 'a.mts'],
  ['node16', 'a.cts'],
  ['nodenext', 'a.mts'],
  ['nodenext', 'a.cts'],
  ['bundler', 'a.ts'],
].map(([resolution, file]) => ({
  name: `TypeScript ${resolution} ${file.slice(2)}`,
  expect: '',
  run: () => {
    const folder = app('types', `ts-${resolution}-${file}`, { [file]: importer })
    const module = resolution === 'bundler' ? 'esnext' : resolution
    const options = `--ignoreConfig --strict --noEmit --target es2023 --lib es2023,dom,dom.iterable,dom.asynciterable --module ${module} --moduleResolution ${resolution}`
    return node(folder, [tool('types', 'typescript/bin/tsc'), ...options.split(' '), file])
  },
}))

export const rows = [
  {
    name: 'attw',
    expect: '',
    async run() {
      const { checkPackage, createPackageFromTarballData } = await load(
        '@arethetypeswrong/core/dist/index.js',
      )
      const tarball = readFileSync(join(tool('types'), '../dockpass.tgz'))
      // What is no script has no types.
      const excludeEntrypoints = [/\.wasm$/, /package\.json$/]
      const { problems, types } = await checkPackage(createPackageFromTarballData(tarball), {
        excludeEntrypoints,
      })
      if (!types) return 'no types'
      return problems.map((problem) => JSON.stringify(problem)).join('\n')
    },
  },
  {
    name: 'publint',
    expect: '',
    async run() {
      const { publint } = await load('publint/src/index-node.js')
      const { messages } = await publint({ pkgDir: tool('types', 'dockpass'), strict: true, pack: false })
      return messages.map((message) => JSON.stringify(message)).join('\n')
    },
  },
  ...typescript.map((row) => ({ ...row, name: `${row.name} (${version('types', 'typescript')})` })),
]
