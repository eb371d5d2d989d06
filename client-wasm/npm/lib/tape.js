// Builds JavaScript values from a tape: a list of positions that the module found in a text, as pairs of numbers.
// protocol/syntax/src/tape.rs describes the layout. This is twice as fast as JSON (docs/decisions/0021-one-crossing.md).

/** @import { Challenge } from '../index.js' */

/** The lower bits of an entry's first number are a position; the upper bits are its tag. */
const PLACE = 0xfffffff
const TAG_AT = 28
const TEXT = 0
const ESCAPED = 1
const WORD = 2
const INTEGER = 3
const NUMBER = 4
const ARRAY = 6
const OBJECT = 7

/** The tape that is being read. Reading is synchronous, so there is only one at a time. @type {string} */
let text
/** @type {Uint32Array} */
let tape
/** @type {readonly string[]} */
let words
/** Index of the next entry. @type {number} */
let at

/**
 * Reads the first value of a tape.
 * @param {string} ofText The text; positions are indices into it.
 * @param {Uint32Array} ofTape The memory that contains the tape.
 * @param {number} start Index at which the tape starts.
 * @param {readonly string[]} ofWords The words that the module refers to by index.
 * @returns {any}
 */
export function begin(ofText, ofTape, start, ofWords) {
  text = ofText
  tape = ofTape
  words = ofWords
  at = start
  return next()
}

/**
 * Reads the challenges of a tape. It has the form that the module writes for them, and reading that form alone takes two
 * thirds of the time of `begin`.
 * @param {string} text The text; positions are indices into it.
 * @param {Uint32Array} tape The memory that contains the tape.
 * @param {number} start Index at which the tape starts.
 * @param {readonly string[]} ofWords The words that the module refers to by index.
 * @returns {Challenge[]}
 */
export function challenges(text, tape, start, ofWords) {
  words = ofWords
  let here = start + 2
  /** A string, which has no escapes here. @param {number} at */
  const part = (at) =>
    tape[at] >>> TAG_AT === TEXT ? text.slice(tape[at], tape[at + 1]) : words[tape[at + 1]]
  const challenge = () => {
    /** @type {Record<string, string>} */
    const params = {}
    const scheme = part(here + 4)
    // Besides scheme and parameters there may be a token.
    const token68 = (tape[here] & PLACE) === 3 ? part(here + 8) : undefined
    here += token68 === undefined ? 8 : 12
    const end = here + 2 + (tape[here] & PLACE) * 4
    for (here += 2; here < end; here += 4) {
      const value = part(here + 2)
      if (tape[here] >>> TAG_AT === WORD) setWord(params, tape[here + 1], value)
      else set(params, part(here), value)
    }
    return token68 === undefined ? { scheme, params } : { scheme, token68, params }
  }
  const count = tape[start] & PLACE
  return count === 1 ? [challenge()] : Array.from({ length: count }, challenge)
}

/** Reads the next value. @returns {any} */
export function next() {
  const first = tape[at]
  const second = tape[at + 1]
  const place = first & PLACE
  const tag = first >>> TAG_AT
  at += 2
  // The most frequent tags first.
  if (tag === TEXT) return text.slice(place, second)
  if (tag === INTEGER) return second
  if (tag === OBJECT) return object(place)
  if (tag === ARRAY) return array(place)
  if (tag === WORD) return words[second]
  if (tag === ESCAPED) return unescaped(place, second)
  if (tag === NUMBER) return Number(text.slice(place, second))
  return second === 0 ? null : second === 2
}

/** @param {number} start @param {number} end @returns {string} */
const unescaped = (start, end) => JSON.parse(text.slice(start - 1, end + 1))

/** @param {number} count */
function array(count) {
  // Most lists have one element; an array that grows allocates space for many.
  if (count === 1) return [next()]
  const list = []
  for (let index = 0; index < count; index++) list.push(next())
  return list
}

/** @param {number} count */
function object(count) {
  /** @type {any} */
  const object = {}
  // Names and strings are read here and not by `next`: a local variable is faster than the module's.
  let here = at
  for (let index = 0; index < count; index++) {
    const first = tape[here]
    const second = tape[here + 1]
    const tag = first >>> TAG_AT
    let value
    // The tag of a string is 0, so the number is its position.
    if (tape[here + 2] >>> TAG_AT === TEXT) {
      value = text.slice(tape[here + 2], tape[here + 3])
      here += 4
    } else {
      at = here + 2
      value = next()
      here = at
    }
    if (tag === WORD) setWord(object, second, value)
    else set(object, tag === TEXT ? text.slice(first, second) : unescaped(first & PLACE, second), value)
  }
  at = here
  return object
}

/**
 * Sets a member as JSON.parse does: `__proto__` and names of inherited properties become own properties.
 * @param {any} object
 * @param {string} name
 * @param {unknown} value
 */
function set(object, name, value) {
  if (name !== '__proto__') {
    try {
      object[name] = value
      return
    } catch {
      // Objects inherit a read-only property of this name, for example when a page has frozen Object.prototype.
    }
  }
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
}

/**
 * Sets a member whose name is a word. The most frequent words have a statement each: engines optimise assignments of a
 * fixed name. A test compares the words with the module's list.
 * @param {any} object
 * @param {number} word
 * @param {unknown} value
 */
function setWord(object, word, value) {
  switch (word) {
    case 0:
      object.alg = value
      return
    case 1:
      object.typ = value
      return
    case 2:
      object.kid = value
      return
    case 3:
      object.x5c = value
      return
    case 4:
      object.iss = value
      return
    case 5:
      object.sub = value
      return
    case 6:
      object.aud = value
      return
    case 7:
      object.exp = value
      return
    case 8:
      object.nbf = value
      return
    case 9:
      object.iat = value
      return
    case 10:
      object.jti = value
      return
    case 11:
      object.access = value
      return
    case 12:
      object.type = value
      return
    case 13:
      object.class = value
      return
    case 14:
      object.name = value
      return
    case 15:
      object.actions = value
      return
    case 16:
      object.scheme = value
      return
    case 17:
      object.token68 = value
      return
    case 18:
      object.params = value
      return
    case 22:
      object.realm = value
      return
    case 23:
      object.service = value
      return
    case 24:
      object.scope = value
      return
    case 25:
      object.error = value
      return
    default:
      set(object, words[word], value)
  }
}
