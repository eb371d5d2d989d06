// Nothing here handles tokens: the service worker adds them to `fetch` and to links.

import '/dockpass/elements.js'

await navigator.serviceWorker.register('/sw.js', { type: 'module' })
await navigator.serviceWorker.ready

const [login] = document.getElementsByTagName('dockpass-login')
const [form] = document.querySelectorAll('main > form')
const status = document.querySelector('main > p')
const list = document.querySelector('ol')

const INDEX =
  'application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json'
const IMAGE =
  'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json'

const show = () => {
  form.hidden = login.client === null
  list.replaceChildren()
}
login.addEventListener('connected', show)
login.addEventListener('signedout', show)
show()

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  list.replaceChildren()
  const [repository, tag = 'latest'] = new FormData(form).get('image').split(':')
  const manifest = (reference) =>
    fetch(`/v2/${repository}/manifests/${reference}`, { headers: { accept: `${INDEX}, ${IMAGE}` } })
  const response = await manifest(tag)
  let content = await response.json()
  // An index has a manifest for each platform. This takes the first.
  if (response.ok && content.manifests) content = await (await manifest(content.manifests[0].digest)).json()
  status.textContent = response.ok ? '' : `${content.title ?? 'Not found'}. ${content.detail ?? ''}`
  for (const { digest, size } of content.layers ?? []) {
    const link = document.createElement('a')
    // A plain link: the browser downloads it, whatever its size.
    link.href = `/v2/${repository}/blobs/${digest}`
    link.textContent = `${digest.slice(7, 19)} (${size} bytes)`
    const item = document.createElement('li')
    item.append(link)
    list.append(item)
  }
})
