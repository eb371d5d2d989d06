// Listings of names, page by page.

import { argumentError } from './error.js'
import { discard, failure, readJson, signalOf } from './key-server.js'

/**
 * @import { ListOptions, Names, Page } from '../index.js'
 * @import { Route } from './driver.js'
 * @import { FetchPath } from './types.js'
 */

/** No registry has more pages. A registry that always names another one is broken or hostile. */
const MAX_PAGES = 100_000

/**
 * Lists names. No request is sent before the first `next()`.
 * @param {FetchPath} fetch
 * @param {Route} route
 * @param {string} first The first page's path.
 * @param {'repositories' | 'tags'} field The field of the response that contains the names.
 * @param {ListOptions} [options]
 * @returns {Names}
 */
export function listing(fetch, route, first, field, { n, ...options } = {}) {
  const signal = signalOf(options)
  if (n !== undefined && !(Number.isInteger(n) && n >= 1 && n <= 1000)) {
    throw argumentError('n must be an integer from 1 to 1000.')
  }
  /** @param {string} path */
  const page = async (path) => {
    const response = await fetch(path, { headers: { accept: 'application/json' }, signal })
    if (response.status !== 200) throw await refused(response)
    // Some registries send null for a repository without tags.
    const names = (await readJson(response))?.[field] ?? []
    if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
      throw failure('upstream_invalid', 'registry')
    }
    const link = response.headers.get('link')
    return { names, next: link === null ? undefined : route.next(link, path) }
  }
  /** @returns {AsyncGenerator<Page, undefined>} */
  const pages = async function* () {
    /** @type {string | undefined} */
    let path = n === undefined ? first : `${first}?n=${n}`
    for (let count = 0; path !== undefined && count < MAX_PAGES; count++) {
      const { names, next } = await page(path)
      path = next
      yield { names, hasNext: next !== undefined }
    }
  }
  return {
    pages,
    async *[Symbol.asyncIterator]() {
      for await (const { names } of pages()) yield* names
    },
  }
}

/**
 * The error for a response of the registry other than 200.
 * @param {Response} response
 */
export async function refused(response) {
  const { status } = response
  await discard(response)
  const code = status === 404 ? 'missing' : status >= 500 ? 'upstream_failed' : 'upstream_invalid'
  return failure(code, 'registry', { status })
}
