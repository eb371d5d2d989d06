// Clients of the key server in this process, which stops when the tests of a file are done.

import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import init, { DockpassError, RegistryClient } from 'dockpass'
import { USER, start } from './key-server.mjs'

before(() => init())

const servers = []
after(() => Promise.all(servers.map((server) => server.stop())))

export async function setUp(options = {}, connect = {}) {
  const server = await start(options)
  servers.push(server)
  const client = await RegistryClient.connect({
    keyServer: server.url,
    registry: 'registry.test',
    ...connect,
  })
  return { server, client }
}

export async function loggedIn(options, connect) {
  const both = await setUp(options, connect)
  await both.client.login(USER)
  both.server.take()
  return both
}

export const rejects = (promise, code, more = {}) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof DockpassError, String(error))
    assert.equal(error.code, code)
    for (const [name, value] of Object.entries(more)) assert.deepEqual(error[name], value, name)
    return true
  })

export const list = async (names) => {
  const all = []
  for await (const name of names) all.push(name)
  return all
}
