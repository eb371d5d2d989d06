// Frameworks that render on a server: the same lines in a component of the page, on the server, in a route, at the edge.

import { inChromium } from '../support/browsers.mjs'
import { check, WORKS } from '../support/sources.mjs'
import { app, freePort, node, run, start, tool, version } from '../support/workplace.mjs'

/** SvelteKit 3 needs Node.js 22. */
const node22 = tool('runtimes', 'node22/bin/node')

const text = (value) => `<p>{${value}}</p>`
const shown = "await check().catch((error) => error + ' ' + error.cause)"
const handler = `import { check } from '../../check.js'
export const dynamic = 'force-dynamic'
export const GET = async () => new Response(${shown})\n`

const next = {
  'package.json': '{}',
  // Where the packages are: this folder is below that of the tool.
  'next.config.mjs': "export default { turbopack: { root: new URL('..', import.meta.url).pathname } }\n",
  'check.js': check,
  'app/layout.jsx': 'export default ({ children }) => <html><body>{children}</body></html>\n',
  'app/page.jsx': `'use client'
import { useEffect } from 'react'
import { check } from '../check.js'
export default function Page() {
  useEffect(() => { check().catch((error) => error + ' ' + error.cause).then((text) => { document.title = 'result: ' + text }) }, [])
  return null
}\n`,
  'app/server/page.jsx': `import { check } from '../../check.js'
export const dynamic = 'force-dynamic'
export default async function Page() {
  const text = ${shown}
  return ${text('text')}
}\n`,
  'app/route/route.js': handler,
  'app/edge/route.js': `export const runtime = 'edge'\n${handler.replace("export const dynamic = 'force-dynamic'\n", '')}`,
}

/** Each part of the result that should be there, or the whole of what is. */
const has = (found) => (found.includes(WORKS) ? 'works' : found.replace(/<script[^]*/, '').slice(-600))

const nexts = ['--turbopack', '--webpack'].map((bundler) => ({
  name: `Next ${version('next', 'next')} ${bundler}: client, server, route, edge`,
  expect: { client: 'works', server: 'works', route: 'works', edge: 'works' },
  async run(t) {
    const folder = app('next', `next ${bundler}`, next)
    const cli = tool('next', 'next/dist/bin/next')
    await node(folder, [cli, 'build', bundler])
    const port = await freePort()
    const origin = await start(
      t,
      folder,
      process.execPath,
      [cli, 'start', '-p', String(port), '-H', '127.0.0.1'],
      port,
    )
    const get = async (path) => has(await (await fetch(`${origin}/${path}`)).text())
    return {
      client: has(await inChromium(`${origin}/#`)),
      server: await get('server'),
      route: await get('route'),
      edge: await get('edge'),
    }
  },
}))

export const rows = [
  ...nexts,
  {
    name: `SvelteKit ${version('sveltekit', '@sveltejs/kit')}: server, dockpass as devDependency`,
    expect: 'works',
    async run(t) {
      const folder = app('sveltekit', 'kit', {
        'package.json': '{"type":"module","devDependencies":{"dockpass":"*"}}',
        'vite.config.js': `import { sveltekit } from '@sveltejs/kit/vite'
import adapter from '@sveltejs/adapter-node'
export default { plugins: [sveltekit({ adapter: adapter() })] }\n`,
        'src/app.html':
          '<!doctype html><html><head>%sveltekit.head%</head><body><div>%sveltekit.body%</div></body></html>\n',
        'src/lib/check.js': check,
        'src/routes/+page.server.js': `import { check } from '../lib/check.js'
export const load = async () => ({ text: ${shown} })\n`,
        'src/routes/+page.svelte': '<script>let { data } = $props()</script><p>{data.text}</p>\n',
      })
      await run(folder, node22, [tool('sveltekit', 'vite/bin/vite.js'), 'build'])
      const port = await freePort()
      const origin = await start(t, folder, node22, ['build'], port, { HOST: '127.0.0.1' })
      return has(await (await fetch(origin)).text())
    },
  },
]
