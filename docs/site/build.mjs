// Makes the pages that the key server serves under /docs/ from the Markdown of docs/guides, docs/api and a few other files.
// `node docs/site/build.mjs MODULES OUT`: MODULES is the folder with the parser, OUT the folder that is written.

import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const docs = fileURLToPath(new URL('..', import.meta.url))
const [modules, out] = process.argv.slice(2)
if (out === undefined) {
  console.error('usage: node docs/site/build.mjs MODULES OUT')
  process.exit(64)
}
const { Marked } = await import(pathToFileURL(join(modules, 'marked/lib/marked.esm.js')).href)

/** The pages beside guides and reference: file, and its title in the navigation. */
const OTHERS = [
  ['errors.md', 'Error codes'],
  ['lifetimes.md', 'Lifetimes'],
  ['registries.md', 'Registries'],
  ['clients.md', 'Clients'],
]
/** The entries of the package, in the order of the navigation. */
const ENTRIES = ['index', 'client', 'elements', 'errors', 'sw', 'doctor', 'syntax']

const title = (text) => /^# (.*)$/m.exec(text)?.[1].replaceAll(/[`*\\]/g, '') ?? 'dockpass'
const below = (folder) =>
  readdirSync(join(docs, folder), { recursive: true })
    .map((name) => posix.join(folder, String(name).replaceAll('\\', '/')))
    .filter((name) => name.endsWith('.md'))

const names = [...below('guides'), ...below('api'), ...OTHERS.map(([name]) => name)]
const texts = new Map(names.map((name) => [name, readFileSync(join(docs, name), 'utf8')]))
/** The address of a page: `README.md` is the page of its folder. */
const address = (name) => name.replace(/(^|\/)README\.md$/, '$1index.html').replace(/\.md$/, '.html')
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

/** The identifier of a heading, as code hosts form it. */
function slugs() {
  const seen = new Map()
  return (text) => {
    const slug = text.toLowerCase().replaceAll(/<[^>]*>|[^\p{L}\p{N}\s_-]/gu, '').trim().replaceAll(/\s/g, '-')
    const times = seen.get(slug) ?? 0
    seen.set(slug, times + 1)
    return times === 0 ? slug : `${slug}-${times}`
  }
}

/** Renders a page. Links between pages are those of the site; links to other files of the repository become text. */
function render(name, text) {
  const slug = slugs()
  const renderer = {
    heading({ tokens, depth, text: heading }) {
      const content = this.parser.parseInline(tokens)
      return `<h${depth} id="${escape(slug(heading))}">${content}</h${depth}>\n`
    },
    // What may be wider than the screen can be scrolled with the keyboard.
    code({ text: code }) {
      return `<pre tabindex="0"><code>${escape(code)}</code></pre>\n`
    },
    link({ href, tokens }) {
      const content = this.parser.parseInline(tokens)
      if (/^(https?:|#)/.test(href)) return `<a href="${escape(href)}">${content}</a>`
      const [path, fragment] = href.split('#')
      const target = posix.join(posix.dirname(name), path)
      const page = texts.has(target) ? target : posix.join(target, 'README.md')
      if (!texts.has(page)) return content
      return `<a href="${escape(relative(name, page))}${fragment === undefined ? '' : `#${escape(fragment)}`}">${content}</a>`
    },
  }
  const html = new Marked({ gfm: true, renderer }).parse(text)
  return html.replaceAll('<table>', '<div class="wide" tabindex="0"><table>').replaceAll('</table>', '</table></div>')
}

const relative = (from, to) => posix.relative(posix.dirname(from), address(to)) || '.'

const guides = names.filter((name) => name.startsWith('guides/') && name !== 'guides/README.md')
const order = [...(texts.get('guides/README.md') ?? '').matchAll(/\]\((\w[\w-]*\.md)\)/g)].map(([, file]) => `guides/${file}`)
for (const name of guides) if (!order.includes(name)) throw new Error(`docs/guides/README.md does not name ${name}`)

function navigation(name) {
  const item = (to, label) => {
    const current = to === name ? ' aria-current="page"' : ''
    return `<li><a href="${escape(relative(name, to))}"${current}>${escape(label)}</a></li>`
  }
  const list = (heading, items) => `<h2>${heading}</h2><ul>${items.join('')}</ul>`
  return [
    list('Guides', order.map((to) => item(to, title(texts.get(to))))),
    list('Reference', ENTRIES.map((entry) => item(`api/${entry}/README.md`, entry === 'index' ? 'dockpass' : `dockpass/${entry}`))),
    list('More', OTHERS.map(([to, label]) => item(to, label))),
  ].join('')
}

/** The page. It has no scripts: the key server's policy forbids them inline, and none is needed. */
const page = (name, text) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title(text))} · dockpass</title>
<link rel="icon" href="${posix.relative(posix.dirname(name), '../favicon.svg')}" type="image/svg+xml">
<link rel="stylesheet" href="${posix.relative(posix.dirname(name), 'style.css')}">
</head>
<body>
<a class="skip" href="#content">Skip to content</a>
<nav aria-label="Documentation"><p><a href="${posix.relative(posix.dirname(name), 'index.html')}">dockpass</a></p>${navigation(name)}</nav>
<main id="content" tabindex="-1">
${render(name, text)}</main>
</body>
</html>
`

function write(name, content) {
  const path = join(out, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
}

for (const [name, text] of texts) write(address(name), page(name, text))
// The list of guides is the first page.
const first = (texts.get('guides/README.md') ?? '').replaceAll(/\]\((?!https?:|\.\.\/)([\w-]+\.md)/g, '](guides/$1').replaceAll('](../', '](')
texts.set('README.md', first)
write('index.html', page('README.md', first))
cpSync(join(docs, 'site/style.css'), join(out, 'style.css'))
if (!existsSync(join(out, 'api/index/index.html'))) throw new Error('docs/api has no reference of the entry dockpass')
