// Bundlers, each with its defaults. What it builds is loaded from a server that knows nothing but the output.

import { cpSync, existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { inChromium } from '../support/browsers.mjs'
import { check, html, pageScript, program } from '../support/sources.mjs'
import { app, freePort, node, run, serve, start, tool, version } from '../support/workplace.mjs'

const bun = tool('bundlers', '@oven/bun-linux-x64/bin/bun')
const files = (script) => ({
  'index.html': html(script),
  'page.js': pageScript(),
  'check.js': check,
  'main.js': program,
})

/** Builds into `out`, which is then a site of its own: nothing of `node_modules` is beside it. */
const built = (name, of, script, build, missing) => ({
  name,
  missing,
  async run(t) {
    const folder = app(of, name, files(script))
    await build(folder)
    if (!existsSync(join(folder, 'out/index.html')))
      cpSync(join(folder, 'index.html'), join(folder, 'out/index.html'))
    return inChromium((await serve(t, join(folder, 'out'))).origin)
  },
})

const vites = [5, 6, 7, 8].flatMap((major) => {
  const name = `Vite ${version('vite', `vite${major}`)}`
  const cli = tool('vite', `vite${major}/bin/vite.js`)
  return [
    {
      name: `${name}: dev`,
      async run(t) {
        const folder = app('vite', `${name} dev`, files('/page.js'))
        const port = await freePort()
        const args = [cli, '--host', '127.0.0.1', '--port', String(port), '--strictPort']
        return inChromium(await start(t, folder, process.execPath, args, port))
      },
    },
    built(`${name}: build`, 'vite', '/page.js', (folder) => node(folder, [cli, 'build', '--outDir', 'out'])),
  ]
})

const esbuild = `esbuild ${version('bundlers', 'esbuild')}`
const withEsbuild = (options) => (folder) =>
  node(folder, [tool('bundlers', 'esbuild/bin/esbuild'), ...options.split(' ')])

const onNode = (options) => ({
  name: `${esbuild}: ${options}`,
  async run() {
    const folder = app('bundlers', `${esbuild} ${options}`, files('/page.js'))
    const file = options.includes('esm') ? 'out/main.mjs' : 'out/main.cjs'
    await withEsbuild(`main.js --bundle ${options} --outfile=${file}`)(folder)
    return node(folder, [file])
  },
})

export const rows = [
  ...vites,
  built(`Rollup ${version('bundlers', 'rollup')}`, 'bundlers', '/page.js', (folder) =>
    node(folder, [
      tool('bundlers', 'rollup/dist/bin/rollup'),
      ...'-i page.js -d out -f es -p node-resolve --silent'.split(' '),
    ]),
  ),
  built(
    `${esbuild}: browser`,
    'bundlers',
    '/page.js',
    withEsbuild('page.js --bundle --format=esm --outdir=out'),
  ),
  built(
    `${esbuild}: browser, iife`,
    'bundlers',
    '/page.js',
    withEsbuild('page.js --bundle --log-level=error --outdir=out'),
  ),
  built(
    `${esbuild}: browser, splitting`,
    'bundlers',
    '/page.js',
    withEsbuild('page.js --bundle --splitting --format=esm --outdir=out'),
  ),
  onNode('--platform=node --log-level=error'),
  onNode('--platform=node --format=esm'),
  built(`webpack ${version('bundlers', 'webpack')}`, 'bundlers', '/main.js', (folder) => {
    const webpack = createRequire(join(tool('bundlers'), 'x.js'))('webpack')
    return new Promise((resolve, reject) => {
      const options = {
        mode: 'production',
        context: folder,
        entry: './page.js',
        output: { path: join(folder, 'out') },
      }
      webpack(options, (error, stats) => {
        if (error ?? stats.hasErrors()) reject(error ?? new Error(stats.toString()))
        else resolve()
      })
    })
  }),
  built(`Parcel ${version('parcel', 'parcel')}`, 'parcel', 'page.js', (folder) =>
    node(folder, [
      tool('parcel', 'parcel/lib/bin.js'),
      ...'build index.html --no-cache --dist-dir out'.split(' '),
    ]),
  ),
  built(
    `bun build ${version('bundlers', '@oven/bun-linux-x64')}`,
    'bundlers',
    '/page.js',
    (folder) => run(folder, bun, 'build page.js --outdir out'.split(' ')),
    existsSync(bun) ? undefined : 'bun is not in the npm package for this machine',
  ),
]
