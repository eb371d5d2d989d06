// Tests of the page that several set-ups share. Values that exist only when the servers run are passed as functions.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { errorCode, expectRows, logIn, nothingStored } from './harness/browser.mjs'
import { contents, people, platforms } from './harness/setups.mjs'

const repositories = Object.keys(contents)

/** At an open registry, everybody sees everything. */
export function anonymousSeesAll({ tab, images, label }) {
  it('shows everything without a login', async () => {
    await tab().page.getByTestId('browse-anonymous').click()
    await expectRows(tab().page, 'repo-row', repositories)
    await tab().page.locator('[data-testid=repo-row][data-name="team-b/tools"]').click()
    await expectRows(tab().page, 'tag-row', contents['team-b/tools'])
    await tab().page.locator('[data-testid=tag-row][data-name="2.1"]').click()
    await tab().page.locator(`[data-testid=manifest-view][data-digest="${images().tools.digest}"]`).waitFor()
    await tab().shot(`${label}-manifest`)
    assert.deepEqual(await tab().stored(), nothingStored)
    assert.deepEqual(await tab().context.cookies(), [])
    assert.deepEqual(tab().problems(), [])
  })
}

/** Tags, an index and images, as a user who may see everything. */
export function browsing({ tab, setup, name, address, label }) {
  it('lists the tags of a repository', async () => {
    await tab().page.locator('[data-testid=repo-row][data-name="team-b/tools"]').click()
    await expectRows(tab().page, 'tag-row', contents['team-b/tools'])
    await tab().shot(`${label}-3-tags`)
  })

  it('shows the platforms of an index, as other clients list them', async () => {
    const { page } = tab()
    await page.locator('[data-testid=tag-row][data-name="2.1"]').click()
    const view = page.getByTestId('manifest-view')
    await view.waitFor()
    assert.equal(await view.getAttribute('data-kind'), 'index')
    assert.equal(await view.getAttribute('data-digest'), await setup().client.digest('team-b/tools', '2.1'))
    const shown = await view
      .getByTestId('platform-row')
      .evaluateAll((rows) => rows.map((row) => row.dataset.platform))
    assert.deepEqual(shown.toSorted(), platforms.toSorted())
    assert.equal(await view.getByTestId('pull-command').innerText(), `docker pull ${name()}/team-b/tools:2.1`)
    await view.getByTestId('copy').click()
    assert.equal(
      await page.evaluate(() => navigator.clipboard.readText()),
      `docker pull ${name()}/team-b/tools:2.1`,
    )
    await tab().shot(`${label}-4-manifest`)
  })

  it('shows the layers of an image in either format', async () => {
    const { page } = tab()
    for (const [repository, tag] of [
      ['team-a/secret-plans', 'latest'],
      ['public/base', '1.0'],
    ]) {
      await page.locator(`[data-testid=repo-row][data-name="${repository}"]`).click()
      await page.locator(`[data-testid=tag-row][data-name="${tag}"]`).click()
      const digest = await setup().client.digest(repository, tag)
      const view = page.locator(`[data-testid=manifest-view][data-digest="${digest}"]`)
      await view.waitFor()
      assert.equal(await view.getAttribute('data-kind'), 'image')
      assert.equal(await view.getByTestId('layer-row').count(), 2)
      await view.locator('[data-testid=platform-row][data-platform="linux/amd64"]').waitFor()
    }
    // Back to a new page, which knows nothing of team-a; requests are counted from here.
    await page.reload()
    await page.goto(address())
    await expectRows(page, 'repo-row', repositories)
  })
}

/** What users with fewer rights see. */
export function perPerson({ open, images, label }) {
  const asPerson = async (person, test) => {
    const tab = await open()
    try {
      if (person) await logIn(tab.page, person, people[person])
      else await tab.page.getByTestId('browse-anonymous').click()
      await test(tab)
      assert.deepEqual(tab.problems({ expected: [401, 403] }), [])
    } finally {
      await tab.close()
    }
  }
  const openByName = async ({ page }, text) => {
    await page.getByTestId('open-by-name').fill(text)
    await page.getByTestId('open-by-name-submit').click()
  }

  it('reports that bob may not list the catalog, and opens his repositories by name', () =>
    asPerson('bob', async (tab) => {
      assert.equal(await errorCode(tab.page.locator('#repositories')), 'scope_denied')
      await tab.page.getByTestId('no-catalog').waitFor()
      await openByName(tab, 'team-b/tools:2.1')
      await expectRows(tab.page, 'tag-row', contents['team-b/tools'])
      await tab.page.locator(`[data-testid=manifest-view][data-digest="${images().tools.digest}"]`).waitFor()
      await openByName(tab, 'team-a/secret-plans')
      assert.equal(await errorCode(tab.page.locator('#tags')), 'scope_denied')
      await tab.shot(`${label}-5-bob-denied`)
    }))

  it('lists the catalog for carol, and reports the repository that she may not open', () =>
    asPerson('carol', async (tab) => {
      await expectRows(tab.page, 'repo-row', repositories)
      await tab.page.locator('[data-testid=repo-row][data-name="team-a/secret-plans"]').click()
      assert.equal(await errorCode(tab.page.locator('#tags')), 'scope_denied')
      await tab.page.locator('[data-testid=repo-row][data-name="team-b/tools"]').click()
      await expectRows(tab.page, 'tag-row', contents['team-b/tools'])
    }))

  it('shows public repositories without a login', () =>
    asPerson(null, async (tab) => {
      await tab.page.getByTestId('no-catalog').waitFor()
      await openByName(tab, 'public/base')
      await expectRows(tab.page, 'tag-row', contents['public/base'])
      await openByName(tab, 'team-a/secret-plans')
      assert.match(await errorCode(tab.page.locator('#tags')), /^(login_required|scope_denied)$/)
    }))
}
