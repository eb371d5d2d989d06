// Unique passwords, and the search for them.

import { randomBytes } from 'node:crypto'
import { open, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * A password unlike any other text on the machine. Around its random core it holds what has to be escaped in URLs, JSON,
 * YAML and Basic credentials, and a letter outside ASCII.
 */
export function uniquePassword() {
  return `ü:%2F+&"\\ ${randomBytes(16).toString('hex')} =/?#`
}

/**
 * Every spelling of a secret worth searching for: as it is, percent-encoded, JSON-escaped, hexadecimal, UTF-16, and in
 * base64 and base64url at each of the three offsets, which finds it inside Basic credentials too, whatever the user name.
 */
export function spellings(secret, user) {
  const found = new Map()
  const add = (name, text) => found.set(name, Buffer.isBuffer(text) ? text : Buffer.from(text))
  add('plain', secret)
  add('percent-encoded', encodeURIComponent(secret))
  add('form-encoded', new URLSearchParams({ p: secret }).toString().slice(2))
  add('JSON', JSON.stringify(secret).slice(1, -1))
  add('hexadecimal', Buffer.from(secret).toString('hex'))
  add('UTF-16', Buffer.from(secret, 'utf16le'))
  if (user !== undefined) {
    add('Basic credentials', Buffer.from(`${user}:${secret}`).toString('base64'))
  }
  // The random core alone is proof, and needs no escaping in most encodings.
  const core = secret.match(/[0-9a-f]{32}/)?.[0]
  if (core) {
    add('random part', core)
    for (const offset of [0, 1, 2]) {
      const whole = Buffer.concat([Buffer.alloc(offset), Buffer.from(core)]).toString('base64')
      // The characters at both ends depend on unknown neighbours.
      add(`base64 at offset ${offset}`, whole.slice(offset === 0 ? 0 : offset + 1, -4))
    }
  }
  return found
}

/** Names of the spellings of `secret` that occur in `bytes`. */
export function occurrences(bytes, secret, user) {
  const haystack = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes)
  return [...spellings(secret, user)].filter(([, needle]) => haystack.includes(needle)).map(([name]) => name)
}

/** Files below `folder` that hold `secret`: `[{file, spellings}]`. Also looks at the names of files. */
export async function filesWith(folder, secret, user) {
  const hits = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath ?? entry.path, entry.name)
    const inName = occurrences(file, secret, user)
    const inside = entry.isFile() ? occurrences(await readFile(file), secret, user) : []
    if (inName.length + inside.length > 0)
      hits.push({ file, spellings: [...new Set([...inName, ...inside])] })
  }
  return hits
}

/** What Linux shows of a process to other processes: arguments and environment. */
export async function exposedBy(pid) {
  return Buffer.concat([await readFile(`/proc/${pid}/cmdline`), await readFile(`/proc/${pid}/environ`)])
}

/**
 * Everything that a process could write to in its memory, one buffer per mapping. Linux lets a parent read its child.
 * The process goes on meanwhile; a mapping that is gone by now is left out.
 */
export async function* memoryOf(pid) {
  const maps = (await readFile(`/proc/${pid}/maps`, 'utf8')).split('\n')
  const memory = await open(`/proc/${pid}/mem`)
  try {
    for (const line of maps) {
      const [, from, to, name] = line.match(/^([0-9a-f]+)-([0-9a-f]+) rw.. \S+ \S+ \S+\s*(.*)$/) ?? []
      if (from === undefined) continue
      const start = Number.parseInt(from, 16)
      const bytes = Buffer.alloc(Number.parseInt(to, 16) - start)
      const read = await memory.read(bytes, 0, bytes.length, start).catch(() => null)
      if (read) yield { name, bytes: bytes.subarray(0, read.bytesRead) }
    }
  } finally {
    await memory.close()
  }
}
