// `TextEncoder` and `TextDecoder` for environments that have none, such as jsdom. The bundler puts these in place of the
// globals (xtask/src/wasm/package.rs).

/** UTF-8, as far as the generated JavaScript and `wasm.js` use it: text from the module is always well-formed. */
class Encoder {
  /** @param {string} text */
  encode(text) {
    const bytes = new Uint8Array(3 * text.length)
    return bytes.slice(0, this.encodeInto(text, bytes).written)
  }

  /** @param {string} text @param {Uint8Array} target */
  encodeInto(text, target) {
    let [read, written] = [0, 0]
    for (const character of text) {
      const point = character.codePointAt(0) ?? 0
      // A surrogate alone has no UTF-8.
      const bytes = utf8(point >= 0xd800 && point <= 0xdfff ? 0xfffd : point)
      if (written + bytes.length > target.length) break
      target.set(bytes, written)
      read += character.length
      written += bytes.length
    }
    return { read, written }
  }
}

/** @param {number} point */
function utf8(point) {
  if (point < 0x80) return [point]
  const last = 0x80 | (point & 0x3f)
  if (point < 0x800) return [0xc0 | (point >> 6), last]
  const middle = 0x80 | ((point >> 6) & 0x3f)
  if (point < 0x10000) return [0xe0 | (point >> 12), middle, last]
  return [0xf0 | (point >> 18), 0x80 | ((point >> 12) & 0x3f), middle, last]
}

class Decoder {
  /** @param {Uint8Array} [bytes] */
  decode(bytes = new Uint8Array()) {
    let text = ''
    for (let at = 0; at < bytes.length;) {
      const first = bytes[at]
      const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
      let point = length === 1 ? first : first & (0xff >> (length + 1))
      for (let next = 1; next < length; next++) point = (point << 6) | (bytes[at + next] & 0x3f)
      text += String.fromCodePoint(point)
      at += length
    }
    return text
  }
}

export const TextEncoder = globalThis.TextEncoder ?? Encoder
export const TextDecoder = globalThis.TextDecoder ?? Decoder
