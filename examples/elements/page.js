// The login form, the status line and errors in words come from the package.

import 'http://127.0.0.1:8780/dockpass/elements.js'
import { explain } from 'http://127.0.0.1:8780/dockpass/errors.js'

const login = document.querySelector('dockpass-login')
const list = document.querySelector('ul')
const status = document.querySelector('main > p')
// Ends the listing of the last user.
let listing = new AbortController()

function clear() {
  listing.abort()
  listing = new AbortController()
  list.replaceChildren()
  status.replaceChildren()
}

login.addEventListener('signedout', clear)
login.addEventListener('connected', async ({ detail: { client } }) => {
  clear()
  const { signal } = listing
  try {
    for await (const name of client.catalog({ signal })) {
      const item = document.createElement('li')
      item.textContent = name
      list.append(item)
    }
    if (!list.hasChildNodes()) status.textContent = 'The registry lists no repositories for this user.'
  } catch (error) {
    if (signal.aborted) return
    const { title, text } = explain(error)
    status.textContent = `${title}. ${text}`
  }
})
