// The page in Chromium, against both versions of distribution in three set-ups each. One key server serves all
// of them.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode, expectRows, launch, logIn, nothingStored, visit } from './harness/browser.mjs'
import { call, startKeyServer } from './harness/keyserver.mjs'
import { scratch, stopAll } from './harness/process.mjs'
import { programs, versions } from './harness/programs.mjs'
import { exposedBy, filesWith, memoryOf, occurrences, uniquePassword } from './harness/secrets.mjs'
import { contents, makeImages, people, startSetups } from './harness/setups.mjs'
import { anonymousSeesAll, browsing, perPerson } from './page-scenarios.mjs'

const folder = await scratch('page')
const found = await programs(
  'keyserver',
  'registry2',
  'registry3',
  'docker_auth',
  'crane',
  'skopeo',
  'htpasswd',
  'openssl',
  'chromium',
)
for (const line of await versions(found)) console.log(`peer ${line}`)

const SHORTEST_SECONDS = 60
const repositories = Object.keys(contents)
const wrong = uniquePassword()
let setups
let images
let keyserver
let shortLived
let browser

before(async () => {
  images = await makeImages(await folder.folder('images'))
  ;[setups, browser] = await Promise.all([
    startSetups({ programs: found, scratch: folder, images }),
    launch(found.chromium),
  ])
  keyserver = await startKeyServer({
    program: found.keyserver,
    folder: await folder.folder('keyserver'),
    registries: setups.map(({ name, registry, tokenService }) => ({
      name,
      url: registry.url,
      ...(tokenService && { realms: [tokenService.realm] }),
    })),
  })
  shortLived = await logInBriefly()
})

after(async () => {
  await browser?.close()
  await stopAll()
  await folder.remove()
})

/** A session with the shortest lifetime, started first, so that it has expired when the other tests are done. */
async function logInBriefly() {
  const setup = setups.find(({ version, kind }) => version === '2.8' && kind === 'token')
  const server = await startKeyServer({
    name: 'short-lived',
    program: found.keyserver,
    folder: await folder.folder('short-lived'),
    registries: [{ name: 'registry', url: setup.registry.url, realms: [setup.tokenService.realm] }],
    settings: { session: { lifetime_seconds: SHORTEST_SECONDS } },
  })
  const registry = server.registries.registry
  const { status, body } = await call(server, 'POST', '/v1/sessions', {
    body: { registry, username: 'ada', password: people.ada },
  })
  assert.equal(status, 200, JSON.stringify(body))
  const tab = await visit(browser, `${server.url}/#/${registry}`)
  await logIn(tab.page, 'ada', people.ada)
  await expectRows(tab.page, 'repo-row', repositories)
  return { server, registry, session: body.session, tab, begun: Date.now() }
}

// Threats: CLK-01, WEB-02.
it('sends a strict Content-Security-Policy with the page', async () => {
  const { status, headers } = await call(keyserver, 'GET', '/')
  assert.equal(status, 200)
  const policy = Object.fromEntries(
    headers
      .get('content-security-policy')
      .split(';')
      .map((directive) => {
        const [name, ...values] = directive.trim().split(/\s+/)
        return [name, values]
      }),
  )
  assert.deepEqual(policy['default-src'], ["'none'"])
  assert.deepEqual(policy['script-src'].toSorted(), ["'self'", "'wasm-unsafe-eval'"])
  assert.deepEqual(policy['connect-src'], ["'self'"])
  assert.deepEqual(policy['base-uri'], ["'none'"])
  assert.deepEqual(policy['frame-ancestors'], ["'none'"])
  assert.ok(!JSON.stringify(policy).includes('unsafe-inline'))
  assert.equal(headers.get('x-content-type-options'), 'nosniff')
  assert.equal(headers.get('referrer-policy'), 'no-referrer')
})

for (const version of ['2.8', '3']) {
  for (const kind of ['open', 'htpasswd', 'token']) {
    describe(`distribution ${version}, ${kind}`, () => {
      const setup = () => setups.find((each) => each.version === version && each.kind === kind)
      const name = () => keyserver.registries[setup().name]
      const address = () => `${keyserver.url}/#/${name()}`
      const label = `${version}-${kind}`
      let tab
      before(async () => {
        tab = await visit(browser, address())
      })
      after(() => tab?.close())

      if (kind === 'open') {
        anonymousSeesAll({ tab: () => tab, images: () => images, label })
        it('reports that no login is needed, and sends no password', async () => {
          const other = await visit(browser, address())
          const mark = setup().registry.mark()
          await logIn(other.page, 'ada', people.ada)
          assert.equal(await errorCode(other.page), 'registry_open')
          // The login requests /v2/ (200) and a repository that does not exist (404). Neither asks for a password.
          const statuses = setup()
            .registry.accesses(mark)
            .map(({ status }) => status)
          assert.deepEqual(
            statuses.filter((status) => status !== 200 && status !== 404),
            [],
          )
          await other.close()
        })
        return
      }

      it('reports a wrong password', async () => {
        await tab.page.getByTestId('login-form').waitFor()
        await tab.shot(`${label}-0-login`)
        await logIn(tab.page, 'ada', wrong)
        assert.equal(await errorCode(tab.page), 'bad_credentials')
        assert.ok(
          (await tab.page.locator('[data-testid=step-row]').filter({ hasText: 'bad_credentials' }).count()) >
            0,
          'the step that failed',
        )
        await tab.page.getByTestId('flow-diagnose').click()
        assert.equal(await tab.page.getByTestId('diagnosis').getAttribute('data-code'), 'wrong_password')
        assert.match(
          await tab.page.getByTestId('diagnosis').innerText(),
          /What to do: Log in again.* status 401/s,
        )
        assert.equal(await tab.page.getByTestId('flow-diagnose').isVisible(), false, 'it has been told')
        assert.equal(await tab.page.getByTestId('logout').count(), 0)
        assert.deepEqual(await tab.context.cookies(), [])
        assert.deepEqual(tab.problems({ expected: [401] }), [])
        await tab.shot(`${label}-1-wrong-password`)
      })

      it('logs in and lists the repositories', async () => {
        await logIn(tab.page, 'ada', people.ada)
        await expectRows(tab.page, 'repo-row', repositories)
        assert.match(await tab.page.getByTestId('who').innerText(), /ada/)
        assert.deepEqual(await setup().client.catalog(), repositories.toSorted())
        await tab.shot(`${label}-2-repositories`)
      })

      it('filters the repositories', async () => {
        await tab.page.getByTestId('repo-filter').fill('tools')
        await expectRows(tab.page, 'repo-row', ['team-b/tools'])
        await tab.page.getByTestId('repo-filter').fill('')
        await expectRows(tab.page, 'repo-row', repositories)
      })

      browsing({ tab: () => tab, setup, name, address, label })

      it('needs at most two requests for a new resource and one for a repeated one', async () => {
        const { registry, tokenService } = setup()
        const go = async (repository) => {
          const marks = [tab.mark(), registry.mark(), tokenService?.mark()]
          await tab.page.locator(`[data-testid=repo-row][data-name="${repository}"]`).click()
          await expectRows(tab.page, 'tag-row', contents[repository])
          await registry.until(() => registry.accesses(marks[1]).length > 0, 'log the request')
          // No request may follow later either.
          await tab.page.waitForTimeout(200)
          return {
            browser: tab.since(marks[0]),
            registry: registry
              .accesses(marks[1])
              .map(({ method, path, status }) => `${method} ${path} ${status}`),
            tokenService: tokenService?.requests(marks[2]) ?? 0,
          }
        }
        const list = (repository) => `GET /r/${name()}/v2/${repository}/tags/list`
        const listed = (repository) => `GET /v2/${repository}/tags/list 200`

        const cold = await go('team-a/secret-plans')
        if (kind === 'token') assert.deepEqual(cold.browser, ['POST /v1/token', list('team-a/secret-plans')])
        else assert.deepEqual(cold.browser, [list('team-a/secret-plans')])
        assert.deepEqual(cold.registry, [listed('team-a/secret-plans')])

        await go('team-b/tools')
        const warm = await go('team-a/secret-plans')
        assert.deepEqual(warm.browser, [list('team-a/secret-plans')])
        assert.deepEqual(warm.registry, [listed('team-a/secret-plans')])
        assert.equal(warm.tokenService, 0)
      })

      // Threats: WEB-04.
      it('stores no secret where a script can read it', async () => {
        assert.deepEqual(await tab.stored(), nothingStored)
        const [cookie, ...more] = await tab.context.cookies()
        assert.deepEqual(more, [])
        assert.match(cookie.name, /^__Host-dockpass-[0-9a-f]{16}$/)
        assert.deepEqual(
          [cookie.httpOnly, cookie.secure, cookie.sameSite, cookie.path],
          [true, true, 'Strict', '/'],
        )
        assert.deepEqual(occurrences(cookie.value, people.ada, 'ada'), [])
        const shown = await tab.page.evaluate(
          () =>
            document.documentElement.outerHTML +
            [...document.querySelectorAll('input')].map(({ value }) => value).join('\n'),
        )
        assert.deepEqual(occurrences(shown, people.ada, 'ada'), [])
        assert.ok(!shown.includes(cookie.value))
        for (const { path } of tab.requests) assert.deepEqual(occurrences(path, people.ada, 'ada'), [])
      })

      it('is still logged in after a reload', async () => {
        await tab.page.goto(address())
        await tab.page.reload()
        await expectRows(tab.page, 'repo-row', repositories)
        assert.match(await tab.page.getByTestId('who').innerText(), /ada/)
      })

      // Threats: WEB-02.
      it('logged no error in the console', () => {
        assert.deepEqual(
          tab.problems({ expected: [401] }).filter(({ kind: what }) => what === 'csp'),
          [],
        )
        assert.equal(
          tab.problems().filter(({ text }) => /status of 401/.test(text)).length,
          1,
          'only the wrong password',
        )
        assert.deepEqual(tab.problems({ expected: [401] }), [])
      })

      it('ends the session on logout, also for a copied cookie', async () => {
        const [cookie] = await tab.context.cookies()
        const kept = `${cookie.name}=${cookie.value}`
        const before_ = await call(keyserver, 'GET', `/v1/session?registry=${name()}`, { cookie: kept })
        assert.deepEqual([before_.status, before_.body.username], [200, 'ada'])

        await tab.page.getByTestId('logout').click()
        await tab.page.getByTestId('login-form').waitFor()
        assert.deepEqual(await tab.context.cookies(), [])
        await tab.page.reload()
        await tab.page.getByTestId('login-form').waitFor()

        const after_ = await call(keyserver, 'GET', `/v1/session?registry=${name()}`, { cookie: kept })
        assert.deepEqual([after_.status, after_.body.code], [401, 'invalid_session'])
        const tags = await call(keyserver, 'GET', `/r/${name()}/v2/team-a/secret-plans/tags/list`, {
          cookie: kept,
        })
        assert.notEqual(tags.status, 200)
      })

      if (kind === 'htpasswd') {
        it('shows the login form without a session', async () => {
          const other = await visit(browser, address())
          await other.page.getByTestId('browse-anonymous').click()
          assert.equal(await errorCode(other.page), 'login_required')
          assert.deepEqual(other.problems({ expected: [401] }), [])
          await other.close()
        })
      } else {
        perPerson({ open: () => visit(browser, address()), images: () => images, label })
      }
    })
  }
}

it('keeps the sessions of two registries separate', async () => {
  const [token, basic] = ['distribution-2.8-token', 'distribution-3-htpasswd'].map(
    (name) => keyserver.registries[name],
  )
  const tab = await visit(browser, `${keyserver.url}/#/${token}`)
  await logIn(tab.page, 'carol', people.carol)
  await expectRows(tab.page, 'repo-row', repositories)
  await tab.page.getByTestId('registry-select').selectOption(basic)
  await tab.page.getByTestId('login-form').waitFor()
  await logIn(tab.page, 'bob', people.bob)
  await expectRows(tab.page, 'repo-row', repositories)
  assert.match(await tab.page.getByTestId('who').innerText(), /bob/)
  assert.equal((await tab.context.cookies()).length, 2)

  await tab.page.getByTestId('logout').click()
  await tab.page.getByTestId('login-form').waitFor()
  await tab.page.getByTestId('registry-select').selectOption(token)
  await expectRows(tab.page, 'repo-row', repositories)
  assert.match(await tab.page.getByTestId('who').innerText(), /carol/)
  assert.deepEqual(tab.problems(), [])
  await tab.close()
})

describe('an expired session', () => {
  before(async () => {
    const rest = shortLived.begun + (SHORTEST_SECONDS + 2) * 1000 - Date.now()
    if (rest > 0) await sleep(rest)
  })

  it('is refused as such', async () => {
    const { server, registry, session } = shortLived
    for (const [method, path, body] of /** @type {[string, string, object?][]} */ ([
      ['GET', '/v1/session'],
      ['POST', '/v1/token', { registry, scopes: ['repository:public/base:pull'] }],
    ])) {
      const answer = await call(server, method, path, { session, body })
      assert.deepEqual([answer.status, answer.body.code], [401, 'session_expired'])
    }
  })

  it('is reported on the page, with the login form', async () => {
    const { tab, server } = shortLived
    // At the latest on the next request; a page that watches the clock notices it before.
    const row = tab.page.locator('[data-testid=repo-row][data-name="team-b/tools"]')
    if (await row.isVisible()) await row.click()
    await tab.page.getByTestId('login-form').waitFor()
    assert.match(await tab.page.getByTestId('login-form').innerText(), /session has expired/i)
    assert.deepEqual(await tab.context.cookies(), [])
    await logIn(tab.page, 'ada', people.ada)
    await expectRows(tab.page, 'repo-row', repositories)
    assert.deepEqual(tab.problems({ expected: [401] }), [])
    await tab.close()
    assert.ok(server.alive)
    await server.stop()
  })
})

describe('after all of that', () => {
  const secrets = () => [...Object.entries(people), ['ada', wrong]]

  it('the search finds a planted password', async () => {
    const planted = await folder.folder('planted')
    const basic = Buffer.from(`ada:${people.ada}`).toString('base64')
    const spelt = {
      plain: people.ada,
      basic: `{"authorization":"Basic ${basic}"}`,
      url: `?password=${encodeURIComponent(people.ada)}`,
    }
    for (const [name, text] of Object.entries(spelt))
      await writeFile(`${planted}/${name}`, `before ${text} after`)
    const hits = await filesWith(planted, people.ada, 'ada')
    assert.equal(hits.length, 3)
    assert.deepEqual(await filesWith(planted, people.bob, 'bob'), [])
  })

  // Threats: LOG-01.
  it('no password is in a file of the key server, including its log at trace level', async () => {
    assert.ok(keyserver.alive)
    // The log level is trace. Without debug lines the level was ignored, and the search proves nothing.
    const lines = keyserver.events()
    assert.ok(
      lines.length > 100 && lines.some(({ level }) => level === 'DEBUG' || level === 'TRACE'),
      `${lines.length} lines`,
    )
    for (const [user, password] of secrets()) {
      for (const written of ['keyserver', 'short-lived']) {
        assert.deepEqual(await filesWith(`${folder.path}/${written}`, password, user), [])
      }
      assert.deepEqual(occurrences(keyserver.stdout + keyserver.stderr, password, user), [])
    }
  })

  // Threats: KEY-07.
  it('no password is among the arguments or in the environment of the process', async () => {
    const exposed = await exposedBy(keyserver.pid)
    assert.ok(exposed.includes('serve'))
    for (const [user, password] of secrets()) assert.deepEqual(occurrences(exposed, password, user), [])
  })

  // Threats: LOG-06.
  it('no password is left in the memory of the process', async () => {
    let readable = 0
    const found_ = []
    for await (const { name, bytes } of memoryOf(keyserver.pid)) {
      // A string that is certainly in memory, to prove that the search works.
      if (bytes.includes(setups[0].registry.host)) readable += 1
      for (const [user, password] of secrets()) {
        for (const spelling of occurrences(bytes, password, user))
          found_.push(`${user}, ${spelling}, in ${name || 'unnamed memory'}`)
      }
    }
    assert.ok(readable > 0, 'the memory could not be read')
    assert.deepEqual(found_, [])
  })

  it('no session is in the log', () => {
    // A JWE in compact form begins with its header, `{"` in base64url.
    assert.doesNotMatch(keyserver.stderr, /eyJ[\w-]+\.[\w-]{300,}\.[\w-]+\.[\w-]+\.[\w-]+/)
  })

  it('the key server stops on SIGTERM', async () => {
    assert.deepEqual(await keyserver.stop(), { code: 0, signal: null })
  })
})
