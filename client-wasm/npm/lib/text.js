// `TextEncoder` and `TextDecoder` for environments that have none, such as jsdom. The bundler puts these in place of the
// globals (xtask/src/wasm/package.rs). They do what this package needs, in few bytes.

class Encoder {
  /**
   * Writes all or nothing.
   * @param {string} text @param {Uint8Array} target
   */
  encodeInto(text, target) {
    // A surrogate alone has no UTF-8.
    const binary = unescape(encodeURIComponent(text.replace(/\p{Cs}/gu, '\ufffd')))
    const bytes = Uint8Array.from(binary, (byte) => byte.charCodeAt(0))
    if (bytes.length > target.length) return { read: 0, written: 0 }
    target.set(bytes)
    return { read: text.length, written: bytes.length }
  }
}

class Decoder {
  /**
   * Throws for what is not UTF-8. The JavaScript of wasm-bindgen calls it without bytes first.
   * @param {ArrayLike<number>} [bytes]
   */
  decode(bytes = []) {
    return decodeURIComponent(escape(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')))
  }
}

export const TextEncoder = globalThis.TextEncoder ?? Encoder
export const TextDecoder = globalThis.TextDecoder ?? Decoder
