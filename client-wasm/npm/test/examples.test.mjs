// Every example compiles under `strict` and runs: those of the type declarations, and the code blocks of both READMEs.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execFile } from 'node:child_process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { after, before, describe, test } from 'node:test'
import ts from 'typescript'
import { USER, start } from './support/key-server.mjs'

const run = promisify(execFile)
const packageFolder = fileURLToPath(new URL('..', import.meta.url))
const read = (name) => readFileSync(join(packageFolder, name), 'utf8')

/** What examples use without declaring it, as TypeScript that works with the fake key server. */
const GIVEN = {
  keyServer: 'const keyServer: string = globalThis.keyServer',
  username: "const username: string = 'alice'",
  password: 'const password: string = globalThis.password',
  token: `const token: string = ${JSON.stringify(jwt())}`,
  response: 'const response = new Response(\'{"token":"opaque","expires_in":300}\')',
  location: "const location = { href: 'https://page.example/' }",
  addEventListener:
    "declare function addEventListener(type: 'fetch', listener: (event: import('dockpass/sw').WorkerFetchEvent) => void): void",
  error: 'const error: unknown = undefined',
  steps: 'const steps: import("dockpass").Step[] = []',
  client:
    "const client = await RegistryClient.connect({ keyServer: globalThis.keyServer, registry: 'registry.test' })\n" +
    "await client.login({ username: 'alice', password: globalThis.password })",
}

function jwt() {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none' })}.${part({ exp: 1, access: [] })}.c2ln`
}

const guides = readdirSync(join(packageFolder, '../../docs/guides')).map(
  (name) => `../../docs/guides/${name}`,
)
const blocks = [
  ...['index.d.ts', 'doctor.d.ts', 'elements.d.ts', 'errors.d.ts', 'sw.d.ts'].flatMap((file) =>
    fenced(file, read(file).replace(/^ *\* ?/gm, '')),
  ),
  ...['README.md', '../../README.md', ...guides].flatMap((file) => fenced(file, read(file))),
]

/** The code blocks of a text, with the line at which each begins. */
function fenced(file, text) {
  return [...text.matchAll(/^```(js|ts|tsx|html)\n([^]*?)^```$/gm)].map(([, language, code], at) => ({
    name: `${file}, block ${at + 1}: ${code.trim().split('\n')[0]}`,
    html: language === 'html',
    tsx: language === 'tsx',
    code: language === 'html' ? /<script type="module">([^]*?)<\/script>/.exec(code)[1] : code,
  }))
}

/** An example as a whole module: with the imports and the values that it takes for granted. */
function complete({ code, html }) {
  const declared = (name) => new RegExp(`(?:const|let|import)(?:(?! of )[^=;\\n])*\\b${name}\\b`).test(code)
  const used = (name) => new RegExp(`(?<![.\\w'])${name}\\b`).test(code)
  const values = html ? [] : Object.keys(GIVEN).filter((name) => used(name) && !declared(name))
  const text = values.map((name) => GIVEN[name]).join('\n')
  const exported = [...read('index.d.ts').matchAll(/^export (?:class|function|const) (\w+)/gm)]
  const names = exported.map(([, name]) => name)
  const wanted = names.filter(
    (name) => new RegExp(`\\b${name}\\b`).test(`${text}\n${code}`) && !declared(name),
  )
  const start = /await init\(/.test(code) ? '' : 'await init()\n'
  const load = /import init\b/.test(code) ? '' : `import init from 'dockpass'\n${start}`
  return [
    wanted.length > 0 ? `import { ${wanted.join(', ')} } from 'dockpass'` : '',
    load,
    text,
    code.replace(/'[^'\n]*\/dockpass\/(\w+)\.js'/, (_, name) =>
      name === 'index' ? "'dockpass'" : `'dockpass/${name}'`,
    ),
    'export {}',
  ].join('\n')
}

let server, folder
before(async () => {
  server = await start()
  Object.assign(globalThis, { keyServer: server.url, password: USER.password })
  // Inside the package, so that its own name resolves.
  folder = mkdtempSync(join(packageFolder, 'test/.examples-'))
})
after(async () => {
  rmSync(folder, { recursive: true, force: true })
  await server.stop()
})

test('there are examples of everything', () => {
  assert.ok(blocks.length > 20, `${blocks.length}`)
})

test('they compile under strict', () => {
  writeFileSync(join(folder, 'globals.d.ts'), 'declare var keyServer: string\ndeclare var password: string\n')
  const files = blocks.map((block, at) => {
    const file = join(folder, `${at}.${block.tsx ? 'tsx' : 'ts'}`)
    writeFileSync(file, complete(block))
    return file
  })
  const program = ts.createProgram([...files, join(folder, 'globals.d.ts')], {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts', 'lib.dom.asynciterable.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    types: [],
    jsx: ts.JsxEmit.ReactJSX,
  })
  const problems = ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    const at = Number(/(\d+)\.tsx?$/.exec(file?.fileName ?? '')?.[1])
    return `${blocks[at]?.name}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
  })
  assert.deepEqual(problems, [])
})

describe('they run', () => {
  for (const [at, block] of blocks.entries()) {
    // Pages and service workers run in the browser's tests, and the example with React there.
    if (
      block.html ||
      block.tsx ||
      /from 'react'/.test(block.code) ||
      /'dockpass\/sw'|serviceWorker/.test(block.code)
    )
      continue
    test(block.name, async () => {
      const { outputText } = ts.transpileModule(complete(block), {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
      })
      const js = outputText
        .replaceAll('https://dockpass.example', server.url)
        .replaceAll("registry: 'registry.example'", "registry: 'registry.test'")
        // The image of the fake registry.
        .replaceAll(/'(?:team\/app|library\/alpine)'/g, "'app'")
        .replaceAll("'/v2/team/app/", "'/v2/app/")
        .replaceAll('/v2/app/manifests/1.0', '/v2/app/manifests/latest')
        // Addresses at which there is a module.
        .replaceAll(
          /'\/assets\/(\w+_bg)\.wasm'/g,
          "(await import('node:fs/promises')).readFile('dist/$1.wasm')",
        )
        .replace(
          /new URL\('\/assets[^)]*\)/,
          "await (await import('node:fs/promises')).readFile('dist/dockpass_bg.wasm')",
        )
      const file = join(folder, `${at}.mjs`)
      writeFileSync(file, `const console = { log() {} }\n${js}`)
      // A process has one module: a source of its own is for a process of its own.
      if (/init\([^)]/.test(block.code)) await run(process.execPath, [file], { cwd: packageFolder })
      else await import(pathToFileURL(file).href)
    })
  }
})
