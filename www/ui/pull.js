// The command that pulls an image, by tag or by digest, for several tools.

import { el, fill, copyButton } from './dom.js'
import { isDigest, isReference, isRepository, qualified } from './route.js'

const IMAGE_TOOLS = ['docker', 'podman', 'crane', 'skopeo']

let favourite = 'docker'
let byDigest = false

/**
 * The command for a shell. Null when a name does not follow the grammar, so that no name can inject a command.
 * @param {{ tool: string, registry: string, plainHttp: boolean, repository: string, reference: string }} options
 */
export function pullCommand({ tool, registry, plainHttp, repository, reference }) {
  if (!/^[A-Za-z0-9._:[\]-]+$/.test(registry) || !isRepository(repository) || !isReference(reference))
    return null
  const name = `${registry}/${qualified(repository, reference)}`
  const file = `${repository.split('/').at(-1)}.tar`
  switch (tool) {
    case 'docker':
      return `docker pull ${name}`
    case 'podman':
      return `podman pull ${plainHttp ? '--tls-verify=false ' : ''}${name}`
    case 'crane':
      return `crane pull ${plainHttp ? '--insecure ' : ''}${name} ${file}`
    case 'skopeo':
      return `skopeo copy ${plainHttp ? '--src-tls-verify=false ' : ''}docker://${name} docker-archive:${file}`
    case 'oras':
      return `oras pull ${plainHttp ? '--plain-http ' : ''}${name}`
    case 'helm':
      return isDigest(reference)
        ? `helm pull ${plainHttp ? '--plain-http ' : ''}oci://${name}`
        : `helm pull ${plainHttp ? '--plain-http ' : ''}oci://${registry}/${repository} --version ${reference}`
    default:
      return null
  }
}

/**
 * The box with the command.
 * @param {{
 *   registry: string,
 *   plainHttp: boolean,
 *   repository: string,
 *   tag: string | null,
 *   digest: string,
 *   kind: string,
 * }} options `tag` is null when the manifest was opened by digest. `kind` is the manifest's.
 */
export function pullBox({ registry, plainHttp, repository, tag, digest, kind }) {
  const tools =
    kind === 'helm'
      ? ['helm', 'oras']
      : kind === 'artifact' || kind === 'unknown'
        ? ['oras', 'crane']
        : IMAGE_TOOLS
  const code = el('code', { class: 'command', testid: 'pull-command', tabindex: '0' })
  let tool = tools.includes(favourite) ? favourite : tools[0]
  let byDigestNow = !tag || (byDigest && isDigest(digest))

  const draw = () => {
    const command = pullCommand({
      tool,
      registry,
      plainHttp,
      repository,
      reference: byDigestNow || tag === null ? digest : tag,
    })
    code.textContent =
      command ?? 'This name does not follow the specification’s grammar, so there is no command.'
  }
  const toolChoice = choice(
    'Tool',
    'pull-tool',
    tools.map((name) => [name, name]),
    tool,
    (name) => {
      tool = name
      if (IMAGE_TOOLS.includes(name)) favourite = name
      draw()
    },
  )
  const byChoice =
    tag &&
    isDigest(digest) &&
    choice(
      'By',
      'pull-by',
      [
        ['tag', 'by tag'],
        ['digest', 'by digest'],
      ],
      byDigestNow ? 'digest' : 'tag',
      (by) => {
        byDigestNow = by === 'digest'
        byDigest = byDigestNow
        draw()
      },
    )
  draw()
  return fill(
    el('section', { class: 'pull', 'aria-label': 'Pull command' }),
    el('div', { class: 'pull-choices' }, toolChoice, byChoice),
    el(
      'div',
      { class: 'command-line' },
      code,
      copyButton('Copy', () => code.textContent ?? ''),
    ),
  )
}

/**
 * Radio buttons.
 * @param {string} label
 * @param {string} name
 * @param {[value: string, text: string][]} options
 * @param {string} current
 * @param {(value: string) => void} onChoice
 */
function choice(label, name, options, current, onChoice) {
  return el(
    'fieldset',
    { class: 'choice' },
    el('legend', { class: 'visually-hidden' }, label),
    options.map(([value, text]) =>
      el(
        'label',
        {},
        el('input', {
          type: 'radio',
          name,
          value,
          checked: value === current,
          testid: `${name}-${value}`,
          on: { change: () => onChoice(value) },
        }),
        el('span', {}, text),
      ),
    ),
  )
}
