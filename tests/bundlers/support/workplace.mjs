// Folders, programs and servers of the matrix. `cargo xtask test --only bundlers` installs what `tools` pins into
// `target/bundlers`, and the packed npm package beside it.

import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../..', import.meta.url))
const place = process.env.DOCKPASS_BUNDLERS ?? join(root, 'target/bundlers')
const ENV = {
  ...process.env,
  NEXT_TELEMETRY_DISABLED: '1',
  DENO_NO_UPDATE_CHECK: '1',
  CI: '1',
  NODE_ENV: undefined,
}
delete ENV.NODE_ENV
delete ENV.NODE_TEST_CONTEXT
delete ENV.NODE_OPTIONS

/** The folder of a tool's packages: a file in it, or the version of a package. */
export const tool = (name, path = '') => join(place, name, 'node_modules', path)
export const version = (name, of) =>
  JSON.parse(readFileSync(tool(name, `${of}/package.json`), 'utf8')).version

/**
 * A fresh folder beside a tool's `node_modules`, with these files.
 * @param {string} of The tool.
 * @param {string} name
 * @param {Record<string, string>} files
 */
export function app(of, name, files) {
  const folder = join(place, of, name.replaceAll(/\W+/g, '-'))
  rmSync(folder, { recursive: true, force: true })
  for (const [path, text] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

/** Runs a program to its end; what it printed. Its last lines are in the error. */
export function run(cwd, program, args, env = {}) {
  return new Promise((resolve, reject) => {
    const options = { cwd, env: { ...ENV, ...env }, timeout: 400_000, maxBuffer: 1 << 26 }
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error) reject(new Error(`${stdout}\n${stderr || error.message}`.trim().slice(-1500)))
      else resolve(stdout.trim())
    })
  })
}
export const node = (cwd, args, env) => run(cwd, process.execPath, args, env)

/** Starts a server that listens on a port; ends with the test. */
export async function start(t, cwd, program, args, port, env = {}) {
  const child = spawn(program, args, { cwd, env: { ...ENV, ...env, PORT: String(port) }, detached: true })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data))
  let ended = false
  child.on('exit', () => (ended = true))
  t.after(() => {
    // With the processes that it started, which are a group of their own.
    if (!ended) process.kill(-child.pid, 'SIGKILL')
  })
  for (let tries = 0; tries < 600; tries++) {
    if (ended) throw new Error(`It ended: ${output.slice(-1500)}`)
    if (await isOpen(port)) return `http://127.0.0.1:${port}`
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error(`It does not listen: ${output.slice(-1500)}`)
}

const isOpen = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => (socket.destroy(), resolve(true))).on('error', () => resolve(false))
  })

export async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

const TYPES = { html: 'text/html', js: 'text/javascript', mjs: 'text/javascript', wasm: 'application/wasm' }

/**
 * Serves a folder. What is not there is the page with status 404, as many servers do it.
 * @param {Record<string, string>} headers Of every response.
 * @returns Its origin, the paths that were requested, and the first text that was posted.
 */
export async function serve(t, folder, headers = {}, is404 = () => false) {
  const requests = []
  let report
  const reported = new Promise((resolve) => (report = resolve))
  const server = createServer((request, response) => {
    const path = request.url.split('?')[0]
    if (request.method === 'POST') {
      let text = ''
      request.on('data', (data) => (text += data)).on('end', () => (report(text), response.end()))
      return
    }
    requests.push(path)
    const file = join(folder, path === '/' ? 'index.html' : path)
    const found = existsSync(file) && !is404(path)
    const type = TYPES[(found ? file : 'x.html').split('.').at(-1)] ?? 'application/octet-stream'
    response.writeHead(found ? 200 : 404, { 'content-type': type, ...headers })
    response.end(found ? readFileSync(file) : '<!doctype html>')
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => (server.closeAllConnections(), server.close()))
  return { origin: `http://127.0.0.1:${server.address().port}`, requests, reported }
}
