// The page in Chromium at a few registries by their recorded or composed answers: the texts that it shows.

import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { errorCode, expectRows, launch, logIn, visit } from '../harness/browser.mjs'
import { readFixture } from '../harness/fixtures.mjs'
import { startKeyServer } from '../harness/keyserver.mjs'
import { scratch, stopAll } from '../harness/process.mjs'
import { programs } from '../harness/programs.mjs'
import { startReplay } from '../harness/replay.mjs'

const folder = await scratch('registries-page')
const found = await programs('keyserver', 'chromium')
const names = ['zot-anonymous', 'harbor', 'olareg-opaque', 'docker-hub']
const replays = {}
let browser
let keyserver

before(async () => {
  browser = await launch(found.chromium)
  for (const name of names) replays[name] = await startReplay(await readFixture(name))
  replays.elsewhere = await startReplay(elsewhere)
  keyserver = await startKeyServer({
    program: found.keyserver,
    folder: await folder.folder('keyserver'),
    registries: [...names, 'elsewhere'].map((name) => ({
      name,
      url: replays[name].url,
      realms: replays[name].realms,
    })),
  })
})

after(async () => {
  await browser?.close()
  await stopAll()
  for (const replay of Object.values(replays)) await replay.stop()
  await folder.remove()
})

async function open(name) {
  const tab = await visit(browser, `${keyserver.url}/#/${keyserver.registries[name]}`)
  await tab.page.getByTestId('login-form').waitFor()
  return tab
}

/** A registry without a login whose catalog has a second page on another host. */
const elsewhere = {
  registry: 'a test',
  exchanges: [
    { request: { path: '/v2/' }, response: { status: 200, body: {} } },
    {
      request: { path: '/v2/_catalog' },
      response: {
        status: 200,
        headers: { link: ['<https://elsewhere.test/v2/_catalog?last=a>; rel="next"'] },
        body: { repositories: ['a'] },
      },
    },
  ],
}

async function openByName({ page }, text) {
  await page.getByTestId('open-by-name').fill(text)
  await page.getByTestId('open-by-name-submit').click()
}

it('zot with public repositories: some are readable without a login, more with one', async () => {
  const tab = await open('zot-anonymous')
  await tab.page.getByTestId('browse-anonymous').click()
  await expectRows(tab.page, 'repo-row', ['public/base'])
  await openByName(tab, 'team-a/plans')
  assert.equal(await errorCode(tab.page.locator('#tags')), 'login_required')
  await tab.close()

  const other = await open('zot-anonymous')
  await logIn(other.page, 'ada', replays['zot-anonymous'].people.ada)
  await expectRows(other.page, 'repo-row', ['public/base', 'team-a/plans'])
  await openByName(other, 'team-a/plans')
  await expectRows(other.page, 'tag-row', ['1.0', 'latest'])
  await other.shot('registries-zot')
  await other.close()
})

it('Harbor: bob may not list the catalog, and opens his repositories by name', async () => {
  const tab = await open('harbor')
  await logIn(tab.page, 'bob', replays.harbor.people.bob)
  await tab.page.getByTestId('no-catalog').waitFor()
  assert.equal(await errorCode(tab.page.locator('#repositories')), 'scope_denied')
  await openByName(tab, 'library/nginx')
  await expectRows(tab.page, 'tag-row', ['1.27'])
  await openByName(tab, 'team/app')
  assert.equal(await errorCode(tab.page.locator('#tags')), 'scope_denied')
  await tab.shot('registries-harbor')
  // The request that checks the credentials is shown as such, with its own address and status.
  const rows = await tab.page.getByTestId('step-row').allInnerTexts()
  const at = rows.findLastIndex((row) => row.includes('Check the credentials alone'))
  assert.match(rows[at], /\/v2\/team\/app\/tags\/list\s+401/)
  assert.match(rows[at + 1], /GET \/v2\/\s+200\s/)
  await tab.close()
})

it('olareg with opaque tokens: no catalog, a wrong password, a login', async () => {
  const tab = await open('olareg-opaque')
  await logIn(tab.page, 'ada', 'not the password')
  assert.equal(await errorCode(tab.page), 'bad_credentials')
  await logIn(tab.page, 'ada', replays['olareg-opaque'].people.ada)
  await tab.page.getByTestId('logout').waitFor()
  await openByName(tab, 'team-a/secret-plans')
  await expectRows(tab.page, 'tag-row', ['1.0', 'latest'])
  await tab.shot('registries-olareg')
  await tab.close()
})

it('Docker Hub: a private repository is opened with a login', async () => {
  const tab = await open('docker-hub')
  await logIn(tab.page, 'ada', replays['docker-hub'].people.ada)
  await tab.page.getByTestId('logout').waitFor()
  await openByName(tab, 'me/private')
  await expectRows(tab.page, 'tag-row', ['1.0'])
  await tab.close()
})

it('says that a list is not complete', async () => {
  const tab = await open('elsewhere')
  await tab.page.getByTestId('browse-anonymous').click()
  await expectRows(tab.page, 'repo-row', ['a'])
  const line = tab.page.getByText('The list may go on:')
  await line.waitFor()
  // The line stays while the list is filtered.
  const filter = tab.page.getByTestId('repo-filter')
  await filter.fill('nothing like it')
  await expectRows(tab.page, 'repo-row', [])
  await filter.fill('')
  await expectRows(tab.page, 'repo-row', ['a'])
  assert.equal(await line.count(), 1)
  await tab.close()
})

it('ends the session once after a password was changed, and offers a new login', async () => {
  const replay = await startReplay(await readFixture('quay'))
  const server = await startKeyServer({
    program: found.keyserver,
    name: 'changed',
    folder: await folder.folder('changed'),
    registries: [{ name: 'quay', url: replay.url, realms: replay.realms }],
  })
  try {
    const tab = await visit(browser, `${server.url}/#/${server.registries.quay}`)
    await tab.page.getByTestId('login-form').waitFor()
    await logIn(tab.page, 'ada', replay.people.ada)
    await expectRows(tab.page, 'repo-row', ['ns/private', 'ns/tool'])
    replay.people.ada = 'another password'
    await openByName(tab, 'ns/private')
    await tab.page.getByTestId('login-form').waitFor()
    assert.equal(await tab.page.locator('.login-notice').count(), 1)
    assert.match(await tab.page.locator('.login-notice').innerText(), /log in again/i)
    assert.equal(await tab.page.getByTestId('error').count(), 0, 'one notice, and no error besides')
    await logIn(tab.page, 'ada', 'another password')
    await tab.page.getByTestId('logout').waitFor()
    await tab.close()
  } finally {
    await server.stop()
    await replay.stop()
  }
})
