// Vite needs no configuration for dockpass: this is all there is.

import 'dockpass/elements'
import type { DockpassLogin } from 'dockpass/elements'
import { explain } from 'dockpass/errors'
import type { Platform, RegistryClient } from 'dockpass'

/** Where `cargo xtask run` starts the key server. */
const keyServer: string = import.meta.env.VITE_KEY_SERVER ?? 'http://127.0.0.1:8780/'

const login: DockpassLogin = document.createElement('dockpass-login')
login.setAttribute('key-server', keyServer)
const form = document.createElement('form')
const image = Object.assign(document.createElement('input'), { value: 'team-a/api:2.1.0', required: true })
image.setAttribute('aria-label', 'Image')
const result = document.createElement('pre')
form.append(image, Object.assign(document.createElement('button'), { textContent: 'Show platforms' }))
document.querySelector('#app')?.append(document.createElement('dockpass-status'), login, form, result)

/** The platforms of an image, one a line. */
async function platforms(client: RegistryClient, name: string): Promise<string> {
  const [repository = '', tag = 'latest'] = name.split(':')
  const { manifest, mediaType } = await client.manifest(repository, tag)
  const entries: { platform?: Platform }[] = manifest.manifests ?? []
  const names = entries.map(({ platform }) =>
    platform ? `${platform.os}/${platform.architecture}` : 'unknown',
  )
  return names.length > 0 ? names.join('\n') : mediaType
}

login.addEventListener('signedout', () => result.replaceChildren())
form.addEventListener('submit', async (event) => {
  event.preventDefault()
  result.textContent = login.client === null ? 'Log in first.' : ''
  try {
    if (login.client !== null) result.textContent = await platforms(login.client, image.value)
  } catch (error) {
    const { title, text } = explain(error)
    result.textContent = `${title}. ${text}`
  }
})
