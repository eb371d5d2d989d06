// Real processes in a scratch folder of their own: start, wait, read output, and always stop.

import { spawn } from 'node:child_process'
import { createWriteStream, existsSync } from 'node:fs'
import { mkdtemp, mkdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const running = new Set()

// A test file that is stopped, fails or throws must not leave a registry behind. Each child leads a process group, so
// that its own children (Chromium has some, the servers have none) go with it.
function killAll() {
  for (const server of running) server.signal('SIGKILL')
  running.clear()
}
process.on('exit', killAll)

/** Stops every server that still runs, also after a failure in `before`. */
export async function stopAll() {
  await Promise.all([...running].map((server) => server.stop()))
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => process.exit(1))
}

// Linux can end a child when this process dies by a signal that it cannot handle, such as a runner's time limit.
const SETPRIV = '/usr/bin/setpriv'
const bound = existsSync(SETPRIV)
  ? (command, args) => [SETPRIV, ['--pdeathsig', 'KILL', '--', command, ...args]]
  : (command, args) => [command, args]

/** A scratch folder that `remove()` deletes. Set DOCKPASS_E2E_KEEP=1 to keep it. */
export async function scratch(name) {
  const path = await mkdtemp(join(tmpdir(), `dockpass-e2e-${name}-`))
  return {
    path,
    async folder(below) {
      const folder = join(path, below)
      await mkdir(folder, { recursive: true })
      return folder
    },
    async remove() {
      if (!process.env.DOCKPASS_E2E_KEEP) await rm(path, { recursive: true, force: true })
    },
  }
}

/** A running server. Everything it writes is kept in memory and in files below `logs`. */
export class Server {
  #child
  #exit

  /** @param {string} name @param {string} command @param {string[]} args @param {{ cwd: string, env?: object, logs: string }} options */
  constructor(name, command, args, { cwd, env, logs }) {
    this.name = name
    this.stdout = ''
    this.stderr = ''
    this.files = { stdout: join(logs, `${name}.stdout`), stderr: join(logs, `${name}.stderr`) }
    const [program, bounded] = bound(command, args)
    this.#child = spawn(program, bounded, {
      cwd,
      env: { PATH: process.env.PATH, HOME: cwd, ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of ['stdout', 'stderr']) {
      const file = createWriteStream(this.files[stream])
      this.#child[stream]
        .setEncoding('utf8')
        .on('data', (text) => {
          this[stream] += text
          file.write(text)
        })
        .on('close', () => file.end())
    }
    this.#exit = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve({ code: null, signal: null, error }))
      this.#child.once('close', (code, signal) => resolve({ code, signal }))
    }).then((exit) => {
      this.exit = exit
      running.delete(this)
      return exit
    })
    running.add(this)
  }

  get pid() {
    return this.#child.pid
  }

  /** Whether it still runs. */
  get alive() {
    return this.exit === undefined
  }

  /** Waits for a match in its output; fails with the output when it exits first or time is up. */
  async says(pattern, { stream = 'both', seconds = 20 } = {}) {
    return this.until(
      () => {
        const text = stream === 'both' ? `${this.stdout}\n${this.stderr}` : this[stream]
        return text.match(pattern)
      },
      `print ${pattern}`,
      seconds,
    )
  }

  /** Waits until `probe()` gives something true; a probe that throws has not succeeded yet. */
  async until(probe, what, seconds = 20) {
    const deadline = Date.now() + seconds * 1000
    let problem = ''
    while (Date.now() < deadline) {
      try {
        const result = await probe()
        if (result) return result
      } catch (error) {
        problem = ` (${error.message})`
      }
      if (!this.alive) break
      await sleep(25)
    }
    const state = this.alive
      ? `did not ${what} within ${seconds} s`
      : `ended before it could ${what}: ${JSON.stringify(this.exit)}`
    throw new Error(`${this.name} ${state}${problem}\n${this.tail()}`)
  }

  /** The last lines of its output, for messages. */
  tail(characters = 4000) {
    return `--- stdout\n${this.stdout.slice(-characters)}\n--- stderr\n${this.stderr.slice(-characters)}`
  }

  signal(signal) {
    if (this.#child.pid === undefined) return
    try {
      process.kill(-this.#child.pid, signal)
    } catch (error) {
      if (error.code !== 'ESRCH') throw error
    }
  }

  /** Resolves with `{code, signal}` when it has ended. */
  ended() {
    return this.#exit
  }

  /** Sends SIGTERM, after five seconds SIGKILL, and waits. Resolves with `{code, signal}`. */
  async stop() {
    if (this.alive) {
      this.signal('SIGTERM')
      const insist = setTimeout(() => this.signal('SIGKILL'), 5000)
      await this.#exit
      clearTimeout(insist)
    }
    return this.exit
  }
}

/**
 * Runs a command to its end. Input is passed on standard input, because arguments must not contain secrets.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: object, input?: string, expect?: number | null, seconds?: number }} [options]
 */
export async function run(command, args, { cwd, env, input = '', expect = 0, seconds = 60 } = {}) {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8').on('data', (text) => {
      output[stream] += text
    })
  }
  child.stdin.on('error', () => {}) // it may end before it reads
  child.stdin.end(input)
  const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000)
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status, signal) => resolve(status ?? signal))
  })
  clearTimeout(timer)
  if (expect !== null && code !== expect) {
    throw new Error(`${command} ${args.join(' ')}: exit ${code}\n${output.stdout}\n${output.stderr}`)
  }
  return { code, ...output }
}

/** A free port of loopback, for servers that cannot report the port they were given. */
export async function freePort() {
  const server = createServer()
  await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  await new Promise((resolve) => {
    server.close(resolve)
  })
  return port
}
