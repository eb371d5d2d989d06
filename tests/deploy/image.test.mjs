// The image that `cargo xtask image` builds: what is in it, that it runs, and that a registry takes it.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { programs } from '../e2e/harness/programs.mjs'
import { Server, freePort, run, scratch, stopAll } from '../e2e/harness/process.mjs'

const folder = await scratch('image')
const found = await programs('buildah', 'skopeo', 'registry2')
const archive = process.env.DOCKPASS_IMAGE
assert.ok(archive, 'DOCKPASS_IMAGE is the archive that `cargo xtask image` writes')

after(async () => {
  await stopAll()
  await folder.remove()
})

const skopeo = (...args) =>
  run(found.skopeo, ['--insecure-policy', ...args], { env: { TMPDIR: folder.path }, seconds: 300 })

/** The files of the image, by unpacking its layers. */
async function unpacked() {
  const layout = await folder.folder('layout')
  execFileSync('tar', ['-xf', archive, '-C', layout])
  const read = async (digest) => join(layout, 'blobs', ...digest.split(':'))
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'))
  const manifest = JSON.parse(await readFile(await read(index.manifests[0].digest), 'utf8'))
  const config = JSON.parse(await readFile(await read(manifest.config.digest), 'utf8'))
  const root = await folder.folder('root')
  for (const layer of manifest.layers) execFileSync('tar', ['-xf', await read(layer.digest), '-C', root])
  const { stdout } = await run('find', [root, '-type', 'f', '-printf', '%P\n'])
  return { root, config: config.config, files: stdout.split('\n').filter(Boolean).sort() }
}

it('contains the program and certificate authorities, and nothing else', async () => {
  const { config, files, root } = await unpacked()
  assert.deepEqual(files, ['dockpass-keyserver', 'etc/ssl/certs/ca-certificates.crt'])
  assert.equal(config.User, '65532:65532')
  assert.deepEqual(config.Entrypoint, ['/dockpass-keyserver'])
  // No interpreter: a dynamic program would not start.
  const headers = execFileSync('od', ['-A', 'n', '-c', '-N', '4096', join(root, 'dockpass-keyserver')])
  assert.doesNotMatch(headers.toString().replaceAll(/\s/g, ''), /ld-linux/)
})

// Threats: FLT-10.
it('runs as another user, in a root folder of its own that it cannot write to', async () => {
  const { root } = await unpacked()
  await chmod(folder.path, 0o755)
  await mkdir(join(root, 'etc/dockpass'), { recursive: true })
  const port = await freePort()
  const config = { listen: `127.0.0.1:${port}`, registries: [{ host: 'docker.io' }] }
  await writeFile(join(root, 'etc/dockpass/config.yaml'), JSON.stringify(config))
  const serve = ['/dockpass-keyserver', 'serve', '--config', '/etc/dockpass/config.yaml']
  const chroot = ['chroot', '--userspec=65532:65532', root, ...serve]
  const server = new Server('keyserver', 'setpriv', ['--no-new-privs', '--', ...chroot], {
    cwd: folder.path,
    logs: folder.path,
  })
  await server.says(/listening on/, { stream: 'stdout', seconds: 60 })
  assert.equal((await fetch(`http://127.0.0.1:${port}/readyz`)).status, 200)
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8')
  assert.match(status, /^Uid:\s+65532\s+65532/m)
  assert.match(status, /^CapEff:\s+0+$/m)
  assert.match(status, /^NoNewPrivs:\s+1$/m)
  assert.doesNotMatch(server.stderr, /root certificates/)
  assert.deepEqual(await server.stop(), { code: 0, signal: null })
})

it('refuses to listen on all interfaces without public_origin', async () => {
  const { root, config } = await unpacked()
  const env = Object.fromEntries(config.Env.map((line) => line.split('=', 2)))
  const { code, stderr } = await run('chroot', [root, ...config.Entrypoint, ...config.Cmd], {
    env,
    expect: null,
  })
  assert.equal(code, 3)
  assert.match(stderr, /public_origin/)
})

it('is pushed to a registry and pulled from it unchanged', async () => {
  const path = await folder.folder('registry')
  const port = await freePort()
  const file = join(path, 'config.yml')
  const settings = {
    version: '0.1',
    storage: { filesystem: { rootdirectory: path } },
    http: { addr: `127.0.0.1:${port}` },
  }
  await writeFile(file, JSON.stringify(settings))
  const server = new Server('registry', found.registry2, ['serve', file], { cwd: path, logs: path })
  await server.until(async () => (await fetch(`http://127.0.0.1:${port}/v2/`)).ok, 'answer')
  const name = `docker://127.0.0.1:${port}/dockpass-keyserver:test`
  await skopeo('copy', '--dest-tls-verify=false', `oci-archive:${archive}`, name)
  const { stdout } = await skopeo('inspect', '--tls-verify=false', '--raw', name)
  const back = join(path, 'back.tar')
  await skopeo('copy', '--src-tls-verify=false', name, `oci-archive:${back}`)
  const again = await skopeo('inspect', '--raw', `oci-archive:${back}`)
  assert.deepEqual(JSON.parse(again.stdout), JSON.parse(stdout))
  assert.equal(JSON.parse(stdout).layers.length > 0, true)
})
