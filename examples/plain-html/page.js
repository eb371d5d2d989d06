// A page without a bundler and without npm: it imports the package from the key server.

import init, { RegistryClient } from 'http://127.0.0.1:8780/dockpass/client.js'
import { explain } from 'http://127.0.0.1:8780/dockpass/errors.js'

const keyServer = 'http://127.0.0.1:8780/'
const form = document.querySelector('form')
const message = document.querySelector('p')
const list = document.querySelector('ul')

await init()
for (const { registry, name } of await RegistryClient.registries({ keyServer })) {
  form.registry.append(new Option(name, registry))
}

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const { registry, repository, username, password } = Object.fromEntries(new FormData(form))
  message.replaceChildren()
  list.replaceChildren()
  try {
    const client = await RegistryClient.connect({ keyServer, registry })
    // Without a user name, it shows what everybody may see.
    if (username !== '') await client.login({ username, password })
    for await (const tag of client.tags(repository)) {
      const item = document.createElement('li')
      item.textContent = tag
      list.append(item)
    }
  } catch (error) {
    const { title, text } = explain(error)
    message.textContent = `${title}. ${text}`
  }
})
