// The systemd unit: it is valid, locked down, and permits every system call that the key server makes.

import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { programs } from '../e2e/harness/programs.mjs'
import { Server, run, scratch, stopAll } from '../e2e/harness/process.mjs'

const folder = await scratch('systemd')
const found = await programs('keyserver', 'systemd', 'strace')
const deploy = fileURLToPath(new URL('../../deploy/systemd/', import.meta.url))
const NAME = 'dockpass-keyserver@.service'
/** The exposure that `systemd-analyze security` computes, from 0 (best) to 10. deploy/README.md names it. */
const EXPOSURE = 1.1

after(async () => {
  await stopAll()
  await folder.remove()
})

it('is valid, and so is the drop-in for a store', async () => {
  const units = await folder.folder('units')
  const unit = await readFile(join(deploy, NAME), 'utf8')
  // `verify` takes no instance of a template, and the program has to exist.
  const instance = unit
    .replaceAll('%i', '127.0.0.1:8780')
    .replaceAll('/usr/local/bin/dockpass-keyserver', found.keyserver)
  await writeFile(join(units, 'dockpass-keyserver.service'), instance)
  const dropIns = join(units, 'dockpass-keyserver.service.d')
  await mkdir(dropIns)
  await writeFile(join(dropIns, 'store.conf'), await readFile(join(deploy, 'store.conf'), 'utf8'))
  const verify = ['verify', '--man=no', join(units, 'dockpass-keyserver.service')]
  const { stdout, stderr } = await run(found.systemd, verify)
  assert.equal(`${stdout}${stderr}`, '')
})

// Threats: FLT-10.
it(`has an exposure of ${EXPOSURE} of 10`, async () => {
  const unit = join(deploy, NAME)
  const threshold = String(EXPOSURE * 10)
  const { stdout } = await run(found.systemd, [
    'security',
    '--offline=true',
    '--no-pager',
    `--threshold=${threshold}`,
    unit,
  ])
  assert.match(stdout, new RegExp(`Overall exposure level for [^:]+.*: ${EXPOSURE} `))
})

/** The system calls of a filter such as `@system-service`, with those of the groups in it. */
async function calls(group) {
  const { stdout } = await run(found.systemd, ['syscall-filter', '--no-pager', group])
  const names = stdout
    .split('\n')
    .slice(1)
    .map((line) => line.trim())
    .filter((line) => /^@?[a-z0-9_-]+$/.test(line))
  const inner = await Promise.all(names.map((name) => (name.startsWith('@') ? calls(name) : [name])))
  return inner.flat()
}

/** What `SystemCallFilter=` of the unit permits: the lists in their order, `~` removes. */
async function permitted() {
  const unit = await readFile(join(deploy, NAME), 'utf8')
  const allowed = new Set()
  for (const [, remove, list] of unit.matchAll(/^SystemCallFilter=(~?)(.+)$/gm)) {
    for (const word of list.split(' ')) {
      for (const name of word.startsWith('@') ? await calls(word) : [word]) {
        if (remove) allowed.delete(name)
        else allowed.add(name)
      }
    }
  }
  assert.ok(allowed.size > 100 && !allowed.has('ptrace') && !allowed.has('mount'))
  // Permitted whatever the filter says.
  for (const name of await calls('@default')) allowed.add(name)
  return allowed
}

// Threats: FLT-10.
it('permits every system call from start to stop, and no memory is made executable', async () => {
  const path = await folder.folder('strace')
  const log = join(path, 'calls')
  const server = new Server(
    'keyserver',
    found.strace,
    ['-f', '-qq', '-o', log, found.keyserver, 'serve', '--listen', '127.0.0.1:0'],
    { cwd: path, logs: path },
  )
  const [, url] = await server.says(/listening on (http:\/\/\S+)/, { stream: 'stdout', seconds: 60 })
  assert.equal((await fetch(`${url}/v1/registries`)).status, 200)
  // A name is resolved, a connection is attempted, and an RSA operation is done on an invented session.
  const token = { registry: 'docker.io', scopes: ['repository:library/alpine:pull'] }
  const headers = { 'content-type': 'application/json' }
  await fetch(`${url}/v1/token`, { method: 'POST', headers, body: JSON.stringify(token) })
  server.signal('SIGHUP')
  server.signal('SIGTERM')
  await server.ended()
  const allowed = await permitted()
  const text = await readFile(log, 'utf8')
  const lines = text.split('\n').map((line) => line.replace(/^\d+ +/, ''))
  const made = new Set(lines.flatMap((line) => /^([a-z0-9_]+)\(/.exec(line)?.[1] ?? []))
  assert.ok(made.has('accept4') && made.has('listen'), [...made].join(' '))
  // strace starts the program, systemd does that before the filter.
  made.delete('execve')
  assert.deepEqual(
    [...made].filter((name) => !allowed.has(name)),
    [],
  )
  const executable = lines.filter((line) => /^(mmap|mprotect)\(.*PROT_WRITE\|PROT_EXEC/.test(line))
  assert.deepEqual(executable, [])
})
