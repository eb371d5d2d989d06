// Makes values of a tape: of the places that the module found in a text, as pairs of numbers (the layout is described in
// protocol/syntax/src/tape.rs). Twice as fast as having JSON written there and parsed here (decision 0021).

/** The lower bits of an entry's first number; the others are its tag. */
const PLACE = 0xfffffff
const TAG_AT = 28
const TEXT = 0
const ESCAPED = 1
const WORD = 2
const INTEGER = 3
const NUMBER = 4
const ARRAY = 6
const OBJECT = 7

/** What is being read, and how far. Nothing else runs in between. */
let text, tape, words, at

/**
 * The first value of a tape.
 * @param {string} ofText The text, in which places are indices.
 * @param {Uint32Array} ofTape The memory that holds the tape.
 * @param {number} start Where in that it begins.
 * @param {string[]} ofWords The words that the module knows by their index.
 */
export function begin(ofText, ofTape, start, ofWords) {
  text = ofText
  tape = ofTape
  words = ofWords
  at = start
  return next()
}

/** The value behind the last one. */
export function next() {
  const first = tape[at]
  const second = tape[at + 1]
  const place = first & PLACE
  const tag = first >>> TAG_AT
  at += 2
  // The most frequent first.
  if (tag === TEXT) return text.slice(place, second)
  if (tag === INTEGER) return second
  if (tag === OBJECT) return object(place)
  if (tag === ARRAY) return array(place)
  if (tag === WORD) return words[second]
  if (tag === ESCAPED) return unescaped(place, second)
  if (tag === NUMBER) return Number(text.slice(place, second))
  return second === 0 ? null : second === 2
}

const unescaped = (start, end) => JSON.parse(text.slice(start - 1, end + 1))

function array(count) {
  // Most lists have one element, and an array that grows makes room for many.
  if (count === 1) return [next()]
  const list = []
  for (let index = 0; index < count; index++) list.push(next())
  return list
}

function object(count) {
  const object = {}
  // Names and texts, which most values are, are cut here: a place of one's own is quicker than a shared one.
  let here = at
  for (let index = 0; index < count; index++) {
    const first = tape[here]
    const second = tape[here + 1]
    const tag = first >>> TAG_AT
    let value
    // The tag of a text is 0, so that the number is its place.
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

/** As JSON.parse does: a member called `__proto__`, or like something that objects inherit, is one like any other. */
function set(object, name, value) {
  if (name !== '__proto__') {
    try {
      object[name] = value
      return
    } catch {
      // Objects inherit something of this name that cannot be written, as where a page has frozen what all inherit.
    }
  }
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
}

/**
 * A member whose name is a word. The words that tokens and challenges have most are written out: engines remember what an
 * object looks like at each place where one name is set, and not where any is. A test holds them against the module's list.
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
