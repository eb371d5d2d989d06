// The command that pulls what is shown, by tag or by digest, for the tool of one's choice.

import { el, fill, copyButton } from './dom.js'
import { isDigest, isReference, isRepository, qualified } from './route.js'

const IMAGE_TOOLS = ['docker', 'podman', 'crane', 'skopeo']

let favourite = 'docker'
let byDigest = false

/** What a shell may be given for these; null when the names are not of the grammar, so that none can smuggle a command. */
export function pullCommand({ tool, registry, plainHttp, repository, reference }) {
  if (!/^[A-Za-z0-9.:[\]-]+$/.test(registry) || !isRepository(repository) || !isReference(reference))
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

/** The box with the command; `tag` is null when the manifest was opened by digest, `kind` is the manifest's. */
export function pullBox({ registry, plainHttp, repository, tag, digest, kind }) {
  const tools =
    kind === 'helm'
      ? ['helm', 'oras']
      : kind === 'artifact' || kind === 'unknown'
        ? ['oras', 'crane']
        : IMAGE_TOOLS
  const code = el('code', { class: 'command', testid: 'pull-command', tabindex: '0' })
  let tool = tools.includes(favourite) ? favourite : tools[0]
  let digestly = !tag || (byDigest && isDigest(digest))

  const draw = () => {
    const command = pullCommand({
      tool,
      registry,
      plainHttp,
      repository,
      reference: digestly ? digest : tag,
    })
    code.textContent = command ?? 'This name is not of the specification’s grammar, so no command is offered.'
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
      digestly ? 'digest' : 'tag',
      (by) => {
        digestly = by === 'digest'
        byDigest = digestly
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
      copyButton('Copy', () => code.textContent),
    ),
  )
}

// Radio buttons that look like words; arrow keys come with them.
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
