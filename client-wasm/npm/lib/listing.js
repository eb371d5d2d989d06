// Listings of names, page by page, to the end of the list or to an error that says that the end was not reached.

import { argumentError } from './error.js'
import { aborted, discard, failure, race, refused, signalOf, text } from './failure.js'

/**
 * @import { ErrorCode, ListOptions, Names, Page } from '../index.js'
 * @import { Route } from './route.js'
 * @import { FetchPath } from './types.js'
 */

/** No registry has more pages. A registry that always names another one is broken or hostile. */
const MAX_PAGES = 100_000
/** So many pages without a name in a row lead nowhere. Registries that filter by permission have a few. */
const MOST_EMPTY = 100

/**
 * Lists names. No request is sent before the first `next()`.
 * @param {() => FetchPath & { run: <T>(work: () => Promise<T>) => Promise<T> }} reader Creates what fetches the pages.
 * @param {Route} route
 * @param {string} first The path of the listing, without a query.
 * @param {'repositories' | 'tags'} field The field of the response that contains the names.
 * @param {ListOptions} [options]
 * @returns {Names}
 */
export function listing(reader, route, first, field, options) {
  const signal = signalOf(options)
  const { n, last } = options ?? {}
  if (n !== undefined && !(Number.isInteger(n) && n >= 1 && n <= 1000)) {
    throw argumentError('n must be an integer from 1 to 1000.')
  }
  if (last !== undefined) text(last, 'last')
  /** @returns {AsyncIterableIterator<Page>} */
  const pages = () => {
    const fetch = reader()
    const list = pagesOf(fetch, route, first, { n, last }, field, signal)
    return {
      [Symbol.asyncIterator]() {
        return this
      },
      // Each page is a call of its own: what its receiver does before the next one may take its time.
      next: () => fetch.run(() => list.next()),
      return: (/** @type {any} */ value) => list.return(value),
      throw: (/** @type {unknown} */ error) => list.throw(error),
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
 * @param {FetchPath} fetch
 * @param {Route} route
 * @param {string} first The path of the listing, without a query.
 * @param {{ n?: number, last?: string }} query How many names to request at a time, and the name to begin after.
 * @param {string} field
 * @param {AbortSignal} [signal]
 * @returns {AsyncGenerator<Page, undefined>}
 * @throws {DockpassError} `list_incomplete` after the names so far, when the list goes on and its next page cannot be had.
 */
async function* pagesOf(fetch, route, first, { n, last }, field, signal) {
  const visited = new Set()
  let empty = 0
  /** @type {string | undefined} */
  let before
  /** @type {string | null | undefined} */
  let path = first + queryOf({ n, last })
  while (typeof path === 'string') {
    visited.add(path)
    const response = await fetch(path, { headers: { accept: 'application/json' }, signal })
    if (response.status !== 200) throw await refused(response)
    const names = await namesOf(response, field, signal)
    const next = await route.next(response.headers, path)
    if (next === undefined && visited.size === 1 && names.length === n) {
      yield* pagesWithoutLinks(fetch, route, first, last, names, field, signal)
      return
    }
    yield { names, hasNext: next !== undefined }
    empty = names.length === 0 ? empty + 1 : 0
    const all = names.join('\n')
    // A cursor that moves while the names stay the same is a page already seen, too.
    const isRepeated = visited.has(next) || (names.length > 0 && all === before)
    const isEndless = isRepeated || empty >= MOST_EMPTY || visited.size >= MAX_PAGES
    if (next === null || (next !== undefined && isEndless)) {
      throw failure('list_incomplete', 'registry', { status: 200 })
    }
    before = all
    path = next
  }
}

/**
 * The pages of a registry whose first page is full and has no link. Either the list ends there, or the registry does not
 * name its pages (`crane registry serve`). So the page after the last name is requested until one is not full. Where that
 * leads nowhere, the list is requested without `n`: if that response has no link either, it is the whole list.
 * @param {FetchPath} fetch
 * @param {Route} route
 * @param {string} first The path of the listing, without a query.
 * @param {string | undefined} begin The name to begin after.
 * @param {string[]} names The first page.
 * @param {string} field
 * @param {AbortSignal} [signal]
 * @returns {AsyncGenerator<Page, undefined>}
 * @throws {DockpassError} `list_incomplete` when no response shows that the list is complete.
 */
async function* pagesWithoutLinks(fetch, route, first, begin, names, field, signal) {
  const n = names.length
  const seen = new Set(names)
  yield { names, hasNext: true }
  /** The status of a request, and the names that are new. @param {string} path */
  const request = async (path) => {
    const response = await fetch(path, { headers: { accept: 'application/json' }, signal })
    const { status } = response
    if (status !== 200) {
      await discard(response)
      return { status, added: [], isFull: true, hasNext: true }
    }
    const page = await namesOf(response, field, signal)
    const added = page.filter((name) => !seen.has(name))
    for (const name of added) seen.add(name)
    last = page.at(-1) ?? last
    return {
      status,
      added,
      isFull: page.length >= n,
      hasNext: (await route.next(response.headers, path)) !== undefined,
    }
  }
  let last = names[n - 1]
  for (let isFull = true; isFull;) {
    const page = await request(first + queryOf({ n, last }))
    isFull = page.isFull
    if (page.added.length > 0) yield { names: page.added, hasNext: isFull }
    if (page.added.length > 0 || !isFull) continue
    // The registry refuses or ignores `last`, or begins again after the last name.
    const whole = await request(first + queryOf({ last: begin }))
    if (whole.added.length > 0) yield { names: whole.added, hasNext: whole.hasNext }
    if (whole.hasNext) throw failure('list_incomplete', 'registry', { status: whole.status })
    return
  }
}

/** @param {{ n?: number, last?: string }} parameters */
function queryOf({ n, last }) {
  const parts = [
    n === undefined ? '' : `n=${n}`,
    last === undefined ? '' : `last=${encodeURIComponent(last)}`,
  ]
  const query = parts.filter((part) => part !== '').join('&')
  return query === '' ? '' : `?${query}`
}

/**
 * The names of one page.
 * @param {Response} response
 * @param {string} field
 * @param {AbortSignal} [signal]
 */
async function namesOf(response, field, signal) {
  let text
  try {
    text = await race(signal, response.text())
  } catch (error) {
    if (signal?.aborted) throw aborted(signal)
    // The connection was closed within the body.
    throw incomplete('upstream_failed', error)
  }
  const names = listIn(text, field)
  if (names === undefined) throw incomplete('upstream_invalid')
  return names
}

/**
 * The list in a response; undefined when it is something else.
 * @param {string} text
 * @param {string} field
 * @returns {string[] | undefined}
 */
function listIn(text, field) {
  let content
  try {
    content = JSON.parse(text)
  } catch {
    return undefined
  }
  if (content === null || typeof content !== 'object' || Array.isArray(content)) return undefined
  // Some registries send null, or nothing, for a repository without tags.
  const hasNothingElse = Object.keys(content).every((key) => key === 'name' || key === field)
  const names = content[field] ?? (field in content || hasNothingElse ? [] : undefined)
  return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : undefined
}

/**
 * The list goes on, and this is why no more of it can be had.
 * @param {ErrorCode} code
 * @param {unknown} [cause]
 */
function incomplete(code, cause) {
  const reason = failure(code, 'registry', { status: 200, cause })
  return failure('list_incomplete', 'registry', { status: 200, cause: reason })
}
