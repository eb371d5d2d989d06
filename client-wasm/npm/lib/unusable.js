// What is wrong with the arguments of `fetch`.

/**
 * Which argument of `fetch` cannot be used.
 * @param {string} url
 * @param {unknown} input
 * @param {any} init
 */
export function unusable(url, input, init) {
  if (input instanceof Request && input.bodyUsed) return 'The body of the Request has been used already.'
  if (init === null || typeof init !== 'object') return 'init must be an object.'
  // With a method that may have a body.
  const works = (/** @type {object} */ part) => {
    try {
      void new Request(url, { method: 'POST', ...part })
      return true
    } catch {
      return false
    }
  }
  // `duplex` is required with a stream, and means nothing else.
  const wrong = Object.keys(init).find((name) => !works({ duplex: 'half', [name]: init[name] }))
  if (wrong !== undefined) return `init.${wrong} is not what fetch accepts.`
  if (init.body instanceof ReadableStream && init.duplex !== 'half')
    return "init.duplex must be 'half' for a body that is a stream."
  if (init.body !== undefined) return 'init.body requires an init.method other than GET and HEAD.'
  return 'The arguments must be those of fetch.'
}
