// The page against the demo registries. They list each violation of a specification in `/violations`. Docker
// Hub's denial, a 200 with a token that grants nothing, has tests of its own.

import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { errorCode, expectRows, launch, logIn, nothingStored, visit } from './harness/browser.mjs'
import { startDemo } from './harness/demo.mjs'
import { startKeyServer } from './harness/keyserver.mjs'
import { scratch, stopAll } from './harness/process.mjs'
import { programs } from './harness/programs.mjs'

const folder = await scratch('demo')
const found = await programs('keyserver', 'demo', 'chromium')
let demo
let keyserver
let browser

before(async () => {
  ;[demo, browser] = await Promise.all([
    startDemo({ program: found.demo, folder: await folder.folder('demo') }),
    launch(found.chromium),
  ])
  keyserver = await startKeyServer({
    program: found.keyserver,
    folder: await folder.folder('keyserver'),
    registries: Object.values(demo.registries).map(({ name, url, realms, cdn }) => ({
      name,
      url,
      realms,
      ...(cdn && { redirects: [cdn] }),
    })),
  })
})

after(async () => {
  await browser?.close()
  await stopAll()
  await folder.remove()
})

beforeEach(() => demo.reset())

const open = (name) => visit(browser, `${keyserver.url}/#/${keyserver.registries[name]}`)

async function openByName({ page }, text) {
  await page.getByTestId('open-by-name').fill(text)
  await page.getByTestId('open-by-name-submit').click()
}

const ofTokens = (journal, scope) =>
  journal
    .filter(
      ({ role, query }) =>
        role === 'token-service' && query.some(([name, value]) => name === 'scope' && value === scope),
    )
    .map(({ method, authorization, user, status }) => ({ method, authorization, user, status }))

const apiTags = ['2.1.0', 'latest']

it('logs nothing on the console at a first visit', async () => {
  const tab = await open('token')
  await tab.page.getByTestId('login-open').or(tab.page.getByTestId('login-form')).first().waitFor()
  assert.ok(
    tab.since(0).some((request) => request.startsWith('GET /v1/session?')),
    String(tab.since(0)),
  )
  assert.deepEqual(tab.problems(), [])
  await tab.page.context().close()
})

// Threats: WEB-10.
describe('A registry that sends far too much', () => {
  const isQuick = async ({ page }) => {
    const began = Date.now()
    await page.evaluate(() => new Promise(requestAnimationFrame))
    return Date.now() - began < 2_000
  }

  it('has an index with 50,000 entries: some are shown, the page says so, and goes on working', async () => {
    const tab = await open('open')
    await tab.page.getByTestId('browse-anonymous').click()
    const mediaType = 'application/vnd.oci.image.index.v1+json'
    const manifests = Array.from({ length: 50_000 }, () => ({}))
    const body = JSON.stringify({ schemaVersion: 2, mediaType, manifests })
    await tab.page.route('**/v2/library/python/manifests/*', (route) =>
      route.fulfill({ body, contentType: mediaType }),
    )
    await tab.page.locator('[data-testid=repo-row][data-name="library/python"]').click()
    await tab.page.getByTestId('tag-row').first().click()
    const view = tab.page.locator('[data-testid=manifest-view][data-kind=index]')
    await view.waitFor()
    assert.match(await view.getByTestId('cut').innerText(), /^The first 500 of 50,000\./)
    assert.equal(await view.getByTestId('platform-row').count(), 500)
    assert.ok(await isQuick(tab))
    await tab.page.context().close()
  })

  it('has pages of tags without end and without a tag: the list ends, and says that it is incomplete', async () => {
    const tab = await open('open')
    await tab.page.getByTestId('browse-anonymous').click()
    let pages = 0
    await tab.page.route('**/v2/library/python/tags/list*', (route) => {
      pages += 1
      const link = `</v2/library/python/tags/list?last=${pages}>; rel="next"`
      return route.fulfill({ json: { name: 'library/python', tags: [] }, headers: { link } })
    })
    await tab.page.locator('[data-testid=repo-row][data-name="library/python"]').click()
    assert.equal(await errorCode(tab.page.locator('#tags')), 'list_incomplete')
    assert.ok(pages > 10 && pages <= 200, `${pages} pages`)
    assert.ok(await isQuick(tab))
    await tab.page.context().close()
  })
})

describe("Docker Hub's token service", () => {
  const scope = 'repository:team-a/api:pull'

  it('repeats the token request with credentials after a token that grants nothing', async () => {
    const tab = await open('hub')
    await tab.page.getByTestId('browse-anonymous').click()
    await openByName(tab, 'team-a/api')
    assert.match(await errorCode(tab.page.locator('#tags')), /^(login_required|scope_denied)$/)
    const anonymous = ofTokens(await demo.journal(), scope)
    assert.ok(anonymous.length > 0)
    for (const request of anonymous) {
      assert.deepEqual(request, { method: 'GET', authorization: null, user: null, status: 200 })
    }
    await demo.reset()

    await tab.page.getByTestId('login-open').click()
    await logIn(tab.page, 'ada', demo.password('ada'))
    await tab.page.getByTestId('logout').waitFor()
    await openByName(tab, 'team-a/api:2.1.0')
    await expectRows(tab.page, 'tag-row', apiTags)
    await tab.page.locator('[data-testid=manifest-view][data-kind=index]').waitFor()
    const journal = await demo.journal()
    const identified = ofTokens(journal, scope)
    assert.ok(
      identified.some(
        ({ authorization, user, status }) => authorization === 'basic' && user === 'ada' && status === 200,
      ),
      JSON.stringify(identified),
    )
    assert.ok(
      identified.every(({ status }) => status === 200),
      'there is no challenge here',
    )
    const listed = journal.filter(
      ({ role, path }) => role === 'registry' && path === '/v2/team-a/api/tags/list',
    )
    assert.deepEqual(
      listed.map(({ authorization, status }) => [authorization, status]),
      [['bearer', 200]],
    )
    assert.deepEqual(await demo.violations(), [])
    assert.deepEqual(await tab.stored(), nothingStored)
    assert.deepEqual(tab.problems({ expected: [401, 403] }), [])
    await tab.close()
  })

  it('reports a wrong password, although the token service sends no challenge', async () => {
    const tab = await open('hub')
    await logIn(tab.page, 'ada', 'not the password')
    assert.equal(await errorCode(tab.page), 'bad_credentials')
    assert.deepEqual(await demo.violations(), [])
    await tab.close()
  })

  it('shows bob the repositories of his team only', async () => {
    const tab = await open('hub')
    await logIn(tab.page, 'bob', demo.password('bob'))
    await tab.page.getByTestId('no-catalog').waitFor()
    await openByName(tab, 'team-b/app')
    await expectRows(tab.page, 'tag-row', ['1.0.0', '1.1.0', '2.0.0-rc.1'])
    await openByName(tab, 'team-a/api')
    assert.equal(await errorCode(tab.page.locator('#tags')), 'scope_denied')
    assert.deepEqual(await demo.violations(), [])
    await tab.close()
  })
})

describe('every flow', () => {
  for (const name of ['open', 'token', 'opaque', 'own-realm', 'hub', 'basic']) {
    it(`${name}: logs in, opens a private repository and a configuration blob, without a violation`, async () => {
      const tab = await open(name)
      if (name === 'open') await tab.page.getByTestId('browse-anonymous').click()
      else {
        await logIn(tab.page, 'ada', demo.password('ada'))
        await tab.page.getByTestId('logout').waitFor()
      }
      await openByName(tab, 'team-a/api:2.1.0')
      await expectRows(tab.page, 'tag-row', apiTags)
      await tab.page.locator('[data-testid=manifest-view][data-kind=index]').waitFor()
      // The platform of a single image is in its configuration, a blob; some registries redirect that to another host.
      await openByName(tab, 'library/hello-world:latest')
      await tab.page.locator('[data-testid=platform-row][data-platform^="linux/"]').first().waitFor()
      assert.deepEqual(await demo.violations(), [])
      assert.deepEqual(tab.problems({ expected: name === 'hub' ? [401, 403] : [] }), [])
      await tab.close()
    })
  }

  // Threats: WEB-01.
  it('shows hostile labels as text', async () => {
    const tab = await open('open')
    await tab.page.getByTestId('browse-anonymous').click()
    await openByName(tab, 'labs/hostile-labels:1.0')
    await tab.page.getByTestId('manifest-view').waitFor()
    await tab.page.locator('details.raw summary').click()
    await tab.page.getByText('hostile label ran').first().waitFor()
    assert.doesNotMatch(await tab.page.title(), /hostile \w+ ran/)
    assert.equal(await tab.page.locator('a[href^="javascript:"]').count(), 0)
    assert.deepEqual(tab.problems(), [])
    await tab.close()
  })

  it('pages through a repository with many tags', async () => {
    const tab = await open('token')
    await logIn(tab.page, 'ada', demo.password('ada'))
    await tab.page.getByTestId('logout').waitFor()
    await openByName(tab, 'library/python')
    const count = tab.page.getByTestId('tags-count')
    await tab.page.getByTestId('tag-filter').waitFor()
    await tab.page.waitForFunction(() =>
      /\d/.test(document.querySelector('[data-testid=tags-count]')?.textContent ?? ''),
    )
    for (let scrolls = 0; scrolls < 50 && !/\b250\b/.test(await count.innerText()); scrolls += 1) {
      const more = tab.page.getByTestId('tags-more')
      if (await more.isVisible()) await more.click()
      else await tab.page.getByTestId('tag-row').last().scrollIntoViewIfNeeded()
      await tab.page.waitForTimeout(50)
    }
    assert.match(await count.innerText(), /\b250\b/)
    await tab.page.getByTestId('tag-filter').fill('3.24.9')
    await expectRows(tab.page, 'tag-row', ['3.24.9'])
    assert.deepEqual(await demo.violations(), [])
    await tab.close()
  })
})
